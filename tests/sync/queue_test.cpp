// Queue and Event: in order, nothing lost, whoever is killed on the way. The cases are those of
// CPython's test_queues and of asyncio's Event; the random ones look for what they leave out.
#include "runtime/sync/queue.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/sync/event.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;
using Log = std::vector<std::string>;

class QueueTest : public ::testing::Test {
 protected:
  VirtualTime time;
  Reactor loop;
  Log log;

  /// A fiber that gets one item and logs it after its name.
  Fiber<> getter(Queue<int>& queue, const std::string& name) {
    return spawn([this, &queue, name] {
             try {
               log.push_back(name + std::to_string(await(queue.get())));
             } catch (const QueueClosed&) {
               log.push_back(name + " closed");
             }
           })
        .named(name);
  }

  /// A fiber that puts one item and logs that it did.
  Fiber<> putter(Queue<int>& queue, int item) {
    return spawn([this, &queue, item] {
      try {
        await(queue.put(item));
        log.push_back("put " + std::to_string(item));
      } catch (const QueueClosed&) {
        log.push_back("closed " + std::to_string(item));
      }
    });
  }

  /// What is in the queue, which is empty afterwards.
  static std::vector<int> drain(Queue<int>& queue) {
    std::vector<int> items;
    while (auto item = queue.try_get()) items.push_back(*item);
    return items;
  }
};

// --- Order and readiness -------------------------------------------------------------------------

TEST_F(QueueTest, ItemsComeOutInTheOrderInWhichTheyWentIn) {
  Queue<int> queue;
  for (int i = 0; i < 1000; ++i) await(queue.put(i));
  EXPECT_EQ(queue.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(await(queue.get()), i);
  EXPECT_TRUE(queue.empty());
}

TEST_F(QueueTest, AReadyGetOrPutDoesNotSwitch) {
  Queue<int> queue(2);
  spawn([&] { log.push_back("other"); });
  spawn([&] {
    await(queue.put(1));
    await(queue.put(2));
    EXPECT_EQ(await(queue.get()), 1);
    EXPECT_EQ(await(queue.get()), 2);
    log.push_back("all four");
  });
  spawn([&] { log.push_back("another"); });
  this_fiber::yield();
  EXPECT_EQ(log, (Log{"other", "all four", "another"}));
}

TEST_F(QueueTest, GettersAreServedInTheOrderInWhichTheyAsked) {
  Queue<int> queue;
  getter(queue, "a"), getter(queue, "b"), getter(queue, "c");
  this_fiber::yield();
  for (int i : {1, 2, 3}) EXPECT_TRUE(queue.try_put(i));
  this_fiber::yield();
  EXPECT_EQ(log, (Log{"a1", "b2", "c3"}));
}

TEST_F(QueueTest, PuttersAreAdmittedInTheOrderInWhichTheyCame) {
  Queue<int> queue(1);
  for (int i : {1, 2, 3, 4}) putter(queue, i);
  this_fiber::yield();
  EXPECT_EQ(log, (Log{"put 1"}));
  for (int i : {1, 2, 3, 4}) EXPECT_EQ(await(queue.get()), i);
  EXPECT_EQ(log, (Log{"put 1", "put 2", "put 3", "put 4"}));
}

TEST_F(QueueTest, ANewcomerDoesNotOvertakeAGetterThatWasPromisedAnItem) {
  Queue<int> queue;
  getter(queue, "a");
  this_fiber::yield();
  EXPECT_TRUE(queue.try_put(1));
  EXPECT_TRUE(queue.empty()) << "the one item is a's";
  EXPECT_EQ(queue.try_get(), std::nullopt);
  EXPECT_TRUE(queue.try_put(2));
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.try_get(), 2);
  this_fiber::yield();
  EXPECT_EQ(log, (Log{"a1"}));
}

TEST_F(QueueTest, ANewcomerDoesNotOvertakeAPutterThatWasAdmitted) {
  Queue<int> queue(2);
  await(queue.put(1));
  await(queue.put(2));
  putter(queue, 3);
  this_fiber::yield();
  EXPECT_EQ(drain(queue), (std::vector<int>{1, 2}));
  EXPECT_FALSE(queue.try_put(5)) << "3 comes first";
  EXPECT_TRUE(queue.full());
  await(queue.put(4));
  EXPECT_EQ(drain(queue), (std::vector<int>{3, 4}));
}

TEST_F(QueueTest, TheKthWhoAsksGetsTheKthItemWhateverTheOrderOfTheirTurns) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    loop.shuffle(seed);
    Queue<int> queue;
    std::vector<Fiber<int>> getters;
    for (int i = 0; i < 10; ++i) {
      getters.push_back(spawn([&queue, i] {
        this_fiber::sleep_for(std::chrono::milliseconds(i));
        return await(queue.get());
      }));
    }
    this_fiber::sleep_for(20ms);
    for (int i = 0; i < 12; ++i) EXPECT_TRUE(queue.try_put(i));
    EXPECT_EQ(queue.try_get(), 10);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(getters[i].result(), i) << "seed " << seed;
    EXPECT_EQ(queue.try_get(), 11);
  }
}

