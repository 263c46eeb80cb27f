// The promises of Cooperator (runtime/deferred/cooperator.hpp), after what Twisted's documentation
// says of its own, and after the order in which its programs print.
#include "runtime/deferred/cooperator.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/deferred/defer_later.hpp"
#include "runtime/deferred/deferred_list.hpp"
#include "runtime/deferred/inline_callbacks.hpp"
#include "runtime/fiber/fiber.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

class CooperatorTest : public testing::Test {
 protected:
  CooperatorTest() {
    loop_.set_exception_handler([this](const std::string& where, std::exception_ptr error) {
      reports_.push_back(where + ": " + message_of(error));
    });
  }

  /// Yields `steps` times.
  CooperativeIterator steps(std::string name, int steps) {
    for (int i = 1; i <= steps; ++i) {
      log_ += name + std::to_string(i) + " ";
      co_yield {};
    }
    log_ += name + ". ";
  }

  /// Waits once for `d`, and counts how often it was stepped.
  CooperativeIterator waits(std::string name, Deferred<> d) {
    log_ += name + "1 ";
    co_yield d;
    log_ += name + "2 ";
  }

  void turn() { this_fiber::yield(); }

  VirtualTime virtual_time_;
  Reactor loop_;
  std::string log_;
  std::vector<std::string> reports_;
};

/// How `d` ended: "done", "error: why", "nothing yet".
std::string now(const Deferred<>& d) {
  if (!d.called()) return "nothing yet";
  try {
    await(d.wait());
    return "done";
  } catch (...) {
    return "error: " + message_of(std::current_exception());
  }
}

TEST_F(CooperatorTest, NothingRunsUntilTheLoopTurns) {
  auto done = coiterate(steps("A", 1));
  EXPECT_EQ(log_, "");
  await(done.wait());
  EXPECT_EQ(log_, "A1 A. ");
}

TEST_F(CooperatorTest, IteratorsAreSteppedInTurn) {
  Cooperator coop(1h);
  auto all = deferred_list({coop.coiterate(steps("A", 3)), coop.coiterate(steps("B", 2))});
  await(all.wait());
  EXPECT_EQ(log_, "A1 B1 A2 B2 A3 B. A. ");
}

TEST_F(CooperatorTest, ATickEndsWithItsTimeSliceAndTheNextComesInTheNextTurn) {
  Cooperator coop(0s);
  auto all = deferred_list({coop.coiterate(steps("A", 2)), coop.coiterate(steps("B", 1))});
  turn();
  EXPECT_EQ(log_, "A1 ");
  turn();
  EXPECT_EQ(log_, "A1 B1 ");
  await(all.wait());
  EXPECT_EQ(log_, "A1 B1 A2 B. A. ");
}

TEST_F(CooperatorTest, TimersHaveTheirTurnBesideIteratorsThatNeverEnd) {
  bool over = false;
  const auto endless = [](bool& stop) -> CooperativeIterator {
    while (!stop) co_yield {};
  };
  auto all = deferred_list({coiterate(endless(over)), coiterate(endless(over))});
  auto timer = defer_later(30s, [&over] { over = true; });
  // Virtual time does not pass while somebody is ready, so here the iterators let it.
  auto clock = coiterate([](bool& stop) -> CooperativeIterator {
    while (!stop) {
      Clock::advance_to(Clock::now() + 1s);
      co_yield {};
    }
  }(over));
  await(all.wait());
  EXPECT_TRUE(timer.called());
}

TEST_F(CooperatorTest, ADeferredTakesItsIteratorOutOfTheRoundUntilItHasFired) {
  Cooperator coop(1h);
  Deferred<> d;
  auto a = coop.coiterate(waits("A", d));
  auto b = coop.coiterate(steps("B", 3));
  await(b.wait());
  EXPECT_EQ(log_, "A1 B1 B2 B3 B. ");
  d.callback();
  EXPECT_EQ(log_, "A1 B1 B2 B3 B. ");  // stepped in the next tick
  await(a.wait());
  EXPECT_EQ(log_, "A1 B1 B2 B3 B. A2 ");
}

TEST_F(CooperatorTest, TheCallbacksOfTheDeferredComeBeforeTheNextStep) {
  const auto body = [](std::string& log) -> CooperativeIterator {
    for (int i = 0; i < 2; ++i) {
      const auto got = [&log] {
        log += "got,";
        return std::string("of any type");
      };
      log += "getting,";
      auto d = defer_later(1s, got);
      co_yield d;
    }
  };
  await(coiterate(body(log_)).wait());
  EXPECT_EQ(log_, "getting,got,getting,got,");
}

TEST_F(CooperatorTest, ADeferredThatHasFiredPutsItsIteratorAtTheEndOfTheRound) {
  Cooperator coop(1h);
  Deferred<> fired;
  fired.callback();
  auto all = deferred_list({coop.coiterate(waits("A", fired)), coop.coiterate(steps("B", 2)),
                            coop.coiterate(steps("C", 2))});
  await(all.wait());
  // B moved up to A's place, so this round passes over it.
  EXPECT_EQ(log_, "A1 C1 A2 B1 C2 B2 C. B. ");
}

