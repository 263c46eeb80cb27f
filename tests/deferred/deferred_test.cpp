// The promises of Deferred (runtime/deferred/deferred.hpp), after what Twisted's documentation says
// of its own. Time is virtual throughout.
#include "runtime/deferred/deferred.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/fiber/fiber.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

class DeferredTest : public testing::Test {
 protected:
  DeferredTest() {
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
    } else if constexpr (std::is_same_v<T, std::string>) {
      return await(d.wait());
    } else {
      return std::to_string(await(d.wait()));
    }
  } catch (const std::exception& error) {
    return std::string("error: ") + error.what();
  } catch (const Cancelled&) {
    return "cancelled";
  }
}

std::runtime_error error(const char* what) {
  return std::runtime_error(what);
}

TEST_F(DeferredTest, CallbacksRunInTheOrderTheyWereAddedEachWithTheResultOfTheOneBefore) {
  Deferred<int> d;
  auto end = d.add_callback([](int n) { return n + 1; })
                 .add_callback([](int n) { return std::to_string(n) + "!"; })
                 .add_callback([](const std::string& s) { return s + s; });
  EXPECT_EQ(now(end), "nothing yet");
  d.callback(4);
  EXPECT_EQ(now(end), "5!5!");
}

TEST_F(DeferredTest, FiringBeforeTheCallbacksAreAddedIsTheSame) {
  Deferred<int> d;
  d.callback(4);
  auto end = d.add_callback([this](int n) {
    log_ += "at once";
    return n + 1;
  });
  EXPECT_EQ(log_, "at once");
  EXPECT_EQ(now(end.add_callback([](int n) { return 2 * n; })), "10");
}

TEST_F(DeferredTest, CallbackRunsTheCallbacksBeforeItReturns) {
  Deferred<> d;
  d.add_callback([this] { log_ += "callback,"; });
  d.callback();
  log_ += "after";
  EXPECT_EQ(log_, "callback,after");
}

TEST_F(DeferredTest, AnErrorGoesPastTheCallbacksToTheNextErrback) {
  Deferred<int> d;
  auto end = d.add_callback([this](int n) {
                log_ += "never";
                return n;
              }).add_errback([this](std::exception_ptr e) {
    log_ += message_of(e);
    return 7;
  });
  d.errback(error("broken"));
  EXPECT_EQ(log_, "broken");
  EXPECT_EQ(now(end), "7");
}

TEST_F(DeferredTest, AValueGoesPastTheErrbacks) {
  Deferred<int> d;
  auto end = d.add_errback([](std::exception_ptr) { return 0; });
  d.callback(3);
  EXPECT_EQ(now(end), "3");
}

TEST_F(DeferredTest, AThrowSwitchesToTheErrbacksAndAReturnBackToTheCallbacks) {
  Deferred<int> d;
  auto end =
      d.add_callback([](int) -> int { throw error("one"); })
          .add_errback(
              [](std::exception_ptr e) -> int { throw error((message_of(e) + ",two").c_str()); })
          .add_errback([](std::exception_ptr e) { return static_cast<int>(message_of(e).size()); })
          .add_callback([](int n) { return n * 10; });
  d.callback(1);
  EXPECT_EQ(now(end), "70");
}

TEST_F(DeferredTest, TheErrbackOfAPairDoesNotSeeWhatItsOwnCallbackThrows) {
  Deferred<int> d;
  auto end = d.add_callbacks([](int) -> int { throw error("mine"); },
                             [this](std::exception_ptr) {
                               log_ += "wrong";
                               return 0;
                             });
  d.callback(1);
  EXPECT_EQ(log_, "");
  EXPECT_EQ(now(end), "error: mine");
}

TEST_F(DeferredTest, BothSeesAValueAndAnError) {
  const auto describe = [](Outcome<int> o) {
    return o.ok() ? std::to_string(o.value()) : message_of(o.error());
  };
  Deferred<int> good, bad;
  auto good_end = good.add_both(describe);
  auto bad_end = bad.add_both(describe);
  good.callback(5);
  bad.errback(error("five"));
  EXPECT_EQ(now(good_end), "5");
  EXPECT_EQ(now(bad_end), "five");
}

