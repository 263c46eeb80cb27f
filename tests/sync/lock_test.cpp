// Lock, Semaphore, Condition and Barrier: fair, and nothing lost, whoever is killed on the way. The
// cases are those of CPython's test_locks; the random ones look for what they leave out.
#include "runtime/sync/lock.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/sync/barrier.hpp"
#include "runtime/sync/condition.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/sync/queue.hpp"
#include "runtime/sync/semaphore.hpp"

namespace {
std::size_t allocations = 0;
}  // namespace

// Counted, so that a test can say: this allocated nothing.
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace simul {
namespace {

using namespace std::chrono_literals;
using Log = std::vector<std::string>;

class SyncTest : public ::testing::Test {
 protected:
  VirtualTime time;
  Reactor loop;
  Log log;

  /// A fiber that acquires `lock`, says so, holds it for a second and goes.
  template <class L>
  Fiber<> user(L& lock, const std::string& name) {
    return spawn([this, &lock, name] {
             const auto guard = await(lock.acquire());
             log.push_back(name);
             this_fiber::sleep_for(1s);
           })
        .named(name);
  }

  /// Lets everybody run until all of them wait for time or for each other.
  static void settle() { this_fiber::sleep_for(1ms); }
};

using LockTest = SyncTest;
using SemaphoreTest = SyncTest;
using ConditionTest = SyncTest;
using BarrierTest = SyncTest;

// --- Lock ----------------------------------------------------------------------------------------

TEST_F(LockTest, AFreeLockIsAcquiredWithoutASwitch) {
  Lock lock;
  spawn([&] { log.push_back("other"); });
  spawn([&] {
    for (int i = 0; i < 3; ++i) {
      auto guard = await(lock.acquire());
      EXPECT_TRUE(guard);
      EXPECT_TRUE(lock.locked());
    }
    log.push_back("thrice");
  });
  spawn([&] { log.push_back("another"); });
  settle();
  EXPECT_FALSE(lock.locked());
  EXPECT_EQ(log, (Log{"other", "thrice", "another"}));
}

TEST_F(LockTest, OneAtATimeInTheOrderInWhichTheyAsked) {
  Lock lock;
  const TimePoint start = Clock::now();
  join_all(std::vector{user(lock, "a"), user(lock, "b"), user(lock, "c")});
  EXPECT_EQ(log, (Log{"a", "b", "c"}));
  EXPECT_EQ(Clock::now() - start, 3s);
}

TEST_F(LockTest, ANewcomerDoesNotOvertakeTheOneToWhomTheLockIsOnItsWay) {
  Lock lock;
  auto guard = await(lock.acquire());
  auto a = user(lock, "a");
  settle();
  guard.unlock();
  EXPECT_FALSE(guard);
  EXPECT_TRUE(lock.locked());
  EXPECT_FALSE(lock.try_acquire());
  guard = await(lock.acquire());
  log.push_back("newcomer");
  EXPECT_EQ(log, (Log{"a", "newcomer"}));
}

TEST_F(LockTest, AGuardMayBeMovedAndUnlockedAndGivesTheLockBackOnce) {
  Lock lock;
  Lock::Guard empty;
  EXPECT_FALSE(empty);
  empty.unlock();
  auto first = lock.try_acquire();
  Lock::Guard second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that it is empty is the promise
  EXPECT_TRUE(second);
  first.unlock();
  EXPECT_TRUE(lock.locked());
  second = Lock::Guard();
  EXPECT_FALSE(lock.locked());
  second.unlock();
  EXPECT_TRUE(lock.try_acquire());
  EXPECT_FALSE(lock.locked()) << "the guard was a temporary";
}

TEST_F(LockTest, OneKilledWhileItWaitsLeavesTheLine) {
  Lock lock;
  auto guard = await(lock.acquire());
  auto a = user(lock, "a");
  auto b = user(lock, "b");
  settle();
  a.kill();
  settle();
  EXPECT_TRUE(a.cancelled());
  guard.unlock();
  b.join();
  EXPECT_EQ(log, (Log{"b"}));
  EXPECT_FALSE(lock.locked());
}

TEST_F(LockTest, OneKilledWhenTheLockWasOnItsWayToItPassesItOn) {
  Lock lock;
  auto guard = await(lock.acquire());
  auto a = user(lock, "a");
  auto b = user(lock, "b");
  settle();
  guard.unlock();
  a.kill();
  b.join();
  EXPECT_TRUE(a.cancelled());
  EXPECT_EQ(log, (Log{"b"}));
  EXPECT_FALSE(lock.locked());
}

TEST_F(LockTest, OneKilledWhileItHoldsTheLockGivesItBack) {
  Lock lock;
  auto a = user(lock, "a");
  auto b = user(lock, "b");
  settle();
  a.kill();
  b.join();
  EXPECT_EQ(log, (Log{"a", "b"}));
}

TEST_F(LockTest, ALockMayGoBeforeItsGuardsAndBeforeThoseWhoWait) {
  std::optional<Lock> lock(std::in_place);
  auto guard = await(lock->acquire());
  auto a = user(*lock, "a");
  auto b = user(*lock, "b");
  settle();
  guard.unlock();  // on its way to a
  lock.reset();
  EXPECT_THROW(a.result(), Orphaned);
  EXPECT_THROW(b.result(), Orphaned);

  lock.emplace();
  guard = await(lock->acquire());
  lock.reset();
  EXPECT_FALSE(guard);
}

TEST_F(LockTest, TwoFibersThatLockInOppositeOrderAreReportedByName) {
  Lock left, right;
  const auto both = [](Lock& first, Lock& second) {
    auto one = await(first.acquire());
    this_fiber::sleep_for(1s);
    auto two = await(second.acquire());
  };
  auto mother = spawn([&] { both(left, right); }).named("Mother");
  auto father = spawn([&] { both(right, left); }).named("Father");
  try {
    mother.join();
    FAIL() << "they can never go on";
  } catch (const Deadlock& deadlock) {
    const std::string text = deadlock.what();
    EXPECT_NE(text.find("fiber 'Mother' waits for lock"), std::string::npos) << text;
    EXPECT_NE(text.find("fiber 'Father' waits for lock"), std::string::npos) << text;
    EXPECT_NE(text.find("the main program waits for join"), std::string::npos) << text;
  }
  father.kill();
  mother.join();
  EXPECT_FALSE(mother.failed());
}

TEST_F(LockTest, AtRandomItGoesToWhoeverHasAskedFirstAndIsNeverLost) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    Reactor inner;
    inner.shuffle(seed);
    std::mt19937_64 random(seed);
    Lock lock;
    int inside = 0, tickets = 0;
    std::vector<int> order;
    const auto pause = [&random] {
      if (random() % 2) this_fiber::sleep_for(std::chrono::microseconds(random() % 4));
    };
    std::vector<Fiber<>> fibers;
    for (int i = 0; i < 6; ++i) {
      fibers.push_back(spawn([&] {
        for (int round = 0; round < 6; ++round) {
          const int ticket = tickets++;
          auto guard = await(lock.acquire());
          order.push_back(ticket);
          ++inside;
          struct Out {
            int& inside;
            ~Out() { --inside; }
          } out{inside};
          ASSERT_EQ(inside, 1);
          pause();
        }
      }));
    }
    for (int i = 0; i < 4; ++i) {
      pause(), pause();
      fibers[random() % fibers.size()].kill();
    }
    join_all(fibers);
    ASSERT_FALSE(lock.locked()) << "seed " << seed;
    ASSERT_TRUE(std::is_sorted(order.begin(), order.end())) << "seed " << seed;
  }
}

