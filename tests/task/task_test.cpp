// What a Task promises: how it is called, run beside others, cancelled and reported.
#include "runtime/task/task.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/sync/queue.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;
using Log = std::vector<std::string>;

/// A loop in virtual time, for every test.
class TaskTest : public testing::Test {
 protected:
  VirtualTime time;
  Reactor loop;
  Log log;

  Task<> note_after(Duration delay, std::string text) {
    co_await sleep(delay);
    log.push_back(text);
  }
};

using CreateTask = TaskTest;
using CancelTask = TaskTest;
using RunTask = TaskTest;

// --- Calling ------------------------------------------------------------------------------------

Task<int> give(int value) {
  co_return value;
}

TEST_F(TaskTest, ReturnsWhatItsCoroutineReturns) {
  const auto twice = [](int value) -> Task<int> { co_return co_await give(value) * 2; };
  EXPECT_EQ(run(twice(21)), 42);
}

TEST_F(TaskTest, MayReturnWhatCanOnlyBeMoved) {
  const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  const auto pass_on = [&]() -> Task<std::unique_ptr<int>> { co_return co_await make(); };
  EXPECT_EQ(*run(pass_on()), 7);
}

TEST_F(TaskTest, RunsNothingUntilItIsAwaited) {
  const auto main = [&]() -> Task<> {
    Task<> note = note_after(0s, "noted");
    log.push_back("called");
    co_await std::move(note);
  };
  run(main());
  EXPECT_EQ(log, (Log{"called", "noted"}));
}

TEST_F(TaskTest, DroppedUnawaitedItNeverRunsAndItsArgumentsAreFreed) {
  const auto argument = std::make_shared<int>(1);
  const auto never = [](std::shared_ptr<int>) -> Task<> {
    ADD_FAILURE();
    co_return;
  };
  { const Task<> dropped = never(argument); }
  EXPECT_EQ(argument.use_count(), 1);
}

Task<int> fail_with(std::string text) {
  throw std::runtime_error(text);
  co_return 0;
}

TEST_F(TaskTest, AnErrorIsThrownWhereItIsAwaited) {
  const auto main = [&]() -> Task<> {
    try {
      co_await fail_with("no such page");
    } catch (const std::runtime_error& error) {
      log.push_back(error.what());
    }
  };
  run(main());
  EXPECT_EQ(log, Log{"no such page"});
}

TEST_F(TaskTest, WhatIsInsideIsDestroyedBeforeWhatIsOutside) {
  struct Noted {
    Log& log;
    std::string text;
    ~Noted() { log.push_back(text); }
  };
  const auto inner = [&]() -> Task<> {
    const Noted noted{log, "inner"};
    co_await sleep(1h);
  };
  const auto outer = [&]() -> Task<> {
    const Noted noted{log, "outer"};
    co_await inner();
  };
  const TaskHandle<> task = create_task(outer());
  await(Yield());
  task.core().abandon();
  EXPECT_EQ(log, (Log{"inner", "outer"}));
}

// --- Running beside the caller ------------------------------------------------------------------

TEST_F(CreateTask, RunsWhenItsCreatorWaitsInTheOrderOfCreation) {
  const auto main = [&]() -> Task<> {
    const TaskHandle<> one = create_task(note_after(1s, "one"));
    const TaskHandle<> two = create_task(note_after(1s, "two"));
    log.push_back("created");
    co_await two;
    EXPECT_TRUE(one.done());
  };
  run(main());
  EXPECT_EQ(log, (Log{"created", "one", "two"}));
}

TEST_F(CreateTask, ManyMayWaitForOneAndShareItsResult) {
  const auto slow = []() -> Task<int> {
    co_await sleep(1s);
    co_return 5;
  };
  const auto add = [](TaskHandle<int> task, int& sum) -> Task<> { sum += co_await task; };
  int sum = 0;
  const auto main = [&]() -> Task<> {
    const TaskHandle<int> task = create_task(slow());
    const TaskHandle<> first = create_task(add(task, sum));
    const TaskHandle<> second = create_task(add(task, sum));
    co_await first;
    co_await second;
    sum += co_await task;  // it has ended: at once
  };
  run(main());
  EXPECT_EQ(sum, 15);
}