TEST_F(QueueTest, ItNeverHoldsMoreThanItsCapacity) {
  Queue<int> queue(3);
  std::size_t most = 0;
  auto producer = spawn([&] {
    for (int i = 0; i < 100; ++i) {
      await(queue.put(i));
      most = std::max(most, queue.size());
    }
  });
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(await(queue.get()), i);
    if (i % 7 == 0) this_fiber::sleep_for(1ms);
  }
  producer.join();
  EXPECT_EQ(most, 3u);
}

TEST_F(QueueTest, AnItemOnItsWayOutAndRoomGivenToSomebodyCountAsTaken) {
  Queue<int> one(1);
  getter(one, "a");
  this_fiber::yield();
  EXPECT_TRUE(one.try_put(1));
  EXPECT_TRUE(one.full());
  EXPECT_FALSE(one.try_put(2)) << "a has not fetched the first";
  this_fiber::yield();
  EXPECT_FALSE(one.full());

  Queue<int> two(2);
  for (int i : {1, 2, 3, 4, 5}) putter(two, i);
  this_fiber::yield();
  EXPECT_EQ(drain(two), (std::vector<int>{1, 2}));
  this_fiber::yield();
  EXPECT_EQ(two.size(), 2u) << "5 still waits";
  EXPECT_EQ(drain(two), (std::vector<int>{3, 4}));
  this_fiber::yield();
  EXPECT_EQ(drain(two), (std::vector<int>{5}));
}

TEST_F(QueueTest, ItemsMayBeMoveOnlyAndWithoutAssignment) {
  struct Job {
    const std::unique_ptr<int> number;
    explicit Job(std::unique_ptr<int> n) : number(std::move(n)) {}
    Job(Job&& other) noexcept
        : number(std::move(const_cast<std::unique_ptr<int>&>(other.number))) {}
  };
  Queue<Job> queue(1);
  auto producer = spawn([&] {
    for (int i = 0; i < 3; ++i) await(queue.put(Job(std::make_unique<int>(i))));
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*await(queue.get()).number, i);
  producer.join();
}

TEST_F(QueueTest, TryPutLeavesAnItemForWhichThereIsNoRoomAsItWas) {
  Queue<std::unique_ptr<int>> queue(1);
  auto first = std::make_unique<int>(1);
  auto second = std::make_unique<int>(2);
  EXPECT_TRUE(queue.try_put(std::move(first)));
  EXPECT_FALSE(queue.try_put(std::move(second)));
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(**queue.try_get(), 1);
  EXPECT_EQ(queue.try_get(), std::nullopt);
}

// --- Killed on the way ---------------------------------------------------------------------------

TEST_F(QueueTest, AGetterKilledWhileItWaitsTakesNothing) {
  Queue<int> queue;
  auto a = getter(queue, "a");
  getter(queue, "b");
  this_fiber::yield();
  a.kill();
  EXPECT_TRUE(queue.try_put(1));
  this_fiber::yield();
  EXPECT_TRUE(a.cancelled());
  EXPECT_EQ(log, (Log{"b1"}));
}

TEST_F(QueueTest, AGetterKilledAfterItWasPromisedAnItemPassesItOn) {
  Queue<int> queue;
  auto a = getter(queue, "a");
  getter(queue, "b");
  this_fiber::yield();
  EXPECT_TRUE(queue.try_put(1));
  a.kill();
  a.join();
  EXPECT_TRUE(a.cancelled());
  this_fiber::yield();
  EXPECT_EQ(log, (Log{"b1"}));
}

TEST_F(QueueTest, ItemsOfKilledGettersStayInOrder) {
  for (std::uint64_t seed = 0; seed <= 20; ++seed) {
    loop.shuffle(seed);
    Queue<int> queue;
    std::vector<Fiber<>> getters;
    for (int i = 0; i < 5; ++i) getters.push_back(getter(queue, "x"));
    this_fiber::sleep_for(1ms);
    for (int i = 0; i < 7; ++i) EXPECT_TRUE(queue.try_put(i));
    EXPECT_EQ(queue.size(), 2u);
    for (auto& fiber : getters) fiber.kill();
    join_all(getters);
    EXPECT_EQ(drain(queue), (std::vector<int>{0, 1, 2, 3, 4, 5, 6})) << "seed " << seed;
  }
  EXPECT_EQ(log, Log{});
}

TEST_F(QueueTest, APutterThatIsKilledHasPutNothing) {
  Queue<int> queue(1);
  await(queue.put(0));
  auto waiting = putter(queue, 1);
  auto admitted = putter(queue, 2);
  putter(queue, 3);
  this_fiber::yield();
  waiting.kill();
  this_fiber::yield();
  EXPECT_EQ(await(queue.get()), 0);  // which admits the second
  admitted.kill();
  admitted.join();
  EXPECT_TRUE(waiting.cancelled());
  EXPECT_TRUE(admitted.cancelled());
  EXPECT_EQ(await(queue.get()), 3) << "its room went to the next";
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.full());
  EXPECT_EQ(log, (Log{"put 3"}));
}

