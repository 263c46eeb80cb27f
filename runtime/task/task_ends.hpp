// The wait for the ends of several tasks: what gather, wait and as_completed have in common.
//
//     task 0 --DoneLink--+
//     task 1 --DoneLink--+--> note(index) ... enough of them? --> wake()
//     task 2 --DoneLink--+
//
// The links hang on the tasks from the moment the wait is made, not only while somebody waits: so
// the order in which tasks end is known, and a first failure is known as the first, also if they
// ended before anybody asked.
//
// The invariant: `ended()` holds the index of every task that has ended, once, in that order. That
// the tasks live as long as the wait is for the derived class to see to: it has their handles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/reactor/spawned.hpp"
#include "runtime/reactor/timer_wheel.hpp"
#include "runtime/reactor/waiter.hpp"
#include "runtime/task/task_core.hpp"

namespace simul {

/// When a wait for several tasks is over. (asyncio: return_when)
enum class Until : std::uint8_t {
  first_completed,  ///< one has ended, in whichever way
  first_exception,  ///< one has ended by an exception; if none does, as all_completed
  all_completed,    ///< all have ended
};

namespace detail {

inline TimePoint deadline_after(Duration limit) {
  return limit == Duration::max() ? kNever : after(Clock::now(), limit);
}

/// Thread: that of the tasks.
class TaskEnds : public Wait<TaskEnds> {
 public:
  bool await_ready() const noexcept { return complete_; }
  void start();

 protected:
  struct Options {
    Until until = Until::all_completed;
    bool cancelled_is_exception = false;  ///< does Cancelled count for first_exception?
    TimePoint deadline = kNever;
  };

  /// `sort` is kPassingOn or kLeaving, or has the same functions.
  TaskEnds(const Sort& sort, const std::vector<TaskCore*>& tasks, Options options);

  /// Indices of those that have ended, in the order in which they did.
  const std::vector<std::size_t>& ended() const noexcept { return ended_; }

  /// Has the waiting task been cancelled, and passed that on to the tasks?
  bool cancel_passed_on() const noexcept { return cancel_passed_on_; }

  /// Throws Cancelled if the waiting task was cancelled; else, if `until` is first_exception, what
  /// the first one threw.
  void throw_first();

  /// Takes every link off.
  static void leave(Waiter& waiter) noexcept;

  /// For Sort::cancel_instead: cancels all the tasks; their ends then end the wait.
  static Routine* cancel_tasks(Waiter& waiter);

 private:
  struct Link : DoneLink {
    TaskEnds* wait = nullptr;
    TaskCore* task = nullptr;
  };
  void note(std::size_t index) noexcept;

  std::vector<Link> links_;
  std::vector<std::size_t> ended_;
  TaskCore* first_failed_ = nullptr;
  Options options_;
  bool complete_ = false;
  bool cancel_passed_on_ = false;
  bool cancelling_ = false;  // a ring of tasks would lead back into `cancel_tasks`
  Timer timer_{this};
};

}  // namespace detail
}  // namespace simul
