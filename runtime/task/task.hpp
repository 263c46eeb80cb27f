// Task: a coroutine that is called with co_await and returns a T.
//
//     Task<std::size_t> length(std::string url) {
//       std::string page = co_await download(url);      // waits; the others run meanwhile
//       co_return page.size();
//     }
//     int main() { std::printf("%zu\n", run(length("http://google.com"))); }
//
// Calling `length` runs nothing: it makes a frame, with the arguments copied into it, and a Task
// that owns it. `co_await` runs it as part of the calling task, like an ordinary call that may wait
// on the way. `create_task` runs it beside the caller, `run` from plain code.
//
// What may stand after co_await: a Task, any wait (a sleep, a queue's get), and what has a wait (a
// Deferred, the handle of a task or of a fiber). Where a task that was cancelled waits, co_await
// throws Cancelled.
//
// References among the parameters, and the captures of a lambda that is a coroutine, are not copied
// into the frame: they must outlive it. (Python's async def.)
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "runtime/base/block_pool.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/first_text.hpp"
#include "runtime/base/observer.hpp"
#include "runtime/reactor/waiter.hpp"
#include "runtime/task/task_core.hpp"
#include "runtime/task/task_name.hpp"

namespace simul {

template <class T>
class TaskCall;

/// A coroutine that has been called but not awaited, and its result. Move-only. Dropped unawaited,
/// it never runs.
template <class T = void>
class [[nodiscard]] Task {
 public:
  static_assert(!std::is_reference_v<T>, "a task returns an object: return a pointer instead");
  using Result = T;
  class promise_type;

  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  /// For `create_task`: the frame, and giving it up.
  detail::Frame frame() const noexcept { return frame_; }
  void release() noexcept { frame_ = nullptr; }

 private:
  friend class TaskCall<T>;
  explicit Task(detail::Frame frame) noexcept : frame_(frame) {}

  detail::Frame frame_;
};

namespace detail {

/// What has a wait by way of a function beside it, as a fiber's handle has (bridges.hpp).
template <class A>
concept HasFreeWait = requires(A&& awaitable) {
  { operator co_await(std::forward<A>(awaitable)) } -> IsWait;
};

/// `co_await wait` in a task: the wait, and the place where Cancelled is thrown.
/// `W`: the wait itself, or a reference to it.
template <class W>
struct CancelPoint {
  W wait;

  bool await_ready() { return wait.await_ready(); }

  void await_suspend(std::coroutine_handle<> /*frame*/) {
    TaskCore& task = *TaskCore::current();
    task.throw_if_cancelled();  // asked while it ran: it is not to wait any more
    wait.suspend(task);
  }

  decltype(auto) await_resume() {
    if (Routine* who = wait.who()) static_cast<TaskCore*>(who)->throw_if_cancelled();
    return wait.await_resume();
  }
};

/// The end of a coroutine: the trampoline goes on with its caller.
struct Return {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> frame) const noexcept {
    TaskCore::current()->returned(frame.promise().site());
  }
  void await_resume() const noexcept {}
};

/// What the promises of all tasks have in common.
class PromiseBase {
 public:
  explicit PromiseBase(std::string_view name = {}) noexcept {
    if (observer() != nullptr) [[unlikely]]
      note_name(this, name);
  }

  /// Where it returns to; null for the outermost.
  CallSite* site() const noexcept { return site_; }
  void set_site(CallSite* site) noexcept { site_ = site; }

  std::suspend_always initial_suspend() const noexcept { return {}; }

  /// The frame stays, for the caller to take the result.
  Return final_suspend() const noexcept { return {}; }

  void unhandled_exception() noexcept { error_ = std::current_exception(); }
  std::exception_ptr take_error() noexcept { return std::exchange(error_, nullptr); }

  template <IsWait W>
  CancelPoint<W&> await_transform(W&& wait) noexcept {
    return {wait};
  }
  template <HasWait A>
  auto await_transform(A&& awaitable) {
    using W = decltype(std::forward<A>(awaitable).operator co_await());
    return CancelPoint<W>{std::forward<A>(awaitable).operator co_await()};
  }
  template <HasFreeWait A>
  auto await_transform(A&& awaitable) {
    using W = decltype(operator co_await(std::forward<A>(awaitable)));
    return CancelPoint<W>{operator co_await(std::forward<A>(awaitable))};
  }
  template <class T>
  TaskCall<T> await_transform(Task<T>&& task) noexcept {
    return TaskCall<T>(task);
  }

  static void* operator new(std::size_t bytes) { return BlockPool::take(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept {
    BlockPool::give(frame, bytes);
  }

 private:
  CallSite* site_ = nullptr;
  std::exception_ptr error_;
};

/// The result of a coroutine, in place in its frame.
template <class T>
class PromiseResult : public PromiseBase {
 public:
  using PromiseBase::PromiseBase;

  // A frame's promise lies at the same place for every alignment up to this one, and so a
  // coroutine_handle of the base is one of the whole.
  static_assert(alignof(T) <= 2 * sizeof(void*), "a task's result is aligned too strictly");

  template <class V = T>
  requires std::is_convertible_v<V&&, T>
  void return_value(V&& value) { value_.emplace(std::forward<V>(value)); }
  T take_value() { return std::move(*value_); }

 private:
  std::optional<T> value_;
};
template <>
class PromiseResult<void> : public PromiseBase {
 public:
  using PromiseBase::PromiseBase;

  void return_void() const noexcept {}
  void take_value() const noexcept {}
};

}  // namespace detail

template <class T>
class Task<T>::promise_type final : public detail::PromiseResult<T> {
 public:
  promise_type() noexcept = default;

  /// A coroutine with a text among its arguments goes by that in a trace.
  template <class... Args>
  requires(kIsText<Args> || ...) explicit promise_type(const Args&... arguments) noexcept
      : detail::PromiseResult<T>(first_text(arguments...)) {}

  Task get_return_object() noexcept { return Task(detail::Frame::from_promise(*this)); }
};

/// `co_await task`: a call of its coroutine, which runs as part of the calling task.
template <class T>
class [[nodiscard]] TaskCall {
 public:
  explicit TaskCall(Task<T>& task) noexcept { site_.callee = &task.frame_; }

  bool await_ready() const noexcept { return false; }

  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> caller) {
    site_.caller = detail::Frame::from_promise(caller.promise());
    promise().set_site(&site_);
    return TaskCore::current()->call(*site_.callee, site_.caller);
  }

  T await_resume() {
    if (std::exception_ptr error = promise().take_error()) [[unlikely]]
      std::rethrow_exception(std::move(error));
    return promise().take_value();
  }

 private:
  detail::PromiseResult<T>& promise() noexcept {
    return static_cast<detail::PromiseResult<T>&>(site_.callee->promise());
  }

  detail::CallSite site_;
};

}  // namespace simul
