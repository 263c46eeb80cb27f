// From spans to marks: what a picture can show of a row when a pixel is longer than most spans.
//
// A span that is at least a grain long becomes a mark of its own, from and to where it was. Shorter
// ones are gathered by the grain in which their middle lies, and neighbours that look the same
// become one mark, which says how many spans it stands for and how much of its time they took: a
// thousand turns of a busy loop are one bar, and a moment between two long waits stays a moment.
//
// Marks come in two layers: in the background who waits or is ready, in the foreground who runs or
// blocks. Within a layer they are in order and do not overlap. A short run just before or after a
// long one or a long block has no mark of its own: that its actor has the thread is seen already.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "runtime/trace/layout.hpp"
#include "runtime/trace/timeline.hpp"

namespace simul::trace {

/// One figure in the picture.
struct Mark {
  State state = State::runs;
  std::chrono::nanoseconds from{};
  std::chrono::nanoseconds to{};
  std::string label{};               ///< Of the longest span in it.
  std::size_t times = 1;             ///< How many spans of that state it stands for.
  std::chrono::nanoseconds spent{};  ///< How long they were together; at most to - from.

  /// How much of its time was spent in its state: 0 to 1; 1 where it has no length.
  double share() const;
};

/// The two layers of a row.
struct Marks {
  std::vector<Mark> background{};  ///< waits, ready
  std::vector<Mark> foreground{};  ///< runs, blocks
};

/// The marks of a row. `grain` is the shortest time that shows, usually that of a pixel; at least
/// 1 ns. A wait of no length is no mark.
Marks marks_of(const Row& row, std::chrono::nanoseconds grain);

}  // namespace simul::trace