// --- join and close ------------------------------------------------------------------------------

TEST_F(QueueTest, JoinWaitsUntilEveryItemIsDone) {
  Queue<int> queue;
  await(queue.join());  // nothing was put: ready
  for (int i = 0; i < 5; ++i) await(queue.put(i));
  auto worker = spawn([&] {
    for (;;) {
      const int item = await(queue.get());
      this_fiber::sleep_for(1s);
      log.push_back(std::to_string(item));
      queue.task_done();
    }
  });
  const TimePoint start = Clock::now();
  await(queue.join());
  EXPECT_EQ(Clock::now() - start, 5s);
  EXPECT_EQ(log.size(), 5u);
  EXPECT_THROW(queue.task_done(), std::logic_error);
  worker.kill();
  worker.join();
}

TEST_F(QueueTest, AClosedQueueRefusesPutsAndLetsGetsDrainIt) {
  Queue<int> queue(2);
  await(queue.put(1));
  await(queue.put(2));
  putter(queue, 3);
  putter(queue, 4);
  this_fiber::yield();
  EXPECT_EQ(await(queue.get()), 1);  // admits 3, which has not gone on
  queue.close();
  EXPECT_TRUE(queue.closed());
  this_fiber::yield();
  EXPECT_EQ(log, (Log{"closed 3", "closed 4"}));
  EXPECT_THROW(await(queue.put(5)), QueueClosed);
  EXPECT_THROW(queue.try_put(5), QueueClosed);
  EXPECT_EQ(await(queue.get()), 2);
  EXPECT_THROW(await(queue.get()), QueueClosed);
  EXPECT_EQ(queue.try_get(), std::nullopt);
}

TEST_F(QueueTest, CloseWakesTheGettersButLeavesWhatIsPromised) {
  Queue<int> queue;
  getter(queue, "a"), getter(queue, "b");
  this_fiber::yield();
  EXPECT_TRUE(queue.try_put(1));
  queue.close();
  this_fiber::yield();
  EXPECT_EQ(log, (Log{"a1", "b closed"}));
}

TEST_F(QueueTest, CloseCanDiscardWhatIsLeftAndThenJoinEnds) {
  Queue<int> queue;
  for (int i = 0; i < 3; ++i) await(queue.put(i));
  EXPECT_EQ(await(queue.get()), 0);
  auto joiner = spawn([&] {
    await(queue.join());
    log.push_back("joined");
  });
  this_fiber::yield();
  queue.close(Leftovers::discard);
  EXPECT_TRUE(queue.empty());
  this_fiber::yield();
  EXPECT_EQ(log, Log{}) << "item 0 is still being dealt with";
  queue.task_done();
  joiner.join();
  EXPECT_EQ(log, (Log{"joined"}));
}

TEST_F(QueueTest, WhoeverWaitsWhenItIsDestroyedIsTold) {
  std::optional<Queue<int>> empty(std::in_place), full(std::in_place, 1u), busy(std::in_place);
  await(full->put(1));
  await(busy->put(1));
  getter(*empty, "a"), getter(*empty, "b");
  putter(*full, 2);
  auto joiner = spawn([&] { await(busy->join()); });
  this_fiber::yield();
  EXPECT_TRUE(empty->try_put(1));  // promised to a, which goes on too late
  empty.reset(), full.reset(), busy.reset();
  this_fiber::yield();
  EXPECT_EQ(log, (Log{"a closed", "b closed", "closed 2"}));
  EXPECT_THROW(joiner.result(), QueueClosed);
}

TEST_F(QueueTest, AQueueMayGoBeforeTheLoopThatEndsItsFibers) {
  Reactor inner;
  Queue<int> queue;
  auto a = getter(queue, "a");
  auto b = getter(queue, "b");
  this_fiber::yield();
  EXPECT_TRUE(queue.try_put(1));
}

// --- Random --------------------------------------------------------------------------------------

/// Producers, consumers and a killer, on a queue of random capacity.
struct QueueModel {
  explicit QueueModel(std::uint64_t seed) : random(seed), queue(random() % 4) {}

