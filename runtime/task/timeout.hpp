// timeout: so long, and no longer.
//
//     auto body = [&]() -> Task<std::string> { co_return co_await read_line(socket); };
//     std::string line = co_await timeout(5s, body);        // or throws TimedOut
//
// The body runs as part of the calling task. When the time is over that task is cancelled: the body
// gets Cancelled where it waits, may clean up, and what leaves the scope is TimedOut. Somebody else
// may have cancelled the task meanwhile. The scope finds out by counting requests
// (TaskCore::cancels_requested): if its own is not the only new one, it is Cancelled that leaves.
// So a timeout inside a timeout, or inside a group that is given up, never eats what was meant for
// the outer one.
//
// A body that ends in another way, with a value or an error, although the time was over, has ended
// in that way. The body is taken by reference: name it first (g++ 12 mishandles a lambda with
// captures inside a co_await expression), and a temporary does not compile.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <type_traits>
#include <utility>

#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/reactor/call_slot.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_core.hpp"

namespace simul {

namespace detail {

/// While it lives, and if time runs out, the running task is cancelled, once.
class TimeoutScope {
 public:
  /// No limit if `limit` is Duration::max().
  explicit TimeoutScope(Duration limit);
  ~TimeoutScope() { close(); }
  TimeoutScope(const TimeoutScope&) = delete;
  TimeoutScope& operator=(const TimeoutScope&) = delete;

  /// A Cancelled is about to leave the scope: throws TimedOut in its place if it is ours alone.
  void replace_cancelled();

 private:
  /// Stops the clock and takes our request back. True if there was one, and none besides.
  bool close() noexcept;

  TaskCore& task_;
  Duration limit_;
  unsigned before_;  // requests that were there when the scope began
  bool expired_ = false;
  Handle timer_;
};

/// Throws TimedOut in the name of the running task.
[[noreturn]] void throw_timed_out(Duration limit);

template <class Body>
std::invoke_result_t<Body&> run_with_limit(Duration limit, Body& body) {
  TimeoutScope scope(limit);
  try {
    co_return co_await body();
  } catch (const Cancelled&) {
    scope.replace_cancelled();
    throw;
  }
}

template <class T>
Task<T> wait_with_limit(Task<T> task, Duration limit) {
  if (limit <= Duration::zero()) throw_timed_out(limit);  // it does not even begin
  TimeoutScope scope(limit);
  try {
    co_return co_await std::move(task);
  } catch (const Cancelled&) {
    scope.replace_cancelled();
    throw;
  }
}

/// The result of a handle's task: a copy, for handles share it, unless it can only be moved.
template <class T>
Task<T> result_of(TaskHandle<T> task) {
  if constexpr (std::is_void_v<T> || std::is_copy_constructible_v<T>) {
    co_return co_await task;
  } else {
    co_return std::move(co_await task);
  }
}

template <class T>
Task<T> wait_with_limit(TaskHandle<T> task, Duration limit) {
  if (limit > Duration::zero() || task.done()) {
    co_return co_await wait_with_limit(result_of(std::move(task)), std::max(limit, Duration(1)));
  }
  TaskCore& self = *TaskCore::current();
  const unsigned before = self.cancels_requested();
  task.cancel();
  try {
    co_return co_await result_of(std::move(task));
  } catch (const Cancelled&) {
    if (self.cancels_requested() > before) throw;
  }
  throw_timed_out(limit);
}

/// What a wait gives, as an object.
template <class W>
using ResultOfWait = std::remove_cvref_t<decltype(std::declval<W&>().await_resume())>;

template <class W>
Task<ResultOfWait<W>> limited_wait(W& wait, Duration limit) {
  if (limit <= Duration::zero()) {
    if (!wait.await_ready()) throw_timed_out(limit);
    co_return wait.await_resume();
  }
  TimeoutScope scope(limit);
  try {
    co_return co_await wait;
  } catch (const Cancelled&) {
    scope.replace_cancelled();
    throw;
  }
}

}  // namespace detail

/// Runs `body()`, which returns a Task, for at most `limit`, counted from when it begins, and gives
/// its result. Throws TimedOut. With a limit of zero or less, the body runs as far as its first
/// real wait. (asyncio.timeout)
template <class Rep, class Period, class Body>
auto timeout(std::chrono::duration<Rep, Period> limit, Body& body) {
  return detail::run_with_limit(saturate(limit), body);
}

/// Waits for a task for at most `limit`, counted from when the wait begins. If the time is over it
/// is cancelled; when it has ended, TimedOut is thrown. With a limit of zero or less a Task does
/// not begin, and a handle gives its result only if that is there. (asyncio.wait_for) To leave a
/// task running when the time is over, wait for `shield(handle)`.
template <class T, class Rep, class Period>
Task<T> wait_for(Task<T> task, std::chrono::duration<Rep, Period> limit) {
  return detail::wait_with_limit(std::move(task), saturate(limit));
}

/// The same for one that runs beside the caller. Its result is copied, since handles share it, or
/// moved if it can only be moved.
template <class T, class Rep, class Period>
Task<T> wait_for(TaskHandle<T> task, std::chrono::duration<Rep, Period> limit) {
  return detail::wait_with_limit(std::move(task), saturate(limit));
}

/// The same for a wait, as in `co_await wait_for(queue.get(), 5s)`. To be awaited where it stands:
/// it refers to the wait, which lasts until the end of the expression.
template <IsWait W, class Rep, class Period>
auto wait_for(W&& wait, std::chrono::duration<Rep, Period> limit) {
  return detail::limited_wait(wait, saturate(limit));
}

}  // namespace simul