// --- Semaphore -----------------------------------------------------------------------------------

TEST_F(SemaphoreTest, SoManyAtATimeInTheOrderInWhichTheyAsked) {
  Semaphore semaphore(2);
  const TimePoint start = Clock::now();
  std::vector<Fiber<>> users;
  for (const char* name : {"a", "b", "c", "d", "e"}) users.push_back(user(semaphore, name));
  settle();
  EXPECT_EQ(log, (Log{"a", "b"}));
  EXPECT_TRUE(semaphore.locked());
  join_all(users);
  EXPECT_EQ(log, (Log{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(Clock::now() - start, 3s);
  EXPECT_EQ(semaphore.available(), 2u);
}

TEST_F(SemaphoreTest, OneMayReleaseWhatAnotherAcquires) {
  Semaphore full(0);
  auto consumer = spawn([&] {
    for (int i = 0; i < 3; ++i) {
      await(full.acquire()).keep();
      log.push_back("got");
    }
  });
  settle();
  EXPECT_EQ(log, Log{});
  full.release(2);
  settle();
  EXPECT_EQ(log.size(), 2u);
  full.release();
  consumer.join();
  full.release();
  EXPECT_EQ(full.available(), 1u);
}

TEST_F(SemaphoreTest, ANewcomerDoesNotOvertake) {
  Semaphore semaphore(1);
  auto guard = await(semaphore.acquire());
  auto a = user(semaphore, "a");
  settle();
  guard.release();
  EXPECT_FALSE(semaphore.try_acquire());
  EXPECT_EQ(semaphore.available(), 0u);
  a.join();
  EXPECT_TRUE(semaphore.try_acquire());
}

TEST_F(SemaphoreTest, OneWithALimitRefusesMoreReleasesThanAcquires) {
  Semaphore semaphore(2, 2);
  EXPECT_THROW(semaphore.release(), std::logic_error);
  auto guard = semaphore.try_acquire();
  EXPECT_THROW(semaphore.release(), std::logic_error) << "the guard will give it back";
  guard.keep();
  semaphore.release();
  EXPECT_EQ(semaphore.available(), 2u);
  EXPECT_THROW(Semaphore(3, 2), std::invalid_argument);
}

TEST_F(SemaphoreTest, ItMayGoBeforeItsGuardsAndBeforeThoseWhoWait) {
  std::optional<Semaphore> semaphore(std::in_place, 2u);
  auto one = semaphore->try_acquire();
  auto two = semaphore->try_acquire();
  auto a = user(*semaphore, "a");
  settle();
  semaphore.reset();
  EXPECT_FALSE(one);
  EXPECT_FALSE(two);
  EXPECT_THROW(a.result(), Orphaned);
}

TEST_F(SemaphoreTest, AtRandomNoPermitIsLostOrDoubled) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    Reactor inner;
    inner.shuffle(seed);
    std::mt19937_64 random(seed);
    const std::size_t permits = 1 + random() % 3;
    Semaphore semaphore(permits, permits);
    std::size_t inside = 0;
    const auto pause = [&random] {
      if (random() % 2) this_fiber::sleep_for(std::chrono::microseconds(random() % 4));
    };
    const auto use = [&] {
      for (int round = 0; round < 6; ++round) {
        Semaphore::Guard guard;
        if (random() % 4 != 0)
          guard = await(semaphore.acquire());
        else if (!(guard = semaphore.try_acquire()))
          continue;
        ++inside;
        struct Out {
          std::size_t& inside;
          ~Out() { --inside; }
        } out{inside};
        ASSERT_LE(inside, permits);
        pause();
      }
    };
    std::vector<Fiber<>> fibers;
    for (int i = 0; i < 6; ++i) fibers.push_back(spawn(use));
    for (int i = 0; i < 4; ++i) {
      pause(), pause();
      fibers[random() % fibers.size()].kill();
    }
    join_all(fibers);
    ASSERT_EQ(semaphore.available(), permits) << "seed " << seed;
  }
}

// --- Condition -----------------------------------------------------------------------------------

/// A lock, a condition and fibers that wait for it.
class Waiting : public SyncTest {
 protected:
  Lock lock;
  std::optional<Condition> condition{std::in_place};

  Fiber<> waiter(const std::string& name) {
    return spawn([this, name] {
             auto guard = await(lock.acquire());
             try {
               await(condition->wait(guard));
               EXPECT_TRUE(guard);
             } catch (...) {
               EXPECT_FALSE(guard);
               throw;
             }
             log.push_back(name);
             this_fiber::sleep_for(1s);
           })
        .named(name);
  }
};
using WaitingTest = Waiting;

TEST_F(WaitingTest, NotifyLetsThatManyGoOnOneAfterAnotherEachWithTheLock) {
  const TimePoint start = Clock::now();
  std::vector<Fiber<>> waiters;
  for (const char* name : {"a", "b", "c", "d"}) waiters.push_back(waiter(name));
  settle();
  EXPECT_FALSE(lock.locked()) << "given up while they wait";
  condition->notify();
  settle();
  EXPECT_EQ(log, (Log{"a"}));
  condition->notify(2);
  settle();
  EXPECT_EQ(log, (Log{"a"})) << "a has the lock";
  condition->notify_all();
  join_all(waiters);
  EXPECT_EQ(log, (Log{"a", "b", "c", "d"}));
  EXPECT_EQ(Clock::now() - start, 4s + 1ms);
  condition->notify_all();  // nobody waits
}

TEST_F(WaitingTest, TheNotifiedWaitForTheLockBehindThoseWhoWaitForItAlready) {
  waiter("a");
  settle();
  auto guard = await(lock.acquire());
  user(lock, "user");
  settle();
  condition->notify();
  guard.unlock();
  this_fiber::sleep_for(3s);
  EXPECT_EQ(log, (Log{"user", "a"}));
}

TEST_F(WaitingTest, WaitingWithoutTheLockIsAnError) {
  Lock::Guard none;
  EXPECT_THROW(await(condition->wait(none)), std::logic_error);
}

TEST_F(WaitingTest, OneKilledWhileItWaitsHasAnEmptyGuardAndTakesNoNotification) {
  auto a = waiter("a");
  auto b = waiter("b");
  settle();
  a.kill();
  a.join();
  EXPECT_TRUE(a.cancelled());
  condition->notify();
  b.join();
  EXPECT_EQ(log, (Log{"b"}));
  EXPECT_FALSE(lock.locked());
}

TEST_F(WaitingTest, OneKilledWhenItWasNotifiedPassesTheNotificationOn) {
  for (const bool lock_is_held : {false, true}) {
    log.clear();
    auto a = waiter("a");
    auto b = waiter("b");
    settle();
    auto guard = lock_is_held ? lock.try_acquire() : Lock::Guard();
    condition->notify();  // the lock goes to a at once if it is free
    a.kill();
    a.join();
    guard.unlock();
    b.join();
    EXPECT_EQ(log, (Log{"b"})) << lock_is_held;
    EXPECT_FALSE(lock.locked());
  }
}

TEST_F(WaitingTest, WhoeverWaitsWhenTheConditionIsDestroyedIsOrphanedWithoutTheLock) {
  auto a = waiter("a");
  auto b = waiter("b");
  auto c = waiter("c");
  settle();
  condition->notify(2);  // a has the lock on its way, b waits for it
  condition.reset();
  for (const auto& fiber : {a, b, c}) EXPECT_THROW(fiber.result(), Orphaned);
  EXPECT_FALSE(lock.locked());
}

TEST_F(WaitingTest, WhoeverWaitsWhenTheLockIsDestroyedIsOrphaned) {
  std::optional<Lock> own(std::in_place);
  const auto wait = [&] {
    auto guard = await(own->acquire());
    await(condition->wait(guard));
  };
  std::vector<Fiber<>> waiters{spawn(wait), spawn(wait), spawn(wait)};
  settle();
  condition->notify(2);
  own.reset();
  for (const auto& fiber : waiters) EXPECT_THROW(fiber.result(), Orphaned);
  condition->notify_all();  // nobody is left in its line
}

TEST_F(WaitingTest, AtRandomNoNotificationIsLost) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    Reactor inner;
    inner.shuffle(seed);
    std::mt19937_64 random(seed);
    Lock mutex;
    Condition more;
    int things = 0, made = 0, used = 0;
    bool over = false;
    const auto pause = [&random] {
      if (random() % 2) this_fiber::sleep_for(std::chrono::microseconds(random() % 4));
    };
    const auto use = [&] {
      for (;;) {
        auto guard = await(mutex.acquire());
        while (things == 0) {
          if (over) return;
          await(more.wait(guard));
        }
        --things, ++used;
        if (random() % 2) pause();  // with the lock
        guard.unlock();
        pause();
      }
    };
    std::vector<Fiber<>> users;
    for (int i = 0; i < 5; ++i) users.push_back(spawn(use));
    for (int i = 0; i < 12; ++i) {
      pause();
      {
        auto guard = await(mutex.acquire());
        pause();
        ++things, ++made;
        more.notify();
      }
      if (random() % 3 == 0) users[random() % 4].kill();  // one lives
    }
    this_fiber::sleep_for(1s);
    ASSERT_EQ(things, 0) << "nobody was told; seed " << seed;
    ASSERT_EQ(used, made) << "seed " << seed;
    over = true;
    more.notify_all();
    join_all(users);
    ASSERT_FALSE(mutex.locked()) << "seed " << seed;
  }
}