TEST_F(CooperatorTest, OfThreeThatAllWaitTheOrderIsACBAndOfFiveACEBD) {
  for (const char* names : {"AB", "ABC", "ABCDE"}) {
    std::vector<Deferred<>> all;
    Cooperator coop;
    for (const char* name = names; *name != 0; ++name) {
      const auto body = [](char c, std::string& log) -> CooperativeIterator {
        log += c;
        co_yield defer_later(1s, [] {});
      };
      all.push_back(coop.coiterate(body(*name, log_)));
    }
    await(deferred_list(all).wait());
    log_ += ' ';
  }
  EXPECT_EQ(log_, "AB ACB ACEBD ");
}

TEST_F(CooperatorTest, AnIteratorMayYieldInlineCallbacks) {
  const auto slow = [](int& n) -> InlineCallbacks<int> {
    const auto nothing = [] {};
    co_yield defer_later(1s, nothing);
    co_return ++n;
  };
  const auto body = [](auto inner, int& n) -> CooperativeIterator {
    co_yield inner(n);
    co_yield inner(n);
  };
  int n = 0;
  const TimePoint start = Clock::now();
  await(coiterate(body(slow, n)).wait());
  EXPECT_EQ(n, 2);
  EXPECT_EQ(Clock::now() - start, 2s);
}

TEST_F(CooperatorTest, WhatAStepThrowsFailsItsDeferredAndDisturbsNobodyElse) {
  const auto body = [](std::shared_ptr<int> token) -> CooperativeIterator {
    co_yield {};
    throw std::runtime_error("broken " + std::to_string(*token));
  };
  auto token = std::make_shared<int>(7);
  auto bad = coiterate(body(token));
  auto good = coiterate(steps("B", 3));
  await(good.wait());
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(now(bad), "error: broken 7");
}

TEST_F(CooperatorTest, WhenItsDeferredFailsTheIteratorIsDestroyedUnresumed) {
  const auto body = [](Deferred<int> d, std::shared_ptr<int> held,
                       std::string& log) -> CooperativeIterator {
    try {
      co_yield d;
      log += "resumed";
    } catch (...) {
      log += "thrown";
    }
    *held = 2;
  };
  Deferred<int> d;
  auto token = std::make_shared<int>(1);
  auto done = coiterate(body(d, token, log_));
  turn();
  EXPECT_EQ(token.use_count(), 2);
  d.errback(std::runtime_error("no page"));
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(log_, "");
  EXPECT_EQ(now(done), "error: no page");
}

TEST_F(CooperatorTest, AFailureThatNobodyAsksForIsReported) {
  const auto body = []() -> CooperativeIterator {
    co_yield {};
    throw std::runtime_error("lost");
  };
  { cooperate(body()); }
  await(coiterate(steps("A", 2)).wait());
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_NE(reports_[0].find("lost"), std::string::npos);
  EXPECT_NE(reports_[0].find("cooperator_test.cpp"), std::string::npos);
  CooperativeTask asked = cooperate(body());
  await(coiterate(steps("A", 2)).wait());
  EXPECT_EQ(now(asked.when_done()), "error: lost");
  EXPECT_EQ(now(asked.when_done()), "error: lost");
  EXPECT_EQ(reports_.size(), 1u);
}

// --- CooperativeTask ----------------------------------------------------------------------------

TEST_F(CooperatorTest, EachWhenDoneFiresAlsoAfterwards) {
  CooperativeTask task = cooperate(steps("A", 1));
  auto first = task.when_done(), second = task.when_done();
  await(first.wait());
  EXPECT_EQ(now(second), "done");
  EXPECT_EQ(now(task.when_done()), "done");
}

TEST_F(CooperatorTest, PausesCountAndTheLastResumePutsItAtTheEnd) {
  Cooperator coop(0s);
  CooperativeTask a = coop.cooperate(steps("A", 1));
  auto b = coop.coiterate(steps("B", 2));
  a.pause(), a.pause();
  turn(), turn();
  a.resume();
  EXPECT_EQ(log_, "B1 B2 ");
  a.resume();
  EXPECT_THROW(a.resume(), NotPaused);
  await(a.when_done().wait());
  EXPECT_EQ(log_, "B1 B2 A1 B. A. ");
}

TEST_F(CooperatorTest, PausedWhileItWaitsItGoesOnAfterBoth) {
  Deferred<> d;
  CooperativeTask a = cooperate(waits("A", d));
  turn();
  a.pause();
  d.callback();
  turn();
  EXPECT_EQ(log_, "A1 ");
  a.resume();
  turn();
  EXPECT_EQ(log_, "A1 A2 ");
}