TEST_F(DeferredTest, AResultThatCanOnlyBeMovedIsMovedAlong) {
  Deferred<std::unique_ptr<int>> d;
  auto end = d.add_errback([](std::exception_ptr) { return std::make_unique<int>(0); })
                 .add_callback([](std::unique_ptr<int> p) {
                   ++*p;
                   return p;
                 })
                 .add_callback([](std::unique_ptr<int> p) { return *p; });
  d.callback(std::make_unique<int>(1));
  EXPECT_EQ(now(end), "2");
}

TEST_F(DeferredTest, AChainWaitsForADeferredThatACallbackReturns) {
  Deferred<int> outer;
  Deferred<std::string> inner;
  auto end =
      outer.add_callback([inner](int) { return inner; }).add_callback([](const std::string& s) {
        return s + "!";
      });
  outer.callback(1);
  EXPECT_EQ(now(end), "nothing yet");
  inner.callback("late");
  EXPECT_EQ(now(end), "late!");
}

TEST_F(DeferredTest, ADeferredThatHasFiredIsNotWaitedFor) {
  Deferred<int> outer, inner;
  inner.callback(9);
  auto end = outer.add_callback([inner](int) { return inner; });
  outer.callback(1);
  EXPECT_EQ(now(end), "9");
}

TEST_F(DeferredTest, TheErrorOfAnInnerDeferredGoesToTheOuterErrbacks) {
  Deferred<int> outer, inner;
  auto end =
      outer.add_callback([inner](int) { return inner; }).add_errback([](std::exception_ptr e) {
        return static_cast<int>(message_of(e).size());
      });
  outer.callback(1);
  inner.errback(error("four"));
  EXPECT_EQ(now(end), "4");
}

TEST_F(DeferredTest, AnErrbackMayReturnADeferredToo) {
  Deferred<int> d, again;
  auto end = d.add_errback([again](std::exception_ptr) { return again; });
  d.errback(error("once more"));
  EXPECT_EQ(now(end), "nothing yet");
  again.callback(2);
  EXPECT_EQ(now(end), "2");
}

TEST_F(DeferredTest, ReturningItselfIsAnError) {
  Deferred<int> d;
  Deferred<int> end;
  end = d.add_callback([&end](int) { return end; });
  d.callback(1);
  EXPECT_NE(now(end).find("waits for itself"), std::string::npos);
}

TEST_F(DeferredTest, TwoThatWaitForEachOtherAreAnError) {
  Deferred<int> a, b, a_end, b_end;
  a_end = a.add_callback([&b_end](int) { return b_end; }).add_callback([](int n) { return n; });
  b_end = b.add_callback([&a_end](int) { return a_end; }).add_errback([this](std::exception_ptr e) {
    log_ = message_of(e);
    return 3;
  });
  a.callback(1);
  b.callback(2);
  EXPECT_NE(log_.find("waits for itself"), std::string::npos);
  EXPECT_EQ(now(a_end), "3");
}

TEST_F(DeferredTest, FiringTwiceIsAnError) {
  Deferred<int> d;
  d.callback(1);
  EXPECT_THROW(d.callback(2), AlreadyCalled);
  EXPECT_THROW(d.errback(error("late")), AlreadyCalled);
  EXPECT_EQ(now(d), "1");
}

TEST_F(DeferredTest, OnlyTheFirstOfAChainCanBeFired) {
  Deferred<int> d;
  auto end = d.add_callback([](int n) { return n; });
  EXPECT_THROW(end.callback(1), std::logic_error);
  d.callback(2);
  EXPECT_EQ(now(end), "2");
}

TEST_F(DeferredTest, AResultGoesOneWayOnly) {
  Deferred<int> d;
  auto first = d.add_callback([](int n) { return n; });
  EXPECT_THROW(d.add_callback([](int n) { return n; }), std::logic_error);
  EXPECT_THROW(static_cast<void>(d.wait()), std::logic_error);
  d.callback(1);
  EXPECT_THROW(d.add_callback([](int n) { return n; }), std::logic_error);
  EXPECT_EQ(now(first), "1");
}

