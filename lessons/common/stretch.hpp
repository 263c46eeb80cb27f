// A stretch of somebody's time, as a lesson with a clock of its own tells it.
//
// What runs on threads, or in tasks and fibers, is recorded without the lesson's doing
// (tracing.hpp). A lesson that counts its minutes and spends none has nothing that could be
// recorded: it hands in what is to be drawn, stretch by stretch, with `add_to_timeline`
// (lesson.hpp).
//
// One invariant, and it is the lesson's: the stretches of one follow each other in time. Where one
// goes on with what the last one was, they are drawn as one.
#pragma once

#include <chrono>
#include <string>

namespace simul {

/// What somebody did from when to when, counted from the beginning.
struct Stretch {
  /// Had the thread; could have had it, and somebody else did; wanted nothing of it.
  enum Does { runs, is_ready, waits };

  std::string thread{};  ///< On whose time it goes. The first one that is named is thread 1.
  std::string who{};     ///< A task of that thread; or the thread itself, by the same name.
  Does does = runs;
  std::chrono::nanoseconds from{};
  std::chrono::nanoseconds to{};
  std::string label{};  ///< Of `waits`: for what, in a word or two.
};

}  // namespace simul