TEST_F(CooperatorTest, StopDestroysTheIteratorAndFailsWithTaskStopped) {
  auto token = std::make_shared<int>(1);
  const auto body = [](std::shared_ptr<int>) -> CooperativeIterator {
    for (;;) co_yield {};
  };
  CooperativeTask task = cooperate(body(token));
  auto done = task.when_done();
  turn();
  task.stop();
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_THROW(await(done.wait()), TaskStopped);
}

TEST_F(CooperatorTest, WhatIsAskedOfAFinishedTaskIsAnErrorThatSaysHowItEnded) {
  const auto throws = []() -> CooperativeIterator {
    throw std::runtime_error("broken");
    co_yield {};
  };
  CooperativeTask done = cooperate(steps("A", 0)), failed = cooperate(throws()),
                  stopped = cooperate(steps("B", 1));
  stopped.stop();
  turn();
  EXPECT_THROW(done.pause(), TaskDone);
  EXPECT_THROW(done.stop(), TaskDone);
  EXPECT_THROW(failed.stop(), TaskFailed);
  EXPECT_THROW(stopped.pause(), TaskStopped);
  EXPECT_EQ(log_, "A. ");
  EXPECT_EQ(now(failed.when_done()), "error: broken");
}

TEST_F(CooperatorTest, AStepMayStopOrPauseItsOwnTask) {
  std::optional<CooperativeTask> task;
  const auto body = [](std::optional<CooperativeTask>& self, bool stop,
                       std::string& log) -> CooperativeIterator {
    if (stop)
      self->stop();
    else
      self->pause();
    co_yield {};
    log += "resumed ";
  };
  task = cooperate(body(task, true, log_));
  turn();
  EXPECT_THROW(await(task->when_done().wait()), TaskStopped);
  EXPECT_EQ(log_, "");
  task = cooperate(body(task, false, log_));
  turn(), turn();
  EXPECT_EQ(log_, "");
  task->resume();
  turn();
  EXPECT_EQ(log_, "resumed ");
}

TEST_F(CooperatorTest, AnErrorThatComesAfterTheStopIsReported) {
  std::optional<CooperativeTask> task;
  const auto body = [](std::optional<CooperativeTask>& self) -> CooperativeIterator {
    self->stop();
    throw std::runtime_error("last words");
    co_yield {};
  };
  task = cooperate(body(task));
  turn();
  EXPECT_EQ(reports_.size(), 1u);
  Deferred<> fires, fails;
  CooperativeTask a = cooperate(waits("A", fires)), b = cooperate(waits("B", fails));
  turn();
  a.stop(), b.stop();
  fires.callback();
  EXPECT_EQ(reports_.size(), 1u);
  fails.errback(std::runtime_error("late"));
  EXPECT_EQ(reports_.size(), 2u);
  turn();
  EXPECT_EQ(log_, "A1 B1 ");
}

TEST_F(CooperatorTest, AStoppedCooperatorEndsWhatItHasAndWhatComes) {
  Cooperator coop;
  auto first = coop.coiterate(steps("A", 5));
  EXPECT_TRUE(coop.running());
  coop.stop();
  EXPECT_FALSE(coop.running());
  EXPECT_THROW(await(first.wait()), SchedulerStopped);
  EXPECT_THROW(await(coop.coiterate(steps("B", 5)).wait()), SchedulerStopped);
  coop.start();
  await(coop.coiterate(steps("C", 1)).wait());
  EXPECT_EQ(log_, "C1 C. ");
}

// --- Who owns an iterator -----------------------------------------------------------------------

CooperativeIterator holder(Deferred<> d, std::shared_ptr<int>, bool keeps) {
  if (keeps)
    co_yield d;
  else
    co_yield std::exchange(d, Deferred<>());
}

TEST_F(CooperatorTest, ItGoesWithADeferredThatNeverFires) {
  auto token = std::make_shared<int>(1);
  {
    Deferred<> d;
    coiterate(holder(d, token, false)).add_callback([token] {});
    turn();
    EXPECT_EQ(token.use_count(), 3);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(CooperatorTest, OneThatHoldsWhatItWaitsForGoesWithItsCooperator) {
  auto token = std::make_shared<int>(1);
  std::optional<CooperativeTask> task;
  std::optional<Deferred<>> done;
  {
    Cooperator coop;
    task = coop.cooperate(holder(Deferred<>(), token, true));
    done = task->when_done();
    turn();
    coop.coiterate(steps("A", 1));
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_THROW(task->pause(), SchedulerStopped);
  EXPECT_EQ(now(*done), "nothing yet");
  turn();
  {
    Reactor inner;
    coiterate(holder(Deferred<>(), token, true));
    turn();
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(CooperatorTest, AHundredThousandStepsAndWaitsNeedNoStack) {
  const auto body = [](int& n) -> CooperativeIterator {
    for (; n < 100'000; ++n) {
      Deferred<int> fired;
      fired.callback(n);
      co_yield fired;
    }
  };
  int n = 0;
  await(coiterate(body(n)).wait());
  EXPECT_EQ(n, 100'000);
}

}  // namespace
}  // namespace simul
