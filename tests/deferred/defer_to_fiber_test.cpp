// The promises of defer_to_fiber (runtime/deferred/defer_to_fiber.hpp). Time is virtual throughout.
#include "runtime/deferred/defer_to_fiber.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/deferred/inline_callbacks.hpp"
#include "runtime/fiber/fiber.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

class DeferToFiberTest : public testing::Test {
 protected:
  DeferToFiberTest() {
    loop_.set_exception_handler([this](const std::string&, std::exception_ptr error) {
      reports_.push_back(message_of(error));
    });
  }

  VirtualTime virtual_time_;
  Reactor loop_;
  std::string log_;
  std::vector<std::string> reports_;
};

TEST_F(DeferToFiberTest, FiresWithWhatTheFiberReturns) {
  auto d = defer_to_fiber(
      [](int a, std::unique_ptr<int> b) {
        this_fiber::sleep_for(1s);
        return std::make_unique<int>(a + *b);
      },
      1, std::make_unique<int>(2));
  auto sum = d.add_callback([](std::unique_ptr<int> n) { return *n; });
  EXPECT_EQ(await(sum), 3);
}

TEST_F(DeferToFiberTest, ItsCallbacksRunInTheLoopNotInTheFiber) {
  auto d = defer_to_fiber([] { this_fiber::sleep_for(1s); }).add_callback([this] {
    EXPECT_EQ(FiberCore::current(), nullptr);
    log_ += "called";
  });
  await(d);
  EXPECT_EQ(log_, "called");
}

TEST_F(DeferToFiberTest, AnErrorOfTheFiberGoesToTheErrbacks) {
  auto d = defer_to_fiber([]() -> int { throw std::runtime_error("no"); });
  EXPECT_THROW(await(d), std::runtime_error);
  {
    defer_to_fiber([] { throw std::runtime_error("lost"); });
  }
  this_fiber::sleep_for(1s);
  EXPECT_EQ(reports_, std::vector<std::string>{"lost"});  // once, not by the fiber as well
}

TEST_F(DeferToFiberTest, AFiberThatHasEndedGivesADeferredThatHasFired) {
  auto fiber = spawn([] { return 5; });
  fiber.join();
  auto d = deferred_from(fiber);
  EXPECT_TRUE(d.called());
  EXPECT_EQ(await(d), 5);
}

TEST_F(DeferToFiberTest, CancellingItKillsTheFiber) {
  auto d = defer_to_fiber([this] {
    struct End {
      std::string& log;
      ~End() { log += "unwound"; }
    } end{log_};
    this_fiber::sleep_for(1h);
  });
  this_fiber::yield();
  d.cancel();
  EXPECT_THROW(await(d), Cancelled);
  this_fiber::yield();
  EXPECT_EQ(log_, "unwound");
}

TEST_F(DeferToFiberTest, AKilledFiberGivesCancelled) {
  auto fiber = spawn([] { this_fiber::sleep_for(1h); });
  auto d = deferred_from(fiber);
  this_fiber::yield();
  fiber.kill();
  EXPECT_THROW(await(d), Cancelled);
}

TEST_F(DeferToFiberTest, InlineCallbacksWaitForFibersAndFibersForInlineCallbacks) {
  const auto body = [](std::string& log) -> InlineCallbacks<int> {
    const auto slow = [] {
      this_fiber::sleep_for(2s);
      return 6;
    };
    const int n = co_yield defer_to_fiber(slow);
    log += "got,";
    co_return 7 * n;
  };
  const TimePoint start = Clock::now();
  auto fiber = spawn([&] { return await(body(log_)); });
  EXPECT_EQ(fiber.result(), 42);
  EXPECT_EQ(log_, "got,");
  EXPECT_EQ(Clock::now() - start, 2s);
}

TEST_F(DeferToFiberTest, WhatStillRunsWhenTheLoopGoesIsKilledAndNothingFires) {
  auto token = std::make_shared<int>(1);
  {
    Reactor inner;
    defer_to_fiber([token] { this_fiber::sleep_for(1h); }).add_both([token](Outcome<void>) {
      *token = 2;
    });
    this_fiber::yield();
    EXPECT_EQ(token.use_count(), 3);
  }
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(*token, 1);
}

}  // namespace
}  // namespace simul
