// The scopes: timeout, task_group, fiber_group and finally. The cases are those of CPython's
// test_timeouts and test_taskgroups, its behaviour except where the headers say otherwise; and
// random trees of all of them, in random order, look for what those leave out.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/deferred/deferred.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/bridges.hpp"
#include "runtime/task/fiber_group.hpp"
#include "runtime/task/finally.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/introspection.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/shield.hpp"
#include "runtime/task/task_group.hpp"
#include "runtime/task/timeout.hpp"
#include "tests/task/task_fixture.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

class Scopes : public TaskFixture {
 protected:
  /// After a second, adds two more to `group`.
  Task<> grows(TaskGroup& group, int n) {
    co_await sleep(1s);
    note(std::to_string(n));
    if (n == 0) co_return;
    group.create_task(grows(group, n - 1));
    group.create_task(grows(group, 0));
  }

  /// A fiber that says `text` after `delay`, or "text killed".
  auto fiber_that_says(std::string text, Duration delay) {
    return [this, text, delay] {
      try {
        this_fiber::sleep_for(delay);
        note(text);
      } catch (const Cancelled&) {
        note(text + " killed");
        throw;
      }
    };
  }
};

// --- timeout ------------------------------------------------------------------------------------

TEST_F(Scopes, TimeoutGivesTheResultOfItsBodyInTime) {
  auto test = [this]() -> Task<> {
    auto body = [this]() -> Task<int> { co_return co_await value(5, 1s); };
    EXPECT_EQ(co_await timeout(2s, body), 5);
    EXPECT_EQ(co_await timeout(Duration::max(), body), 5);
    auto fails = [this]() -> Task<> { co_await fail("no", 1s); };
    auto limited = [&]() -> Task<> { co_await timeout(2s, fails); };
    note(co_await error_of(limited));
    EXPECT_EQ(current_task()->cancels_requested(), 0U);
    co_await sleep(10s);  // and no clock goes off later
    note("end");
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s 5", "2s 5", "3s no", "13s end"}));
}

TEST_F(Scopes, TimeoutThrowsTimedOutWhichNamesTheTaskAndTheLimit) {
  auto test = [this]() -> Task<> {
    auto body = [this]() -> Task<> { co_await say("never", 5s); };
    auto limited = [&]() -> Task<> { co_await timeout(1500ms, body); };
    const TaskHandle<> task = create_task(limited(), "download");
    note(co_await error_of(task));
    EXPECT_TRUE(task.failed());
    EXPECT_FALSE(task.cancelled());
  };
  run(test());
  EXPECT_EQ(log, (Log{"1.5s task 'download': timed out after 1.5 s"}));
}

TEST_F(Scopes, TimeoutLeavesTheTaskAsItWas) {
  auto test = [this]() -> Task<> {
    auto body = [this]() -> Task<> { co_await say("never", 5s); };
    auto limited = [&]() -> Task<> { co_await timeout(1s, body); };
    for (int i = 0; i < 3; ++i) note(co_await error_of(limited));
    EXPECT_EQ(current_task()->cancels_requested(), 0U);
    co_await say("on", 1s);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s task 'main': timed out after 1 s", "2s task 'main': timed out after 1 s",
                      "3s task 'main': timed out after 1 s", "4s on"}));
}

TEST_F(Scopes, TimeoutOfZeroRunsTheBodyToItsFirstWait) {
  auto test = [this]() -> Task<> {
    auto quick = [this]() -> Task<int> { co_return co_await value(1); };
    EXPECT_EQ(co_await timeout(0s, quick), 1);
    auto slow = [this]() -> Task<> {
      note("begins");
      co_await sleep(1s);
      note("not reached");
    };
    auto limited = [&]() -> Task<> { co_await timeout(-1s, slow); };
    note(co_await error_of(limited));
  };
  run(test());
  EXPECT_EQ(log, (Log{"0s 1", "0s begins", "0s task 'main': timed out after -1 s"}));
}

