#include "runtime/base/clock.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>

#include <cmath>
#include <limits>
#include <ratio>
#include <thread>

namespace simul {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

TEST(Saturate, HoldsAtTheEndsOfTheRange) {
  EXPECT_EQ(saturate(3s), Duration(3'000'000'000));
  EXPECT_EQ(saturate(Duration(7)), Duration(7));
  EXPECT_EQ(saturate(std::chrono::hours(24 * 365) * 10'000), Duration::max());
  EXPECT_EQ(saturate(std::chrono::hours::max()), Duration::max());
  EXPECT_EQ(saturate(std::chrono::hours::min()), Duration::min());
  EXPECT_EQ(saturate(std::chrono::duration<double>(1e300)), Duration::max());
  EXPECT_EQ(saturate(std::chrono::duration<double>(-1e300)), Duration::min());
  EXPECT_EQ(saturate(std::chrono::duration<std::int64_t, std::pico>(1'999)), Duration(1));
}

TEST(Saturate, FloatingPointSecondsIncludeInfinityAndNotANumber) {
  EXPECT_EQ(from_seconds(0.5), 500ms);
  EXPECT_EQ(from_seconds(-0.5), -500ms);
  EXPECT_EQ(from_seconds(std::numeric_limits<double>::infinity()), Duration::max());
  EXPECT_EQ(from_seconds(-std::numeric_limits<double>::infinity()), Duration::min());
  EXPECT_EQ(from_seconds(std::numeric_limits<double>::quiet_NaN()), Duration::zero());
  // The largest number below the limit must not overflow on its way to nanoseconds.
  const double limit = to_seconds(Duration::max());
  EXPECT_GT(from_seconds(std::nextafter(limit, 0)), Duration::max() - 1h);
  EXPECT_DOUBLE_EQ(to_seconds(1500ms), 1.5);
}

TEST(After, HoldsAtNeverAndCountsNegativeAsNone) {
  const TimePoint time(5s);
  EXPECT_EQ(after(time, 1s), TimePoint(6s));
  EXPECT_EQ(after(time, -1s), time);
  EXPECT_EQ(after(time, Duration::max()), kNever);
  EXPECT_EQ(after(kNever, 1ns), kNever);
  EXPECT_EQ(after(kNever, Duration::min()), kNever);
  EXPECT_EQ(after(TimePoint(-5s), Duration::max()), TimePoint(Duration::max() - 5s));
}

TEST(RealClock, IsTheMonotonicOneAndSleepsNoShorter) {
  EXPECT_FALSE(Clock::is_virtual());
  const auto before = Steady::now();
  const TimePoint now = Clock::now();
  EXPECT_LE(before, now);
  EXPECT_LE(now, Steady::now());
  for (Duration delay : {Duration(1), Duration(1000), Duration(2'000'000)}) {
    const auto start = Steady::now();
    Clock::sleep_for(delay);
    EXPECT_GE(Steady::now() - start, delay);
  }
  Clock::sleep_until(TimePoint::min());
  Clock::sleep_until(TimePoint());
}

TEST(RealClock, SignalsDoNotShortenASleep) {
  struct sigaction action {
  }, before{};
  action.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGALRM, &action, &before), 0);
  const itimerval often = {{0, 1000}, {0, 1000}}, off = {};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  const auto start = Steady::now();
  Clock::sleep_for(20ms);
  EXPECT_GE(Steady::now() - start, 20ms);
  ::setitimer(ITIMER_REAL, &off, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
}

TEST(VirtualClock, StandsStillUntilSomebodyWaitsAndThenIsExact) {
  const VirtualTime time;
  EXPECT_TRUE(Clock::is_virtual());
  const TimePoint start = Clock::now();
  for (const auto then = Steady::now(); Steady::now() < then + 2ms;) {
  }
  EXPECT_EQ(Clock::now(), start) << "real time passes, virtual time does not";
  const auto real = Steady::now();
  Clock::sleep_for(12h);
  EXPECT_EQ(Clock::now() - start, 12h);
  EXPECT_LT(Steady::now() - real, 1s);
}

TEST(VirtualClock, NeverGoesBackAndStartsNoEarlierThanNow) {
  const TimePoint before = Clock::now();
  const VirtualTime time;
  const TimePoint start = Clock::now();
  EXPECT_GE(start, before);
  EXPECT_EQ(start.time_since_epoch() % 1us, 0ns) << "a whole tick, so that waits are exact";
  Clock::advance_to(start - 1h);
  EXPECT_EQ(Clock::now(), start);
  Clock::sleep_until(start - 1h);
  EXPECT_EQ(Clock::now(), start);
  Clock::sleep_for(-1h);
  EXPECT_EQ(Clock::now(), start);
  Clock::advance_to(kNever);
  EXPECT_EQ(Clock::now(), kNever);
}

TEST(VirtualClock, ScopesNestAndTheInnerContinuesTheOuter) {
  const unsigned set_back = Clock::times_set_back();
  {
    const VirtualTime outer;
    Clock::sleep_for(1h);
    const TimePoint then = Clock::now();
    {
      const VirtualTime inner;
      EXPECT_EQ(Clock::now(), then);
      Clock::sleep_for(1h);
    }
    EXPECT_TRUE(Clock::is_virtual());
    EXPECT_EQ(Clock::now(), then + 1h);
    EXPECT_EQ(Clock::times_set_back(), set_back);
  }
  EXPECT_FALSE(Clock::is_virtual());
  EXPECT_EQ(Clock::times_set_back(), set_back + 1);
}

TEST(VirtualClock, BelongsToItsThread) {
  const VirtualTime time;
  std::thread([] { EXPECT_FALSE(Clock::is_virtual()); }).join();
}

}  // namespace
}  // namespace simul
