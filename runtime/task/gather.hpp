// gather: waits for several tasks and gives all their results.
//
//     auto [page, size] = co_await gather(download(url), length(url));    // a tuple
//     std::vector<std::string> pages = co_await gather(std::move(downloads));
//
// The results come in the order of the arguments, whichever task ends first. A Task among them is
// started by the call itself, as create_task does; a handle stands for a task that runs already.
//
//   one fails           its exception is thrown at once; the others run on. gather_outcomes waits
//                       for all and gives exceptions as values.
//   one is cancelled    the same: Cancelled is thrown, or given.
//   the waiting task    passes it on to all of them, waits until all have ended, and then gets
//     is cancelled      Cancelled. A further failure is reported, as one that nobody collects is.
//
// A fiber that is killed in `await(gather(...))` just leaves: the tasks go on. One that waits in
// this way for what uses its own stack awaits a Task instead that gathers (bridges.hpp).
//
// asyncio.gather differs in two things. Cancelled, it goes on at the end of the first child, and so
// leaves others in the midst of their cleanup. And it keeps silent about the failures after the
// first; here they are reported when the last handle goes.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/deferred/outcome.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_ends.hpp"

namespace simul {

namespace detail {

/// A task that a combinator waits for, and how to get its result.
template <class T, bool kStartedHere>
struct Child {
  using Result = T;
  using Stored = typename Outcome<T>::Stored;

  TaskHandle<T> handle;

  /// The result of one that has ended, or throws. Those that nobody else knows give theirs away; a
  /// handle's is copied, for the handle shares it, unless it can only be moved.
  Stored take() const {
    if constexpr (std::is_void_v<T>) {
      handle.result();
      return {};
    } else if constexpr (kStartedHere || !std::is_copy_constructible_v<T>) {
      return std::move(handle.result());
    } else {
      return handle.result();
    }
  }

  Outcome<T> outcome() const {
    if (handle.cancelled()) return Outcome<T>::failure(std::make_exception_ptr(Cancelled{}));
    if (std::exception_ptr error = handle.error()) return Outcome<T>::failure(std::move(error));
    return Outcome<T>(take());
  }
};

/// Starts what is a Task; a handle's task runs already.
template <class T>
Child<T, true> child_of(Task<T>&& task) {
  return {create_task(std::move(task))};
}
template <class T>
Child<T, false> child_of(const TaskHandle<T>& handle) {
  return {handle};
}

/// A Task that is moved in, or a handle.
template <class A>
concept IsChild = requires(A&& awaitable) {
  child_of(std::forward<A>(awaitable));
};

/// The children of a row, started in its order.
template <class Awaitable>
auto children_of(std::vector<Awaitable>& row) {
  std::vector<decltype(child_of(std::move(row.front())))> children;
  children.reserve(row.size());
  for (Awaitable& awaitable : row) children.push_back(child_of(std::move(awaitable)));
  return children;
}

template <class C>
std::vector<TaskCore*> cores_of(const std::vector<C>& children) {
  std::vector<TaskCore*> cores;
  cores.reserve(children.size());
  for (const C& child : children) cores.push_back(&child.handle.core());
  return cores;
}
template <class... C>
std::vector<TaskCore*> cores_of(const std::tuple<C...>& children) {
  return std::apply(
      [](const C&... child) { return std::vector<TaskCore*>{&child.handle.core()...}; }, children);
}

/// What is given for each child: its value, or its outcome.
struct GiveValue {
  static constexpr Until kUntil = Until::first_exception;
  template <class C>
  static typename C::Stored give(const C& child) {
    return child.take();
  }
};
struct GiveOutcome {
  static constexpr Until kUntil = Until::all_completed;
  template <class C>
  static auto give(const C& child) {
    return child.outcome();
  }
};

/// The wait. `All`: a tuple or a vector of Child.
template <class Give, class All>
class [[nodiscard]] Gather final : public TaskEnds {
 public:
  explicit Gather(All&& children)
      : TaskEnds(kSort, cores_of(children),
                 {.until = Give::kUntil, .cancelled_is_exception = true}),
        children_(std::move(children)) {}

  auto await_resume() {
    throw_first();
    return give_all(children_);
  }

 private:
  template <class... C>
  static auto give_all(const std::tuple<C...>& children) {
    return std::apply(
        [](const C&... child) {
          return std::tuple<decltype(Give::give(child))...>{Give::give(child)...};
        },
        children);
  }
  template <class C>
  static auto give_all(const std::vector<C>& children) {
    using Given = decltype(Give::give(children.front()));
    if constexpr (!std::is_same_v<Given, std::monostate>) {
      std::vector<Given> all;
      all.reserve(children.size());
      for (const C& child : children) all.push_back(Give::give(child));
      return all;
    }
  }
  static constexpr Waiter::Sort kSort = {"gather", leave, cancel_tasks};

  All children_;
};

template <class Give, class... A>
auto gather_pack(A&&... awaitables) {
  using All = std::tuple<decltype(child_of(std::forward<A>(awaitables)))...>;
  // In braces, so that tasks are started from left to right.
  return Gather<Give, All>(All{child_of(std::forward<A>(awaitables))...});
}

template <class Give, class Awaitable>
auto gather_row(std::vector<Awaitable>& row) {
  auto children = children_of(row);
  return Gather<Give, decltype(children)>(std::move(children));
}

}  // namespace detail

/// Waits for tasks, given as Task<T> (moved in, and started at once) or as handles: a std::tuple of
/// their results, std::monostate for void. Nothing to wait for is ready at once. (asyncio.gather)
template <detail::IsChild... A>
auto gather(A&&... awaitables) {
  return detail::gather_pack<detail::GiveValue>(std::forward<A>(awaitables)...);
}

/// The same for a row: a std::vector of the results; nothing if T is void.
template <class T>
auto gather(std::vector<Task<T>> tasks) {
  return detail::gather_row<detail::GiveValue>(tasks);
}
template <class T>
auto gather(std::vector<TaskHandle<T>> tasks) {
  return detail::gather_row<detail::GiveValue>(tasks);
}

/// Waits until all have ended, and gives an Outcome for each: its value, or its exception, which
/// then counts as collected. (asyncio.gather with return_exceptions=True)
template <detail::IsChild... A>
auto gather_outcomes(A&&... awaitables) {
  return detail::gather_pack<detail::GiveOutcome>(std::forward<A>(awaitables)...);
}
template <class T>
auto gather_outcomes(std::vector<Task<T>> tasks) {
  return detail::gather_row<detail::GiveOutcome>(tasks);
}
template <class T>
auto gather_outcomes(std::vector<TaskHandle<T>> tasks) {
  return detail::gather_row<detail::GiveOutcome>(tasks);
}

}  // namespace simul
