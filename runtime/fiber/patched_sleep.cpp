// sleep, usleep, nanosleep, clock_nanosleep: the fiber waits on the loop's timers.
#include <algorithm>
#include <limits>

#include "runtime/fiber/parking.hpp"
#include "runtime/fiber/patched.hpp"

namespace simul::patched {
namespace {

constexpr long kSecond = 1'000'000'000;

bool is_valid(const timespec* wanted) noexcept {
  return wanted != nullptr && wanted->tv_sec >= 0 && wanted->tv_nsec >= 0 &&
         wanted->tv_nsec < kSecond;
}

Duration to_duration(const timespec& time) noexcept {
  return saturate(std::chrono::seconds(time.tv_sec)) >= Duration::max() - Duration(kSecond)
             ? Duration::max()
             : std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

timespec to_timespec(Duration duration) noexcept {
  return {static_cast<time_t>(duration.count() / kSecond),
          static_cast<long>(duration.count() % kSecond)};
}

// How much of the sleep was left when the fiber was killed; zero if it was slept to its end.
Duration sleep_until(PatchedCall& call, TimePoint deadline) noexcept {
  const bool slept = call.wait({}, deadline) != Woken::killed;
  return slept ? Duration::zero() : std::max(Duration(1), deadline - Clock::now());
}

Duration sleep_for(PatchedCall& call, Duration delay) noexcept {
  if (delay > Duration::zero()) return sleep_until(call, after(Clock::now(), delay));
  return call.wait({}, TimePoint::min()) != Woken::killed ? Duration::zero() : Duration(1);
}

}  // namespace

unsigned sleep(unsigned seconds) {
  PatchedCall call;
  if (call.is_libcs()) return libc().sleep(seconds);
  const Duration left = sleep_for(call, std::chrono::seconds(seconds));
  if (left == Duration::zero()) return 0;
  errno = ECANCELED;
  return std::min(seconds,
                  static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(left).count()));
}

int usleep(useconds_t microseconds) {
  PatchedCall call;
  if (call.is_libcs()) return libc().usleep(microseconds);
  const Duration left = sleep_for(call, std::chrono::microseconds(microseconds));
  return left == Duration::zero() ? 0 : failed(ECANCELED);
}

int nanosleep(const timespec* wanted, timespec* left) {
  PatchedCall call;
  if (call.is_libcs() || !is_valid(wanted)) return libc().nanosleep(wanted, left);
  const Duration rest = sleep_for(call, to_duration(*wanted));
  if (rest == Duration::zero()) return 0;
  if (left != nullptr) *left = to_timespec(rest);
  return failed(ECANCELED);
}

int clock_nanosleep(clockid_t clock, int flags, const timespec* wanted, timespec* left) {
  PatchedCall call;
  timespec now{};
  const bool is_absolute = flags == TIMER_ABSTIME;
  // The clocks of processor time stand still while the fiber waits: the thread must do that itself.
  const bool is_ours = !call.is_libcs() && is_valid(wanted) && (flags == 0 || is_absolute) &&
                       clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_THREAD_CPUTIME_ID &&
                       clock >= 0 && ::clock_gettime(clock, &now) == 0;
  if (!is_ours) return libc().clock_nanosleep(clock, flags, wanted, left);

  Duration rest;
  if (!is_absolute) {
    rest = sleep_for(call, to_duration(*wanted));
    if (rest > Duration::zero() && left != nullptr) *left = to_timespec(rest);
  } else if (clock == CLOCK_MONOTONIC) {
    rest = sleep_until(call, TimePoint(to_duration(*wanted)));
  } else {
    rest = sleep_for(call, to_duration(*wanted) - to_duration(now));
  }
  return rest == Duration::zero() ? 0 : ECANCELED;
}

}  // namespace simul::patched
