// Deferreds out of fibers: code that waits plainly, for callers that want callbacks.
//
//     auto page = defer_to_fiber([url] { return http::get(url).body; });     // Deferred<string>
//
// The other direction is `await(d)`, see deferred_wait.hpp: a fiber waits for a Deferred. Here the
// end of a fiber fires one. The callbacks do not run on the fiber's stack, which is at its end
// then, but in the next turn of the loop, as all callbacks do.
#pragma once

#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

#include "runtime/deferred/deferred.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul {

namespace detail {

/// Waits for the end of a fiber. Belongs to itself until then, and then to a callback of the loop.
template <class T>
class FiberEnd final : public DoneLink {
 public:
  FiberEnd(Fiber<T> fiber, Deferred<T> result) noexcept
      : fiber_(std::move(fiber)), result_(std::move(result)) {
    this->fired = [](DoneLink& link) noexcept {
      std::unique_ptr<FiberEnd> self(static_cast<FiberEnd*>(&link));
      Reactor& reactor = self->fiber_.core().reactor();
      reactor.call_soon([end = std::move(self)] { end->fire(); });
    };
  }

  void fire() const {
    if (result_.called()) return;  // it was cancelled; an error is the fiber's to report
    if (fiber_.cancelled())
      result_.errback(Cancelled{});
    else if (std::exception_ptr error = fiber_.error())
      result_.errback(std::move(error));
    else if constexpr (std::is_void_v<T>)
      result_.callback();
    else
      result_.callback(std::move(fiber_.result()));
  }

 private:
  Fiber<T> fiber_;
  Deferred<T> result_;
};

}  // namespace detail

/// Fires with what `fiber` returns, which moves into it, or with its error; with Cancelled if it is
/// killed. Cancelling the Deferred kills the fiber. It does not fire if the loop goes first.
template <class T>
Deferred<T> deferred_from(Fiber<T> fiber,
                          std::source_location where = std::source_location::current()) {
  Deferred<T> result([fiber](Deferred<T>&) { fiber.kill(); }, where);
  auto end = std::make_unique<detail::FiberEnd<T>>(fiber, result);
  if (fiber.done())
    end->fire();
  else
    fiber.core().notify(*end.release());
  return result;
}

/// Spawns a fiber that calls `function(arguments...)`, and gives the Deferred of its result.
/// (twisted.internet.threads.deferToThread, without the thread)
template <class F, class... Args>
auto defer_to_fiber(F&& function, Args&&... arguments) {
  return deferred_from(spawn(std::forward<F>(function), std::forward<Args>(arguments)...));
}

}  // namespace simul
