// The simplest waits: for a moment in time, and for one's next turn.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul {

/// Waits until a deadline: `await(sleep(1s))` in a fiber, `co_await sleep(1s)` in a task. Never
/// early. A deadline that has passed means: let everybody else who is ready go first.
class [[nodiscard]] Sleep final : public Wait<Sleep> {
 public:
  explicit Sleep(TimePoint deadline) noexcept : Wait(kSort), deadline_(deadline) {}

  bool await_ready() const noexcept { return false; }
  void start() noexcept {
    if (deadline_ == TimePoint::min())
      wake();
    else
      who()->reactor().set_timer(timer_, deadline_);
  }
  void await_resume() const noexcept {}

 private:
  static void leave(Waiter& waiter) noexcept { static_cast<Sleep&>(waiter).timer_.unlink(); }
  static constexpr Sort kSort = {"sleep", leave};

  TimePoint deadline_;
  Timer timer_{this};
};

inline Sleep sleep_until(TimePoint deadline) noexcept {
  return Sleep(deadline);
}

/// `delay` counts from this call. Zero or less: once round the ready queue, without a timer.
/// (asyncio.sleep, gevent.sleep)
template <class Rep, class Period>
Sleep sleep(std::chrono::duration<Rep, Period> delay) noexcept {
  return delay.count() <= 0 ? Sleep(TimePoint::min()) : Sleep(after(Clock::now(), saturate(delay)));
}

}  // namespace simul
