// A function that may wait, kept as one that returns a Task, in whichever style it was written.
//
//     returns Task<Result>            is called as it is
//     returns Task<Other>             and what it gives is converted
//     returns Other, or void          is run in a fiber of its own, where it waits by `await`
//
// The function object, and so what it captured, stays where it is while a call is under way: keep
// the AsyncFunction so long.
#pragma once

#include <type_traits>
#include <utility>

#include "runtime/base/callback.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/task/bridges.hpp"
#include "runtime/task/task.hpp"

namespace simul::web {

/// Is it a Task?
template <class T>
inline constexpr bool kIsTask = false;
template <class T>
inline constexpr bool kIsTask<Task<T>> = true;

/// A function from Args to Task<Result>, whatever it was made from. Move-only.
template <class Result, class... Args>
class AsyncFunction {
 public:
  AsyncFunction() = default;

  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, AsyncFunction> &&
           std::is_invocable_v<std::decay_t<F>&, Args...>)
      AsyncFunction(F&& function)  // NOLINT(google-explicit-constructor): a lambda as it is
      : call_(adapt(std::forward<F>(function))) {}

  explicit operator bool() const noexcept { return static_cast<bool>(call_); }
  Task<Result> operator()(Args... args) { return call_(std::forward<Args>(args)...); }

 private:
  template <class F>
  static Callback<Task<Result>(Args...)> adapt(F&& function) {
    using Given = std::invoke_result_t<std::decay_t<F>&, Args...>;
    if constexpr (std::is_same_v<Given, Task<Result>>) {
      return std::forward<F>(function);
    } else if constexpr (kIsTask<Given>) {
      return [f = std::decay_t<F>(std::forward<F>(function))](Args... args) mutable {
        return convert(f(std::forward<Args>(args)...));
      };
    } else {
      return [f = std::decay_t<F>(std::forward<F>(function))](Args... args) mutable {
        return in_fiber(f, std::forward<Args>(args)...);
      };
    }
  }

  template <class Other>
  static Task<Result> convert(Task<Other> task) {
    co_return Result(co_await std::move(task));
  }

  // If this task is cancelled, the fiber is killed, and has ended when we go on.
  template <class F>
  static Task<Result> in_fiber(F& function, Args... args) {
    auto body = [&]() -> Result {
      if constexpr (std::is_void_v<Result>)
        function(std::forward<Args>(args)...);
      else
        return Result(function(std::forward<Args>(args)...));
    };
    const Fiber<Result> fiber = spawn(body);
    if constexpr (std::is_void_v<Result>)
      co_await fiber;
    else
      co_return std::move(co_await fiber);
  }

  Callback<Task<Result>(Args...)> call_;
};

}  // namespace simul::web
