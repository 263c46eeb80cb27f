// Tasks beside fibers, Deferreds, threads and plain code; and what one can learn of tasks.
#include "runtime/task/bridges.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/deferred/deferred.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/introspection.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/timeout.hpp"
#include "runtime/task/to_thread.hpp"
#include "tests/task/task_fixture.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

class Bridges : public TaskFixture {};

// --- A fiber, or plain code, awaits a task ------------------------------------------------------

TEST_F(Bridges, PlainCodeAwaitsATaskAndRunsTheLoop) {
  EXPECT_EQ(await(value(3, 1s)), 3);
  EXPECT_THROW(await(fail("no", 1s)), std::runtime_error);
  auto unique = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  EXPECT_EQ(*await(unique()), 7);
  EXPECT_EQ(log, (Log{"1s 3"}));
  EXPECT_EQ(reported, Log());
}

TEST_F(Bridges, FibersAndTasksTakeTurns) {
  const Fiber<> fiber = spawn([this] {
    EXPECT_EQ(await(value(3, 1s)), 3);
    note("fiber");
  });
  const TaskHandle<> task = create_task(say("task", 500ms));
  EXPECT_EQ(await(value(9, 2s)), 9);
  EXPECT_TRUE(fiber.done() && task.done());
  EXPECT_EQ(log, (Log{"0.5s task", "1s 3", "1s fiber", "2s 9"}));
}

TEST_F(Bridges, FiberAwaitsTheHandleOfATaskThatItCreated) {
  const Fiber<int> fiber = spawn([this] {
    const TaskHandle<int> task = create_task(value(4, 1s));
    note("created");
    return await(task);
  });
  EXPECT_EQ(fiber.result(), 4);
  EXPECT_EQ(log, (Log{"0s created", "1s 4"}));
}

TEST_F(Bridges, FiberThatIsKilledCancelsItsTaskAndLeavesWhenThatHasEnded) {
  const Fiber<> fiber = spawn([this] {
    std::string on_the_stack = "still here";
    auto body = [&]() -> Task<> {
      co_await stubborn("task", 2s);
      note("not reached");
    };
    struct AtEnd {
      Bridges& test;
      ~AtEnd() { test.note("fiber unwinds"); }
    } at_end{*this};
    await(body());
  });
  this_fiber::sleep_for(1s);
  fiber.kill();
  fiber.join();
  EXPECT_TRUE(fiber.cancelled());
  EXPECT_EQ(log, (Log{"1s task cancelled", "3s task gone", "3s fiber unwinds"}));
}

TEST_F(Bridges, FiberThatIsKilledThrowsCancelledAlsoIfItsTaskSwallowsItAndErrorsAreReported) {
  const Fiber<> swallowed = spawn([this] { await(swallows("x")); });
  const Fiber<> failed = spawn([this] { await(fails_when_cancelled("boo")); });
  this_fiber::sleep_for(1s);
  swallowed.kill();
  failed.kill();
  join_all(std::vector{swallowed, failed});
  EXPECT_TRUE(swallowed.cancelled() && failed.cancelled());
  EXPECT_EQ(reported, (Log{"task 'task' failed: boo"}));
}

TEST_F(Bridges, KilledFiberDoesNotEvenStartATask) {
  const Fiber<> fiber = spawn([this] {
    try {
      this_fiber::sleep_for(9s);
    } catch (const Cancelled&) {
    }
    await(say("never"));
  });
  this_fiber::yield();
  fiber.kill();
  fiber.join();
  EXPECT_TRUE(fiber.cancelled());
  EXPECT_EQ(log, Log());
}

TEST_F(Bridges, AwaitOfATaskInACallbackOrATaskIsAnError) {
  std::string in_callback;
  loop.call_soon([&] {
    try {
      await(say("never"));
    } catch (const std::logic_error& error) {
      in_callback = error.what();
    }
  });
  auto wrong = [this]() -> Task<> {
    await(say("never"));
    co_return;
  };
  auto test = [&]() -> Task<> { note(co_await error_of(wrong)); };
  run(test());
  EXPECT_NE(in_callback.find("a callback cannot wait"), std::string::npos);
  EXPECT_EQ(log, (Log{"0s task 'main' waits with await: a task waits with co_await"}));
}

TEST_F(Bridges, DeadlockOfATaskThatPlainCodeAwaitsEndsTheTask) {
  auto forever = [this]() -> Task<> {
    try {
      const Deferred<> nobody_fires;
      co_await nobody_fires;
    } catch (const Cancelled&) {
      note("cancelled");
      throw;
    }
  };
  EXPECT_THROW(await(forever()), Deadlock);
  EXPECT_EQ(log, (Log{"0s cancelled"}));
  EXPECT_TRUE(all_tasks().empty());
}

TEST_F(Bridges, LoopThatIsStoppedCancelsTheTaskThatPlainCodeAwaits) {
  loop.call_later(1s, [this] { loop.stop(); });
  EXPECT_THROW(await(stubborn("task", 1s)), Cancelled);
  EXPECT_EQ(log, (Log{"1s task cancelled", "2s task gone"}));
}

