// Queue and Event: in order, nothing lost, whoever is killed on the way.
#include "runtime/sync/queue.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <numeric>
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

class QueueTest : public ::testing::Test {
 protected:
  VirtualTime time;
  Reactor loop;
  std::vector<std::string> log;

  /// A fiber that gets one item and logs it after its name.
  Fiber<> getter(Queue<int>& queue, const std::string& name) {
    return spawn([this, &queue, name] { log.push_back(name + std::to_string(await(queue.get()))); })
        .named(name);
  }
  Fiber<> putter(Queue<int>& queue, int item) {
    return spawn([this, &queue, item] {
      await(queue.put(item));
      log.push_back("put" + std::to_string(item));
    });
  }
  using Log = std::vector<std::string>;
};

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

}  // namespace
}  // namespace simul
