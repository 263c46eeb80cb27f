// The simplest waits: for a moment in time, and for one's next turn.
#pragma once

#include <chrono>
#include <cstdint>

#include "runtime/base/clock.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul {

/// Lets everybody else who is ready go first: once round the ready queue, without a timer.
class [[nodiscard]] Yield final : public Wait<Yield> {
 public:
  Yield() noexcept : Wait(kSort) {}
  bool await_ready() const noexcept { return false; }
  void start() noexcept { wake(); }
  void await_resume() const noexcept {}

 private:
  static constexpr Sort kSort = {"yield", nullptr};
};

/// Waits until a deadline; never ends early. One that has passed is due in the next turn.
class [[nodiscard]] Sleep final : public Wait<Sleep> {
 public:
  explicit Sleep(TimePoint deadline) noexcept
      : Wait(kSort),
        timer_(this, static_cast<std::uint64_t>(deadline.time_since_epoch().count())) {}

  bool await_ready() const noexcept { return false; }
  void start() noexcept {
    // Until it is set, the timer keeps our deadline: what sleeps is to be small.
    const TimePoint deadline(Duration(static_cast<std::int64_t>(timer_.deadline())));
    if (deadline == kAtOnce)
      wake();  // no timer for what is over already: it is the same as Yield
    else
      who()->reactor().set_timer(timer_, deadline);
  }
  void await_resume() const noexcept {}

 private:
  template <class Rep, class Period>
  friend Sleep sleep(std::chrono::duration<Rep, Period> delay) noexcept;

  static void leave(Waiter& waiter) noexcept { static_cast<Sleep&>(waiter).timer_.unlink(); }
  static constexpr Sort kSort = {"sleep", leave};
  static constexpr TimePoint kAtOnce = TimePoint::min();

  Timer timer_;
};

/// `await(sleep_until(t))` in a fiber, `co_await sleep_until(t)` in a task.
inline Sleep sleep_until(TimePoint deadline) noexcept {
  return Sleep(deadline);
}

/// `delay` counts from this call. Zero or less means what Yield means.
/// (asyncio.sleep, gevent.sleep)
template <class Rep, class Period>
Sleep sleep(std::chrono::duration<Rep, Period> delay) noexcept {
  return Sleep(delay.count() <= 0 ? Sleep::kAtOnce : after(Clock::now(), saturate(delay)));
}

}  // namespace simul
