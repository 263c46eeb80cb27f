// The same locks and queues in tasks, and in tasks and fibers at once: cancelled, they lose
// nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/sync/barrier.hpp"
#include "runtime/sync/condition.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/sync/lock.hpp"
#include "runtime/sync/queue.hpp"
#include "runtime/sync/semaphore.hpp"
#include "runtime/task/run.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;
using Log = std::vector<std::string>;

class TaskSyncTest : public ::testing::Test {
 protected:
  VirtualTime time;
  Reactor loop;
  Log log;

  Task<> get_one(Queue<int>& queue, std::string name) {
    log.push_back(name + std::to_string(co_await queue.get()));
  }
  template <class L>
  Task<> hold(L& lock, std::string name) {
    auto guard = co_await lock.acquire();
    log.push_back(name);
    co_await sleep(1s);
  }
  /// Lets everybody run until all of them wait for time or for each other.
  static void settle() { this_fiber::sleep_for(1ms); }
};

TEST_F(TaskSyncTest, TasksWaitForEachOtherAsFibersDo) {
  Queue<int> queue(1);
  Event over;
  Barrier start(2);
  const auto produce = [&]() -> Task<> {
    co_await start.arrive_and_wait();
    for (int i = 0; i < 5; ++i) co_await queue.put(i);
    co_await queue.join();
    over.set();
  };
  const auto consume = [&]() -> Task<int> {
    co_await start.arrive_and_wait();
    int sum = 0;
    for (int i = 0; i < 5; ++i) {
      sum += co_await queue.get();
      co_await sleep(1s);
      queue.task_done();
    }
    co_return sum;
  };
  const auto both = [&]() -> Task<int> {
    auto producer = create_task(produce());
    auto consumer = create_task(consume());
    co_await over.wait();
    co_return co_await consumer;
  };
  EXPECT_EQ(run(both()), 10);
}

TEST_F(TaskSyncTest, TasksAndFibersStandInOneLine) {
  Queue<int> queue;
  Lock lock;
  auto a = create_task(get_one(queue, "a"));
  settle();
  spawn([&] { log.push_back("b" + std::to_string(await(queue.get()))); });
  settle();
  create_task(get_one(queue, "c"));
  settle();
  for (int i : {1, 2, 3}) EXPECT_TRUE(queue.try_put(i));
  settle();
  EXPECT_EQ(log, (Log{"a1", "b2", "c3"}));

  log.clear();
  create_task(hold(lock, "d"));
  auto e = spawn([&] {
    auto guard = await(lock.acquire());
    log.push_back("e");
    this_fiber::sleep_for(1s);
  });
  auto f = create_task(hold(lock, "f"));
  await(f);
  EXPECT_EQ(log, (Log{"d", "e", "f"}));
}

TEST_F(TaskSyncTest, ACancelledGetterLosesNoItem) {
  Queue<int> queue;
  auto a = create_task(get_one(queue, "a"));
  auto b = create_task(get_one(queue, "b"));
  auto c = create_task(get_one(queue, "c"));
  settle();
  a.cancel();  // while it waits
  EXPECT_TRUE(queue.try_put(1));
  settle();
  EXPECT_TRUE(queue.try_put(2));
  c.cancel();  // when the item was on its way to it
  settle();
  EXPECT_TRUE(a.cancelled() && b.done() && c.cancelled());
  EXPECT_EQ(log, (Log{"b1"}));
  EXPECT_EQ(queue.try_get(), 2);
}

TEST_F(TaskSyncTest, ACancelledPutHasPutNothing) {
  Queue<int> queue(1);
  await(queue.put(0));
  const auto put = [&](int item) -> Task<> { co_await queue.put(item); };
  auto a = create_task(put(1));
  auto b = create_task(put(2));
  settle();
  EXPECT_EQ(await(queue.get()), 0);
  a.cancel();  // it was given room and has not gone on
  await(b);
  EXPECT_TRUE(a.cancelled());
  EXPECT_EQ(queue.try_get(), 2);
}

TEST_F(TaskSyncTest, ACancelledLockerPassesTheLockOn) {
  Lock lock;
  auto guard = lock.try_acquire();
  auto a = create_task(hold(lock, "a"));
  auto b = create_task(hold(lock, "b"));
  auto c = create_task(hold(lock, "c"));
  settle();
  b.cancel();
  guard.unlock();
  a.cancel();
  await(c);
  EXPECT_TRUE(a.cancelled() && b.cancelled());
  EXPECT_EQ(log, (Log{"c"}));
  EXPECT_FALSE(lock.locked());
}

