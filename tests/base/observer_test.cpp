#include "runtime/base/observer.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace simul {
namespace {

struct Counter final : Observer {
  void created(std::uint64_t, const char*, std::string_view) override { ++calls; }
  void ready(std::uint64_t, std::uint64_t) override { ++calls; }
  void runs(std::uint64_t) override { ++calls; }
  void waits(std::uint64_t, const char*) override { ++calls; }
  void ended(std::uint64_t) override { ++calls; }
  int calls = 0;
};

TEST(ObserverSlot, HoldsOneForTheWholeProcessAndReturnsTheOneBefore) {
  EXPECT_EQ(observer(), nullptr);
  Counter one, two;
  EXPECT_EQ(set_observer(&one), nullptr);
  EXPECT_EQ(observer(), &one);
  std::thread([&] { EXPECT_EQ(observer(), &one); }).join();
  EXPECT_EQ(set_observer(&two), &one);
  if (Observer* o = observer()) o->runs(1);
  EXPECT_EQ(two.calls, 1);
  EXPECT_EQ(set_observer(nullptr), &two);
  EXPECT_EQ(observer(), nullptr);
}

TEST(ObserverSlot, IdsAreUniqueInAllThreadsAndNeverZero) {
  std::vector<std::vector<std::uint64_t>> ids(4);
  std::vector<std::thread> threads;
  for (auto& mine : ids) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < 1000; ++i) mine.push_back(next_id());
    });
  }
  std::set<std::uint64_t> all;
  for (std::thread& thread : threads) thread.join();
  for (const auto& mine : ids) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 4000u);
  EXPECT_EQ(all.count(0), 0u);
}

}  // namespace
}  // namespace simul
