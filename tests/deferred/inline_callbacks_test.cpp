// The promises of InlineCallbacks (runtime/deferred/inline_callbacks.hpp), after what Twisted's
// documentation says of inlineCallbacks. Time is virtual throughout.
#include "runtime/deferred/inline_callbacks.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/deferred/defer_later.hpp"
#include "runtime/deferred/deferred_list.hpp"
#include "runtime/fiber/fiber.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

class InlineCallbacksTest : public testing::Test {
 protected:
  InlineCallbacksTest() {
    loop_.set_exception_handler([this](const std::string& where, std::exception_ptr error) {
      reports_.push_back(where + ": " + message_of(error));
    });
  }

  VirtualTime virtual_time_;
  Reactor loop_;
  std::string log_;
  std::vector<std::string> reports_;
};

/// What `d` holds, as text: "5", "error: why", "nothing yet". It is taken.
template <class T>
std::string now(const Deferred<T>& d) {
  if (!d.called()) return "nothing yet";
  try {
    if constexpr (std::is_void_v<T>) {
      await(d.wait());
      return "done";
    } else {
      return std::to_string(await(d.wait()));
    }
  } catch (...) {
    return "error: " + message_of(std::current_exception());
  }
}

InlineCallbacks<int> sum(Deferred<int> a, Deferred<int> b, std::string& log) {
  log += "starts,";
  const int first = co_yield a;
  log += "goes on,";
  const int second = co_yield b;
  co_return first + second;
}

TEST_F(InlineCallbacksTest, RunsAtOnceUpToTheFirstDeferredThatHasNotFired) {
  Deferred<int> a, b;
  auto result = sum(a, b, log_);
  EXPECT_EQ(log_, "starts,");
  a.callback(1);
  EXPECT_EQ(log_, "starts,goes on,");
  EXPECT_FALSE(result.called());
  b.callback(2);
  EXPECT_EQ(now(result), "3");
}

TEST_F(InlineCallbacksTest, FiredDeferredsDoNotStopIt) {
  Deferred<int> a, b;
  a.callback(1), b.callback(2);
  EXPECT_EQ(now(sum(a, b, log_)), "3");
}

TEST_F(InlineCallbacksTest, APlainValueComesBackAtOnce) {
  const auto body = []() -> InlineCallbacks<int> {
    const std::unique_ptr<int> moved = co_yield std::make_unique<int>(3);
    const std::string text = "four";
    const std::string copy = co_yield text;
    co_return *moved + static_cast<int>(copy.size() + text.size());
  };
  EXPECT_EQ(now(body()), "11");
}

TEST_F(InlineCallbacksTest, AnErrorIsThrownAtTheYieldAndMayBeCaughtThere) {
  const auto body = [](Deferred<int> d, std::string& log) -> InlineCallbacks<int> {
    try {
      co_return co_yield d;
    } catch (const std::runtime_error& e) {
      log += e.what();
    }
    co_return 0;
  };
  Deferred<int> fails;
  auto result = body(fails, log_);
  fails.errback(std::runtime_error("broken"));
  EXPECT_EQ(log_, "broken");
  EXPECT_EQ(now(result), "0");
}

TEST_F(InlineCallbacksTest, WhatLeavesTheBodyGoesToTheErrbacks) {
  const auto at_once = []() -> InlineCallbacks<> {
    throw std::runtime_error("at once");
    co_return;
  };
  EXPECT_EQ(now(at_once()), "error: at once");
  Deferred<int> a, b;
  auto result = sum(a, b, log_).add_errback([](std::exception_ptr e) {
    return static_cast<int>(message_of(e).size());
  });
  a.errback(std::runtime_error("four"));
  EXPECT_EQ(now(result), "4");
}

TEST_F(InlineCallbacksTest, AnErrorThatNobodyHandlesIsReportedWithTheYieldItCameFrom) {
  const auto body = [](Deferred<> d) -> InlineCallbacks<> { co_yield d; };
  const int line = __LINE__ - 1;
  Deferred<> d;
  body(d);
  d.errback(std::runtime_error("lost"));
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_NE(reports_[0].find("callbacks_test.cpp:" + std::to_string(line)), std::string::npos)
      << reports_[0];
  EXPECT_NE(reports_[0].find("lost"), std::string::npos);
}

TEST_F(InlineCallbacksTest, OneWaitsForAnother) {
  const auto outer = [](Deferred<int> a, Deferred<int> b,
                        std::string& log) -> InlineCallbacks<int> {
    const int inner = co_yield sum(a, b, log);
    co_return 10 * inner;
  };
  Deferred<int> a, b;
  auto result = outer(a, b, log_);
  a.callback(1), b.callback(2);
  EXPECT_EQ(now(result), "30");
}

InlineCallbacks<> after(Duration delay, std::string name, std::string& log) {
  const auto nothing = [] {};
  co_yield defer_later(delay, nothing);
  log += name + ",";
}

