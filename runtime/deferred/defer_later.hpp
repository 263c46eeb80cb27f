// Deferreds of time: a call that is made later.
//
//     defer_later(3s, [] { return std::string("World!"); }).add_callback(print);
//
// A timer of the reactor fires a Deferred whose first callback is the function; so whatever that
// does (a value, an exception, a further Deferred) goes on as from any callback.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>

#include "runtime/base/clock.hpp"
#include "runtime/deferred/deferred.hpp"
#include "runtime/deferred/succeed.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul {

/// Calls `function(arguments...)` once `delay` has passed (zero: in the next turn), and fires with
/// its result, that of a Deferred it returns included, or its error. Cancelling it before then
/// means that it is not called. (twisted.internet.task.deferLater)
template <class Rep, class Period, class F, class... Args>
auto defer_later(std::chrono::duration<Rep, Period> delay, F&& function, Args&&... arguments) {
  struct Due {
    Reactor* reactor;
    Handle handle;
  };
  auto timer = std::make_shared<Due>(Due{&Reactor::current(), {}});
  Deferred<void> due([timer](Deferred<void>&) {
    if (Reactor::current_or_null() == timer->reactor) timer->handle.cancel();
  });
  timer->handle = timer->reactor->call_later(saturate(delay), [due] { due.callback(); });
  return due.add_callback([f = std::decay_t<F>(std::forward<F>(function)),
                           args = std::tuple<std::decay_t<Args>...>(
                               std::forward<Args>(arguments)...)]() mutable -> decltype(auto) {
    return std::apply(std::move(f), std::move(args));
  });
}

}  // namespace simul
