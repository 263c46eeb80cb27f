// await: waiting in code that is no coroutine.
//
// In a fiber it parks the fiber. In plain code, outside any fiber, it runs this thread's loop until
// the wait is over: so a main program can simply wait for its fibers. In a callback it throws,
// since a loop cannot wait for itself.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "runtime/fiber/scheduler.hpp"

namespace simul {

namespace detail {

/// Plain code that waits.
class Caller final : public Routine {
 public:
  explicit Caller(Reactor& reactor) noexcept : Routine(reactor, Kind::caller) {}
  void step() override { resumed_ = true; }
  std::string describe() const override { return "the main program"; }

  /// Runs the loop until the wait that has begun is over. Throws Deadlock, and Cancelled if
  /// somebody stopped the loop meanwhile.
  void run_loop(const char* label) {
    try {
      reactor().run_until([this] { return resumed_; }, label);
    } catch (const Deadlock& deadlock) {
      throw Deadlock(deadlock.what() + ("\n  " + describe()) + " waits for " + label);
    }
    if (!resumed_) throw Cancelled{};
  }

 private:
  bool resumed_ = false;
};

}  // namespace detail

/// Waits for `wait` and returns what it gives, or throws what it throws. In a fiber that was killed
/// it throws Cancelled; so does every further wait in it, for a fiber that swallows its end must
/// not live on. Outside any fiber it throws Deadlock if the wait can never end. Inside a callback:
/// std::logic_error.
template <IsWait W>
decltype(auto) await(W&& wait) {
  if (FiberCore* fiber = FiberCore::current()) {
    fiber->throw_if_killed();
    if (!wait.await_ready()) fiber->wait_for(wait);
  } else if (!wait.await_ready()) {
    detail::Caller caller(Reactor::current());
    if (caller.reactor().running()) {
      throw std::logic_error(std::string("wait for ") + wait.label() +
                             ": a callback cannot wait; spawn a fiber that does");
    }
    wait.suspend(caller);
    caller.run_loop(wait.label());
  }
  return wait.await_resume();
}

/// The same for what has a wait.
template <HasWait A>
decltype(auto) await(A&& awaitable) {
  auto wait = std::forward<A>(awaitable).operator co_await();
  return await(wait);
}

}  // namespace simul
