// wait: waits for several tasks until enough of them have ended, and cancels nobody.
//
//     auto [done, pending] = co_await wait(handles, {.until = Until::first_completed});
//     for (const auto& task : done) use(task.result());
//
// It gives the handles back, sorted into those that have ended and those that have not; it throws
// nothing that a task has thrown, and leaves asking for results to the caller. When the time is
// over, the rest is pending, and that is no error. A waiting task that is cancelled stops waiting:
// the tasks go on. (asyncio.wait; like that one it takes handles only, for who started a task here
// could not tell which of the two lists it is on.)
#pragma once

#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/task_ends.hpp"

namespace simul {

struct WaitOptions {
  Duration timeout = Duration::max();  ///< give up after this long
  Until until = Until::all_completed;
};

/// What `wait` gives.
template <class T>
struct DoneAndPending {
  std::vector<TaskHandle<T>> done;     ///< in the order in which they ended
  std::vector<TaskHandle<T>> pending;  ///< in the order of the arguments
};

namespace detail {

template <class T>
class [[nodiscard]] WaitForTasks final : public TaskEnds {
 public:
  WaitForTasks(std::vector<TaskHandle<T>> tasks, WaitOptions options)
      : TaskEnds(kSort, cores(tasks),
                 {.until = options.until, .deadline = deadline_after(options.timeout)}),
        tasks_(std::move(tasks)) {}

  DoneAndPending<T> await_resume() {
    DoneAndPending<T> result;
    std::vector<bool> has_ended(tasks_.size());
    for (const std::size_t index : ended()) {
      has_ended[index] = true;
      result.done.push_back(tasks_[index]);
    }
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (has_ended[i]) continue;
      // One that ended after the wait was over, but before its turn to go on, is done, too.
      (tasks_[i].done() ? result.done : result.pending).push_back(tasks_[i]);
    }
    return result;
  }

 private:
  static std::vector<TaskCore*> cores(const std::vector<TaskHandle<T>>& tasks) {
    std::vector<TaskCore*> cores;
    for (const TaskHandle<T>& task : tasks) cores.push_back(&task.core());
    return cores;
  }
  static constexpr Waiter::Sort kSort = {"wait", leave};

  std::vector<TaskHandle<T>> tasks_;
};

}  // namespace detail

/// Waits until enough of `tasks` have ended. Throws std::invalid_argument if there is none.
template <class T>
detail::WaitForTasks<T> wait(std::vector<TaskHandle<T>> tasks, WaitOptions options = {}) {
  if (tasks.empty()) throw std::invalid_argument("wait: there is no task to wait for");
  return detail::WaitForTasks<T>(std::move(tasks), options);
}

}  // namespace simul