TEST_F(Scopes, TimeoutLetsTheBodyCleanUp) {
  auto test = [this]() -> Task<> {
    auto body = [this]() -> Task<> { co_await stubborn("body", 3s); };
    auto limited = [&]() -> Task<> { co_await timeout(1s, body); };
    note(co_await error_of(limited));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s body cancelled", "4s body gone", "4s task 'main': timed out after 1 s"}));
}

TEST_F(Scopes, TimeoutWhoseBodySwallowsCancelledOrFailsEndsAsTheBodyDoes) {
  auto test = [this]() -> Task<> {
    auto goes_on = [this]() -> Task<> {
      co_await swallows("x");
      co_await say("goes on", 2s);
    };
    auto limited = [&]() -> Task<> { co_await timeout(1s, goes_on); };
    note(co_await error_of(limited));
    auto fails = [this]() -> Task<> { co_await fails_when_cancelled("own error"); };
    auto limited_too = [&]() -> Task<> { co_await timeout(1s, fails); };
    note(co_await error_of(limited_too));
    EXPECT_EQ(current_task()->cancels_requested(), 0U);
  };
  run(test());
  EXPECT_EQ(log, (Log{"3s goes on", "3s none", "4s own error"}));
}

TEST_F(Scopes, OfNestedTimeoutsTheOneThatExpiredThrows) {
  auto test = [this]() -> Task<> {
    auto body = [this]() -> Task<> { co_await say("never", 9s); };
    auto inner = [&]() -> Task<> { co_await timeout(2s, body); };
    auto outer_first = [&]() -> Task<> { co_await timeout(1s, inner); };
    note(co_await error_of(outer_first));
    auto inner_first = [&]() -> Task<> { co_await timeout(3s, inner); };
    note(co_await error_of(inner_first));
  };
  run(test());
  EXPECT_EQ(log,
            (Log{"1s task 'main': timed out after 1 s", "3s task 'main': timed out after 2 s"}));
}

TEST_F(Scopes, OfNestedTimeoutsThatExpireAtOnceTheOuterOneThrows) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    shuffle(seed);
    auto test = [this]() -> Task<> {
      auto body = [this]() -> Task<> { co_await say("never", 9s); };
      bool inner_timed_out = false;
      auto inner = [&]() -> Task<> {
        try {
          co_await timeout(1s, body);
        } catch (const TimedOut&) {
          inner_timed_out = true;
        }
      };
      auto outer = [&]() -> Task<> { co_await timeout(1s, inner); };
      const std::string error = co_await error_of(outer);
      // Whichever clock comes first in the turn: both have gone off before the body goes on, or
      // the second one finds nothing left to do.
      EXPECT_TRUE(inner_timed_out ? error == "none" || error.find("timed out") != std::string::npos
                                  : error == "task 'main': timed out after 1 s");
      EXPECT_EQ(current_task()->cancels_requested(), 0U);
      co_await sleep(1s);  // nothing is left of either
    };
    run(test());
  }
}

TEST_F(Scopes, OuterTimeoutThatExpiresDuringTheCleanupOfTheInnerWins) {
  auto test = [this]() -> Task<> {
    auto body = [this]() -> Task<> { co_await stubborn("body", 5s); };
    auto inner = [&]() -> Task<> { co_await timeout(1s, body); };
    auto outer = [&]() -> Task<> { co_await timeout(3s, inner); };
    note(co_await error_of(outer));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s body cancelled", "3s task 'main': timed out after 3 s"}));
}

TEST_F(Scopes, CancelFromOutsideIsNotTakenForTheTimeoutsOwn) {
  auto test = [this]() -> Task<> {
    auto body = [this]() -> Task<> { co_await stubborn("body", 5s); };
    auto limited = [&]() -> Task<> { co_await timeout(2s, body); };
    const TaskHandle<> before = create_task(limited());
    co_await sleep(1s);
    before.cancel();  // and the time runs out during its cleanup
    note(co_await error_of(before));
    const TaskHandle<> after = create_task(limited());
    co_await sleep(3s);
    after.cancel();  // when it is cleaning up because of the time
    note(co_await error_of(after));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s body cancelled", "2s cancelled", "4s body cancelled", "5s cancelled"}));
}

TEST_F(Scopes, CancelFromOutsideInTheTurnInWhichTheTimeIsOverWins) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    shuffle(seed);
    auto test = [this]() -> Task<> {
      auto body = []() -> Task<> { co_await sleep(9s); };
      auto limited = [&]() -> Task<> { co_await timeout(1s, body); };
      const TaskHandle<> task = create_task(limited());
      bool asked_in_time = false;
      loop.call_later(1s, [&] {
        asked_in_time = !task.done();
        task.cancel();
      });
      const std::string error = co_await error_of(task);
      EXPECT_EQ(error == "cancelled", asked_in_time);
      co_await sleep(1s);
    };
    run(test());
  }
}

