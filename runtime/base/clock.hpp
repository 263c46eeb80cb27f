// The time, real or virtual.
//
// Real time is the monotonic clock. Virtual time stands still until somebody waits: then it jumps
// to the end of the wait, so a program that would sleep for twelve hours ends at once and prints
// exact times. Each thread has its own choice; plain blocking code (`Clock::sleep_until`) and the
// reactor share it. Neither clock ever goes back; only the change from virtual to real time does.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace simul {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// Farther than any deadline: 292 years after the clock's start.
inline constexpr TimePoint kNever = TimePoint::max();

/// `duration` in nanoseconds, held at the ends of the range instead of overflowing, so that a
/// "practically for ever" of 10,000 years is a legal delay.
template <class Rep, class Period>
constexpr Duration saturate(std::chrono::duration<Rep, Period> duration) {
  using Wide = std::chrono::duration<long double>;
  constexpr long double kLimit = std::chrono::duration_cast<Wide>(Duration::max()).count();
  const long double wide = std::chrono::duration_cast<Wide>(duration).count();
  if (wide != wide) return Duration::zero();  // not a number
  if (wide >= kLimit) return Duration::max();
  if (wide <= -kLimit) return Duration::min();
  return std::chrono::duration_cast<Duration>(duration);
}
constexpr Duration saturate(Duration duration) {
  return duration;
}

/// `time + delay`, held at `kNever`. A negative delay counts as none.
constexpr TimePoint after(TimePoint time, Duration delay) {
  if (delay <= Duration::zero()) return time;
  if (time.time_since_epoch() > Duration::zero() && delay > kNever - time) return kNever;
  return time + delay;
}

/// Seconds as a floating-point number, the way the articles speak of time.
constexpr double to_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}
constexpr Duration from_seconds(double seconds) {
  return saturate(std::chrono::duration<double>(seconds));
}

/// This thread's clock.
class Clock {
 public:
  /// The time now: CLOCK_MONOTONIC, or this thread's virtual time.
  static TimePoint now() noexcept {
    return virtual_now_ == kReal ? std::chrono::steady_clock::now() : TimePoint(virtual_now_);
  }

  static bool is_virtual() noexcept { return virtual_now_ != kReal; }

  /// Blocks the thread until `deadline`, never returning early; signals do not shorten it. In
  /// virtual time it returns at once and the clock shows `deadline`.
  static void sleep_until(TimePoint deadline);
  static void sleep_for(Duration delay) { sleep_until(after(now(), delay)); }

  /// How often this thread's time has gone back because a scope of virtual time ended. Whoever
  /// keeps times compares it to learn that he must adjust them.
  static unsigned times_set_back() noexcept { return times_set_back_; }

  /// Moves virtual time forward; an earlier `time` changes nothing. Virtual time only.
  static void advance_to(TimePoint time) noexcept;

 private:
  friend class VirtualTime;
  static constexpr Duration kReal = Duration::min();
  static inline constinit thread_local Duration virtual_now_ = kReal;
  static inline constinit thread_local unsigned times_set_back_ = 0;
};

/// While it lives, this thread's clock is virtual. It starts at the real time, so that a time read
/// before it does not lie in the future. Scopes may be nested; the inner one continues the outer.
class VirtualTime {
 public:
  VirtualTime() noexcept;
  ~VirtualTime();
  VirtualTime(const VirtualTime&) = delete;
  VirtualTime& operator=(const VirtualTime&) = delete;

 private:
  bool outermost_;
};

}  // namespace simul
