// Deferreds that have fired already, and functions of which one does not know.
//
// Code that is written for Deferreds need not care whether a result is there already: a cache
// answers with `succeed(page)` where the network answers with a Deferred that fires later. And
// `maybe_deferred` makes one kind of answer out of the three that a function may give.
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <source_location>
#include <type_traits>
#include <utility>

#include "runtime/deferred/deferred.hpp"

namespace simul {

/// One that has fired with `value`. (twisted.internet.defer.succeed)
template <class V>
Deferred<std::decay_t<V>> succeed(V&& value,
                                  std::source_location where = std::source_location::current()) {
  Deferred<std::decay_t<V>> deferred(where);
  deferred.callback(std::forward<V>(value));
  return deferred;
}
inline Deferred<void> succeed(std::source_location where = std::source_location::current()) {
  Deferred<void> deferred(where);
  deferred.callback();
  return deferred;
}

/// One that has failed with `error`, a std::exception_ptr or an object to be thrown:
/// `fail<int>(e)`. (twisted.internet.defer.fail)
template <class T = void, class E>
Deferred<T> fail(E error, std::source_location where = std::source_location::current()) {
  Deferred<T> deferred(where);
  deferred.errback(std::move(error));
  return deferred;
}

/// Calls `function(arguments...)` and gives a Deferred whatever it does: returning a Deferred,
/// returning a value, or throwing. (twisted.internet.defer.maybeDeferred)
template <class F, class... Args>
auto maybe_deferred(F&& function, Args&&... arguments) {
  using R = std::invoke_result_t<F, Args...>;
  using D = Deferred<detail::Flat<R>>;
  try {
    if constexpr (detail::IsDeferred<std::remove_cvref_t<R>>::value) {
      return D(std::invoke(std::forward<F>(function), std::forward<Args>(arguments)...));
    } else if constexpr (std::is_void_v<R>) {
      std::invoke(std::forward<F>(function), std::forward<Args>(arguments)...);
      return succeed();
    } else {
      return D(succeed(std::invoke(std::forward<F>(function), std::forward<Args>(arguments)...)));
    }
  } catch (...) {
    return fail<detail::Flat<R>>(std::current_exception());
  }
}

}  // namespace simul