TEST_F(Scopes, TimeThatIsOverInTheTurnInWhichTheBodyEndsIsEitherInTimeOrTooLate) {
  int in_time = 0;
  int too_late = 0;
  for (std::uint64_t seed = 1; seed < 40; ++seed) {
    shuffle(seed);
    auto test = [&]() -> Task<> {
      auto body = [this]() -> Task<int> { co_return co_await value(1, 1s); };
      auto limited = [&]() -> Task<> { co_await timeout(1s, body); };
      ++(co_await error_of(limited) == "none" ? in_time : too_late);
      EXPECT_EQ(current_task()->cancels_requested(), 0U);
      co_await sleep(1s);  // throws if a request was left over
    };
    run(test());
  }
  EXPECT_GT(in_time, 0);
  EXPECT_GT(too_late, 0);
}

TEST_F(Scopes, TimeoutAfterASwallowedCancelStillTimesOut) {
  auto test = [this]() -> Task<> {
    auto first_swallows = [this]() -> Task<> {
      co_await swallows("x");
      auto body = [this]() -> Task<> { co_await say("never", 5s); };
      auto limited = [&]() -> Task<> { co_await timeout(1s, body); };
      note(co_await error_of(limited));
    };
    const TaskHandle<> task = create_task(first_swallows(), "t");
    co_await sleep(1s);
    task.cancel();
    co_await task;
  };
  run(test());
  EXPECT_EQ(log, (Log{"2s task 't': timed out after 1 s"}));
}

TEST_F(Scopes, TimeoutReachesThroughAGatherAndWaitsForAll) {
  auto test = [this]() -> Task<> {
    auto body = [this]() -> Task<> { co_await gather(stubborn("a", 1s), stubborn("b", 2s)); };
    auto limited = [&]() -> Task<> { co_await timeout(1s, body); };
    note(co_await error_of(limited));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s a cancelled", "1s b cancelled", "2s a gone", "3s b gone",
                      "3s task 'main': timed out after 1 s"}));
}

// --- task_group ---------------------------------------------------------------------------------

TEST_F(Scopes, GroupWaitsForItsChildrenAndGivesTheResultOfItsBody) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<std::unique_ptr<int>> {
      group.create_task(say("slow", 3s));
      group.create_task(say("quick", 1s), "quick");
      note("body ends");
      co_return std::make_unique<int>(7);
    };
    EXPECT_EQ(*co_await task_group(body), 7);
    note("group ends");
  };
  run(test());
  EXPECT_EQ(log, (Log{"0s body ends", "1s quick", "3s slow", "3s group ends"}));
}

TEST_F(Scopes, GroupWithoutChildrenDoesNotWait) {
  auto test = [this]() -> Task<> {
    loop.call_soon([this] { note("next turn"); });
    auto body = [](TaskGroup&) -> Task<> { co_return; };
    co_await task_group(body);
    note("group ends");
    co_await sleep(1s);
  };
  run(test());
  EXPECT_EQ(log, (Log{"0s group ends", "0s next turn"}));
}

TEST_F(Scopes, GroupGivesHandlesWhoseResultsOutliveIt) {
  auto test = [this]() -> Task<> {
    std::vector<TaskHandle<int>> handles;
    auto body = [&](TaskGroup& group) -> Task<> {
      for (int i = 0; i < 3; ++i) handles.push_back(group.create_task(value(i, i * 1s)));
      co_return;
    };
    co_await task_group(body);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(handles[i].result(), i);
  };
  run(test());
}

TEST_F(Scopes, FirstFailureCancelsTheBodyAndTheOthersAndIsThrownWhenAllHaveEnded) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      group.create_task(stubborn("a", 3s));
      group.create_task(fail("boo", 1s));
      co_await stubborn("body", 1s);
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    note(co_await error_of(grouped));
    EXPECT_EQ(current_task()->cancels_requested(), 0U);
    co_await say("on", 1s);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s a cancelled", "1s body cancelled", "2s body gone", "4s a gone", "4s boo",
                      "5s on"}));
  EXPECT_EQ(reported, Log());
}

TEST_F(Scopes, FailureWhenTheBodyHasEndedDoesNotCancelTheWaitingTask) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      group.create_task(stubborn("a", 1s));
      group.create_task(fail("boo", 1s));
      co_return;
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    note(co_await error_of(grouped));
    EXPECT_EQ(current_task()->cancels_requested(), 0U);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s a cancelled", "2s a gone", "2s boo"}));
}

TEST_F(Scopes, ErrorOfTheBodyCancelsTheChildren) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      group.create_task(stubborn("a", 2s));
      co_await fail("body", 1s);
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    note(co_await error_of(grouped));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s a cancelled", "3s a gone", "3s body"}));
}

