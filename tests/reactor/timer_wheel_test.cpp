// The timer wheel: never early, never late, equal deadlines in their order, at any distance.
//
// The promises one by one, each with the case that is easy to get wrong. Random operations beside a
// model are in timer_wheel_model_test.cpp.
#include "runtime/reactor/timer_wheel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

namespace simul {
namespace {

using Tick = std::uint64_t;
constexpr Tick kEnd = ~Tick{0};
constexpr Tick kHour = 3'600'000'000;

struct Alarm : Timer {
  explicit Alarm(int number) : id(number) {}
  int id;
};

std::vector<int> drain(List<Timer>& due) {
  std::vector<int> ids;
  while (Timer* timer = due.pop_front()) ids.push_back(static_cast<Alarm*>(timer)->id);
  return ids;
}

/// Moves the time and returns who fired, in order.
std::vector<int> advance(TimerWheel& wheel, Tick now) {
  List<Timer> due;
  wheel.advance(now, due);
  return drain(due);
}

using Ids = std::vector<int>;

/// Deadlines on both sides of every border between levels.
std::vector<Tick> border_deadlines() {
  std::vector<Tick> ticks = {1, 2, kEnd - 1, kEnd};
  for (int bits = 6; bits < 64; bits += 6) {
    const Tick border = Tick{1} << bits;
    for (Tick tick : {border - 1, border, border + 1, 63 * border}) ticks.push_back(tick);
  }
  std::sort(ticks.begin(), ticks.end());
  ticks.erase(std::unique(ticks.begin(), ticks.end()), ticks.end());
  return ticks;
}

TEST(TimerWheel, IsEmptyAtFirstAndHasNothingToWaitFor) {
  TimerWheel wheel;
  EXPECT_TRUE(wheel.empty());
  EXPECT_EQ(wheel.next_deadline(), TimerWheel::kNone);
  EXPECT_EQ(wheel.now(), 0u);
  EXPECT_EQ(advance(wheel, 1000), Ids{});
  EXPECT_EQ(wheel.now(), 1000u);
}

TEST(TimerWheel, CarriesTheWaiterAndTheDeadline) {
  int object = 0;
  Waiter* const waiter = reinterpret_cast<Waiter*>(&object);
  Timer timer(waiter);
  EXPECT_EQ(timer.waiter, waiter);
  EXPECT_FALSE(timer.armed());
  TimerWheel wheel;
  wheel.insert(timer, 77);
  EXPECT_TRUE(timer.armed());
  EXPECT_EQ(timer.deadline(), 77u);
  List<Timer> due;
  wheel.advance(77, due);
  ASSERT_EQ(due.front(), &timer);
  EXPECT_EQ(timer.waiter, waiter);
}

TEST(TimerWheel, FiresAtTheDeadlineAndNotATickBefore) {
  for (const Tick deadline : border_deadlines()) {
    TimerWheel wheel;
    Alarm alarm(1);
    wheel.insert(alarm, deadline);
    EXPECT_EQ(advance(wheel, deadline - 1), Ids{}) << deadline;
    EXPECT_TRUE(alarm.armed()) << deadline;
    EXPECT_EQ(advance(wheel, deadline), Ids{1}) << deadline;
    EXPECT_FALSE(alarm.armed()) << deadline;
    EXPECT_TRUE(wheel.empty()) << deadline;
  }
}

TEST(TimerWheel, FiresAtTheDeadlineWhateverTheTimeOfTheInsert) {
  for (const Tick start : border_deadlines()) {
    for (const Tick deadline : border_deadlines()) {
      if (deadline <= start) continue;
      TimerWheel wheel(start);
      Alarm alarm(1);
      wheel.insert(alarm, deadline);
      ASSERT_EQ(advance(wheel, deadline - 1), Ids{}) << start << " to " << deadline;
      ASSERT_EQ(advance(wheel, deadline), Ids{1}) << start << " to " << deadline;
    }
  }
}

TEST(TimerWheel, OneJumpOverAllLevelsFiresEverythingInDeadlineOrder) {
  const std::vector<Tick> deadlines = border_deadlines();
  std::vector<std::unique_ptr<Alarm>> alarms;
  TimerWheel wheel;
  Ids expected;
  for (std::size_t i = 0; i < deadlines.size(); ++i) {
    alarms.push_back(std::make_unique<Alarm>(static_cast<int>(i)));
    expected.push_back(static_cast<int>(i));
  }
  for (std::size_t i = deadlines.size(); i-- > 0;) wheel.insert(*alarms[i], deadlines[i]);
  EXPECT_EQ(advance(wheel, kEnd), expected);
}

TEST(TimerWheel, EqualDeadlinesFireInTheOrderTheyWereSet) {
  for (const Tick deadline : {Tick{5}, Tick{64}, Tick{5000}, kHour, kEnd}) {
    TimerWheel wheel;
    Alarm a(1), b(2), c(3);
    wheel.insert(b, deadline);
    wheel.insert(a, deadline);
    wheel.insert(c, deadline);
    EXPECT_EQ(advance(wheel, deadline), (Ids{2, 1, 3})) << deadline;
  }
}

TEST(TimerWheel, EqualDeadlinesKeepTheirOrderWhenSetAtDifferentTimes) {
  // Each one is set when the deadline is nearer by a level, with another timer beside it.
  constexpr Tick kDeadline = (Tick{1} << 40) + 12345;
  TimerWheel wheel;
  std::vector<std::unique_ptr<Alarm>> alarms;
  Ids expected;
  for (int bits = 40; bits >= 0; --bits) {
    const Tick before = kDeadline - (Tick{1} << bits);
    ASSERT_EQ(advance(wheel, before), Ids{});
    alarms.push_back(std::make_unique<Alarm>(40 - bits));
    wheel.insert(*alarms.back(), kDeadline);
    expected.push_back(40 - bits);
    alarms.push_back(std::make_unique<Alarm>(1000 + bits));
    wheel.insert(*alarms.back(), kDeadline + 1);
  }
  EXPECT_EQ(advance(wheel, kDeadline), expected);
  EXPECT_EQ(advance(wheel, kDeadline + 1).size(), expected.size());
}

TEST(TimerWheel, ADeadlineThatIsNowOrPastIsDueAtTheNextAdvance) {
  TimerWheel wheel(1000);
  Alarm now(1), past(2), long_past(3);
  wheel.insert(now, 1000);
  wheel.insert(past, 999);
  wheel.insert(long_past, 0);
  EXPECT_FALSE(wheel.empty());
  EXPECT_EQ(wheel.next_deadline(), 1000u);
  EXPECT_EQ(past.deadline(),
            1000u);  // it counts as now, so the order of deadlines is that of setting
  EXPECT_EQ(advance(wheel, 1000), (Ids{1, 2, 3}));
}

TEST(TimerWheel, LateTimersComeBeforeLaterDeadlines) {
  TimerWheel wheel(1000);
  Alarm later(1), late(2);
  wheel.insert(later, 1001);
  wheel.insert(late, 5);
  EXPECT_EQ(advance(wheel, 5000), (Ids{2, 1}));
}

TEST(TimerWheel, ATimerSetWhileTheDueOnesRunWaitsForTheNextAdvance) {
  // Otherwise a callback that sets a timer with no delay would keep the loop from ever turning.
  TimerWheel wheel;
  Alarm first(1), again(2);
  wheel.insert(first, 10);
  List<Timer> due;
  wheel.advance(10, due);
  wheel.insert(again, 10);
  EXPECT_EQ(drain(due), Ids{1});
  EXPECT_EQ(advance(wheel, 10), Ids{2});
}

TEST(TimerWheel, AdvanceAppendsBehindWhatIsOnTheListAlready) {
  TimerWheel wheel;
  Alarm a(1), b(2), c(3);
  wheel.insert(a, 10);
  wheel.insert(b, 20);
  wheel.insert(c, 5000);
  List<Timer> due;
  wheel.advance(10, due);
  wheel.advance(5000, due);
  EXPECT_EQ(drain(due), (Ids{1, 2, 3}));
}

TEST(TimerWheel, TimeNeverGoesBack) {
  TimerWheel wheel(100);
  Alarm alarm(1);
  wheel.insert(alarm, 101);
  EXPECT_EQ(advance(wheel, 50), Ids{});
  EXPECT_EQ(wheel.now(), 100u);
  EXPECT_EQ(advance(wheel, 101), Ids{1});
}

TEST(TimerWheel, ACancelledTimerDoesNotFireAndMayBeSetAgain) {
  for (const Tick deadline : border_deadlines()) {
    TimerWheel wheel;
    Alarm alarm(1);
    wheel.insert(alarm, deadline);
    wheel.cancel(alarm);
    EXPECT_FALSE(alarm.armed());
    EXPECT_TRUE(wheel.empty());
    EXPECT_EQ(wheel.next_deadline(), TimerWheel::kNone);
    wheel.cancel(alarm);  // no effect
    wheel.insert(alarm, deadline);
    EXPECT_EQ(advance(wheel, deadline), Ids{1});
    wheel.cancel(alarm);  // no effect either
    EXPECT_EQ(advance(wheel, kEnd), Ids{});
  }
}

TEST(TimerWheel, ACancelLeavesTheOthersOfItsSlot) {
  TimerWheel wheel;
  Alarm a(1), b(2), c(3);
  for (Alarm* alarm : {&a, &b, &c}) wheel.insert(*alarm, 5000);
  wheel.cancel(b);
  EXPECT_EQ(wheel.next_deadline(), 5000u);
  EXPECT_EQ(advance(wheel, 5000), (Ids{1, 3}));
}

TEST(TimerWheel, ATimerMayBeCancelledAfterTheTimeHasMovedOn) {
  // By now it hangs at another level than where it was put.
  TimerWheel wheel;
  Alarm kept(1), cancelled(2);
  wheel.insert(cancelled, kHour);
  wheel.insert(kept, kHour);
  EXPECT_EQ(advance(wheel, kHour - 10), Ids{});
  wheel.cancel(cancelled);
  EXPECT_EQ(advance(wheel, kHour), Ids{1});
  EXPECT_TRUE(wheel.empty());
}

TEST(TimerWheel, ATimerOnTheDueListMayStillBeCancelled) {
  TimerWheel wheel;
  Alarm a(1), b(2), c(3);
  for (Alarm* alarm : {&a, &b, &c}) wheel.insert(*alarm, 10);
  List<Timer> due;
  wheel.advance(10, due);
  EXPECT_TRUE(b.armed());
  wheel.cancel(b);
  EXPECT_FALSE(b.armed());
  EXPECT_EQ(drain(due), (Ids{1, 3}));
}

TEST(TimerWheel, ATimerOnTheDueListMayBeSetAgain) {
  TimerWheel wheel;
  Alarm a(1), b(2);
  wheel.insert(a, 10);
  wheel.insert(b, 10);
  List<Timer> due;
  wheel.advance(10, due);
  wheel.insert(a, 20);
  EXPECT_EQ(drain(due), Ids{2});
  EXPECT_EQ(advance(wheel, 20), Ids{1});
}

TEST(TimerWheel, InsertMovesAnArmedTimerToAnEarlierOrALaterDeadline) {
  TimerWheel wheel;
  Alarm alarm(1);
  wheel.insert(alarm, 1000);
  wheel.insert(alarm, 2'000'000);
  EXPECT_EQ(wheel.next_deadline(), 2'000'000u);
  EXPECT_EQ(advance(wheel, 1'999'999), Ids{});
  wheel.insert(alarm, kHour);
  wheel.insert(alarm, 2'000'001);
  EXPECT_EQ(advance(wheel, 2'000'001), Ids{1});
  EXPECT_EQ(advance(wheel, kEnd), Ids{});
}

TEST(TimerWheel, ATimerSetAgainIsTheYoungestAmongItsEquals) {
  TimerWheel wheel;
  Alarm a(1), b(2);
  wheel.insert(a, 100);
  wheel.insert(b, 100);
  wheel.insert(a, 100);
  EXPECT_EQ(advance(wheel, 100), (Ids{2, 1}));
}

TEST(TimerWheel, ADestroyedTimerTakesItselfOff) {
  TimerWheel wheel;
  Alarm kept(1);
  auto on_wheel = std::make_unique<Alarm>(2);
  auto alone_in_its_slot = std::make_unique<Alarm>(3);
  auto on_due_list = std::make_unique<Alarm>(4);
  wheel.insert(*on_wheel, 500);
  wheel.insert(kept, 500);
  wheel.insert(*alone_in_its_slot, 300);
  wheel.insert(*on_due_list, 10);
  List<Timer> due;
  wheel.advance(10, due);
  on_wheel.reset();
  alone_in_its_slot.reset();
  on_due_list.reset();
  EXPECT_TRUE(due.empty());
  EXPECT_EQ(wheel.next_deadline(), 500u);
  EXPECT_EQ(advance(wheel, 1000), Ids{1});
}

TEST(TimerWheel, ADestroyedWheelDisarmsItsTimers) {
  Alarm near(1), far(2), due_one(3);
  List<Timer> due;
  {
    TimerWheel wheel;
    wheel.insert(near, 11);
    wheel.insert(far, kEnd);
    wheel.insert(due_one, 10);
    wheel.advance(10, due);
  }
  EXPECT_FALSE(near.armed());
  EXPECT_FALSE(far.armed());
  EXPECT_EQ(drain(due), Ids{3});  // what had expired was no longer the wheel's
}

TEST(TimerWheel, TheNextDeadlineOfALoneTimerIsExactAtAnyDistance) {
  for (const Tick deadline : border_deadlines()) {
    TimerWheel wheel;
    Alarm alarm(1);
    wheel.insert(alarm, deadline);
    EXPECT_EQ(wheel.next_deadline(), deadline);
  }
}

TEST(TimerWheel, TheNextDeadlineIsExactWithin64TicksHoweverManyTimers) {
  TimerWheel wheel(6400);
  std::vector<std::unique_ptr<Alarm>> alarms;
  for (int i = 0; i < 1000; ++i) {
    alarms.push_back(std::make_unique<Alarm>(i));
    wheel.insert(*alarms.back(), 6400 + 63 - static_cast<Tick>(i) % 32);
  }
  EXPECT_EQ(wheel.next_deadline(), 6432u);
}

TEST(TimerWheel, TheNextDeadlineForgetsCancelledTimers) {
  TimerWheel wheel;
  Alarm soon(1), later(2);
  wheel.insert(soon, 100);
  wheel.insert(later, kHour);
  wheel.cancel(soon);
  EXPECT_EQ(wheel.next_deadline(), kHour);
}

TEST(TimerWheel, ADeadlineAtTheEndOfTimeIsNotTakenForNone) {
  TimerWheel wheel;
  Alarm never(1), soon(2);
  wheel.insert(never, kEnd);
  wheel.insert(soon, 1'000'000);
  EXPECT_FALSE(wheel.empty());
  EXPECT_EQ(wheel.next_deadline(), 1'000'000u);
  EXPECT_EQ(advance(wheel, 1'000'000), Ids{2});
  EXPECT_FALSE(wheel.empty());
  EXPECT_EQ(advance(wheel, kEnd), Ids{1});
  EXPECT_TRUE(wheel.empty());
  wheel.insert(soon, kEnd);  // and there the time stands still, but goes on to be right
  EXPECT_EQ(advance(wheel, kEnd), Ids{2});
}

/// Sleeps from one `next_deadline` to the next until a timer fires; how often did it wake up?
int wakeups_until_first(TimerWheel& wheel) {
  List<Timer> due;
  int wakeups = 0;
  while (due.empty() && wakeups < 1000) {
    const Tick before = wheel.now();
    const Tick next = wheel.next_deadline();
    EXPECT_GT(next, before);
    wheel.advance(next, due);
    ++wakeups;
  }
  drain(due);
  return wakeups;
}

TEST(TimerWheel, AnIdleLoopWithOneTimerWakesUpOnce) {
  TimerWheel wheel(123'456'789);
  Alarm alarm(1);
  wheel.insert(alarm, wheel.now() + kHour);
  EXPECT_EQ(wakeups_until_first(wheel), 1);
}

TEST(TimerWheel, AThousandTimersOfOneHourCostAtMostSixWakeups) {
  TimerWheel wheel(123'456'789);
  std::vector<std::unique_ptr<Alarm>> alarms;
  for (int i = 0; i < 1000; ++i) {
    alarms.push_back(std::make_unique<Alarm>(i));
    wheel.insert(*alarms.back(), wheel.now() + kHour);
  }
  EXPECT_LE(wakeups_until_first(wheel), 6);
}

}  // namespace
}  // namespace simul
