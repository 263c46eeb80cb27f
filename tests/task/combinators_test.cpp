// gather, wait, as_completed, shield and wait_for: the cases are those of CPython's test_tasks and
// test_waitfor, its behaviour except where the headers say otherwise.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/queue.hpp"
#include "runtime/task/as_completed.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/introspection.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/shield.hpp"
#include "runtime/task/timeout.hpp"
#include "runtime/task/wait.hpp"
#include "tests/task/task_fixture.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

class Combinators : public TaskFixture {};

// --- gather -------------------------------------------------------------------------------------

TEST_F(Combinators, GatherGivesResultsInTheOrderOfItsArgumentsWhoeverEndsFirst) {
  auto test = [this]() -> Task<> {
    auto [three, one, two] = co_await gather(value(3, 3s), value(1, 1s), text("two", 2s));
    EXPECT_EQ(three, 3);
    EXPECT_EQ(one, 1);
    EXPECT_EQ(two, "two");
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s 1", "2s two", "3s 3"}));
}

TEST_F(Combinators, GatherStartsTasksAtTheCallInOrderAndTheyRunWhenTheCallerWaits) {
  auto test = [this]() -> Task<> {
    auto first = gather(say("a"), say("b"));
    auto second = gather(say("c"));
    note("made");
    co_await second;
    note("second");
    co_await first;
  };
  run(test());
  EXPECT_EQ(log, (Log{"0s made", "0s a", "0s b", "0s c", "0s second"}));
}

TEST_F(Combinators, GatherOfARowGivesARow) {
  auto test = [this]() -> Task<> {
    std::vector<Task<int>> tasks;
    for (int i = 3; i > 0; --i) tasks.push_back(value(i, i * 1s));
    const std::vector<int> values = co_await gather(std::move(tasks));
    EXPECT_EQ(values, (std::vector{3, 2, 1}));
    std::vector<TaskHandle<int>> handles{create_task(value(8)), create_task(value(9, 1s))};
    const std::vector<int> again = co_await gather(handles);
    EXPECT_EQ(again, (std::vector{8, 9}));
    EXPECT_EQ(handles[0].result(), 8);  // copied: handles share it
    std::vector<Task<>> nothing;
    nothing.push_back(say("x"));
    co_await gather(std::move(nothing));
  };
  run(test());
}

TEST_F(Combinators, GatherOfNothingIsReadyAtOnce) {
  auto test = []() -> Task<> {
    auto none = gather();
    EXPECT_TRUE(none.await_ready());
    EXPECT_EQ(co_await none, std::tuple<>());
    auto row = gather(std::vector<Task<int>>());
    EXPECT_TRUE(row.await_ready());
    const std::vector<int> values = co_await row;
    EXPECT_TRUE(values.empty());
  };
  run(test());
}

TEST_F(Combinators, GatherTakesResultsThatCanOnlyBeMoved) {
  auto unique = [](int n) -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(n); };
  auto test = [&]() -> Task<> {
    const TaskHandle<std::unique_ptr<int>> handle = create_task(unique(2));
    auto [a, b] = co_await gather(unique(1), handle);
    EXPECT_EQ(*a + *b, 3);
  };
  run(test());
}

TEST_F(Combinators, GatherMovesTheResultsOfTasksThatItStartedAndCopiesThoseOfHandles) {
  struct Counted {
    explicit Counted(int& its_copies) : copies(&its_copies) {}
    Counted(const Counted& other) : copies(other.copies) { ++*copies; }
    Counted(Counted&&) = default;
    int* copies;
  };
  int copies = 0;
  auto make = [&]() -> Task<Counted> { co_return Counted(copies); };
  auto test = [&]() -> Task<> {
    co_await gather(make(), make());
    EXPECT_EQ(copies, 0);
    co_await gather(create_task(make()));
    EXPECT_EQ(copies, 1);
  };
  run(test());
}

