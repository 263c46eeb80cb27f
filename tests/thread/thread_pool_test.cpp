// The promises of the thread pool (runtime/thread/thread_pool.hpp).
#include "runtime/thread/thread_pool.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/sanitizers.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/run.hpp"
#include "runtime/thread/run_in_executor.hpp"

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

/// Keeps the one thread of a pool busy until it is opened. The job shares what it waits for, as it
/// may still be at it when the gate has gone.
class Gate {
 public:
  explicit Gate(ThreadPool& pool) {
    const auto begun = std::make_shared<std::promise<void>>();
    pool.submit([begun, open = open_.get_future().share()] {
      begun->set_value();
      open.wait();
    });
    begun->get_future().wait();
  }
  void open() { open_.set_value(); }

 private:
  std::promise<void> open_;
};

TEST(ThreadPool, AJobThatIsCancelledBeforeItHasBegunDoesNotRun) {
  Reactor loop;
  ThreadPool pool(1);
  Gate gate(pool);
  std::atomic<bool> ran{false};
  const auto captured = std::make_shared<int>(1);
  auto fiber = spawn([&] { await(offload([&ran, captured] { ran = true; }, pool)); });
  this_fiber::yield();
  EXPECT_EQ(pool.queued(), 1U);
  fiber.kill();
  fiber.join();
  EXPECT_EQ(pool.queued(), 0U);
  EXPECT_EQ(captured.use_count(), 1) << "and what it held is gone at once";
  gate.open();
  await(offload([] {}, pool));
  EXPECT_FALSE(ran);
}

TEST(ThreadPool, AStormOfJobsAndCancellationsLeavesItWhole) {
  Reactor loop;
  ThreadPool pool(3);
  std::minstd_rand random(11);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  int wrong = 0;
  int answered = 0;
  std::vector<Fiber<>> fibers;
  for (int i = 0; i < 2000; ++i) {
    fibers.push_back(spawn([&, i] {
      // The job holds what it uses: it may outlive the fiber.
      auto number = std::make_shared<int>(i);
      const int doubled = await(offload(
          [&running, &most, number] {
            const int now = ++running;
            int seen = most.load();
            while (now > seen && !most.compare_exchange_weak(seen, now)) {
            }
            --running;
            return 2 * *number;
          },
          pool));
      if (doubled != 2 * i) ++wrong;
      ++answered;
    }));
    if (random() % 8 == 0) await(Yield());
    if (random() % 4 == 0) fibers[random() % fibers.size()].kill();
  }
  join_all(fibers);
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(answered, 1000);
  EXPECT_LE(most.load(), 3);
  int cancelled = 0;
  for (const Fiber<>& fiber : fibers) cancelled += fiber.cancelled() ? 1 : 0;
  EXPECT_EQ(answered + cancelled, 2000) << "each has ended in one of two ways";
  EXPECT_GT(cancelled, 0);
  EXPECT_EQ(await(offload([] { return 7; }, pool)), 7);
  EXPECT_EQ(pool.queued(), 0U);
}

TEST(ThreadPool, GrowsOnDemandAndIdleThreadsLeave) {
  Reactor loop;
  ThreadPool pool(4, /*linger=*/1ms);
  EXPECT_EQ(pool.threads(), 0U);
  std::promise<void> gate;
  std::shared_future<void> open(gate.get_future());
  std::vector<Fiber<>> fibers;
  for (int i = 0; i < 10; ++i) {
    fibers.push_back(spawn([&] { await(offload([&open] { open.wait(); }, pool)); }));
  }
  this_fiber::yield();
  EXPECT_EQ(pool.threads(), 4U);
  gate.set_value();
  join_all(fibers);
  while (pool.threads() != 0) await(sleep(1ms));
  EXPECT_EQ(await(offload([] { return 5; }, pool)), 5);
}

TEST(ThreadPool, AFullQueueRefusesWhatNobodyWaitsForAndLetsOthersWait) {
  Reactor loop;
  ThreadPool pool(1, 100ms, /*queue_limit=*/2);
  Gate gate(pool);
  std::atomic<int> ran{0};
  const auto job = [&ran] { ++ran; };
  pool.submit(job);
  const ThreadPool::Ticket second = pool.submit(job);
  EXPECT_THROW(pool.submit(job), LimitExceeded);
  bool called = false;
  EXPECT_THROW(offload(job, pool).then([&](auto) { called = true; }), LimitExceeded);
  auto fiber = spawn([&] { await(offload(job, pool)); });
  this_fiber::yield();
  EXPECT_EQ(pool.queued(), 3U);
  EXPECT_TRUE(second.withdraw());
  EXPECT_FALSE(second.withdraw());
  pool.submit(job);
  gate.open();
  fiber.join();
  await(offload([] {}, pool));
  EXPECT_EQ(ran, 3);
  EXPECT_FALSE(called);
}

TEST(ThreadPool, ShutdownWaitsForWhatRunsAndDropsWhatHasNotBegun) {
  Reactor loop;
  ThreadPool pool(1);
  std::promise<void> begun;
  std::atomic<bool> finished{false};
  std::atomic<bool> ran{false};
  pool.submit([&] {
    begun.set_value();
    std::this_thread::sleep_for(5ms);
    finished = true;
  });
  begun.get_future().wait();
  auto waiting = spawn([&] { await(offload([&] { ran = true; }, pool)); });
  this_fiber::yield();
  pool.shutdown();
  EXPECT_TRUE(finished);
  EXPECT_EQ(pool.threads(), 0U);
  waiting.join();  // hears of it
  EXPECT_TRUE(waiting.cancelled());
  EXPECT_FALSE(ran);
  EXPECT_THROW(pool.submit([] {}), std::logic_error);
  pool.shutdown();
}

TEST(RunInExecutor, IsTheSameForFibersTasksAndCallbacks) {
  Reactor loop;
  ThreadPool pool(2);
  const auto add = [](int a, std::unique_ptr<int> b) { return a + *b; };
  EXPECT_EQ(await(run_in_executor(pool, add, 1, std::make_unique<int>(2))), 3);
  const auto main = [&]() -> Task<int> {
    co_return co_await run_in_executor(pool, add, 3, std::make_unique<int>(4));
  };
  EXPECT_EQ(run(main()), 7);
  int result = 0;
  std::thread::id where;
  run_in_executor(pool, add, 5, std::make_unique<int>(6)).then([&](Offloaded<int> sum) {
    where = std::this_thread::get_id();
    result = sum.get();
    loop.stop();
  });
  loop.run_forever();
  EXPECT_EQ(result, 11);
  EXPECT_EQ(where, std::this_thread::get_id()) << "a callback belongs to the loop";
}

TEST(RunInExecutor, ACallbackHearsOfAnErrorAndOfAWithdrawal) {
  Reactor loop;
  ThreadPool pool(1);
  std::string said;
  Event heard;
  const auto tell = [&](Offloaded<void> outcome) {
    said = message_of(outcome.error);
    heard.set();
  };
  run_in_executor(pool, [] { throw std::runtime_error("no"); }).then(tell);
  await(heard.wait());
  EXPECT_EQ(said, "no");
  heard.clear();
  Gate gate(pool);
  const ThreadPool::Ticket ticket = run_in_executor(pool, [] {}).then(tell);
  EXPECT_TRUE(ticket.withdraw());
  await(heard.wait());
  EXPECT_EQ(said, "cancelled");
  gate.open();
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
#ifdef SIMUL_TSAN
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