// --- Barrier -------------------------------------------------------------------------------------

TEST_F(BarrierTest, NobodyGoesOnUntilAllAreThereAndEachHasItsNumber) {
  Barrier barrier(3);
  std::vector<std::size_t> numbers;
  const auto runner = [&](int i) {
    for (int lap = 0; lap < 2; ++lap) {
      this_fiber::sleep_for(std::chrono::seconds(i));
      log.push_back("arrives");
      numbers.push_back(await(barrier.arrive_and_wait()));
      log.push_back("goes on");
    }
  };
  join_all(std::vector{spawn(runner, 2), spawn(runner, 1), spawn(runner, 3)});
  const Log lap = {"arrives", "arrives", "arrives", "goes on", "goes on", "goes on"};
  Log laps = lap;
  laps.insert(laps.end(), lap.begin(), lap.end());
  EXPECT_EQ(log, laps);
  EXPECT_EQ(numbers, (std::vector<std::size_t>{2, 0, 1, 2, 0, 1})) << "the last does not wait";
}

TEST_F(BarrierTest, OneThatIsKilledHasNotArrived) {
  Barrier barrier(3);
  const auto arrive = [&] { return await(barrier.arrive_and_wait()); };
  auto a = spawn(arrive);
  auto b = spawn(arrive);
  settle();
  EXPECT_EQ(barrier.waiting(), 2u);
  a.kill();
  settle();
  EXPECT_EQ(barrier.waiting(), 1u);
  EXPECT_FALSE(barrier.broken());
  auto c = spawn(arrive);
  settle();
  EXPECT_FALSE(c.done());
  EXPECT_EQ(arrive(), 2u);
  EXPECT_EQ(b.result(), 0u);
  EXPECT_EQ(c.result(), 1u);
}

