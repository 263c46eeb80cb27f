// The promises of LoopingCall (runtime/deferred/looping_call.hpp). Time is virtual throughout.
#include "runtime/deferred/looping_call.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <vector>

#include "runtime/deferred/defer_later.hpp"
#include "runtime/fiber/await.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

class LoopingCallTest : public testing::Test {
 protected:
  void note() { times_.push_back(to_seconds(Clock::now() - start_)); }
  void run_for(Duration time) {
    bool over = false;
    loop_.call_later(time, [&] { over = true; });
    loop_.run_until([&] { return over; });
  }

  VirtualTime virtual_time_;
  Reactor loop_;
  TimePoint start_ = Clock::now();
  std::vector<double> times_;
};

using Times = std::vector<double>;

TEST_F(LoopingCallTest, CallsAtOnceAndThenAtEveryInterval) {
  LoopingCall loop([&] { note(); });
  loop.start(2s);
  run_for(5s);
  EXPECT_EQ(times_, (Times{0, 2, 4}));
  EXPECT_TRUE(loop.running());
}

TEST_F(LoopingCallTest, MayWaitOneIntervalFirst) {
  LoopingCall loop([&] { note(); });
  loop.start(2s, /*now=*/false);
  run_for(5s);
  EXPECT_EQ(times_, (Times{2, 4}));
}

TEST_F(LoopingCallTest, ALateCallDoesNotMoveTheNextOne) {
  LoopingCall loop([&] {
    note();
    Clock::sleep_for(300ms);  // the function itself takes time
  });
  loop.start(1s);
  run_for(3500ms);
  EXPECT_EQ(times_, (Times{0, 1, 2, 3}));
}

TEST_F(LoopingCallTest, TicksThatWereMissedAreCountedAndSkipped) {
  std::vector<std::int64_t> counts;
  LoopingCall loop([&](std::int64_t ticks) {
    note();
    counts.push_back(ticks);
    if (times_.size() == 2) Clock::sleep_for(2500ms);
  });
  loop.start(1s);
  run_for(6500ms);
  EXPECT_EQ(times_, (Times{0, 1, 4, 5, 6}));
  EXPECT_EQ(counts, (std::vector<std::int64_t>{1, 1, 3, 1, 1}));
}

TEST_F(LoopingCallTest, TheNextCallWaitsForADeferred) {
  LoopingCall loop([&] {
    note();
    return defer_later(1500ms, [] { return 1; });
  });
  loop.start(1s);
  run_for(5s);
  EXPECT_EQ(times_, (Times{0, 2, 4}));
}

TEST_F(LoopingCallTest, AnIntervalOfZeroCallsOnceInEveryTurn) {
  int calls = 0;
  std::optional<LoopingCall> loop;
  loop.emplace([&] {
    if (++calls == 1000) loop->stop();
  });
  await(loop->start(0s).wait());
  EXPECT_EQ(calls, 1000);
  EXPECT_EQ(Clock::now(), start_);
}

TEST_F(LoopingCallTest, StopFiresTheDeferredOfStart) {
  LoopingCall loop([&] { note(); });
  auto done = loop.start(1s);
  run_for(1500ms);
  EXPECT_FALSE(done.called());
  loop.stop();
  EXPECT_TRUE(done.called());
  EXPECT_FALSE(loop.running());
  run_for(5s);
  EXPECT_EQ(times_, (Times{0, 1}));
}

TEST_F(LoopingCallTest, StoppedInTheMiddleOfACallItFiresAfterThat) {
  LoopingCall loop([&] { return defer_later(1s, [&] { note(); }); });
  auto done = loop.start(1s);
  loop.stop();
  EXPECT_FALSE(done.called());
  await(done.wait());
  EXPECT_EQ(times_, (Times{1}));
}

TEST_F(LoopingCallTest, AnErrorEndsItAndGoesToTheErrback) {
  LoopingCall loop([&] {
    note();
    if (times_.size() == 2) throw std::runtime_error("broken");
  });
  auto done = loop.start(1s);
  EXPECT_THROW(await(done.wait()), std::runtime_error);
  EXPECT_EQ(times_, (Times{0, 1}));
  EXPECT_FALSE(loop.running());
}

TEST_F(LoopingCallTest, MayBeStartedAgainButNotTwice) {
  LoopingCall loop([&] { note(); });
  loop.start(1s);
  EXPECT_THROW(loop.start(1s), std::logic_error);
  loop.stop();
  run_for(3s);
  loop.start(1s);
  run_for(1500ms);
  EXPECT_EQ(times_, (Times{0, 3, 4}));
  EXPECT_THROW(LoopingCall([] {}).start(-1s), std::invalid_argument);
}

TEST_F(LoopingCallTest, CancellingTheDeferredOfStartStopsIt) {
  LoopingCall loop([&] { note(); });
  auto done = loop.start(1s);
  done.cancel();
  EXPECT_FALSE(loop.running());
  run_for(3s);
  EXPECT_EQ(times_, (Times{0}));
}

TEST_F(LoopingCallTest, DestroyedItCallsNoMore) {
  {
    LoopingCall loop([&] { return defer_later(500ms, [&] { note(); }); });
    loop.start(1s);
  }
  run_for(5s);
  EXPECT_EQ(times_, (Times{0.5}));  // the call under way is not undone
}

}  // namespace
}  // namespace simul
