// A timeline: who ran, who was ready to, and who waited for what, from when to when.
//
// This is what a Recorder leaves behind and what every drawing is made from, so a drawing can be
// tested with a timeline written by hand. One invariant: the spans of an actor follow each other in
// time, without overlaps; between two of them, and before the first, it was not there.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace simul::trace {

/// What somebody did for a while.
enum class State : std::uint8_t {
  runs,    ///< Had the thread, and used it.
  blocks,  ///< Had the thread, and stood still with it: nobody else could run there.
  ready,   ///< Could have gone on, and stood in the ready queue.
  waits,   ///< Had left the thread to others, and waited for what the span's label says.
};

/// One stretch of time in one state. Times count from the beginning of the recording.
struct Span {
  State state = State::runs;
  std::chrono::nanoseconds from{};
  std::chrono::nanoseconds to{};
  std::string label{};  ///< Of `waits` and `blocks`: for what, such as "sleep"; else empty.
};

/// A task, a fiber, a generator, a callback, a thread that runs plain code, or a named piece of it.
struct Actor {
  std::uint64_t id = 0;  ///< The observer's; unique in the process.
  std::string kind{};    ///< "task", "fiber", "generator", "callback", "thread" or "call".
  std::string name{};    ///< For people; never empty: `<kind> <number>` where it was given none.
  unsigned thread = 1;   ///< On which thread: 1, 2, 3, ... in the order in which they were seen.
  std::vector<Span> spans{};
};

/// Everything that was recorded.
struct Timeline {
  std::string title{};                ///< Of the program, for the drawing; may be empty.
  std::vector<Actor> actors{};        ///< In the order in which they were created.
  std::chrono::nanoseconds length{};  ///< The last moment of the recording; the first is 0.
  std::uint64_t dropped = 0;          ///< Events that found the recorder's buffer full.
};

}  // namespace simul::trace