TEST_F(InlineCallbacksTest, IsADeferredForListsCallbacksAndFibers) {
  const TimePoint start = Clock::now();
  auto all = deferred_list({after(2s, "two", log_), after(1s, "one", log_)});
  auto last = all.add_callback([this](std::vector<Outcome<void>> outcomes) {
    EXPECT_TRUE(outcomes[0].ok() && outcomes[1].ok());
    return after(3s, "three", log_);
  });
  await(last.wait());
  EXPECT_EQ(log_, "one,two,three,");
  EXPECT_EQ(Clock::now() - start, 5s);
  const Deferred<> plain = after(1s, "four", log_).deferred();
  EXPECT_FALSE(plain.called());
  await(maybe_deferred(after, 2s, "five", log_).wait());
  EXPECT_EQ(log_, "one,two,three,four,five,");
}

TEST_F(InlineCallbacksTest, NobodyElseCanFireIt) {
  Deferred<int> a, b;
  auto result = sum(a, b, log_);
  EXPECT_THROW(result.callback(1), std::logic_error);
}

TEST_F(InlineCallbacksTest, WhatItWaitsForHasNoOtherUse) {
  Deferred<int> taken;
  auto other = taken.add_callback([](int) {});
  Deferred<int> b;
  EXPECT_EQ(now(sum(taken, b, log_)).substr(0, 7), "error: ");
  Deferred<int> waits;
  auto result = sum(waits, b, log_);
  EXPECT_THROW(waits.add_callback([](int) {}), std::logic_error);
}

TEST_F(InlineCallbacksTest, WaitingForItselfIsAnError) {
  std::optional<Deferred<>> self;
  const auto body = [](Deferred<> first, std::optional<Deferred<>>& me) -> InlineCallbacks<> {
    co_yield first;
    co_yield *me;
  };
  Deferred<> first;
  self = body(first, self);
  auto end = *self;
  first.callback();
  EXPECT_NE(now(end).find("waits for itself"), std::string::npos);
}

// --- Cancelling ---------------------------------------------------------------------------------

InlineCallbacks<int> guarded(Deferred<int> d, Deferred<int> then, std::string& log) {
  try {
    co_return co_yield d;
  } catch (const Cancelled&) {
    log += "cancelled,";
  }
  co_return co_yield then;
}

TEST_F(InlineCallbacksTest, CancellingItCancelsWhatItWaitsFor) {
  Deferred<int> a([this](Deferred<int>&) { log_ += "stop,"; });
  Deferred<int> b;
  auto result = sum(a, b, log_);
  result.cancel();
  EXPECT_EQ(log_, "starts,stop,");
  EXPECT_EQ(now(result), "error: cancelled");
  EXPECT_TRUE(a.called());
}

TEST_F(InlineCallbacksTest, TheBodySeesCancelledAndMayGiveAValueOrGoOn) {
  Deferred<int> a, b, c, fired;
  fired.callback(7);
  auto value = guarded(a, fired, log_);
  value.cancel();
  EXPECT_EQ(now(value), "7");
  auto goes_on = guarded(b, c, log_);
  goes_on.cancel();
  EXPECT_EQ(now(goes_on), "nothing yet");
  c.callback(8);
  EXPECT_EQ(now(goes_on), "8");
  EXPECT_EQ(log_, "cancelled,cancelled,");
}

TEST_F(InlineCallbacksTest, CancelReachesThroughOneThatWaitsForAnother) {
  const auto outer = [](Deferred<int> d, Deferred<int> then,
                        std::string& log) -> InlineCallbacks<int> {
    co_return 10 * (co_yield guarded(d, then, log));
  };
  Deferred<int> d, then;
  then.callback(4);
  auto result = outer(d, then, log_);
  result.cancel();
  EXPECT_EQ(now(result), "40");
}

TEST_F(InlineCallbacksTest, CancelledWhileItRunsItFailsAtOnceAndWaitsNoMore) {
  std::optional<Deferred<int>> self;
  const auto body = [](Deferred<> first, std::optional<Deferred<int>>& me,
                       std::string& log) -> InlineCallbacks<int> {
    co_yield first;
    me->cancel();
    log += me->called() ? "failed," : "not yet,";
    try {
      co_yield Deferred<>();
    } catch (const Cancelled&) {
      log += "thrown,";
    }
    co_return 1;
  };
  Deferred<> first;
  self = body(first, self, log_);
  first.callback();
  EXPECT_EQ(log_, "failed,thrown,");
  EXPECT_EQ(now(*self), "error: cancelled");
}

TEST_F(InlineCallbacksTest, ATimeoutCancelsTheBody) {
  const TimePoint start = Clock::now();
  const auto body = [](std::string& log) -> InlineCallbacks<> {
    try {
      co_yield after(10s, "late", log);
    } catch (const Cancelled&) {
      log += "cleans up";
      throw;
    }
  };
  auto limited = body(log_).add_timeout(2s);
  EXPECT_THROW(await(limited.wait()), TimedOut);
  EXPECT_EQ(log_, "cleans up");
  EXPECT_EQ(Clock::now() - start, 2s);
}

