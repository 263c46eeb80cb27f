// create_task: a coroutine that runs beside its caller, and the handle of it.
//
//     TaskHandle<std::string> page = create_task(download(url), "page");
//     ...                                           // it runs whenever we wait
//     std::string text = co_await page;             // waits for its end
//
// `create_task` only queues the task; it first runs when whoever created it waits. The reactor owns
// it until it ends. The handle is a reference to its result, no more: dropping it neither ends the
// task nor waits. (asyncio.create_task; its Task is our handle, its coroutine our Task.)
#pragma once

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "runtime/base/ref.hpp"
#include "runtime/reactor/spawned.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_core.hpp"

namespace simul {

namespace detail {

/// A task with its result.
template <class T>
class TaskOf : public TaskCore {
 public:
  TaskOf(Reactor& reactor, Task<T>&& task) : TaskCore(reactor, task.frame()) { task.release(); }

  /// The value of one that has ended; throws what ended it instead.
  std::add_lvalue_reference_t<T> value() {
    if (std::exception_ptr error = collect_error()) std::rethrow_exception(std::move(error));
    if (cancelled()) throw Cancelled{};
    if constexpr (!std::is_void_v<T>) return *value_;
  }

 private:
  std::exception_ptr collect(Frame root) override {
    auto& promise = static_cast<PromiseResult<T>&>(root.promise());
    std::exception_ptr error = promise.take_error();
    if constexpr (!std::is_void_v<T>) {
      if (error != nullptr) return error;
      try {
        value_.emplace(promise.take_value());
      } catch (...) {
        return std::current_exception();  // its move constructor has thrown
      }
    }
    return error;
  }

  struct Nothing {};
  [[no_unique_address]] std::conditional_t<std::is_void_v<T>, Nothing, std::optional<T>> value_;
};

/// One that was given a name. The others are to be small.
template <class T>
class NamedTaskOf final : public TaskOf<T> {
 public:
  NamedTaskOf(Reactor& reactor, Task<T>&& task, std::string name)
      : TaskOf<T>(reactor, std::move(task)), name_(std::move(name)) {}
  std::string name() const override { return name_; }

 private:
  std::string name_;
};

}  // namespace detail

/// The wait for the end of a task, and for its result. A task that is cancelled in it cancels the
/// one that it waits for, and goes on when that one has ended.
template <class T>
class [[nodiscard]] TaskResult final : public Wait<TaskResult<T>> {
 public:
  explicit TaskResult(Ref<detail::TaskOf<T>> task) noexcept
      : Wait<TaskResult>(kSort), task_(std::move(task)) {
    link_.wait = this;
    link_.fired = [](DoneLink& link) noexcept { static_cast<Link&>(link).wait->wake(); };
  }

  bool await_ready() const noexcept { return task_->done(); }
  void start() {
    if (static_cast<Routine*>(task_.get()) == this->who()) {
      throw std::logic_error(task_->describe() + " waits for its own end");
    }
    task_->notify(link_);
  }

  /// A reference to the result, which the handles share. Throws what ended the task.
  std::add_lvalue_reference_t<T> await_resume() { return task_->value(); }

 private:
  struct Link : DoneLink {
    TaskResult* wait = nullptr;
  };
  static void leave(Waiter& waiter) noexcept { static_cast<TaskResult&>(waiter).link_.unlink(); }
  // Not one that is ending just now: a request to it would be lost.
  static Routine* awaited(Waiter& waiter) {
    detail::TaskOf<T>* const task = static_cast<TaskResult&>(waiter).task_.get();
    return task->done() ? nullptr : task;
  }
  static constexpr Waiter::Sort kSort = {"task", leave, awaited};

  Ref<detail::TaskOf<T>> task_;
  Link link_;
};

/// A handle of a task whose coroutine returns T. Copies refer to the same task. Thread: that of the
/// task. An exception that ended it and was collected by nobody is reported on stderr when the last
/// handle goes.
template <class T = void>
class TaskHandle {
 public:
  explicit TaskHandle(Ref<detail::TaskOf<T>> core) noexcept : core_(std::move(core)) {}

  /// `co_await handle` in a task, `await(handle)` in a fiber or in plain code: its result.
  TaskResult<T> operator co_await() const noexcept { return TaskResult<T>(core_); }

  /// The result of a task that has ended; throws what ended it, and std::logic_error if it has not.
  std::add_lvalue_reference_t<T> result() const {
    if (!done()) throw std::logic_error(core_->describe() + " has not ended: it has no result yet");
    return core_->value();
  }

  /// Asks it to end, and does not wait; see TaskCore::cancel.
  void cancel() const { core_->cancel(); }

  bool done() const noexcept { return core_->done(); }

  /// Has it ended by Cancelled?
  bool cancelled() const noexcept { return core_->cancelled(); }

  /// Has it ended by another exception?
  bool failed() const noexcept { return core_->failed(); }

  /// That exception, or null. It then counts as collected.
  std::exception_ptr error() const noexcept { return core_->collect_error(); }

  /// For reports and traces; "task-N" unless set.
  std::string name() const { return core_->name(); }

  TaskCore& core() const noexcept { return *core_; }

  friend bool operator==(const TaskHandle&, const TaskHandle&) = default;

 private:
  Ref<detail::TaskOf<T>> core_;
};

/// Queues `task` on this thread's reactor, to run beside the caller.
template <class T>
TaskHandle<T> create_task(Task<T> task) {
  Ref<detail::TaskOf<T>> core(new detail::TaskOf<T>(Reactor::current(), std::move(task)));
  core->start();
  return TaskHandle<T>(std::move(core));
}

/// The same with a name for reports and traces.
template <class T>
TaskHandle<T> create_task(Task<T> task, std::string name) {
  Ref<detail::TaskOf<T>> core(
      new detail::NamedTaskOf<T>(Reactor::current(), std::move(task), std::move(name)));
  core->start();
  return TaskHandle<T>(std::move(core));
}

}  // namespace simul
