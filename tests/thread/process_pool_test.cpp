// The promises of the pool of processes (runtime/thread/process_pool.hpp). That no child and no
// descriptor is left is checked after every test (tests/support/main.cpp).
#include "runtime/thread/process_pool.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <set>
#include <stdexcept>
#include <string>

#include "runtime/fiber/fiber.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "runtime/thread/process_function.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

// --- What runs in other processes ---------------------------------------------------------------

std::string square(std::string_view text) {
  const long long number = std::stoll(std::string(text));
  return std::to_string(number * number);
}
std::string echo(std::string_view text) {
  return std::string(text);
}
std::string process_id(std::string_view) {
  return std::to_string(::getpid());
}
std::string die(std::string_view signal) {
  if (signal == "exit") ::_exit(3);
  ::kill(::getpid(), std::stoi(std::string(signal)));
  for (;;) ::pause();
}
std::string refuse(std::string_view text) {
  throw std::runtime_error("no " + std::string(text));
}
/// Says in the file that it has begun, and never ends.
std::string hang(std::string_view file) {
  std::ofstream(std::string(file)) << ::getpid() << "\n";
  for (;;) ::pause();
}

const ProcessFunction kSquare("square", square);
const ProcessFunction kEcho("echo", echo);
const ProcessFunction kProcessId("process_id", process_id);
const ProcessFunction kDie("die", die);
const ProcessFunction kRefuse("refuse", refuse);
const ProcessFunction kHang("hang", hang);

// --- Helpers ------------------------------------------------------------------------------------