// --- A task awaits a fiber ----------------------------------------------------------------------

TEST_F(Bridges, TaskAwaitsAFiberForItsResultOrItsError) {
  auto test = [this]() -> Task<> {
    const Fiber<std::string> fiber = spawn([] {
      this_fiber::sleep_for(1s);
      return std::string("from a fiber");
    });
    note(co_await fiber);
    note(co_await fiber);  // handles share the result
    const Fiber<> fails = spawn([] { throw std::runtime_error("boo"); });
    auto waits = [&]() -> Task<> { co_await fails; };
    note(co_await error_of(waits));
    const Fiber<> killed = spawn([] { this_fiber::sleep_for(9s); });
    loop.call_later(1s, [killed] { killed.kill(); });
    auto waits_too = [&]() -> Task<> { co_await killed; };
    note(co_await error_of(waits_too));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s from a fiber", "1s from a fiber", "1s boo", "2s cancelled"}));
  EXPECT_EQ(reported, Log());
}

TEST_F(Bridges, TaskThatIsCancelledKillsTheFiberAndGoesOnWhenThatHasEnded) {
  auto test = [this]() -> Task<> {
    const Fiber<> fiber = spawn([this] {
      try {
        await(stubborn("task of the fiber", 2s));
      } catch (const Cancelled&) {
        note("killed");
        throw;
      }
    });
    auto waits = [&]() -> Task<> { co_await fiber; };
    const TaskHandle<> waiting = create_task(waits());
    co_await sleep(1s);
    waiting.cancel();
    note(co_await error_of(waiting));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s task of the fiber cancelled", "3s task of the fiber gone", "3s killed",
                      "3s cancelled"}));
}