TEST_F(CreateTask, DroppingTheHandleChangesNothing) {
  const auto main = [&]() -> Task<> {
    create_task(note_after(1s, "ran"));
    co_await sleep(2s);
  };
  run(main());
  EXPECT_EQ(log, Log{"ran"});
}

TEST_F(CreateTask, AFiberAndPlainCodeMayWaitForItsResult) {
  const auto slow = []() -> Task<int> {
    co_await sleep(1s);
    co_return 5;
  };
  EXPECT_EQ(await(create_task(slow())), 5);
  EXPECT_EQ(spawn([&] { return await(create_task(slow())); }).result(), 5);
}

TEST_F(CreateTask, ArgumentsGoWhenItEndsNotWhenItsHandleGoes) {
  const auto argument = std::make_shared<int>(1);
  const auto use = [](std::shared_ptr<int>) -> Task<> { co_return; };
  const TaskHandle<> task = create_task(use(argument));
  await(task);
  EXPECT_EQ(argument.use_count(), 1);
}

TEST_F(CreateTask, HasItsResultOnlyWhenItHasEnded) {
  const TaskHandle<int> task = create_task(give(3));
  EXPECT_THROW(task.result(), std::logic_error);
  await(task);
  EXPECT_EQ(task.result(), 3);
}

TEST_F(CreateTask, AResultThatCannotBeMovedOutIsItsError) {
  struct Fragile {
    Fragile() = default;
    Fragile(Fragile&& other) : moves(other.moves + 1) {
      if (moves == 2) throw std::runtime_error("broke on the way");
    }
    int moves = 0;
  };
  const auto make = []() -> Task<Fragile> { co_return Fragile(); };
  const TaskHandle<Fragile> task = create_task(make());
  EXPECT_THROW(await(task), std::runtime_error);
  EXPECT_EQ(TaskCore::current(), nullptr);
}

TEST_F(CreateTask, CannotWaitForItself) {
  std::optional<TaskHandle<>> self;
  const auto wait = [&]() -> Task<> { co_await *self; };
  self = create_task(wait(), "snake");
  EXPECT_THROW(await(*self), std::logic_error);
}

TEST_F(CreateTask, AnErrorThatNobodyCollectsIsReportedWithItsName) {
  Log reports;
  loop.set_exception_handler([&](const std::string& where, std::exception_ptr error) {
    reports.push_back(where + ": " + message_of(error));
  });
  const auto main = [&]() -> Task<> {
    create_task(fail_with("lost"), "fetch");
    TaskHandle<int> kept = create_task(fail_with("kept"), "keep");
    const TaskHandle<int> seen = create_task(fail_with("seen"));
    co_await sleep(1s);
    EXPECT_EQ(reports, Log{"task 'fetch': lost"});
    EXPECT_TRUE(kept.failed());
    EXPECT_EQ(message_of(seen.error()), "seen");
  };
  run(main());
  EXPECT_EQ(reports, (Log{"task 'fetch': lost", "task 'keep': kept"}));
}

TEST_F(CreateTask, TakesItsTurnsWithCallbacksAndFibers) {
  const auto turns = [&](std::string name) -> Task<> {
    for (int i = 0; i < 2; ++i) {
      log.push_back(name);
      co_await Yield();
    }
  };
  create_task(turns("a"));
  loop.call_soon([&] { log.push_back("callback"); });
  const Fiber<> fiber = spawn([&] { log.push_back("fiber"); });
  const TaskHandle<> last = create_task(turns("b"));
  await(last);
  EXPECT_EQ(log, (Log{"a", "callback", "fiber", "b", "a", "b"}));
}

// --- Cancelling ---------------------------------------------------------------------------------