template <class F>
std::string message_from(F function) {
  try {
    function();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing was thrown";
}

/// The process that `hang` has written to `file`, once it has.
pid_t await_hang(const std::filesystem::path& file) {
  for (;;) {
    std::ifstream stream(file);
    pid_t pid = 0;
    if (stream >> pid) return pid;
    await(sleep(1ms));
  }
}

TEST(ProcessPool, RunsAFunctionInAnotherProcess) {
  Reactor loop;
  ProcessPool pool(1);
  EXPECT_EQ(pool.processes(), 0U) << "none is started before it is needed";
  EXPECT_EQ(await(pool.run("square", "12")), "144");
  EXPECT_EQ(await(pool.run("echo", std::string("a\0b", 3))), std::string("a\0b", 3));
  EXPECT_EQ(await(pool.run("echo")), "");
  EXPECT_EQ(await(pool.run("process_id")), std::to_string(pool.process_ids().at(0)));
  EXPECT_NE(await(pool.run("process_id")), std::to_string(::getpid()));
}

TEST(ProcessPool, WhatAFunctionThrowsFailsItsJobAlone) {
  Reactor loop;
  ProcessPool pool(1);
  EXPECT_EQ(message_from([&] { await(pool.run("refuse", "way")); }), "refuse: no way");
  EXPECT_THROW(await(pool.run("square", "x")), JobFailed);
  EXPECT_THROW(await(pool.run("nosuch")), std::invalid_argument);
  EXPECT_EQ(await(pool.run("square", "3")), "9");
  EXPECT_EQ(pool.processes(), 1U);
}

TEST(ProcessPool, StartsProcessesOnDemandUpToItsLimit) {
  Reactor loop;
  ProcessPool pool(3);
  await(pool.run("echo"));
  await(pool.run("echo"));
  EXPECT_EQ(pool.processes(), 1U) << "one that is idle was there";
  std::vector<Fiber<>> fibers;
  std::set<std::string> ids;
  for (int i = 0; i < 50; ++i) {
    fibers.push_back(spawn([&] { ids.insert(await(pool.run("process_id"))); }));
  }
  join_all(fibers);
  EXPECT_EQ(pool.processes(), 3U);
  EXPECT_LE(ids.size(), 3U);
}

TEST(ProcessPool, FirstComeFirstServed) {
  Reactor loop;
  ProcessPool pool(1);
  std::vector<int> order;
  std::vector<Fiber<>> fibers;
  for (int i = 0; i < 20; ++i) {
    fibers.push_back(spawn([&, i] {
      await(pool.run("echo"));
      order.push_back(i);
    }));
  }
  join_all(fibers);
  EXPECT_EQ(order.size(), 20U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(ProcessPool, TasksWaitForItTheSameWay) {
  Reactor loop;
  ProcessPool pool(2);
  const auto job = [&pool](int n) -> Task<std::string> {
    std::string text = std::to_string(n);
    co_return co_await pool.run("square", text);
  };
  const auto main = [&]() -> Task<std::string> {
    std::vector<Task<std::string>> jobs;
    for (int n = 1; n <= 5; ++n) jobs.push_back(job(n));
    std::string all;
    for (const std::string& result : co_await gather(std::move(jobs))) all += result + " ";
    co_return all;
  };
  EXPECT_EQ(run(main()), "1 4 9 16 25 ");
}

TEST(ProcessPool, AProcessThatDiesFailsItsJobAndIsReplaced) {
  Reactor loop;
  ProcessPool pool(1);
  await(pool.run("echo"));
  const int first = pool.process_ids().at(0);
  EXPECT_EQ(message_from([&] { await(pool.run("die", "9")); }),
            "die: its process [" + std::to_string(first) + "] was killed by signal 9 (Killed)");
  EXPECT_EQ(await(pool.run("square", "5")), "25");
  const int second = pool.process_ids().at(0);
  EXPECT_NE(first, second);
  EXPECT_EQ(message_from([&] { await(pool.run("die", "exit")); }),
            "die: its process [" + std::to_string(second) + "] exited with 3");
}

TEST(ProcessPool, OneThatIsKilledInItsJobTakesNoOtherWithIt) {
  Reactor loop;
  const testing::TempDir folder;
  ProcessPool pool(2);
  std::string failure;
  auto victim = spawn([&] {
    failure = message_from([&] { await(pool.run("hang", (folder / "victim").string())); });
  });
  std::vector<Fiber<>> others;
  int done = 0;
  for (int i = 0; i < 10; ++i) {
    others.push_back(spawn([&] {
      if (await(pool.run("square", "2")) == "4") ++done;
    }));
  }
  const pid_t pid = await_hang(folder / "victim");
  ::kill(pid, SIGKILL);
  victim.join();
  join_all(others);
  EXPECT_EQ(failure,
            "hang: its process [" + std::to_string(pid) + "] was killed by signal 9 (Killed)");
  EXPECT_EQ(done, 10);
}

TEST(ProcessPool, AnIdleOneThatIsKilledIsNotMissed) {
  Reactor loop;
  ProcessPool pool(1);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(await(pool.run("square", "4")), "16");
    const pid_t pid = pool.process_ids().at(0);
    ::kill(pid, SIGKILL);
    while (pool.processes() != 0) await(sleep(1ms));
  }
  // And if the job comes before the loop has noticed.
  await(pool.run("echo"));
  const pid_t pid = pool.process_ids().at(0);
  ::kill(pid, SIGKILL);
  siginfo_t info;
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  EXPECT_EQ(await(pool.run("square", "6")), "36");
}

TEST(ProcessPool, GivingUpAWaitKillsTheProcessThatIsAtIt) {
  Reactor loop;
  const testing::TempDir folder;
  ProcessPool pool(1);
  auto hanging = spawn([&] { await(pool.run("hang", (folder / "begun").string())); });
  auto in_line = spawn([&] { await(pool.run("hang", (folder / "never").string())); });
  std::string result;
  auto next = spawn([&] { result = await(pool.run("square", "7")); });
  const pid_t pid = await_hang(folder / "begun");
  in_line.kill();
  in_line.join();
  hanging.kill();
  hanging.join();
  next.join();
  EXPECT_TRUE(hanging.cancelled());
  EXPECT_EQ(result, "49");
  EXPECT_FALSE(std::filesystem::exists(folder / "never")) << "what was in line has not run";
  while (::kill(pid, 0) == 0) await(sleep(1ms));
}

TEST(ProcessPool, WhoeverStillWaitsWhenItGoesHearsIt) {
  Reactor loop;
  const testing::TempDir folder;
  auto pool = std::make_unique<ProcessPool>(1);
  std::string first;
  std::string second;
  auto one = spawn([&] {
    first = message_from([&] { await(pool->run("hang", (folder / "begun").string())); });
  });
  auto two = spawn([&] { second = message_from([&] { await(pool->run("square", "1")); }); });
  await_hang(folder / "begun");
  pool.reset();
  one.join();
  two.join();
  EXPECT_EQ(first, "hang: the pool was destroyed meanwhile");
  EXPECT_EQ(second, "square: the pool was destroyed meanwhile");
}

TEST(ProcessPool, TenMegabytesGoThroughItBothWays) {
  Reactor loop;
  ProcessPool pool(1);
  const std::string text(10'000'000, 'x');
  EXPECT_TRUE(await(pool.run("echo", text)) == text);
}

TEST(ProcessPool, AnAnswerHasALimit) {
  Reactor loop;
  ProcessPool pool({.processes = 1, .answer_limit = 1000});
  EXPECT_EQ(message_from([&] { await(pool.run("echo", std::string(1001, 'x'))); }),
            "echo: an answer of 1001 bytes is beyond the limit of 1000");
  EXPECT_EQ(await(pool.run("echo", std::string(1000, 'x'))).size(), 1000U);
}

TEST(ProcessPool, IdleProcessesHideNoDeadlock) {
  Reactor loop;
  ProcessPool pool(1);
  await(pool.run("echo"));
  Event never;
  EXPECT_THROW(await(never.wait()), Deadlock);
}

TEST(ProcessPool, TheLoopGoesOnWhileProcessesWork) {
  Reactor loop;
  const testing::TempDir folder;
  ProcessPool pool(1);
  auto hanging = spawn([&] { await(pool.run("hang", (folder / "begun").string())); });
  ::kill(await_hang(folder / "begun"), SIGKILL);  // only this fiber ends it
  hanging.join();
  EXPECT_TRUE(hanging.core().failed());
  hanging.core().collect_error();
}

TEST(ProcessPool, AStormOfJobsCancellationsAndDeathsLeavesItWhole) {
  Reactor loop;
  ProcessPool pool(3);
  std::minstd_rand random(7);
  std::vector<Fiber<>> fibers;
  int wrong = 0;
  int answered = 0;
  for (int i = 0; i < 120; ++i) {
    const auto dice = random() % 20;
    fibers.push_back(spawn([&, i, dice] {
      try {
        if (dice == 0) {
          await(pool.run("die", "9"));
          ++wrong;
        } else {
          const std::string result = await(pool.run("square", std::to_string(i)));
          if (result != std::to_string(i * i)) ++wrong;
          ++answered;
        }
      } catch (const JobFailed&) {
        if (dice != 0) ++wrong;
      }
    }));
    if (random() % 4 == 0) await(Yield());
    if (random() % 8 == 0) fibers[random() % fibers.size()].kill();
  }
  join_all(fibers);
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(answered, 50);
  EXPECT_EQ(await(pool.run("square", "11")), "121");
}

}  // namespace
}  // namespace simul
