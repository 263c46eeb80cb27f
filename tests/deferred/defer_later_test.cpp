// The promises of defer_later (runtime/deferred/defer_later.hpp). Time is virtual throughout.
#include "runtime/deferred/defer_later.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include "runtime/fiber/await.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

class DeferLaterTest : public testing::Test {
 protected:
  VirtualTime virtual_time_;
  Reactor loop_;
};

TEST_F(DeferLaterTest, CallsTheFunctionAfterTheDelayAndFiresWithItsResult) {
  const TimePoint start = Clock::now();
  auto d = defer_later(
      1500ms, [](int a, int b) { return a + b; }, 2, 3);
  EXPECT_FALSE(d.called());
  EXPECT_EQ(await(d.wait()), 5);
  EXPECT_EQ(Clock::now() - start, 1500ms);
}

TEST_F(DeferLaterTest, WithoutDelayTheCallIsMadeInTheNextTurn) {
  std::string log;
  auto d = defer_later(0s, [&] { log += "later"; });
  log += "now,";
  await(d.wait());
  EXPECT_EQ(log, "now,later");
}

TEST_F(DeferLaterTest, WaitsForADeferredThatTheFunctionReturns) {
  const TimePoint start = Clock::now();
  auto d = defer_later(1s, [] { return defer_later(2s, [] { return std::string("inner"); }); });
  EXPECT_EQ(await(d.wait()), "inner");
  EXPECT_EQ(Clock::now() - start, 3s);
}

TEST_F(DeferLaterTest, WhatTheFunctionThrowsGoesToTheErrback) {
  auto d = defer_later(1s, []() -> int { throw std::runtime_error("no"); });
  EXPECT_THROW(await(d.wait()), std::runtime_error);
}

TEST_F(DeferLaterTest, ArgumentsThatCanOnlyBeMovedAreMoved) {
  auto d = defer_later(
      1s, [](std::unique_ptr<int> p) { return *p; }, std::make_unique<int>(4));
  EXPECT_EQ(await(d.wait()), 4);
}

TEST_F(DeferLaterTest, CancelledBeforeThenTheFunctionIsNotCalledAndNoTimerIsLeft) {
  bool called = false;
  auto d = defer_later(1s, [&] { called = true; });
  d.cancel();
  EXPECT_THROW(await(d.wait()), Cancelled);
  const TimePoint cancelled = Clock::now();
  EXPECT_THROW(loop_.run_until([] { return false; }), Deadlock);
  EXPECT_EQ(Clock::now(), cancelled);
  EXPECT_FALSE(called);
}

TEST_F(DeferLaterTest, DroppingTheDeferredDoesNotStopTheCall) {
  bool called = false;
  defer_later(1s, [&] { called = true; });
  loop_.run_until([&] { return called; });
  EXPECT_TRUE(called);
}

}  // namespace
}  // namespace simul
