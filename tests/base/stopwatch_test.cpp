#include "runtime/base/stopwatch.hpp"

#include <gtest/gtest.h>

namespace simul {
namespace {

using namespace std::chrono_literals;

TEST(Stopwatch, MeasuresThisThreadsClock) {
  const VirtualTime time;
  Stopwatch watch;
  EXPECT_EQ(watch.elapsed(), 0s);
  Clock::sleep_for(2500ms);
  EXPECT_EQ(watch.elapsed(), 2500ms);
  EXPECT_DOUBLE_EQ(watch.seconds(), 2.5);
  watch.restart();
  EXPECT_EQ(watch.elapsed(), 0s);
}

TEST(Stopwatch, PrintsOneDecimalRounded) {
  const VirtualTime time;
  const Stopwatch watch;
  EXPECT_EQ(watch.rounded(), "0.0");
  Clock::sleep_for(17s);
  EXPECT_EQ(watch.rounded(), "17.0");
  Clock::sleep_for(60ms);
  EXPECT_EQ(watch.rounded(), "17.1");
  Clock::sleep_for(100'000s);
  EXPECT_EQ(watch.rounded(), "100017.1");
}

TEST(Stopwatch, PrintsEveryDigitAsPythonDoes) {
  const VirtualTime time;
  const Stopwatch watch;
  EXPECT_EQ(watch.exact(), "0.0");
  Clock::sleep_for(32s);
  EXPECT_EQ(watch.exact(), "32.0");
  Clock::sleep_for(10'476'827ns);
  EXPECT_EQ(watch.exact(), "32.010476827");
  Clock::sleep_for(Duration(std::chrono::hours(24 * 365 * 200)));
  EXPECT_EQ(watch.exact().find('e'), std::string::npos);
}

TEST(Stopwatch, ReadsTheRealClockToo) {
  const Stopwatch watch;
  Clock::sleep_for(1ms);
  EXPECT_GE(watch.elapsed(), 1ms);
}

}  // namespace
}  // namespace simul
