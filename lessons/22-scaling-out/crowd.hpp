// A crowd: many units of one kind that have begun, and wait at a gate.
//
//     add() add() add() ...    each begins, says so, and waits at the gate
//     all_here()               waits until all have said so
//     open()                   the gate opens: each waits once more, for so long, and ends
//
// Processes and threads are in crowd_that_blocks.hpp, fibers and tasks in crowd_on_a_loop.hpp.
// Nobody only pretends: a unit that has begun has run as far as the gate, on a stack or a frame of
// its own.
//
// The invariant: when a crowd goes, whichever way, all of its units have ended, and what were
// processes are reaped.
#pragma once

/// See above. Thread: the one that made it.
class Crowd {
 public:
  /// In bytes, for the whole crowd.
  struct Memory {
    double own = 0;     ///< in programs
    double kernel = 0;  ///< in the kernel, for their sake
  };

  virtual ~Crowd() = default;

  /// Starts one more. Throws std::system_error or std::bad_alloc if there can be none.
  virtual void add() = 0;
  virtual void all_here() = 0;
  virtual Memory memory() = 0;
  /// Returns when all have ended.
  virtual void open() = 0;
};