TEST_F(Scopes, FurtherFailuresAreReportedNotSwallowed) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      group.create_task(fails_when_cancelled("second"), "b");
      group.create_task(fail("first", 1s), "a");
      co_await fails_when_cancelled("third");
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    note(co_await error_of(grouped));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s first"}));
  EXPECT_EQ(reported,
            (Log{"task 'b' failed: second", "task 'main': the body of a group failed: third"}));
}

TEST_F(Scopes, BodyThatWaitsForTheFailingChildThrowsItsErrorOnce) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      const TaskHandle<> child = group.create_task(fail("boo", 1s));
      co_await child;
      note("not reached");
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    note(co_await error_of(grouped));
    EXPECT_EQ(current_task()->cancels_requested(), 0U);
    co_await sleep(1s);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s boo"}));
  EXPECT_EQ(reported, Log());
}

TEST_F(Scopes, BodyThatWouldCatchTheErrorOfTheChildIsCancelledAllTheSame) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      const TaskHandle<> child = group.create_task(fail("boo", 1s));
      try {
        co_await child;
      } catch (const std::runtime_error&) {
        note("not reached");
      }
      co_await sleep(9s);
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    note(co_await error_of(grouped));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s boo"}));
}

TEST_F(Scopes, ChildThatIsCancelledIsNoFailure) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      const TaskHandle<> child = group.create_task(say("never", 9s));
      group.create_task(say("other", 2s));
      co_await sleep(1s);
      child.cancel();
      const TaskHandle<> unborn = group.create_task(say("never"));
      unborn.cancel();
    };
    co_await task_group(body);
    note("end");
  };
  run(test());
  EXPECT_EQ(log, (Log{"2s other", "2s end"}));
}

TEST_F(Scopes, CancelFromOutsideCancelsBodyAndChildrenAndWaitsForThem) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      group.create_task(stubborn("a", 2s));
      co_await stubborn("body", 1s);
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    const TaskHandle<> task = create_task(grouped());
    co_await sleep(1s);
    task.cancel();
    note(co_await error_of(task));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s body cancelled", "2s body gone", "2s a cancelled", "4s a gone",
                      "4s cancelled"}));
}

TEST_F(Scopes, CancelWhileTheGroupWaitsForItsChildrenCancelsThemAndEndsWithThem) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      group.create_task(stubborn("a", 2s));
      group.create_task(swallows("b"));
      co_return;
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    const TaskHandle<> task = create_task(grouped());
    co_await sleep(1s);
    task.cancel();
    note(co_await error_of(task));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s a cancelled", "3s a gone", "3s cancelled"}));
}

TEST_F(Scopes, CancelledFromOutsideWinsOverFailuresWhichAreReported) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      group.create_task(fails_when_cancelled("child"), "child");
      co_return;
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    const TaskHandle<> task = create_task(grouped());
    co_await sleep(1s);
    task.cancel();
    note(co_await error_of(task));
    // First the failure, and then the cancel.
    auto slow = [this](TaskGroup& group) -> Task<> {
      group.create_task(stubborn("a", 3s));
      co_await fail("body", 1s);
    };
    auto slowly = [&]() -> Task<> { co_await task_group(slow); };
    const TaskHandle<> other = create_task(slowly(), "other");
    co_await sleep(2s);
    other.cancel();
    note(co_await error_of(other));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s cancelled", "2s a cancelled", "3s cancelled"}));
  EXPECT_EQ(reported,
            (Log{"task 'child' failed: child", "task 'other': the body of a group failed: body"}));
}

TEST_F(Scopes, CancelFromOutsideInTheTurnInWhichAChildFailsWins) {
  for (std::uint64_t seed = 1; seed < 30; ++seed) {
    shuffle(seed);
    auto test = [this]() -> Task<> {
      auto body = [this](TaskGroup& group) -> Task<> {
        group.create_task(fail("boo", 1s));
        co_await sleep(9s);
      };
      auto grouped = [&]() -> Task<> { co_await task_group(body); };
      const TaskHandle<> task = create_task(grouped());
      loop.call_later(1s, [task] { task.cancel(); });
      EXPECT_EQ(co_await error_of(task), "cancelled");
    };
    run(test());
    EXPECT_EQ(reported.size(), seed);
  }
}

