// Bridges between tasks and the other ways to wait.
//
//     in a fiber or in plain code    await(task)              a Task runs as a task of its own
//                                    await(handle)            (fiber/await.hpp)
//     in a task                      co_await fiber           the handle of a fiber: its result
//                                    co_await deferred        (deferred/deferred_wait.hpp)
//     for who wants callbacks        deferred_from(task)      a Deferred of the result; of a
//     handle:
//                                                             (deferred/deferred_from.hpp)
//
// Who waits for what is his alone ends it when he is ended: a fiber that is killed in `await(task)`
// cancels the task and leaves when that has ended, for the task may use what is on the fiber's
// stack. A task that is cancelled in `co_await fiber` kills the fiber and goes on when that has
// ended. A Deferred is left as it was.
#pragma once

#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

#include "runtime/deferred/deferred.hpp"
#include "runtime/deferred/deferred_from.hpp"
#include "runtime/fiber/await.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/spawned.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/task.hpp"

namespace simul {

namespace detail {

/// Throws, as `await` does, where nobody can wait: in a callback, in a fiber that was killed.
void check_can_await_task();

/// Waits in a fiber or in plain code until `task` has ended. If the fiber is killed meanwhile, or
/// the loop cannot go on, `task` is cancelled; in any case it has ended afterwards.
void await_end(TaskCore& task);

}  // namespace detail

/// Runs `task` beside the caller, waits for its end and gives its result. In a fiber that is killed
/// meanwhile the task is cancelled, and Cancelled thrown when it has ended. In plain code it runs
/// the loop; Deadlock if that can never end. Inside a callback, or a task: std::logic_error.
template <class T>
T await(Task<T> task) {
  detail::check_can_await_task();
  const TaskHandle<T> handle = create_task(std::move(task));
  detail::await_end(handle.core());
  if constexpr (std::is_void_v<T>) {
    handle.result();
  } else {
    return std::move(handle.result());
  }
}

/// The wait of a task for the end of a fiber, and for its result.
template <class T>
class [[nodiscard]] FiberEndWait final : public Wait<FiberEndWait<T>> {
 public:
  explicit FiberEndWait(Fiber<T> fiber) noexcept
      : Wait<FiberEndWait>(kSort), fiber_(std::move(fiber)) {
    link_.wait = this;
    link_.fired = [](DoneLink& link) noexcept { static_cast<Link&>(link).wait->wake(); };
  }

  bool await_ready() const noexcept { return fiber_.done(); }
  void start() noexcept { fiber_.core().notify(link_); }

  /// A reference to the result, which the handles share. Throws what ended the fiber.
  std::add_lvalue_reference_t<T> await_resume() { return fiber_.result(); }

 private:
  struct Link : DoneLink {
    FiberEndWait* wait = nullptr;
  };
  static void leave(Waiter& waiter) noexcept { static_cast<FiberEndWait&>(waiter).link_.unlink(); }
  // The waiting routine itself: it has been seen to, see TaskCore::cancel_this.
  static Routine* kill_fiber(Waiter& waiter) {
    auto& self = static_cast<FiberEndWait&>(waiter);
    if (self.fiber_.done()) return nullptr;
    self.fiber_.kill();
    return self.who();
  }
  static constexpr Waiter::Sort kSort = {"fiber", leave, kill_fiber};

  Fiber<T> fiber_;
  Link link_;
};

/// `co_await fiber` in a task: what the fiber's function returned, or what it threw.
template <class T>
FiberEndWait<T> operator co_await(const Fiber<T>& fiber) noexcept {
  return FiberEndWait<T>(fiber);
}

/// As deferred_from(handle), for a task that has not been started: it is started now.
/// (Twisted: Deferred.fromCoroutine)
template <class T>
Deferred<T> deferred_from(Task<T> task,
                          std::source_location where = std::source_location::current()) {
  return deferred_from(create_task(std::move(task)), where);
}

}  // namespace simul