TEST_F(Combinators, GatherThrowsTheFirstErrorAtOnceAndTheOthersRunOn) {
  auto test = [this]() -> Task<> {
    auto all = [this]() -> Task<> {
      co_await gather(value(5, 5s), fail("two", 2s), fail("one", 1s));
    };
    note(co_await error_of(all));
    co_await sleep(10s);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s one", "5s 5"}));
  EXPECT_EQ(reported, (Log{"task 'task' failed: two"}));
}

TEST_F(Combinators, GatherKnowsTheFirstErrorAlsoIfBothFailedBeforeAnybodyAsked) {
  auto test = [this]() -> Task<> {
    auto both = gather(fail("late", 2s), fail("early", 1s));
    co_await sleep(5s);
    auto all = [&]() -> Task<> { co_await both; };
    note(co_await error_of(all));
  };
  run(test());
  EXPECT_EQ(log, (Log{"5s early"}));
  EXPECT_EQ(reported.size(), 1U);
}

TEST_F(Combinators, GatherOutcomesGivesErrorsAsValuesAndReportsNone) {
  auto test = [this]() -> Task<> {
    const TaskHandle<> victim = create_task(say("never", 9s));
    victim.cancel();
    auto [a, b, c] = co_await gather_outcomes(value(1, 2s), fail("no", 1s), victim);
    EXPECT_EQ(a.value(), 1);
    EXPECT_EQ(message_of(b.error()), "no");
    EXPECT_TRUE(is_cancelled(c.error()));
    std::vector<Task<>> row;
    row.push_back(fail("x"));
    row.push_back(say("y"));
    const std::vector<Outcome<void>> outcomes = co_await gather_outcomes(std::move(row));
    EXPECT_FALSE(outcomes[0].ok());
    EXPECT_TRUE(outcomes[1].ok());
  };
  run(test());
  EXPECT_EQ(reported, Log());
}

TEST_F(Combinators, GatherThrowsCancelledWhenOneOfItsTasksIsCancelled) {
  auto test = [this]() -> Task<> {
    const TaskHandle<int> a = create_task(value(1, 5s));
    const TaskHandle<int> b = create_task(value(2, 9s));
    loop.call_later(1s, [a] { a.cancel(); });
    auto both = [&]() -> Task<> { co_await gather(a, b); };
    note(co_await error_of(both));
    EXPECT_FALSE(b.done());
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s cancelled"}));
}

TEST_F(Combinators, CancelledGatherCancelsAllAndGoesOnWhenAllHaveEnded) {
  auto test = [this]() -> Task<> {
    auto all = [this]() -> Task<> {
      co_await gather(stubborn("a", 1s), stubborn("b", 3s), stubborn("c", 2s));
    };
    const TaskHandle<> gathering = create_task(all());
    co_await sleep(1s);
    gathering.cancel();
    note(co_await error_of(gathering));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s a cancelled", "1s b cancelled", "1s c cancelled", "2s a gone",
                      "3s c gone", "4s b gone", "4s cancelled"}));
}