  std::mt19937_64 random;
  Queue<int> queue;
  std::vector<int> put;                 // in the order of puts
  std::vector<std::optional<int>> got;  // in the order of asking
  int done = 0;
  int next = 0;

  void pause() {
    switch (random() % 3) {
      case 0:
        return;
      case 1:
        return this_fiber::yield();
      default:
        this_fiber::sleep_for(std::chrono::microseconds(random() % 4));
    }
  }
  void produce(int count) {
    while (count-- > 0) {
      const int item = next++;
      await(queue.put(item));
      put.push_back(item);
      ASSERT_TRUE(queue.capacity() == 0 || queue.size() <= queue.capacity());
      pause();
    }
  }
  void consume() {
    try {
      for (;;) {
        const std::size_t ticket = got.size();
        got.emplace_back();
        got[ticket] = await(queue.get());
        queue.task_done();
        pause();
      }
    } catch (const QueueClosed&) {
    }
  }
  void run(int kills, bool consumers_too = true) {
    std::vector<Fiber<>> producers, consumers;
    for (int i = 0; i < 4; ++i) {
      producers.push_back(spawn([this] { produce(8); }));
      consumers.push_back(spawn([this] { consume(); }));
    }
    for (int i = 0; i < kills; ++i) {
      pause();
      pause();
      auto& crowd = random() % 2 && consumers_too ? consumers : producers;
      const std::size_t victim = random() % crowd.size();
      crowd[victim].kill();
      if (random() % 2) {
        // One in its place, so that not all are dead before anything happens.
        crowd.push_back(&crowd == &producers ? spawn([this] { produce(8); })
                                             : spawn([this] { consume(); }));
      }
    }
    consumers.push_back(spawn([this] { consume(); }));
    join_all(producers);
    await(queue.join());
    queue.close();
    join_all(consumers);
  }
  std::vector<int> items_got() const {
    std::vector<int> items;
    for (const auto& item : got)
      if (item) items.push_back(*item);
    return items;
  }
};

TEST_F(QueueTest, NoItemIsLostOrDoubledWhoeverIsKilledAndInWhateverOrderTheyRun) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    Reactor inner;
    inner.shuffle(seed);
    QueueModel model(seed);
    model.run(10);
    std::vector<int> got = model.items_got();
    std::sort(got.begin(), got.end());
    std::sort(model.put.begin(), model.put.end());
    ASSERT_EQ(got, model.put) << "seed " << seed;
  }
}

TEST_F(QueueTest, TheKthWhoAsksGetsTheKthItemWhicheverPutterIsKilled) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    Reactor inner;
    inner.shuffle(seed);
    QueueModel model(seed);
    model.run(10, /*consumers_too=*/false);
    ASSERT_EQ(model.items_got(), model.put) << "seed " << seed;
  }
}

// --- Event ---------------------------------------------------------------------------------------

class EventTest : public QueueTest {
 protected:
  Fiber<> waiter(Event& event, const std::string& name) {
    return spawn([this, &event, name] {
      await(event.wait());
      log.push_back(name);
    });
  }
};

TEST_F(EventTest, SetWakesAllWhoWaitInOrder) {
  Event event;
  waiter(event, "a"), waiter(event, "b"), waiter(event, "c");
  this_fiber::yield();
  EXPECT_EQ(log, Log{});
  event.set();
  EXPECT_TRUE(event.is_set());
  this_fiber::yield();
  EXPECT_EQ(log, (Log{"a", "b", "c"}));
  await(event.wait());  // ready
}

TEST_F(EventTest, WhoWasWokenGoesOnEvenIfTheEventIsClearedAtOnce) {
  Event event;
  waiter(event, "a");
  this_fiber::yield();
  event.set();
  event.clear();
  waiter(event, "b");
  this_fiber::sleep_for(1s);
  EXPECT_EQ(log, (Log{"a"}));
  event.set();
  this_fiber::yield();
  EXPECT_EQ(log, (Log{"a", "b"}));
}

TEST_F(EventTest, OneThatIsKilledLeavesTheOthersWaiting) {
  Event event;
  auto a = waiter(event, "a");
  waiter(event, "b");
  this_fiber::yield();
  a.kill();
  a.join();
  event.set();
  this_fiber::yield();
  EXPECT_EQ(log, (Log{"b"}));
}

TEST_F(EventTest, WhoeverWaitsWhenItIsDestroyedIsOrphaned) {
  std::optional<Event> event(std::in_place);
  auto a = waiter(*event, "a");
  this_fiber::yield();
  event.reset();
  try {
    a.result();
    FAIL() << "the event never came";
  } catch (const Orphaned& error) {
    EXPECT_STREQ(error.what(), "wait for event: it was destroyed meanwhile");
  }
}

}  // namespace
}  // namespace simul