TEST_F(Bridges, TimeoutReachesAFiber) {
  auto test = [this]() -> Task<> {
    const Fiber<> fiber = spawn([] { this_fiber::sleep_for(9s); });
    auto body = [&]() -> Task<> { co_await fiber; };
    auto limited = [&]() -> Task<> { co_await timeout(1s, body); };
    note(co_await error_of(limited));
    EXPECT_TRUE(fiber.cancelled());
    EXPECT_EQ(current_task()->cancels_requested(), 0U);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s task 'main': timed out after 1 s"}));
}

TEST_F(Bridges, FiberThatCancelsTheTaskThatWaitsForItEndsBoth) {
  auto test = [this]() -> Task<> {
    TaskHandle<>* waiting = nullptr;
    const Fiber<> fiber = spawn([&] {
      this_fiber::sleep_for(1s);
      waiting->cancel();
      note("not reached");
    });
    auto waits = [&]() -> Task<> { co_await fiber; };
    TaskHandle<> task = create_task(waits());
    waiting = &task;
    note(co_await error_of(task));
    EXPECT_TRUE(fiber.cancelled());
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s cancelled"}));
}

// --- Deferreds ----------------------------------------------------------------------------------

TEST_F(Bridges, TaskAwaitsADeferred) {
  auto test = [this]() -> Task<> {
    Deferred<int> number;
    loop.call_later(1s, [number] { number.callback(5); });
    EXPECT_EQ(co_await number, 5);
    Deferred<> broken;
    loop.call_later(1s, [broken] { broken.errback(std::runtime_error("boo")); });
    auto waits = [&]() -> Task<> { co_await broken; };
    note(co_await error_of(waits));
    Deferred<std::string> fired;
    fired.callback("there");
    note(co_await fired.add_callback([](std::string text) { return text + " already"; }));
  };
  run(test());
  EXPECT_EQ(log, (Log{"2s boo", "2s there already"}));
  EXPECT_EQ(reported, Log());
}

TEST_F(Bridges, TaskThatIsCancelledWhileItAwaitsADeferredLeavesThatAsItWas) {
  auto test = [this]() -> Task<> {
    bool asked_to_stop = false;
    Deferred<int> number([&](Deferred<int>&) { asked_to_stop = true; });
    auto waits = [&]() -> Task<> { co_await number; };
    const TaskHandle<> waiting = create_task(waits());
    co_await sleep(1s);
    waiting.cancel();
    note(co_await error_of(waiting));
    EXPECT_FALSE(number.called() || asked_to_stop);
    loop.call_later(1s, [number] { number.callback(5); });
    EXPECT_EQ(co_await number, 5);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s cancelled"}));
}

TEST_F(Bridges, TaskGetsCancelledWhenTheDeferredIsCancelled) {
  auto test = [this]() -> Task<> {
    Deferred<> never;
    loop.call_later(1s, [never] { never.cancel(); });
    auto waits = [&]() -> Task<> { co_await never; };
    note(co_await error_of(waits));
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s cancelled"}));
}

TEST_F(Bridges, DeferredFromATaskFiresWithItsResultFromTheLoop) {
  auto test = [this]() -> Task<> {
    deferred_from(value(4, 1s)).add_callback([this](int n) {
      EXPECT_EQ(current_task(), nullptr);
      note("fired with " + std::to_string(n));
    });
    deferred_from(say("void", 2s)).add_callback([this] { note("fired"); });
    deferred_from(fail("boo", 3s)).add_errback([this](std::exception_ptr error) {
      note(message_of(error));
    });
    const TaskHandle<> ended = create_task(say("ended"));
    co_await ended;
    EXPECT_TRUE(deferred_from(ended).called());
    co_await sleep(9s);
  };
  run(test());
  EXPECT_EQ(log, (Log{"0s ended", "1s 4", "1s fired with 4", "2s void", "2s fired", "3s boo"}));
  EXPECT_EQ(reported, Log());
}

TEST_F(Bridges, CancellingTheDeferredCancelsTheTaskAndTheOtherWayRound) {
  auto test = [this]() -> Task<> {
    const TaskHandle<> task = create_task(stubborn("task", 1s));
    const Deferred<> deferred = deferred_from(task);
    auto errback =
        deferred.add_errback([this](std::exception_ptr error) { note(message_of(error)); });
    co_await sleep(1s);
    deferred.cancel();
    co_await sleep(5s);
    EXPECT_TRUE(task.cancelled());
    const TaskHandle<> other = create_task(say("never", 9s));
    auto second = deferred_from(other).add_errback(
        [this](std::exception_ptr error) { note(message_of(error)); });
    co_await sleep(1s);
    other.cancel();
    co_await sleep(1s);
  };
  run(test());
  EXPECT_EQ(log, (Log{"1s cancelled", "1s task cancelled", "2s task gone", "7s cancelled"}));
}

TEST_F(Bridges, DeferredFromATaskWhoseLoopGoesIsLeftAlone) {
  std::vector<Deferred<>> kept;
  auto test = [&]() -> Task<> {
    kept.push_back(deferred_from(say("never", 9s)));
    co_await sleep(1s);
  };
  {
    Reactor inner;
    run(test());
  }
  EXPECT_EQ(log, Log());
}

// --- Threads ------------------------------------------------------------------------------------

int add(int a, int b) {
  return a + b;
}

TEST_F(Bridges, ToThreadGivesWhatTheFunctionReturnsOrThrows) {
  auto test = [this]() -> Task<> {
    EXPECT_EQ(co_await to_thread(add, 1, 2), 3);
    auto elsewhere = [here = std::this_thread::get_id()] {
      return std::this_thread::get_id() != here;
    };
    EXPECT_TRUE(co_await to_thread(elsewhere));
    auto moved = [](std::unique_ptr<int> p) { return p; };
    auto owned = co_await to_thread(moved, std::make_unique<int>(7));
    EXPECT_EQ(*owned, 7);
    auto throws = [](const std::string& message) { throw std::runtime_error(message); };
    auto waits = [&]() -> Task<> { co_await to_thread(throws, "boo"); };
    note(co_await error_of(waits));
  };
  run(test());
  EXPECT_EQ(log.size(), 1U);
  EXPECT_NE(log[0].find("boo"), std::string::npos);
}

TEST_F(Bridges, TaskThatIsCancelledLeavesTheThreadToItsWork) {
  struct Door {
    std::atomic<bool> reached = false;
    std::atomic<bool> open = false;
    std::atomic<bool> passed = false;
  };
  auto door = std::make_shared<Door>();
  auto blocks = [door] {
    door->reached = true;
    door->open.wait(false);
    door->passed = true;
    door->passed.notify_one();
  };
  auto test = [&]() -> Task<> {
    auto waits = [&]() -> Task<> { co_await to_thread(blocks); };
    const TaskHandle<> task = create_task(waits());
    while (!door->reached) co_await Yield();  // what has not begun would never run
    task.cancel();
    note(co_await error_of(task));
    door->open = true;
    door->open.notify_one();
  };
  run(test());
  door->passed.wait(false);
  EXPECT_EQ(log.size(), 1U);
  EXPECT_NE(log[0].find("cancelled"), std::string::npos);
}

// --- Which tasks there are ----------------------------------------------------------------------

TEST_F(Bridges, AllTasksAreThoseThatHaveNotEndedTheOldestFirst) {
  EXPECT_TRUE(all_tasks().empty());
  EXPECT_EQ(current_task(), nullptr);
  auto test = [this]() -> Task<> {
    EXPECT_EQ(current_task()->name(), "main");
    const TaskHandle<> a = create_task(say("a", 1s), "a");
    const TaskHandle<> b = create_task(say("b", 2s), "b");
    const Fiber<> fiber = spawn([] { EXPECT_EQ(current_task(), nullptr); });
    auto names = [] {
      Log found;
      for (const Ref<TaskCore>& task : all_tasks()) found.push_back(task->name());
      return found;
    };
    EXPECT_EQ(names(), (Log{"main", "a", "b"}));
    co_await a;
    EXPECT_EQ(names(), (Log{"main", "b"}));
    EXPECT_EQ(current_task()->name(), "main");
  };
  run(test());
  EXPECT_TRUE(all_tasks().empty());
}

}  // namespace
}  // namespace simul