TEST_F(DeferredTest, AnErrorThatNobodyHandlesIsReportedWithThePlaceItCameFrom) {
  int thrown_at = 0, made_at = 0;
  {
    Deferred<int> d;
    thrown_at = __LINE__ + 1;
    d.add_callback([](int) -> int { throw error("lost"); }).add_callback([](int n) { return n; });
    d.callback(1);
    EXPECT_EQ(reports_.size(), 1u);  // nothing held the end of the chain
  }
  {
    made_at = __LINE__ + 1;
    Deferred<int> d;
    auto end = d.add_callback([](int n) { return n; });
    d.errback(error("found"));
    EXPECT_EQ(reports_.size(), 1u);  // somebody may still add an errback
  }
  ASSERT_EQ(reports_.size(), 2u);
  EXPECT_NE(reports_[0].find("deferred_test.cpp:" + std::to_string(thrown_at)), std::string::npos);
  EXPECT_NE(reports_[0].find("lost"), std::string::npos);
  EXPECT_NE(reports_[1].find("deferred_test.cpp:" + std::to_string(made_at)), std::string::npos);
}

TEST_F(DeferredTest, AHandledErrorIsNotReported) {
  {
    Deferred<> d;
    d.add_errback([](std::exception_ptr) {});
    d.errback(error("handled"));
  }
  EXPECT_TRUE(reports_.empty());
}

TEST_F(DeferredTest, CancelCallsTheCancellerAndFailsWithCancelled) {
  Deferred<int> d([this](Deferred<int>&) { log_ += "stop"; });
  auto end = d.add_callback([](int n) { return n; });
  end.cancel();
  EXPECT_EQ(log_, "stop");
  EXPECT_EQ(now(end), "cancelled");
  EXPECT_THROW(d.callback(1), AlreadyCalled);
}

TEST_F(DeferredTest, ACancellerMayFireTheDeferredItself) {
  Deferred<int> value([](Deferred<int>& d) { d.callback(8); });
  Deferred<int> failure([](Deferred<int>& d) { d.errback(error("stopped")); });
  Deferred<int> thrown([](Deferred<int>&) { throw error("cannot stop"); });
  value.cancel(), failure.cancel(), thrown.cancel();
  EXPECT_EQ(now(value), "8");
  EXPECT_EQ(now(failure), "error: stopped");
  EXPECT_EQ(now(thrown), "error: cannot stop");
}

TEST_F(DeferredTest, AfterACancelWithoutCancellerOneLateCallIsIgnored) {
  Deferred<int> d;
  d.cancel();
  EXPECT_EQ(now(d), "cancelled");
  d.callback(1);
  EXPECT_THROW(d.callback(2), AlreadyCalled);
}

TEST_F(DeferredTest, CancelAfterFiringDoesNothing) {
  Deferred<int> d([this](Deferred<int>&) { log_ += "wrong"; });
  d.callback(1);
  d.cancel();
  EXPECT_EQ(log_, "");
  EXPECT_EQ(now(d), "1");
}

TEST_F(DeferredTest, CancelReachesTheDeferredThatTheChainWaitsFor) {
  Deferred<int> outer;
  Deferred<int> inner([this](Deferred<int>&) { log_ += "inner"; });
  auto end =
      outer.add_callback([inner](int) { return inner; }).add_errback([this](std::exception_ptr e) {
        log_ += "," + message_of(e);
        return 0;
      });
  outer.callback(1);
  end.cancel();
  EXPECT_EQ(log_, "inner,cancelled");
  EXPECT_TRUE(inner.called());
  EXPECT_EQ(now(end), "0");
}

TEST_F(DeferredTest, ATimeoutCancelsAndTurnsIntoTimedOut) {
  Deferred<int> d([this](Deferred<int>&) { log_ += "stop"; });
  auto end = d.add_timeout(2500ms);
  const TimePoint start = Clock::now();
  try {
    await(end.wait());
    FAIL() << "no timeout";
  } catch (const TimedOut& e) {
    EXPECT_NE(std::string(e.what()).find("timed out after 2.5 s"), std::string::npos) << e.what();
  }
  EXPECT_EQ(Clock::now() - start, 2500ms);
  EXPECT_EQ(log_, "stop");
}

TEST_F(DeferredTest, ATimeoutIsForgottenWhenTheDeferredFires) {
  Deferred<int> d;
  auto end = d.add_timeout(2s);
  loop_.call_later(1s, [d] { d.callback(6); });
  EXPECT_EQ(await(end.wait()), 6);
  const TimePoint fired = Clock::now();
  EXPECT_THROW(loop_.run_until([] { return false; }), Deadlock);  // no timer is left
  EXPECT_EQ(Clock::now(), fired);
}

