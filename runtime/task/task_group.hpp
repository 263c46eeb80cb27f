// task_group: tasks that end before the scope does.
//
//     auto body = [&](TaskGroup& group) -> Task<> {
//       group.create_task(download(a));
//       group.create_task(download(b));
//       co_await something_else();
//     };
//     co_await task_group(body);              // both downloads have ended when this goes on
//
// The group waits for its body and for all children; children may add further children.
//
//   one of them fails      the first failure cancels the body and all others; when all have ended,
//                          it is thrown. Further failures are reported, as those that nobody
//                          collects are: one exception can be caught by its type, a bundle cannot.
//                          (asyncio throws an ExceptionGroup.)
//   a child is cancelled   that concerns the child alone.
//   the waiting task is    body and children are cancelled; when all have ended, Cancelled is
//   cancelled              thrown, whatever else happened; a failure is then reported.
//
// The invariant: whichever way the scope is left, none of its tasks is left running. The body is
// taken by reference: name it first, a temporary does not compile. (asyncio.TaskGroup)
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "runtime/deferred/outcome.hpp"
#include "runtime/task/children.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_core.hpp"

namespace simul {

/// What a body adds its tasks to; it lives as long as `task_group` runs.
class TaskGroup {
 public:
  /// Starts a task that belongs to the group. Throws std::runtime_error, and `task` never runs, if
  /// the group shuts down. (asyncio: TaskGroup.create_task)
  template <class T>
  TaskHandle<T> create_task(Task<T> task, std::string name = {}) {
    children_.check_open();
    TaskHandle<T> handle = name.empty() ? simul::create_task(std::move(task))
                                        : simul::create_task(std::move(task), std::move(name));
    children_.add(handle.core());
    return handle;
  }

 private:
  template <class Body>
  friend std::invoke_result_t<Body&, TaskGroup&> task_group(Body& body);

  explicit TaskGroup(TaskCore& task);

  /// The body is over; `error`, unless null, is what ended it.
  void body_ended(std::exception_ptr error);

  /// The task was cancelled while it waited for the children.
  void cancelled();

  /// All have ended: throws what is to be thrown.
  void finish();

  void report_body_error();

  TaskCore& task_;
  const unsigned before_;  // requests to cancel `task_` that were there when the group began
  bool body_runs_ = true;
  bool body_cancelled_ = false;  // by us, because a child failed
  bool cancelled_ = false;       // by somebody else
  bool body_failed_first_ = false;
  std::exception_ptr body_error_;
  detail::Children children_;
};

/// Runs `body(group)`, waits for it and for all tasks of the group, and gives the body's result.
template <class Body>
std::invoke_result_t<Body&, TaskGroup&> task_group(Body& body) {
  using T = typename std::invoke_result_t<Body&, TaskGroup&>::Result;
  TaskGroup group(*TaskCore::current());
  std::optional<typename Outcome<T>::Stored> result;
  std::exception_ptr error;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await body(group);
    } else {
      result.emplace(co_await body(group));
    }
  } catch (...) {
    error = std::current_exception();
  }
  group.body_ended(std::move(error));
  while (!group.children_.empty()) {
    try {
      co_await group.children_.all_ended();
    } catch (const Cancelled&) {
      group.cancelled();
    }
  }
  group.finish();
  if constexpr (!std::is_void_v<T>) co_return *std::move(result);
}

}  // namespace simul
