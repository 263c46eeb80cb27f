#include "runtime/task/task.hpp"

#include <gtest/gtest.h>

#include "runtime/base/clock.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"

namespace simul {
namespace {
using namespace std::chrono_literals;

Task<int> answer() { co_return 42; }
Task<int> twice() { co_return co_await answer() * 2; }
Task<> nap() { co_await sleep(1ms); }

TEST(Task, ReturnsItsResult) {
  Reactor loop;
  EXPECT_EQ(run(twice()), 84);
}
Task<long> deep(long n) {
  if (n == 0) co_return 0;
  co_return 1 + co_await deep(n - 1);
}
TEST(Task, Deep) {
  Reactor loop;
  EXPECT_EQ(run(deep(1'000'000)), 1'000'000);
}
Task<> deep_sleep(long n) {
  if (n == 0) co_await sleep(1h);
  else co_await deep_sleep(n - 1);
}
TEST(Task, DeepCancel) {
  VirtualTime time;
  Reactor loop;
  auto f = [&]() -> Task<> {
    auto h = create_task(deep_sleep(1'000'000));
    co_await sleep(1ms);
    h.cancel();
    try { co_await h; } catch (const Cancelled&) {}
    EXPECT_TRUE(h.cancelled());
  };
  run(f());
}
TEST(Task, DeepAbandon) {
  VirtualTime time;
  Reactor loop;
  run(nap());
}
}
}
