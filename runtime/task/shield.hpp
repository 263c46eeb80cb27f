// shield: a wait that may be given up without harm to what is waited for.
//
//     co_await shield(create_task(save(order)));      // saved, also if we are cancelled meanwhile
//
// A task that waits for another passes its own cancellation on to that one. Behind a shield it does
// not: the wait ends with Cancelled at once and the other task goes on. If that one fails later,
// nobody collects the exception and it is reported, as always.
//
// A Task is started as a task of its own. It does not go on when the loop ends: `run` cancels what
// main leaves behind. And there is no shield for a body named in the waiting coroutine, as timeout
// takes: the body would go with the waiter's frame, and the task that runs it would not.
// (asyncio.shield)
#pragma once

#include <type_traits>
#include <utility>

#include "runtime/task/create_task.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/task_ends.hpp"

namespace simul {

namespace detail {

template <class C>
class [[nodiscard]] Shield final : public TaskEnds {
 public:
  explicit Shield(C child)
      : TaskEnds(kSort, {&child.handle.core()}, {}), child_(std::move(child)) {}

  typename C::Result await_resume() {
    if constexpr (std::is_void_v<typename C::Result>) {
      child_.take();
    } else {
      return child_.take();
    }
  }

 private:
  static constexpr Waiter::Sort kSort = {"shield", leave};

  C child_;
};

}  // namespace detail

/// Waits for a task, given as a Task<T> (which is started at once) or as a handle, and gives its
/// result. Cancelling the waiting task does not touch it.
template <detail::IsChild A>
auto shield(A&& awaitable) {
  auto child = detail::child_of(std::forward<A>(awaitable));
  return detail::Shield<decltype(child)>(std::move(child));
}

}  // namespace simul