TEST_F(Scopes, CancelThatTheBodyHasNotMetYetWinsOverItsError) {
  auto test = [this]() -> Task<> {
    auto body = [](TaskGroup&) -> Task<> {
      current_task()->cancel();
      throw std::runtime_error("body");
      co_return;
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    note(co_await error_of(grouped));
    current_task()->uncancel();
    co_await sleep(1s);
  };
  run(test());
  EXPECT_EQ(log, (Log{"0s cancelled"}));
  EXPECT_EQ(reported, (Log{"task 'main': the body of a group failed: body"}));
}

TEST_F(Scopes, BodyThatThrowsTheErrorOfItsChildAgainHasNotFailedTwice) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      const TaskHandle<> child = group.create_task(fail("boo", 1s));
      co_await swallows("x");
      child.result();
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    note(co_await error_of(grouped));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s boo"}));
  EXPECT_EQ(reported, Log());
}

TEST_F(Scopes, BodyThatSwallowsTheGroupsCancelIsWaitedFor) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      group.create_task(fail("boo", 1s));
      co_await swallows("x");
      co_await say("goes on", 2s);
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    note(co_await error_of(grouped));
  };
  run(test());
  EXPECT_EQ(log, (Log{"3s goes on", "3s boo"}));
}

TEST_F(Scopes, FailureInTheTurnInWhichTheBodyEndsLeavesNoRequestBehind) {
  for (std::uint64_t seed = 1; seed < 30; ++seed) {
    shuffle(seed);
    auto test = [this]() -> Task<> {
      auto body = [this](TaskGroup& group) -> Task<> {
        group.create_task(fail("boo", 1s));
        co_await sleep(1s);
      };
      auto grouped = [&]() -> Task<> { co_await task_group(body); };
      EXPECT_EQ(co_await error_of(grouped), "boo");
      EXPECT_EQ(current_task()->cancels_requested(), 0U);
      co_await sleep(1s);
    };
    run(test());
  }
}

TEST_F(Scopes, ChildrenMayAddChildren) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      group.create_task(grows(group, 2));
      co_return;
    };
    co_await task_group(body);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s 2", "2s 1", "2s 0", "3s 0", "3s 0"}));
}

TEST_F(Scopes, GroupThatShutsDownTakesInNobody) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      group.create_task(fail("boo", 1s));
      co_await swallows("x");
      try {
        group.create_task(say("never"));
      } catch (const std::runtime_error& error) {
        note(error.what());
      }
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    note(co_await error_of(grouped));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s the group shuts down: it takes in nobody any more", "1s boo"}));
}

TEST_F(Scopes, FailureInAnInnerGroupIsAFailureInTheOuterOne) {
  auto test = [this]() -> Task<> {
    auto inner = [this](TaskGroup& group) -> Task<> {
      group.create_task(stubborn("inner", 1s));
      group.create_task(fail("boo", 1s));
      co_await sleep(9s);
    };
    auto outer = [&](TaskGroup& group) -> Task<> {
      group.create_task(stubborn("outer", 1s));
      co_await task_group(inner);
    };
    auto grouped = [&]() -> Task<> { co_await task_group(outer); };
    note(co_await error_of(grouped));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s inner cancelled", "2s inner gone", "2s outer cancelled", "3s outer gone",
                      "3s boo"}));
}

TEST_F(Scopes, FailureInTheOuterGroupCancelsTheInnerOne) {
  auto test = [this]() -> Task<> {
    auto inner = [this](TaskGroup& group) -> Task<> {
      group.create_task(stubborn("inner", 2s));
      co_return;
    };
    auto outer = [&](TaskGroup& group) -> Task<> {
      group.create_task(fail("boo", 1s));
      co_await task_group(inner);
      note("not reached");
    };
    auto grouped = [&]() -> Task<> { co_await task_group(outer); };
    note(co_await error_of(grouped));
    EXPECT_EQ(current_task()->cancels_requested(), 0U);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s inner cancelled", "3s inner gone", "3s boo"}));
}

TEST_F(Scopes, GroupInsideATimeoutEndsWithIt) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      group.create_task(stubborn("a", 1s));
      co_await sleep(9s);
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    auto limited = [&]() -> Task<> { co_await timeout(2s, grouped); };
    note(co_await error_of(limited));
  };
  run(test());
  EXPECT_EQ(log, (Log{"2s a cancelled", "3s a gone", "3s task 'main': timed out after 2 s"}));
}