// --- Who owns the frame -------------------------------------------------------------------------

/// Holds `token` until it has gone on.
InlineCallbacks<> holder(Deferred<> d, std::shared_ptr<int> token) {
  const std::shared_ptr<int> another = token;
  co_yield std::move(d);
}

TEST_F(InlineCallbacksTest, ItsVariablesGoWhenTheBodyIsOverNotWhenItsResultIsTaken) {
  auto token = std::make_shared<int>(1);
  Deferred<> d;
  auto result = holder(d, token);
  EXPECT_EQ(token.use_count(), 3);
  d.callback();
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(now(result), "done");
}

TEST_F(InlineCallbacksTest, ItRunsOnThoughNobodyHoldsItsResult) {
  Deferred<> d;
  auto token = std::make_shared<int>(1);
  holder(d, token);
  EXPECT_EQ(token.use_count(), 3);
  d.callback();
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(InlineCallbacksTest, ItGoesWithADeferredThatNeverFires) {
  auto token = std::make_shared<int>(1);
  {
    Deferred<> d;
    holder(d, token).add_callback([token] {});
    EXPECT_EQ(token.use_count(), 4);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(InlineCallbacksTest, WhoHoldsTheResultOfSuchAOneMayCancelIt) {
  std::optional<Deferred<int>> d;
  d.emplace();
  Deferred<int> then;
  const auto body = [](std::optional<Deferred<int>>& a, Deferred<int> b,
                       std::string& log) -> InlineCallbacks<int> {
    try {
      co_return co_yield *a;
    } catch (const Cancelled&) {
      log += "cancelled";
    }
    co_return co_yield b;
  };
  auto result = body(d, then, log_);
  d.reset();
  result.cancel();
  EXPECT_EQ(log_, "cancelled");
  EXPECT_EQ(now(result), "nothing yet");
  then.callback(5);
  EXPECT_EQ(now(result), "5");
}

TEST_F(InlineCallbacksTest, OneThatHoldsWhatItWaitsForGoesWithItsReactor) {
  auto token = std::make_shared<int>(1);
  const auto body = [](std::shared_ptr<int> held) -> InlineCallbacks<> {
    Deferred<> mine;
    co_yield mine;
    *held = 2;
  };
  std::optional<Deferred<>> result;
  Deferred<> outlives;
  {
    Reactor inner;
    body(token);
    result = body(token);
    holder(outlives, token);
    inner.call_later(1s, [d = outlives] { d.callback(); });
    EXPECT_EQ(token.use_count(), 5);
  }
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(now(*result), "nothing yet");
  outlives.callback();
  result->cancel();
  EXPECT_EQ(now(*result), "error: cancelled");
}

// --- Stack --------------------------------------------------------------------------------------

constexpr int kMany = 100'000;

TEST_F(InlineCallbacksTest, AHundredThousandFiredDeferredsInARowNeedNoStack) {
  const auto body = []() -> InlineCallbacks<int> {
    int total = 0;
    for (int i = 0; i < kMany; ++i) {
      Deferred<int> fired;
      fired.callback(1);
      total += co_yield fired;
    }
    co_return total;
  };
  EXPECT_EQ(now(body()), std::to_string(kMany));
}

TEST_F(InlineCallbacksTest, AHundredThousandThatFireOneAfterAnotherNeedNoStack) {
  std::optional<Deferred<int>> next;
  const auto body = [](std::optional<Deferred<int>>& d) -> InlineCallbacks<int> {
    int total = 0;
    for (int i = 0; i < kMany; ++i) {
      d.emplace();
      total += co_yield *d;
    }
    co_return total;
  };
  auto result = body(next);
  while (!result.called()) Deferred<int>(*next).callback(1);
  EXPECT_EQ(now(result), std::to_string(kMany));
}

TEST_F(InlineCallbacksTest, AHundredThousandThatWaitForEachOtherEndOrGoWithoutStack) {
  const auto body = [](Deferred<int> d) -> InlineCallbacks<int> {
    co_return 1 + (co_yield std::move(d));
  };
  for (const bool fire : {true, false}) {
    Deferred<int> d, innermost = d;
    for (int i = 0; i < kMany; ++i) d = body(std::move(d));
    if (!fire) continue;
    innermost.callback(0);
    EXPECT_EQ(now(d), std::to_string(kMany));
  }
  {
    const auto keeps = [](Deferred<int> d) -> InlineCallbacks<int> { co_return 1 + (co_yield d); };
    Reactor inner;
    Deferred<int> d;
    for (int i = 0; i < kMany; ++i) d = keeps(d);
  }
}

}  // namespace
}  // namespace simul
