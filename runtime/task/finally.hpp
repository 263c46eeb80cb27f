// finally: a body, and a cleanup that may wait, whichever way the body ends.
//
//     auto body = [&]() -> Task<> { co_await talk(connection); };
//     auto cleanup = [&]() -> Task<> { co_await connection.say_goodbye(); };
//     co_await finally(body, cleanup);
//
// C++ can neither wait in a destructor nor co_await in a catch block, so the cleanup is a function.
// It runs when the body has returned, thrown, or been cancelled, and what the body ended with goes
// on when the cleanup has ended. The cleanup is ordinary code of the task: a further cancel that
// comes while it waits is thrown where it waits, as in a `finally:` of Python. What must not be cut
// short belongs into a task of its own, behind a `shield`.
//
// If the cleanup throws, that exception takes the place of the body's result or exception. An error
// of the body that is lost by this is reported; a Cancelled is not.
//
// A task that is given up unfinished, because it ignores every cancel at the end of its loop, is
// destroyed and its cleanup does not run. Both are taken by reference: name them first.
#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/deferred/outcome.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_core.hpp"

namespace simul {

namespace detail {

/// While it lives, an error waits for the cleanup to end; destroyed by an exception of that, it
/// reports the error.
class HeldError {
 public:
  explicit HeldError(std::exception_ptr error) noexcept : error_(std::move(error)) {}
  ~HeldError() {
    if (error_ == nullptr || is_cancelled(error_)) return;
    task_.reactor().report(task_.describe() + ": before its cleanup failed, too, it", error_);
  }
  HeldError(const HeldError&) = delete;
  HeldError& operator=(const HeldError&) = delete;

  void rethrow_if_any() {
    if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  TaskCore& task_ = *TaskCore::current();
  std::exception_ptr error_;
};

}  // namespace detail

/// Runs `body()` and then, in any case, `cleanup()`; both return Tasks. Gives the body's result.
template <class Body, class Cleanup>
std::invoke_result_t<Body&> finally(Body& body, Cleanup& cleanup) {
  using T = typename std::invoke_result_t<Body&>::Result;
  std::optional<typename Outcome<T>::Stored> result;
  std::exception_ptr thrown;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await body();
    } else {
      result.emplace(co_await body());
    }
  } catch (...) {
    thrown = std::current_exception();
  }
  detail::HeldError error(std::move(thrown));
  co_await cleanup();
  error.rethrow_if_any();
  if constexpr (!std::is_void_v<T>) co_return *std::move(result);
}

}  // namespace simul