TEST_F(DeferredTest, AnotherCancellationThanTheTimeoutStaysOne) {
  Deferred<int> d;
  auto end = d.add_timeout(2s);
  end.cancel();
  EXPECT_EQ(now(end), "cancelled");
}

TEST_F(DeferredTest, AFiberWaitsForItAndGetsTheErrorThrown) {
  Deferred<int> good, bad;
  auto fiber = spawn([&] {
    log_ += std::to_string(await(good.wait()));
    try {
      await(bad.wait());
    } catch (const std::runtime_error& e) {
      log_ += e.what();
    }
  });
  loop_.call_later(1s, [&] { good.callback(1); });
  loop_.call_later(2s, [&] { bad.errback(error("!")); });
  fiber.join();
  EXPECT_EQ(log_, "1!");
}

TEST_F(DeferredTest, AFiberKilledInItsWaitLeavesTheDeferredAsItWas) {
  Deferred<int> d;
  auto fiber = spawn([&] { await(d.wait()); });
  this_fiber::yield();
  EXPECT_THROW(d.add_callback([](int n) { return n; }), std::logic_error);
  fiber.kill();
  fiber.join();
  EXPECT_FALSE(d.called());
  auto end = d.add_callback([](int n) { return n; });
  d.callback(1);
  EXPECT_EQ(now(end), "1");
}

TEST_F(DeferredTest, WhatACallbackCapturedGoesWhenItHasRun) {
  auto token = std::make_shared<int>(1);
  Deferred<int> d([token](Deferred<int>&) {});
  auto end = d.add_callback([token, d](int n) { return n; });  // d: a ring until it fires
  EXPECT_EQ(token.use_count(), 3);
  d.callback(1);
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(DeferredTest, AChainDroppedHalfWayFreesEverything) {
  auto token = std::make_shared<int>(1);
  {
    Deferred<int> outer, inner;
    auto end = outer.add_callback([inner](int) { return inner; }).add_callback([token](int n) {
      return n;
    });
    outer.callback(1);
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(DeferredTest, TheEndOfAChainOutlivesItsDroppedProducer) {
  Deferred<int> end;
  {
    Deferred<int> d;
    end = d.add_callback([](int n) { return n; });
  }
  EXPECT_FALSE(end.called());
  end.cancel();
  EXPECT_EQ(now(end), "cancelled");
}

constexpr int kMany = 100'000;

TEST_F(DeferredTest, AHundredThousandLinksFireAndAreFreedWithoutStack) {
  Deferred<int> d;
  Deferred<int> end = d;
  for (int i = 0; i < kMany; ++i) end = end.add_callback([](int n) { return n + 1; });
  d.callback(0);
  EXPECT_EQ(now(end), std::to_string(kMany));

  Deferred<int> dropped;
  end = dropped;
  for (int i = 0; i < kMany; ++i) end = end.add_callback([](int n) { return n + 1; });
}

TEST_F(DeferredTest, AHundredThousandNestedFiredDeferredsAreFollowedWithoutStack) {
  Deferred<int> d;
  d.callback(1);
  for (int i = 0; i < kMany; ++i) {
    Deferred<int> outer;
    outer.callback(0);
    d = outer.add_callback([inner = d](int) { return inner; });
  }
  EXPECT_EQ(now(d), "1");
}

TEST_F(DeferredTest, AHundredThousandNestedPausedDeferredsFireAndAreFreedWithoutStack) {
  for (const bool fire : {true, false}) {
    Deferred<int> innermost;
    Deferred<int> d = innermost;
    for (int i = 0; i < kMany; ++i) {
      Deferred<int> outer;
      outer.callback(0);
      d = outer.add_callback([inner = d](int) { return inner; });
    }
    EXPECT_EQ(now(d), "nothing yet");
    if (fire) {
      innermost.callback(1);
      EXPECT_EQ(now(d), "1");
    } else {
      d.cancel();
      EXPECT_EQ(now(d), "cancelled");
    }
  }
}

TEST_F(DeferredTest,
       AHundredThousandDeferredsThatHoldEachOtherInTheirCallbacksAreFreedWithoutStack) {
  Deferred<int> d;
  for (int i = 0; i < kMany; ++i) {
    Deferred<int> outer;
    outer.add_callback([inner = d](int) { return inner; });
    d = outer;
  }
  EXPECT_FALSE(d.called());
}

}  // namespace
}  // namespace simul