TEST_F(BarrierTest, AbortAndResetSendAwayWhoWaits) {
  Barrier barrier(3);
  const auto arrive = [&] { return await(barrier.arrive_and_wait()); };
  auto a = spawn(arrive);
  settle();
  barrier.abort();
  EXPECT_TRUE(barrier.broken());
  EXPECT_THROW(a.result(), BrokenBarrier);
  EXPECT_THROW(arrive(), BrokenBarrier);
  barrier.reset();
  auto b = spawn(arrive);
  settle();
  barrier.reset();
  EXPECT_THROW(b.result(), BrokenBarrier);
  EXPECT_FALSE(barrier.broken());
  auto c = spawn(arrive);
  auto d = spawn(arrive);
  settle();
  EXPECT_EQ(arrive(), 2u);
  barrier.abort();  // c and d have arrived, and go on
  EXPECT_EQ(c.result(), 0u);
  EXPECT_EQ(d.result(), 1u);
}

TEST_F(BarrierTest, OfOnePartyNobodyWaitsAndOfNoneThereIsNone) {
  Barrier barrier(1);
  EXPECT_EQ(await(barrier.arrive_and_wait()), 0u);
  EXPECT_EQ(await(barrier.arrive_and_wait()), 0u);
  EXPECT_THROW(Barrier(0), std::invalid_argument);
}