TEST_F(Combinators, CancelledGatherThrowsCancelledAlsoIfAllSwallowItAndReportsWhatFailsMeanwhile) {
  auto test = [this]() -> Task<> {
    auto all = [this]() -> Task<> { co_await gather(swallows("a"), fails_when_cancelled("b")); };
    const TaskHandle<> gathering = create_task(all());
    co_await sleep(1s);
    gathering.cancel();
    note(co_await error_of(gathering));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s cancelled"}));
  EXPECT_EQ(reported, (Log{"task 'task' failed: b"}));
}

TEST_F(Combinators, GatherThatWasCancelledBeforeItBeganEndsItsTasksWithTheLoop) {
  auto test = [this]() -> Task<> {
    auto all = [this]() -> Task<> { co_await gather(say("a"), say("b")); };
    const TaskHandle<> gathering = create_task(all());
    gathering.cancel();
    note(co_await error_of(gathering));
  };
  run(test());
  EXPECT_EQ(log, (Log{"0s cancelled"}));
}

TEST_F(Combinators, GatherThatNobodyAwaitsLeavesItsTasksRunning) {
  auto test = [this]() -> Task<> {
    { auto dropped = gather(say("a", 1s), say("b", 2s)); }
    co_await sleep(5s);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s a", "2s b"}));
}

TEST_F(Combinators, CancelGoesThroughNestedGathersToTheLeaves) {
  auto test = [this]() -> Task<> {
    auto inner = [this]() -> Task<> { co_await gather(stubborn("a", 1s), stubborn("b", 1s)); };
    auto outer = [&]() -> Task<> { co_await gather(inner(), stubborn("c", 2s)); };
    const TaskHandle<> task = create_task(outer());
    co_await sleep(1s);
    task.cancel();
    note(co_await error_of(task));
  };
  run(test());
  EXPECT_EQ(log.back(), "3s cancelled");
  EXPECT_EQ(log.size(), 7U);
}

TEST_F(Combinators, CancelEndsAlsoWhereTasksWaitForEachOtherInARing) {
  auto test = [this]() -> Task<> {
    std::vector<TaskHandle<>> ring;
    auto waits_for_all = [&]() -> Task<> {
      co_await sleep(1s);
      std::vector<TaskHandle<>> others;
      for (const TaskHandle<>& task : ring) {
        if (&task.core() != current_task()) others.push_back(task);
      }
      co_await gather(others);
    };
    for (int i = 0; i < 3; ++i) ring.push_back(create_task(waits_for_all()));
    co_await sleep(2s);
    ring[0].cancel();
    note(co_await error_of(ring[0]));
    co_await sleep(1s);
    EXPECT_TRUE(ring[1].cancelled() && ring[2].cancelled());
  };
  run(test());
  EXPECT_EQ(log, (Log{"2s cancelled"}));
}

TEST_F(Combinators, GatherOfOneselfIsAnError) {
  auto test = [this]() -> Task<> {
    TaskHandle<>* self = nullptr;
    auto gathers = [&]() -> Task<> { co_await gather(*self); };
    TaskHandle<> task = create_task(gathers());
    self = &task;
    note(co_await error_of(task));
  };
  run(test());
  EXPECT_EQ(log, (Log{"0s task 'task' waits for its own end"}));
}

TEST_F(Combinators, CancellingAChainOfFiftyThousandGathersDoesNotRecurse) {
  struct Chain {
    static Task<> link(int n) {
      if (n == 0) {
        co_await sleep(1h);
      } else {
        co_await gather(link(n - 1));
      }
    }
  };
  auto test = [this]() -> Task<> {
    const TaskHandle<> chain = create_task(Chain::link(50'000));
    co_await sleep(1s);
    chain.cancel();
    note(co_await error_of(chain));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s cancelled"}));
}

TEST_F(Combinators, GatherInAFiberGivesTheSame) {
  const Fiber<int> fiber = spawn([this] {
    auto [a, b] = await(gather(value(1, 1s), value(2, 2s)));
    return a + b;
  });
  EXPECT_EQ(fiber.result(), 3);
}

// --- wait ---------------------------------------------------------------------------------------

TEST_F(Combinators, WaitForTheFirstGivesDoneAndPending) {
  auto test = [this]() -> Task<> {
    const std::vector<TaskHandle<int>> tasks{create_task(value(3, 3s)), create_task(value(1, 1s)),
                                             create_task(value(2, 2s))};
    auto [done, pending] = co_await wait(tasks, {.until = Until::first_completed});
    EXPECT_EQ(done, (std::vector{tasks[1]}));
    EXPECT_EQ(pending, (std::vector{tasks[0], tasks[2]}));
    auto [rest, none] = co_await wait(pending);
    EXPECT_EQ(rest, (std::vector{tasks[2], tasks[0]}));  // in the order in which they ended
    EXPECT_TRUE(none.empty());
    note("all");
  };
  run(test());
  EXPECT_EQ(log.back(), "3s all");
}

TEST_F(Combinators, WaitUntilTheFirstExceptionThrowsNothingAndIgnoresCancelled) {
  auto test = [this]() -> Task<> {
    const std::vector<TaskHandle<>> tasks{create_task(say("a", 9s)), create_task(fail("b", 3s)),
                                          create_task(say("c", 1s)), create_task(say("d", 5s))};
    loop.call_later(2s, [task = tasks[3]] { task.cancel(); });
    auto [done, pending] = co_await wait(tasks, {.until = Until::first_exception});
    note("over");
    EXPECT_EQ(done, (std::vector{tasks[2], tasks[3], tasks[1]}));
    EXPECT_EQ(pending, (std::vector{tasks[0]}));
    EXPECT_EQ(message_of(done[2].error()), "b");
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s c", "3s over"}));
}

TEST_F(Combinators, WaitUntilTheFirstExceptionWaitsForAllIfNoneFails) {
  auto test = [this]() -> Task<> {
    const std::vector<TaskHandle<>> tasks{create_task(say("a", 2s)), create_task(say("b", 1s))};
    auto [done, pending] = co_await wait(tasks, {.until = Until::first_exception});
    EXPECT_EQ(done.size(), 2U);
    note("over");
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s b", "2s a", "2s over"}));
}

TEST_F(Combinators, WaitGivesUpAfterItsTimeoutAndCancelsNobody) {
  auto test = [this]() -> Task<> {
    const std::vector<TaskHandle<>> tasks{create_task(say("a", 3s)), create_task(say("b", 1s))};
    auto [done, pending] = co_await wait(tasks, {.timeout = 2s});
    note("over");
    EXPECT_EQ(done, (std::vector{tasks[1]}));
    EXPECT_EQ(pending, (std::vector{tasks[0]}));
    co_await pending[0];
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s b", "2s over", "3s a"}));
}

TEST_F(Combinators, WaitForWhatHasEndedIsReadyAtOnceAndForNothingIsAnError) {
  auto test = [this]() -> Task<> {
    const TaskHandle<> failed = create_task(fail("x"));
    co_await sleep(1s);
    auto ready =
        wait(std::vector{failed, create_task(say("a", 1s))}, {.until = Until::first_exception});
    EXPECT_TRUE(ready.await_ready());
    const DoneAndPending<void> ended = co_await ready;
    EXPECT_EQ(ended.done.size(), 1U);
    static_cast<void>(failed.error());
    EXPECT_THROW(static_cast<void>(wait(std::vector<TaskHandle<>>())), std::invalid_argument);
  };
  run(test());
}

TEST_F(Combinators, CancelledWaitEndsAtOnceAndLeavesTheTasks) {
  auto test = [this]() -> Task<> {
    const std::vector<TaskHandle<>> tasks{create_task(say("a", 3s)), create_task(say("b", 4s))};
    auto waits = [&]() -> Task<> { co_await wait(tasks); };
    const TaskHandle<> waiting = create_task(waits());
    co_await sleep(1s);
    waiting.cancel();
    note(co_await error_of(waiting));
    co_await gather(tasks);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s cancelled", "3s a", "4s b"}));
}

// --- as_completed -------------------------------------------------------------------------------

TEST_F(Combinators, AsCompletedGivesResultsInTheOrderInWhichTheyCome) {
  auto test = [this]() -> Task<> {
    std::vector<Task<int>> tasks;
    for (const int n : {3, 1, 2}) tasks.push_back(value(n, n * 1s));
    auto results = as_completed(std::move(tasks));
    std::vector<int> got;
    while (results.more()) {
      got.push_back(co_await results.next());
      co_await sleep(5s);  // the others end meanwhile, and their order is kept
    }
    EXPECT_EQ(got, (std::vector{1, 2, 3}));
    auto once_more = [&]() -> Task<> { co_await results.next(); };
    note(co_await error_of(once_more));
  };
  run(test());
  EXPECT_EQ(log.back(), "16s as_completed: every result has been given");
}

TEST_F(Combinators, AsCompletedThrowsWhatATaskThrewInItsTurn) {
  auto test = [this]() -> Task<> {
    std::vector<Task<>> tasks;
    tasks.push_back(say("a", 3s));
    tasks.push_back(fail("no", 2s));
    auto results = as_completed(std::move(tasks));
    auto next = [&]() -> Task<> { co_await results.next(); };
    while (results.more()) note(co_await error_of(next));
  };
  run(test());
  EXPECT_EQ(log, (Log{"2s no", "3s a", "3s none"}));
  EXPECT_EQ(reported, Log());
}

TEST_F(Combinators, AsCompletedTimesOutAndGivesLaterWhatStillComes) {
  auto test = [this]() -> Task<> {
    std::vector<Task<int>> tasks;
    tasks.push_back(value(1, 1s));
    tasks.push_back(value(5, 5s));
    auto results = as_completed(std::move(tasks), 2s);
    auto next = [&]() -> Task<> { co_await results.next(); };
    for (int i = 0; i < 3; ++i) note(co_await error_of(next));
    co_await sleep(5s);
    EXPECT_EQ(co_await results.next(), 5);
    EXPECT_FALSE(results.more());
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s 1", "1s none", "2s as_completed: timed out after 2 s",
                      "2s as_completed: timed out after 2 s", "5s 5"}));
}

TEST_F(Combinators, AsCompletedThatIsDroppedLeavesTheRestRunning) {
  auto test = [this]() -> Task<> {
    {
      auto results =
          as_completed(std::vector{create_task(say("a", 1s)), create_task(say("b", 2s))});
      co_await results.next();
    }
    co_await sleep(5s);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s a", "2s b"}));
}

// --- shield -------------------------------------------------------------------------------------

TEST_F(Combinators, ShieldGivesTheResultAndTheError) {
  auto test = [this]() -> Task<> {
    EXPECT_EQ(co_await shield(value(4, 1s)), 4);
    auto fails = [this]() -> Task<> { co_await shield(fail("no")); };
    note(co_await error_of(fails));
    const TaskHandle<> ended = create_task(say("x"));
    co_await ended;
    co_await shield(ended);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s 4", "1s no", "1s x"}));
}

TEST_F(Combinators, ShieldLetsTheInnerTaskGoOnWhenTheWaiterIsCancelled) {
  auto test = [this]() -> Task<> {
    const TaskHandle<> inner = create_task(say("saved", 3s));
    auto waits = [&]() -> Task<> { co_await shield(inner); };
    const TaskHandle<> outer = create_task(waits());
    co_await sleep(1s);
    outer.cancel();
    note(co_await error_of(outer));
    co_await inner;
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s cancelled", "3s saved"}));
}

TEST_F(Combinators, ShieldedTaskThatFailsAfterItsWaiterIsGoneIsReported) {
  auto test = [this]() -> Task<> {
    auto waits = [this]() -> Task<> { co_await shield(fail("too late", 3s)); };
    const TaskHandle<> outer = create_task(waits());
    co_await sleep(1s);
    outer.cancel();
    co_await sleep(5s);
  };
  run(test());
  EXPECT_EQ(reported, (Log{"task 'task' failed: too late"}));
}

TEST_F(Combinators, ShieldedTaskThatIsCancelledItselfThrowsCancelled) {
  auto test = [this]() -> Task<> {
    const TaskHandle<> inner = create_task(say("never", 3s));
    loop.call_later(1s, [inner] { inner.cancel(); });
    auto waits = [&]() -> Task<> { co_await shield(inner); };
    note(co_await error_of(waits));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s cancelled"}));
}

TEST_F(Combinators, GatherOfAShieldsTasksIsCancelledWithoutThem) {
  auto test = [this]() -> Task<> {
    const TaskHandle<> inner = create_task(say("saved", 3s));
    auto shielded = [&]() -> Task<> { co_await shield(inner); };
    auto both = [&]() -> Task<> { co_await gather(shielded(), say("lost", 9s)); };
    const TaskHandle<> outer = create_task(both());
    co_await sleep(1s);
    outer.cancel();
    note(co_await error_of(outer));
    co_await inner;
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s cancelled", "3s saved"}));
}

// --- wait_for -----------------------------------------------------------------------------------

TEST_F(Combinators, WaitForGivesTheResultInTime) {
  auto unique = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  auto test = [&]() -> Task<> {
    EXPECT_EQ(co_await wait_for(value(1, 1s), 2s), 1);
    const TaskHandle<int> handle = create_task(value(2, 1s));
    EXPECT_EQ(co_await wait_for(handle, 2s), 2);
    EXPECT_EQ(handle.result(), 2);
    EXPECT_EQ(*co_await wait_for(create_task(unique()), 1s), 7);
    EXPECT_EQ(co_await wait_for(value(3, 1h), Duration::max()), 3);
  };
  run(test());
}

TEST_F(Combinators, WaitForCancelsAndWaitsForTheEndWhenTheTimeIsOver) {
  auto test = [this]() -> Task<> {
    const TaskHandle<> slow = create_task(stubborn("slow", 3s));
    auto waits = [&]() -> Task<> { co_await wait_for(slow, 1s); };
    note(co_await error_of(waits));
    EXPECT_TRUE(slow.cancelled());
    auto inside = [this]() -> Task<> { co_await wait_for(stubborn("inside", 1s), 1500ms); };
    note(co_await error_of(inside));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s slow cancelled", "4s slow gone", "4s task 'main': timed out after 1 s",
                      "5.5s inside cancelled", "6.5s inside gone",
                      "6.5s task 'main': timed out after 1.5 s"}));
}

TEST_F(Combinators, WaitForWithoutTimeTakesOnlyWhatIsThere) {
  auto test = [this]() -> Task<> {
    const TaskHandle<int> ended = create_task(value(1));
    co_await ended;
    EXPECT_EQ(co_await wait_for(ended, 0s), 1);
    EXPECT_EQ(co_await wait_for(ended, -1s), 1);
    auto lazy = [this]() -> Task<> { co_await wait_for(say("never"), 0s); };
    note(co_await error_of(lazy));
    const TaskHandle<> fresh = create_task(say("neither"));
    auto handle = [&]() -> Task<> { co_await wait_for(fresh, 0s); };
    note(co_await error_of(handle));
    EXPECT_TRUE(fresh.cancelled());
  };
  run(test());
  EXPECT_EQ(log, (Log{"0s 1", "0s task 'main': timed out after 0 s",
                      "0s task 'main': timed out after 0 s"}));
}

TEST_F(Combinators, WaitForThrowsWhatTheTaskThrowsAlsoWhenThatIsLate) {
  auto test = [this]() -> Task<> {
    auto early = [this]() -> Task<> { co_await wait_for(fail("early", 1s), 2s); };
    note(co_await error_of(early));
    auto late = [this]() -> Task<> { co_await wait_for(fails_when_cancelled("late"), 2s); };
    note(co_await error_of(late));
    auto regardless = [this]() -> Task<> { co_await wait_for(swallows("ok"), 2s); };
    note(co_await error_of(regardless));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s early", "3s late", "5s none"}));
}

TEST_F(Combinators, WaitForThatIsCancelledFromOutsideIsNotTimedOut) {
  auto test = [this]() -> Task<> {
    const TaskHandle<> inner = create_task(stubborn("inner", 5s));
    auto waits = [&]() -> Task<> { co_await wait_for(inner, 2s); };
    const TaskHandle<> outer = create_task(waits());
    co_await sleep(1s);
    outer.cancel();  // the limit is reached while the inner one cleans up
    note(co_await error_of(outer));
  };
  run(test());
  EXPECT_EQ(log.front(), "1s inner cancelled");
  EXPECT_EQ(log.back(), "2s cancelled");  // the second request cut its cleanup short
}

TEST_F(Combinators, WaitForLimitsAnyWaitAndLosesNoItem) {
  Queue<std::string> queue;
  auto test = [&]() -> Task<> {
    queue.try_put("there");
    note(co_await wait_for(queue.get(), 1s));
    auto waits = [&]() -> Task<> { co_await wait_for(queue.get(), 2s); };
    note(co_await error_of(waits));
    auto has_no_time = [&]() -> Task<> { co_await wait_for(queue.get(), 0s); };
    note(co_await error_of(has_no_time));
    queue.try_put("at once");
    note(co_await wait_for(queue.get(), 0s));
    co_await wait_for(sleep(1s), 2s);
    note("slept");
  };
  run(test());
  EXPECT_EQ(log, (Log{"0s there", "2s task 'main': timed out after 2 s",
                      "2s task 'main': timed out after 0 s", "2s at once", "3s slept"}));
  // The item comes in the turn in which the time is over.
  for (std::uint64_t seed = 1; seed < 40; ++seed) {
    shuffle(seed);
    auto race = [&]() -> Task<> {
      loop.call_later(1s, [&] { queue.try_put("late"); });
      auto waits = [&]() -> Task<> { note(co_await wait_for(queue.get(), 1s)); };
      const bool got = co_await error_of(waits) == "none";
      co_await sleep(1s);
      EXPECT_EQ(queue.size(), got ? 0U : 1U);
      if (!got) co_await queue.get();
    };
    run(race());
  }
}

TEST_F(Combinators, WaitForAShieldLeavesTheTaskRunning) {
  auto test = [this]() -> Task<> {
    const TaskHandle<> slow = create_task(say("slow", 3s));
    auto limited = [&]() -> Task<> { co_await shield(slow); };
    auto waits = [&]() -> Task<> { co_await timeout(1s, limited); };
    note(co_await error_of(waits));
    co_await slow;
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s task 'main': timed out after 1 s", "3s slow"}));
}

}  // namespace
}  // namespace simul