TEST_F(CancelTask, ThrowsCancelledWhereItWaitsAndDestructorsRun) {
  const auto guarded = [&]() -> Task<> {
    const auto guard = std::shared_ptr<void>(nullptr, [&](void*) { log.push_back("cleaned up"); });
    co_await sleep(1h);
    log.push_back("not reached");
  };
  const auto main = [&]() -> Task<> {
    const TaskHandle<> task = create_task(guarded());
    co_await sleep(1s);
    task.cancel();
    EXPECT_FALSE(task.done());  // it is only asked
    try {
      co_await task;
    } catch (const Cancelled&) {
      log.push_back("cancelled");
    }
    EXPECT_TRUE(task.cancelled());
    EXPECT_FALSE(task.failed());
  };
  run(main());
  EXPECT_EQ(log, (Log{"cleaned up", "cancelled"}));
}

TEST_F(CancelTask, OneThatHasNotBegunNeverWill) {
  const auto main = [&]() -> Task<> {
    const TaskHandle<> task = create_task(note_after(0s, "ran"));
    task.cancel();
    co_await sleep(1s);
    EXPECT_TRUE(task.cancelled());
  };
  run(main());
  EXPECT_EQ(log, Log{});
}

TEST_F(CancelTask, OneThatSwallowsItGoesOn) {
  const auto stubborn = []() -> Task<int> {
    try {
      co_await sleep(1h);
    } catch (const Cancelled&) {
    }
    co_await sleep(1s);  // waits again, undisturbed
    co_return 9;
  };
  const auto main = [&]() -> Task<int> {
    const TaskHandle<int> task = create_task(stubborn());
    co_await Yield();
    task.cancel();
    const int result = co_await task;
    EXPECT_FALSE(task.cancelled());
    co_return result;
  };
  EXPECT_EQ(run(main()), 9);
}

TEST_F(CancelTask, ARunningOneIsToldAtItsNextWait) {
  TaskCore* self = nullptr;
  const auto suicidal = [&]() -> Task<> {
    self = TaskCore::current();
    self->cancel();
    log.push_back("still here");
    co_await give(1);  // not a wait
    log.push_back("and here");
    co_await Yield();
    log.push_back("not here");
  };
  const TaskHandle<> task = create_task(suicidal());
  EXPECT_THROW(await(task), Cancelled);
  EXPECT_EQ(log, (Log{"still here", "and here"}));
}

TEST_F(CancelTask, OneThatIsReadyAlreadyIsStillTold) {
  Event event;
  const auto waits = [&]() -> Task<> { co_await event.wait(); };
  const auto main = [&]() -> Task<> {
    const TaskHandle<> task = create_task(waits());
    co_await Yield();
    event.set();
    task.cancel();
    co_await Yield();
    co_await Yield();
    EXPECT_TRUE(task.cancelled());
  };
  run(main());
}

TEST_F(CancelTask, AnItemItWasHandedGoesToTheNext) {
  Queue<int> queue;
  const auto get = [&]() -> Task<int> { co_return co_await queue.get(); };
  const auto main = [&]() -> Task<int> {
    const TaskHandle<int> first = create_task(get());
    const TaskHandle<int> second = create_task(get());
    co_await Yield();
    queue.try_put(4);
    first.cancel();
    co_return co_await second;
  };
  EXPECT_EQ(run(main()), 4);
}

TEST_F(CancelTask, IsPassedOnToTheTaskItWaitsFor) {
  const auto inner = [&]() -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const Cancelled&) {
      log.push_back("inner");
      throw;
    }
  };
  const auto outer = [&](TaskHandle<> task) -> Task<> {
    try {
      co_await task;
    } catch (const Cancelled&) {
      log.push_back("outer");
      throw;
    }
  };
  const auto main = [&]() -> Task<> {
    const TaskHandle<> child = create_task(inner());
    const TaskHandle<> parent = create_task(outer(child));
    co_await sleep(1s);
    parent.cancel();
    co_await sleep(1s);
    EXPECT_TRUE(child.cancelled());
    EXPECT_TRUE(parent.cancelled());
  };
  run(main());
  EXPECT_EQ(log, (Log{"inner", "outer"}));
}

