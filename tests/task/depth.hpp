// What is promised of the stack, as tests: however many awaits follow one another and however deep
// they go, the thread's stack stays as it is. It must hold at every level of optimisation, so this
// file is compiled three times: depth_o0_test.cpp, depth_o1_test.cpp and depth_o2_test.cpp.
//
// That the stack is bounded is shown by having little of it: each test runs in a thread of 256 KiB.
#pragma once

#include <gtest/gtest.h>
#include <pthread.h>

#include <chrono>

#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/sanitizers.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

// A stack of 256 KiB would be used up long before, so a sanitizer, which is slow, may do with less.
#if defined(SIMUL_ASAN) || defined(SIMUL_TSAN)
constexpr long kDeep = 100'000;
#else
constexpr long kDeep = 1'000'000;
#endif

/// Runs `body` in a thread with a small stack; sanitizers need more in each function.
template <class Body>
void with_small_stack(Body body) {
  pthread_attr_t attributes;
  ASSERT_EQ(::pthread_attr_init(&attributes), 0);
  ASSERT_EQ(::pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
  pthread_t thread{};
  const auto call = [](void* function) -> void* {
    (*static_cast<Body*>(function))();
    return nullptr;
  };
  ASSERT_EQ(::pthread_create(&thread, &attributes, call, &body), 0);
  ::pthread_join(thread, nullptr);
  ::pthread_attr_destroy(&attributes);
}

Task<long> one(long n) {
  co_return n & 1;
}

Task<long> sum_of(long count) {
  long sum = 0;
  for (long i = 0; i < count; ++i) sum += co_await one(i);
  co_return sum;
}

TEST(Depth, TenMillionAwaitsInALoopNeedNoStack) {
  with_small_stack([] {
    Reactor loop;
    EXPECT_EQ(run(sum_of(kDeep * 10)), kDeep * 5);
  });
}

Task<long> deep(long depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await deep(depth - 1);
}

TEST(Depth, AChainAMillionDeepReturnsWithoutRecursion) {
  with_small_stack([] {
    Reactor loop;
    EXPECT_EQ(run(deep(kDeep)), kDeep);
  });
}

struct Counted {
  explicit Counted(long& alive) : alive_(alive) { ++alive_; }
  Counted(const Counted&) = delete;
  ~Counted() { --alive_; }
  long& alive_;
};

Task<> deep_sleep(long depth, long& alive) {
  const Counted here(alive);
  if (depth == 0)
    co_await sleep(1h);
  else
    co_await deep_sleep(depth - 1, alive);
}

TEST(Depth, AnErrorGoesUpAMillionCallsWithoutRecursion) {
  with_small_stack([] {
    VirtualTime time;
    Reactor loop;
    long alive = 0;
    const auto main = [](long& count) -> Task<> {
      TaskHandle<> sleeper = create_task(deep_sleep(kDeep / 10, count));
      co_await Yield();
      EXPECT_EQ(count, kDeep / 10 + 1);
      sleeper.cancel();
      co_await Yield();
      EXPECT_TRUE(sleeper.cancelled());
      EXPECT_EQ(count, 0);
    };
    run(main(alive));
  });
}

TEST(Depth, AMillionSuspendedFramesAreFreedWithoutRecursion) {
  with_small_stack([] {
    Reactor loop;
    long alive = 0;
    const TaskHandle<> sleeper = create_task(deep_sleep(kDeep, alive));
    loop.run_until([&] { return alive == kDeep + 1; });
    sleeper.core().abandon();
    EXPECT_EQ(alive, 0);
    EXPECT_TRUE(sleeper.cancelled());
  });
}

}  // namespace
}  // namespace simul