TEST_F(TaskSyncTest, ATaskThatSwallowsItsCancellationMayWaitAnew) {
  Queue<int> queue;
  const auto stubborn = [&]() -> Task<int> {
    try {
      co_return co_await queue.get();
    } catch (const Cancelled&) {
      log.push_back("no");
    }
    co_return co_await queue.get();
  };
  auto task = create_task(stubborn());
  settle();
  EXPECT_TRUE(queue.try_put(1));
  task.cancel();
  settle();
  EXPECT_EQ(log, (Log{"no"}));
  EXPECT_TRUE(task.done()) << "the item it gave back was there when it asked again";
  EXPECT_EQ(task.result(), 1);
}

TEST_F(TaskSyncTest, ACancelledWaitForAConditionLeavesTheGuardEmpty) {
  Lock lock;
  Condition condition;
  const auto wait = [&](std::string name) -> Task<> {
    auto guard = co_await lock.acquire();
    try {
      co_await condition.wait(guard);
      log.push_back(name);
    } catch (const Cancelled&) {
      EXPECT_FALSE(guard);
      log.push_back("no " + name);
      throw;
    }
  };
  auto a = create_task(wait("a"));
  auto b = create_task(wait("b"));
  settle();
  condition.notify();
  a.cancel();
  await(b);
  EXPECT_EQ(log, (Log{"no a", "b"}));
  EXPECT_FALSE(lock.locked());
}

TEST_F(TaskSyncTest, WhatMainLeavesBehindMayHoldAndAwaitWhatMainOwned) {
  const auto main = [&]() -> Task<> {
    Queue<int> queue;
    Lock lock;
    Semaphore semaphore(1);
    create_task(get_one(queue, "a"));
    create_task(hold(lock, "holds"));
    create_task(hold(lock, "waits"));
    create_task(hold(semaphore, "holds"));
    create_task(hold(semaphore, "waits"));
    co_await sleep(1ms);
  };  // they are gone before `run` cancels the tasks
  run(main());
  EXPECT_EQ(log, (Log{"holds", "holds"}));
}

TEST_F(TaskSyncTest, AtRandomNothingIsLostWhoeverIsCancelledTaskOrFiber) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    Reactor inner;
    inner.shuffle(seed);
    std::mt19937_64 random(seed);
    Queue<int> queue(random() % 3);
    Semaphore semaphore(2, 2);
    std::vector<int> put, got;
    int next = 0;
    std::size_t inside = 0;
    const auto some_time = [&random] { return std::chrono::microseconds(random() % 4); };
    struct In {
      std::size_t& count;
      explicit In(std::size_t& c) : count(++c) {}
      ~In() { --count; }
    };

    const auto produce = [&]() -> Task<> {
      for (int i = 0; i < 6; ++i) {
        const int item = next++;
        co_await queue.put(item);
        put.push_back(item);
        if (random() % 2) co_await sleep(some_time());
      }
    };
    const auto consume = [&]() -> Task<> {
      for (;;) {
        auto guard = co_await semaphore.acquire();
        const In in(inside);
        EXPECT_LE(inside, 2u);
        got.push_back(co_await queue.get());
        if (random() % 2) co_await sleep(some_time());
      }
    };
    const auto fiber_consume = [&] {
      for (;;) {
        auto guard = await(semaphore.acquire());
        const In in(inside);
        EXPECT_LE(inside, 2u);
        got.push_back(await(queue.get()));
        if (random() % 2) this_fiber::sleep_for(some_time());
      }
    };

    std::vector<TaskHandle<>> producers, consumers;
    std::vector<Fiber<>> fibers;
    for (int i = 0; i < 3; ++i) {
      producers.push_back(create_task(produce()));
      consumers.push_back(create_task(consume()));
      fibers.push_back(spawn(fiber_consume));
    }
    for (int i = 0; i < 6; ++i) {
      this_fiber::sleep_for(some_time());
      switch (random() % 3) {
        case 0:
          producers[random() % producers.size()].cancel();
          break;
        case 1:
          consumers[random() % consumers.size()].cancel();
          break;
        default:
          fibers[random() % fibers.size()].kill();
      }
    }
    consumers.push_back(create_task(consume()));  // one that lives
    this_fiber::sleep_for(1s);
    ASSERT_TRUE(queue.empty()) << "seed " << seed;
    for (const auto& task : producers) ASSERT_TRUE(task.done()) << "seed " << seed;
    for (const auto& task : consumers) task.cancel();
    for (const auto& fiber : fibers) fiber.kill();
    this_fiber::sleep_for(1s);
    ASSERT_EQ(semaphore.available(), 2u) << "seed " << seed;
    std::sort(put.begin(), put.end());
    std::sort(got.begin(), got.end());
    ASSERT_EQ(got, put) << "seed " << seed;
  }
}

}  // namespace
}  // namespace simul