TEST_F(BarrierTest, WhoeverWaitsWhenItIsDestroyedIsTold) {
  std::optional<Barrier> barrier(std::in_place, 2u);
  auto a = spawn([&] { await(barrier->arrive_and_wait()); });
  settle();
  barrier.reset();
  EXPECT_THROW(a.result(), BrokenBarrier);
}

// --- What all have in common ---------------------------------------------------------------------

TEST_F(SyncTest, ToWaitAllocatesNothing) {
  Event event;
  Lock lock;
  Condition condition;
  Semaphore semaphore(0);
  Barrier barrier(2);
  Queue<int> queue(1), full(1);
  await(full.put(0));
  auto held = await(lock.acquire());
  std::vector<Fiber<>> fibers;
  fibers.reserve(16);
  fibers.push_back(spawn([&] { await(event.wait()); }));
  fibers.push_back(spawn([&] { auto guard = await(lock.acquire()); }));
  fibers.push_back(spawn([&] { await(semaphore.acquire()).keep(); }));
  fibers.push_back(spawn([&] { await(barrier.arrive_and_wait()); }));
  fibers.push_back(spawn([&] { await(queue.get()); }));
  fibers.push_back(spawn([&] { await(full.put(1)); }));
  fibers.push_back(spawn([&] { await(full.join()); }));
  fibers.push_back(spawn([&] {
    auto guard = await(lock.acquire());
    await(condition.wait(guard));
  }));
  const std::size_t before = allocations;
  settle();
  held.unlock();
  settle();
  event.set();
  semaphore.release();
  await(barrier.arrive_and_wait());
  EXPECT_TRUE(queue.try_put(1));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(await(full.get()), i);
    full.task_done();
  }
  condition.notify();
  settle();
  EXPECT_EQ(allocations, before);
  for (const auto& fiber : fibers) EXPECT_TRUE(fiber.done() && !fiber.failed());
}