TEST_F(Scopes, GroupIsLeftByCancelledWhenTheBodyWaitsForAChildThatWasCancelled) {
  auto test = [this]() -> Task<> {
    auto body = [this](TaskGroup& group) -> Task<> {
      const TaskHandle<> child = group.create_task(say("never", 9s));
      group.create_task(stubborn("other", 1s));
      loop.call_later(1s, [child] { child.cancel(); });
      co_await child;
    };
    auto grouped = [&]() -> Task<> { co_await task_group(body); };
    note(co_await error_of(grouped));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s other cancelled", "2s other gone", "2s cancelled"}));
}

TEST_F(Scopes, LoopThatGoesUnderAGroupEndsEverythingInIt) {
  auto body = [this](TaskGroup& group) -> Task<> {
    group.create_task(stubborn("a", 500ms));
    co_await stubborn("body", 1s);
  };
  auto main = [&]() -> Task<> { co_await task_group(body); };
  auto test = [&]() -> Task<> {
    create_task(main());
    co_await sleep(1s);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s body cancelled", "1s a cancelled", "1.5s a gone", "2s body gone"}));
}

// --- fiber_group --------------------------------------------------------------------------------

TEST_F(Scopes, FiberGroupWaitsForItsFibersAndGivesTheResult) {
  EXPECT_EQ(fiber_group([this](FiberGroup& group) {
              group.spawn(fiber_that_says("slow", 2s));
              group.spawn(fiber_that_says("quick", 1s));
              return 3;
            }),
            3);
  EXPECT_EQ(log, (Log{"1s quick", "2s slow"}));
}

TEST_F(Scopes, FiberGroupKillsAllAtTheFirstFailureAndThrowsIt) {
  try {
    fiber_group([this](FiberGroup& group) {
      group.spawn(fiber_that_says("other", 9s));
      group.spawn([] {
        this_fiber::sleep_for(1s);
        throw std::runtime_error("boo");
      });
      fiber_that_says("body", 9s)();
    });
    ADD_FAILURE();
  } catch (const std::runtime_error& error) {
    note(error.what());
  }
  EXPECT_EQ(log, (Log{"1s body killed", "1s other killed", "1s boo"}));
  EXPECT_EQ(reported, Log());
}

TEST_F(Scopes, FiberGroupOfAKilledFiberKillsAllAndWaits) {
  const Fiber<> fiber = spawn([this] {
    try {
      fiber_group([this](FiberGroup& group) {
        group.spawn(fiber_that_says("child", 9s));
        fiber_that_says("body", 9s)();
      });
    } catch (const Cancelled&) {
      note("group over");
      throw;
    }
  });
  this_fiber::sleep_for(1s);
  fiber.kill();
  fiber.join();
  EXPECT_EQ(log, (Log{"1s body killed", "1s child killed", "1s group over"}));
  EXPECT_TRUE(fiber.cancelled());
}

TEST_F(Scopes, FibersOfAGroupMayAddFibersAndReportFurtherFailures) {
  try {
    fiber_group([this](FiberGroup& group) {
      group.spawn([this, &group] {
        group.spawn([] {
          try {
            this_fiber::sleep_for(9s);
          } catch (const Cancelled&) {
          }
          throw std::runtime_error("second");
        });
        group.spawn(fiber_that_says("third", 1s));
        this_fiber::sleep_for(2s);
        throw std::runtime_error("first");
      });
    });
    ADD_FAILURE();
  } catch (const std::runtime_error& error) {
    note(error.what());
  }
  EXPECT_EQ(log, (Log{"1s third", "2s first"}));
  EXPECT_EQ(reported.size(), 1U);
}

// --- finally ------------------------------------------------------------------------------------

TEST_F(Scopes, FinallyRunsTheCleanupAndGivesTheResult) {
  auto test = [this]() -> Task<> {
    auto body = [this]() -> Task<int> { co_return co_await value(3, 1s); };
    auto cleanup = [this]() -> Task<> { co_await say("cleanup", 1s); };
    EXPECT_EQ(co_await finally(body, cleanup), 3);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s 3", "2s cleanup"}));
}

TEST_F(Scopes, FinallyRunsTheCleanupAfterAnErrorAndAfterCancelled) {
  auto test = [this]() -> Task<> {
    auto fails = [this]() -> Task<> { co_await fail("boo", 1s); };
    auto cleanup = [this]() -> Task<> { co_await say("cleanup", 1s); };
    auto failing = [&]() -> Task<> { co_await finally(fails, cleanup); };
    note(co_await error_of(failing));
    auto sleeps = []() -> Task<> { co_await sleep(9s); };
    auto sleeping = [&]() -> Task<> { co_await finally(sleeps, cleanup); };
    const TaskHandle<> task = create_task(sleeping());
    co_await sleep(1s);
    task.cancel();
    note(co_await error_of(task));
  };
  run(test());
  EXPECT_EQ(log, (Log{"2s cleanup", "2s boo", "4s cleanup", "4s cancelled"}));
}

TEST_F(Scopes, CancelDuringTheCleanupIsThrownWhereTheCleanupWaits) {
  auto test = [this]() -> Task<> {
    auto body = [this]() -> Task<> { co_await say("body"); };
    auto cleanup = [this]() -> Task<> {
      auto part = [this]() -> Task<> { co_await say("shielded", 2s); };
      co_await shield(part());
      note("not reached");
    };
    auto whole = [&]() -> Task<> { co_await finally(body, cleanup); };
    const TaskHandle<> task = create_task(whole());
    co_await sleep(1s);
    task.cancel();
    note(co_await error_of(task));
    co_await sleep(5s);
  };
  run(test());
  EXPECT_EQ(log, (Log{"0s body", "1s cancelled", "2s shielded"}));
}

TEST_F(Scopes, ErrorOfTheCleanupTakesThePlaceOfTheBodysWhichIsReported) {
  auto test = [this]() -> Task<> {
    auto body = [this]() -> Task<> { co_await fail("body"); };
    auto good = [this]() -> Task<> { co_await say("good"); };
    auto cleanup = [this]() -> Task<> { co_await fail("cleanup"); };
    auto both = [&]() -> Task<> { co_await finally(body, cleanup); };
    note(co_await error_of(both));
    auto one = [&]() -> Task<> { co_await finally(good, cleanup); };
    note(co_await error_of(one));
  };
  run(test());
  EXPECT_EQ(log, (Log{"0s cleanup", "0s good", "0s cleanup"}));
  EXPECT_EQ(reported, (Log{"task 'main': before its cleanup failed, too, it failed: body"}));
}

TEST_F(Scopes, CleanupRunsBeforeTheTimeoutThrowsAndAtTheEndOfRun) {
  auto test = [this]() -> Task<> {
    auto body = []() -> Task<> { co_await sleep(9s); };
    auto cleanup = [this]() -> Task<> { co_await say("cleanup", 1s); };
    auto whole = [&]() -> Task<> { co_await finally(body, cleanup); };
    auto limited = [&]() -> Task<> { co_await timeout(1s, whole); };
    note(co_await error_of(limited));
  };
  run(test());
  auto body = []() -> Task<> { co_await sleep(9s); };
  auto cleanup = [this]() -> Task<> { co_await say("last", 1s); };
  auto whole = [&]() -> Task<> { co_await finally(body, cleanup); };
  auto main = [&]() -> Task<> {
    create_task(whole());
    co_await sleep(1s);
  };
  run(main());
  EXPECT_EQ(log, (Log{"2s cleanup", "2s task 'main': timed out after 1 s", "4s last"}));
}

// --- The end of the loop ------------------------------------------------------------------------

TEST_F(Scopes, TaskThatIgnoresEveryCancelIsGivenUpWithItsScopesAndTheirChildren) {
  bool cleaned = false;
  auto deaf = []() -> Task<> {
    const Deferred<> nobody_fires;
    for (;;) {
      try {
        co_await nobody_fires;
      } catch (const Cancelled&) {
      }
    }
  };
  auto cleanup = [&]() -> Task<> {
    cleaned = true;
    co_return;
  };
  auto body = [&](TaskGroup& group) -> Task<> {
    group.create_task(deaf());
    co_await gather(deaf(), deaf());
  };
  auto grouped = [&]() -> Task<> { co_await task_group(body); };
  auto limited = [&]() -> Task<> { co_await timeout(Duration::max(), grouped); };
  auto whole = [&]() -> Task<> { co_await finally(limited, cleanup); };
  auto test = [&]() -> Task<> {
    create_task(whole());
    co_await sleep(1s);
  };
  testing::internal::CaptureStderr();
  run(test());
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("did not end when its loop did"), std::string::npos);
  EXPECT_TRUE(all_tasks().empty());
  EXPECT_FALSE(cleaned);
}

// --- All together -------------------------------------------------------------------------------

// A random tree of scopes. Each node counts itself in and out; a group's children must be out
// before it is. An obedient tree neither fails nor ignores a cancel nor takes its time over it.
class RandomTree {
 public:
  RandomTree(std::uint64_t seed, bool obedient)
      : dice_(static_cast<unsigned>(seed * 2'654'435'761U)), obedient_(obedient) {}

  Task<> node(int depth) {
    ++inside_;
    const Leave leave{inside_};
    ++visited_;
    switch (depth == 0 ? 4 + roll(obedient_ ? 2 : 3) : roll(obedient_ ? 6 : 8)) {
      case 0: {
        auto body = [this, depth]() -> Task<> { co_await node(depth - 1); };
        co_await timeout(std::chrono::milliseconds(roll(6)), body);
        break;
      }
      case 1:
        co_await gather(node(depth - 1), node(depth - 1));
        break;
      case 2: {
        int mine = 0;
        auto body = [this, depth, &mine](TaskGroup& group) -> Task<> {
          const int n = roll(4);
          for (int i = 0; i < n; ++i) group.create_task(counted(mine, depth - 1));
          co_await node(depth - 1);
        };
        try {
          co_await task_group(body);
        } catch (...) {
          EXPECT_EQ(mine, 0) << "a group left a child behind";
          throw;
        }
        EXPECT_EQ(mine, 0) << "a group left a child behind";
        break;
      }
      case 3: {
        bool cleaned = false;
        auto body = [this, depth]() -> Task<> { co_await node(depth - 1); };
        auto cleanup = [this, &cleaned]() -> Task<> {
          cleaned = true;
          if (!obedient_) co_await sleep(1ms);
        };
        try {
          co_await finally(body, cleanup);
        } catch (...) {
          EXPECT_TRUE(cleaned);
          throw;
        }
        EXPECT_TRUE(cleaned);
        break;
      }
      case 7: {
        const TaskHandle<> victim = create_task(node(depth - 1));
        co_await sleep(std::chrono::milliseconds(roll(3)));
        victim.cancel();
        try {
          co_await victim;
        } catch (const std::runtime_error&) {
        } catch (const Cancelled&) {
          if (roll(2) == 0) throw;
        }
        break;
      }
      case 4:
        co_await sleep(std::chrono::milliseconds(roll(8)));
        break;
      case 5:
        co_await Yield();
        if (!obedient_ && roll(4) == 0) throw std::runtime_error("leaf");
        break;
      case 6: {
        bool asked = false;
        try {
          co_await sleep(std::chrono::milliseconds(roll(8)));
        } catch (const Cancelled&) {
          asked = true;
        }
        if (!asked) break;
        co_await sleep(std::chrono::milliseconds(roll(3)));
        if (roll(3) != 0) throw Cancelled{};
      }
    }
  }

  int inside() const { return inside_; }
  int visited() const { return visited_; }
  int roll(int sides) { return static_cast<int>(dice_() % static_cast<unsigned>(sides)); }

 private:
  struct Leave {
    int& count;
    ~Leave() { --count; }
  };
  Task<> counted(int& count, int depth) {
    ++count;
    const Leave leave{count};
    co_await node(depth);
  }

  std::minstd_rand dice_;
  bool obedient_;
  int inside_ = 0;
  int visited_ = 0;
};

TEST_F(Scopes, RandomTreesOfScopesLeaveNothingBehind) {
  long visited = 0;
  for (std::uint64_t seed = 1; seed <= 3000 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    shuffle(seed);
    RandomTree tree(seed, /*obedient=*/false);
    auto main = [&]() -> Task<> {
      const TaskHandle<> root = create_task(tree.node(6));
      co_await sleep(std::chrono::milliseconds(tree.roll(12)));
      root.cancel();
      static_cast<void>(co_await error_of(root));
      EXPECT_EQ(current_task()->cancels_requested(), 0U);
      co_await sleep(1ms);
    };
    run(main());
    EXPECT_EQ(tree.inside(), 0);
    EXPECT_TRUE(all_tasks().empty());
    visited += tree.visited();
  }
  EXPECT_GT(visited, 10'000);
}

TEST_F(Scopes, RandomTreesOfScopesThatAreCancelledEndByCancelledAtOnce) {
  int cancelled = 0;
  for (std::uint64_t seed = 1; seed <= 3000 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    shuffle(seed);
    RandomTree tree(seed, /*obedient=*/true);
    auto main = [&]() -> Task<> {
      const TaskHandle<> root = create_task(tree.node(6));
      co_await sleep(std::chrono::milliseconds(tree.roll(12)));
      if (root.done()) {
        static_cast<void>(root.error());
        co_return;
      }
      ++cancelled;
      const TimePoint asked = Clock::now();
      root.cancel();
      EXPECT_EQ(co_await error_of(root), "cancelled");
      EXPECT_EQ(Clock::now(), asked);
    };
    run(main());
    EXPECT_EQ(tree.inside(), 0);
  }
  EXPECT_GT(cancelled, 300);
}

}  // namespace
}  // namespace simul