TEST_F(CancelTask, TasksThatWaitForEachOtherInARingCanBeEnded) {
  std::vector<TaskHandle<>> ring;
  const auto wait_for = [&](std::size_t index) -> Task<> { co_await ring[index]; };
  const auto first = [&](std::size_t index) -> Task<> {
    co_await Yield();
    co_await ring[index];
  };
  const auto main = [&]() -> Task<> {
    ring.push_back(create_task(first(2)));
    ring.push_back(create_task(wait_for(0)));
    ring.push_back(create_task(wait_for(1)));
    const TaskHandle<> outside = create_task(wait_for(1));
    co_await sleep(1s);
    outside.cancel();
    co_await sleep(1s);
    EXPECT_TRUE(outside.done());
    for (const TaskHandle<>& task : ring) EXPECT_TRUE(task.done());
  };
  run(main());
}

TEST_F(CancelTask, CountsHowOftenItWasAsked) {
  const auto main = [&]() -> Task<> {
    TaskCore& self = *TaskCore::current();
    self.cancel();
    self.cancel();
    EXPECT_EQ(self.cancels_requested(), 2u);
    EXPECT_EQ(self.uncancel(), 1u);
    EXPECT_EQ(self.uncancel(), 0u);
    co_await Yield();  // all requests were taken back
    log.push_back("went on");
  };
  run(main());
  EXPECT_EQ(log, Log{"went on"});
}

// --- run ----------------------------------------------------------------------------------------

TEST_F(RunTask, ThrowsWhatMainThrows) {
  EXPECT_THROW(run(fail_with("main")), std::runtime_error);
}

TEST_F(RunTask, CancelsWhatIsLeftAndWaitsForItsCleanUp) {
  const auto tidy = [&]() -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const Cancelled&) {
    }
    co_await sleep(1s);
    log.push_back("tidied up");
  };
  const auto main = [&]() -> Task<> {
    create_task(tidy());
    spawn([&] {
      try {
        this_fiber::sleep_for(1h);
      } catch (const Cancelled&) {
        log.push_back("fiber ended");
        throw;
      }
    });
    co_await Yield();
    log.push_back("main ends");
  };
  run(main());
  EXPECT_EQ(log, (Log{"main ends", "fiber ended", "tidied up"}));
}

TEST_F(RunTask, ADeadlockNamesWhoWaitsForWhat) {
  Queue<int> queue;
  const auto main = [&]() -> Task<> { co_await queue.get(); };
  try {
    run(main(), {.name = "consumer"});
    FAIL();
  } catch (const Deadlock& deadlock) {
    EXPECT_NE(std::string(deadlock.what()).find("task 'consumer' waits for queue.get"),
              std::string::npos)
        << deadlock.what();
  }
}

TEST_F(RunTask, IsRefusedInsideALoopThatRuns) {
  const auto main = [&]() -> Task<> {
    EXPECT_THROW(run(give(1)), std::logic_error);
    co_return;
  };
  run(main());
}

TEST_F(RunTask, MayBeCalledAgain) {
  EXPECT_EQ(run(give(1)), 1);
  EXPECT_EQ(run(give(2)), 2);
}

TEST_F(RunTask, CtrlCCancelsMainWhichMayCleanUp) {
  const auto main = [&]() -> Task<> {
    try {
      ::raise(SIGINT);
      co_await sleep(1h);
    } catch (const Cancelled&) {
      log.push_back("cleaned up");
      throw;
    }
  };
  EXPECT_THROW(run(main()), Interrupted);
  EXPECT_EQ(log, Log{"cleaned up"});
  struct sigaction action {};
  ::sigaction(SIGINT, nullptr, &action);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
}

TEST_F(RunTask, ASecondCtrlCEndsTheProcessAtOnce) {
  const pid_t child = ::fork();
  if (child == 0) {
    Reactor own;
    const auto main = []() -> Task<> {
      try {
        ::raise(SIGINT);
        co_await sleep(1h);
      } catch (const Cancelled&) {
      }
      ::raise(SIGINT);
    };
    try {
      run(main());
    } catch (...) {
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
}

}  // namespace
}  // namespace simul