TEST_F(SyncTest, AWaitThatIsGivenUpUnwokenLeavesNoTrace) {
  Event event;
  Lock lock;
  Semaphore semaphore(0);
  Barrier barrier(2);
  Queue<int> queue(1);
  const auto give_up = [this](auto&& wait) {
    loop.call_soon([this] { loop.stop(); });
    EXPECT_THROW(static_cast<void>(await(wait)),
                 Cancelled);  // the main program, whose loop was stopped
  };
  give_up(event.wait());
  give_up(semaphore.acquire());
  give_up(barrier.arrive_and_wait());
  give_up(queue.get());
  await(queue.put(1));
  give_up(queue.put(2));
  give_up(queue.join());
  auto guard = await(lock.acquire());
  give_up(lock.acquire());
  Condition condition;
  give_up(condition.wait(guard));
  EXPECT_FALSE(guard);

  EXPECT_FALSE(lock.locked());
  EXPECT_EQ(barrier.waiting(), 0u);
  event.set();
  semaphore.release();
  EXPECT_EQ(semaphore.available(), 1u);
  EXPECT_EQ(queue.try_get(), 1);
  EXPECT_TRUE(queue.try_put(3)) << "nobody is ahead";
  condition.notify_all();
}

TEST_F(SyncTest, TheReportNamesEachWait) {
  Event event;
  Lock lock;
  Condition condition;
  Semaphore semaphore(0);
  Barrier barrier(2);
  Queue<int> queue, full(1);
  await(full.put(0));
  spawn([&] { await(event.wait()); });
  spawn([&] { await(semaphore.acquire()).keep(); });
  spawn([&] { await(barrier.arrive_and_wait()); });
  spawn([&] { await(queue.get()); });
  spawn([&] { await(full.put(1)); });
  spawn([&] { await(full.join()); });
  spawn([&] {
    auto guard = await(lock.acquire());
    await(condition.wait(guard));
  });
  settle();
  auto held = await(lock.acquire());
  spawn([&] { auto guard = await(lock.acquire()); });
  settle();
  const std::string report = loop.waiting_report();
  for (const char* label : {"event", "semaphore", "barrier", "queue.get", "queue.put", "queue.join",
                            "condition", "lock"}) {
    EXPECT_NE(report.find(std::string("waits for ") + label), std::string::npos) << label << report;
  }
}

TEST_F(SyncTest, ACallbackMayTryButNotWait) {
  Lock lock;
  Queue<int> queue;
  std::string error;
  loop.call_soon([&] {
    EXPECT_TRUE(queue.try_put(1));
    auto guard = await(lock.acquire());  // ready: not a wait
    EXPECT_TRUE(guard);
    try {
      auto again = await(lock.acquire());
    } catch (const std::logic_error& e) {
      error = e.what();
    }
  });
  EXPECT_EQ(await(queue.get()), 1);
  EXPECT_EQ(error, "wait for lock: a callback cannot wait; spawn a fiber that does");
  EXPECT_FALSE(lock.locked());
}

}  // namespace
}  // namespace simul
