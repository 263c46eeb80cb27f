// What a Recorder writes down: one short line for each moment that the observer is told of.
//
// Writing happens in the middle of somebody's step, so it must be short: a time, who, and a pointer
// to a static text. What it all means is found out later, by replay.hpp. One invariant: the lines
// of a thread stand in the order of its moments, and their times never go back. (The times of two
// threads may differ in kind: each has its own clock, real or virtual.)
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>

namespace simul::trace {

/// One moment; the names are those of Observer's functions.
struct Event {
  enum class What : std::uint8_t {
    created,
    named,
    ready,
    runs,
    waits,
    ended,
    blocks,
    gives_way,
    goes_on,
    thread_ended,
  };

  What what = What::runs;
  unsigned thread = 1;              ///< 1, 2, 3, ... in the order in which they were seen
  std::chrono::nanoseconds time{};  ///< since the beginning of the recording
  std::uint64_t id = 0;             ///< of whom; 0 where it is said of the thread
  const char* label = nullptr;      ///< of `waits`, `blocks`, `gives_way`; of `created`, the kind
};

/// Everything that was written down.
struct Events {
  std::string title{};
  std::deque<Event> events{};       ///< a deque: growing moves nothing
  std::deque<std::string> names{};  ///< of `created` and `named`, in order; empty: none was given
  std::chrono::nanoseconds length{};
  std::uint64_t dropped = 0;  ///< how many more there would have been
};

}  // namespace simul::trace
