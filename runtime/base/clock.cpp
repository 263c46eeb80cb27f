#include "runtime/base/clock.hpp"

#include <time.h>

#include <cassert>
#include <cerrno>

#include "runtime/base/activity.hpp"

namespace simul {

void Clock::sleep_until(TimePoint deadline) {
  const Blocking blocking("sleep");
  if (is_virtual()) return advance_to(deadline);
  const Duration since_boot = deadline.time_since_epoch();
  if (since_boot <= Duration::zero()) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
  const timespec until{static_cast<time_t>(seconds.count()),
                       static_cast<long>((since_boot - seconds).count())};
  // An absolute deadline survives interruption: going on after a signal needs no arithmetic.
#if defined(__APPLE__)
  for (Duration left; (left = deadline - now()) > Duration::zero();) {
    const timespec nap{static_cast<time_t>(left.count() / 1'000'000'000),
                       static_cast<long>(left.count() % 1'000'000'000)};
    ::nanosleep(&nap, nullptr);
  }
  (void)until;
#else
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
#endif
}

void Clock::advance_to(TimePoint time) noexcept {
  assert(is_virtual());
  if (time.time_since_epoch() > virtual_now_) virtual_now_ = time.time_since_epoch();
}

VirtualTime::VirtualTime() noexcept : outermost_(!Clock::is_virtual()) {
  // Rounded up to a whole tick of the timer wheel, so that a wait of a second takes exactly that.
  using std::chrono::microseconds;
  if (outermost_) {
    Clock::virtual_now_ = std::chrono::ceil<microseconds>(Clock::now().time_since_epoch());
  }
}

VirtualTime::~VirtualTime() {
  if (!outermost_) return;
  Clock::virtual_now_ = Clock::kReal;
  ++Clock::times_set_back_;
}

}  // namespace simul
