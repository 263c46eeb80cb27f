// The promises of the thread pool (runtime/thread/thread_pool.hpp).
#include "runtime/thread/thread_pool.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

#include "runtime/fiber/fiber.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

TEST(ThreadPool, RunsAJobOnAnotherThreadAndGivesItsResult) {
  Reactor loop;
  ThreadPool pool(2);
  const auto here = std::this_thread::get_id();
  EXPECT_NE(await(offload([] { return std::this_thread::get_id(); }, pool)), here);
  EXPECT_NO_THROW(await(offload([] {}, pool)));
}

TEST(ThreadPool, ThrowsWhatTheJobThrew) {
  Reactor loop;
  ThreadPool pool(1);
  EXPECT_THROW(await(offload([]() -> int { throw std::runtime_error("no"); }, pool)),
               std::runtime_error);
}

TEST(ThreadPool, TheLoopGoesOnWhileAJobBlocks) {
  Reactor loop;
  ThreadPool pool(1);
  std::promise<void> gate;
  auto blocked = spawn([&] { await(offload([&] { gate.get_future().wait(); }, pool)); });
  // Only this fiber can open the gate, and only if the loop is not blocked by the job.
  spawn([&] { gate.set_value(); });
  blocked.join();
}

TEST(ThreadPool, NeverRunsMoreThanItsLimitAtOnce) {
  Reactor loop;
  ThreadPool pool(3);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::vector<Fiber<>> fibers;
  for (int i = 0; i < 50; ++i) {
    fibers.push_back(spawn([&] {
      await(offload(
          [&] {
            const int now = ++running;
            int seen = most.load();
            while (now > seen && !most.compare_exchange_weak(seen, now)) {
            }
            std::this_thread::yield();
            --running;
          },
          pool));
    }));
  }
  join_all(fibers);
  EXPECT_LE(most.load(), 3);
  EXPECT_GE(most.load(), 1);
}

TEST(ThreadPool, AKilledFiberLeavesItsJobBehindUnharmed) {
  Reactor loop;
  std::promise<void> begun;
  std::promise<void> gate;
  std::atomic<bool> finished{false};
  {
    ThreadPool pool(1);
    auto fiber = spawn([&] {
      await(offload(
          [&] {
            begun.set_value();
            gate.get_future().wait();
            finished = true;
          },
          pool));
    });
    this_fiber::yield();
    begun.get_future().wait();
    fiber.kill();
    fiber.join();
    EXPECT_TRUE(fiber.cancelled());
    EXPECT_FALSE(finished);
    gate.set_value();
  }  // the pool waits for the job
  EXPECT_TRUE(finished);
}

TEST(ThreadPool, AJobHoldsVirtualTimeAndIsNoDeadlock) {
  VirtualTime virtual_time;
  Reactor loop;
  ThreadPool pool(1);
  std::promise<void> gate;
  const TimePoint start = Clock::now();
  bool late = false;
  loop.call_later(1h, [&] { late = true; });
  std::thread opener([&] { gate.set_value(); });
  await(offload([&] { gate.get_future().wait(); }, pool));
  opener.join();
  EXPECT_FALSE(late) << "an hour passed while a thread was at work";
  EXPECT_EQ(Clock::now(), start);
}

TEST(ThreadPool, ThreadsOfThePoolTakeNoSignals) {
  Reactor loop;
  ThreadPool pool(1);
  const bool blocked = await(offload(
      [] {
        sigset_t mask;
        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        return sigismember(&mask, SIGINT) == 1;
      },
      pool));
  EXPECT_TRUE(blocked);
}

TEST(ThreadPool, AForkedChildHasASharedPoolOfItsOwn) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer allows no new threads in the child of a process with several";
#endif
  {
    Reactor loop;
    await(offload([] {}));
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);  // a pool without threads would hang
    Reactor loop;
    ::_exit(await(offload([] { return 7; })));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
}

}  // namespace
}  // namespace simul
