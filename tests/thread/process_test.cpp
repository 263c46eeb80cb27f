// The promises of processes (runtime/thread/process.hpp and what it stands on). That no child, no
// descriptor and no thread is left is checked after every test (tests/support/main.cpp).
#include "runtime/thread/process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "runtime/base/sanitizers.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/sync/semaphore.hpp"
#include "runtime/task/run.hpp"
#include "runtime/thread/communicate.hpp"
#include "runtime/thread/process_function.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

#if defined(SIMUL_TSAN)
constexpr int kMany = 40;  // it forks where we vfork, with all its shadow memory
#elif defined(SIMUL_ASAN)
constexpr int kMany = 200;
#else
constexpr int kMany = 1000;
#endif
constexpr bool kSanitized = kMany < 1000;

// --- What runs in other processes ---------------------------------------------------------------

std::string deaf(std::string_view) {
  ::signal(SIGTERM, SIG_IGN);
  std::cout << "deaf" << std::endl;
  for (;;) ::pause();
}

std::string parent_of_a_sleeper(std::string_view) {
  Reactor loop;
  Process sleeper({"sleep", "100"});
  std::cout << "started" << std::endl;
  for (;;) ::pause();
}

std::string failing(std::string_view argument) {
  throw std::runtime_error("cannot do " + std::string(argument));
}

std::string greet(std::string_view name) {
  std::cout << "hello, " << name << "\n";
  return "dropped";
}

const ProcessFunction kDeaf("deaf", deaf);
const ProcessFunction kParent("parent_of_a_sleeper", parent_of_a_sleeper);
const ProcessFunction kFailing("failing", failing);
const ProcessFunction kGreet("greet", greet);

// --- Helpers ------------------------------------------------------------------------------------

/// What a command says on stdout.
std::string output_of(std::vector<std::string> command, ProcessOptions options = {},
                      std::string input = {}) {
  options.out = Stdio::pipe();
  if (!input.empty()) options.in = Stdio::pipe();
  Process process(std::move(command), std::move(options));
  ProcessResult result = await(communicate(process, std::move(input)));
  EXPECT_TRUE(result.status.ok()) << result.status.text();
  return result.out;
}

/// Waits for the first line of a program that goes on.
void await_line(Process& process) {
  char byte = 0;
  while (byte != '\n') {
    const ssize_t got = ::read(process.out().fd(), &byte, 1);
    ASSERT_NE(got, 0) << "it has closed its stdout";
    if (got < 0) await(process.out().readable());
  }
}

template <class F>
std::string message_from(F function) {
  try {
    function();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing was thrown";
}

/// Ten of them, no two parts alike.
const std::string& several_megabytes() {
  static const std::string all = [] {
    std::string text;
    std::uint32_t word = 1;
    while (text.size() < 10'000'000) {
      word = word * 1664525 + 1013904223;
      text.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    return text;
  }();
  return all;
}

/// Beats every millisecond and keeps the longest time between two beats.
class Heartbeat {
 public:
  explicit Heartbeat(Reactor& loop) : loop_(loop) { beat(); }
  ~Heartbeat() { next_.cancel(); }
  Duration largest_gap() const { return largest_; }

 private:
  void beat() {
    const TimePoint now = Clock::now();
    if (last_ != TimePoint()) largest_ = std::max(largest_, now - last_);
    last_ = now;
    next_ = loop_.call_later(1ms, [this] { beat(); });
  }
  Reactor& loop_;
  TimePoint last_{};
  Duration largest_{};
  Handle next_;
};

// --- How a program ends -------------------------------------------------------------------------

/// With pidfds and with SIGCHLD.
class ProcessEnd : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override { use_pidfds(GetParam()); }
  void TearDown() override { use_pidfds(true); }
};
INSTANTIATE_TEST_SUITE_P(Told, ProcessEnd, ::testing::Values(true, false),
                         [](const auto& param) { return param.param ? "ByPidfd" : "BySigchld"; });

TEST_P(ProcessEnd, IsTheExitCodeOrTheSignal) {
  Reactor loop;
  const ExitStatus three = await(Process({"sh", "-c", "exit 3"}).wait());
  EXPECT_EQ(three.code(), 3);
  EXPECT_EQ(three.text(), "exited with 3");
  EXPECT_FALSE(three.ok());
  const ExitStatus killed = await(Process({"sh", "-c", "kill -9 $$"}).wait());
  EXPECT_EQ(killed.signal(), SIGKILL);
  EXPECT_EQ(killed.code(), -1);
  EXPECT_EQ(killed.text(), "killed by signal 9 (Killed)");
  EXPECT_TRUE(await(Process({"true"}).wait()).ok());
}

TEST_P(ProcessEnd, OfAThousandChildrenLetsTheHeartbeatGoOn) {
  const int many = GetParam() ? kMany : kMany / 5;
  Duration gap = Duration::max();
  // The machine may have something else to do for a moment: then once more.
  for (int attempt = 0; attempt < (kSanitized ? 1 : 3) && gap >= 20ms; ++attempt) {
    Reactor loop;
    Heartbeat heart(loop);
    int reaped = 0;
    std::vector<Fiber<>> fibers;
    Semaphore at_once(8);
    for (int i = 0; i < many; ++i) {
      await(Yield());  // one start in a turn: each holds the thread until the program runs
      auto permit = await(at_once.acquire());
      fibers.push_back(spawn([&reaped, permit = std::move(permit)] {
        Process process({"/bin/true"}, {.in = Stdio::null()});
        if (await(process.wait()).ok()) ++reaped;
      }));
    }
    join_all(fibers);
    EXPECT_EQ(reaped, many);
    gap = heart.largest_gap();
  }
  RecordProperty("largest_gap_us", static_cast<int>(gap / 1us));
  EXPECT_LT(gap, kSanitized ? 1s : 20ms);
}

TEST_P(ProcessEnd, IsHeardByAllWhoWait) {
  Reactor loop;
  Process process({"cat"}, {.in = Stdio::pipe(), .out = Stdio::null()});
  int heard = 0;
  std::vector<Fiber<>> fibers;
  for (int i = 0; i < 5; ++i) {
    fibers.push_back(spawn([&] {
      if (await(process.wait()).ok()) ++heard;
    }));
  }
  EXPECT_FALSE(process.poll());
  spawn([&] { process.in().close(); });
  join_all(fibers);
  EXPECT_EQ(heard, 5);
  EXPECT_TRUE(process.poll()->ok());
  process.kill();  // has no effect any more
  EXPECT_TRUE(await(process.wait()).ok());
}

TEST_P(ProcessEnd, OfOneThatIsDeafToSigtermComesWithTheGrace) {
  Reactor loop;
  Process process(function_command("deaf"), {.out = Stdio::pipe()});
  await_line(process);
  EXPECT_EQ(await(process.stop(20ms)).signal(), SIGKILL);
}

TEST_P(ProcessEnd, OfOneThatListensComesWithSigterm) {
  Reactor loop;
  Process process({"sleep", "100"});
  const TimePoint start = Clock::now();
  EXPECT_EQ(await(process.stop(60s)).signal(), SIGTERM);
  EXPECT_LT(Clock::now() - start, 30s);
  EXPECT_EQ(await(process.stop()).signal(), SIGTERM) << "it has ended before";
}

TEST_P(ProcessEnd, ComesWhenTheHandleGoesAndTheLoopReaps) {
  Reactor loop;
  pid_t pid;
  {
    Process process({"sleep", "100"});
    pid = process.pid();
  }
  while (::kill(pid, 0) == 0) await(sleep(1ms));  // a zombie would still be there
  EXPECT_EQ(errno, ESRCH);
}

TEST_P(ProcessEnd, ComesWithTheLoopIfItMust) {
  std::optional<Process> survivor;
  pid_t pid;
  {
    Reactor loop;
    survivor.emplace(Process({"sleep", "100"}));
    pid = survivor->pid();
    Process forsaken({"sleep", "100"});
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(survivor->poll()->signal(), SIGKILL);
}

TEST(Process, AWaitMayHaveADeadline) {
  Reactor loop;
  Process process({"sleep", "100"});
  EXPECT_THROW(await(process.wait(Clock::now() + 1ms)), TimedOut);
  EXPECT_FALSE(process.poll());
}

TEST(Process, AWaitThatIsCancelledGoes) {
  Reactor loop;
  auto waiting = spawn([] {
    Process process({"sleep", "100"});
    await(process.wait());
  });
  auto stopping = spawn([] {
    Process process(function_command("deaf"), {.out = Stdio::pipe()});
    await_line(process);
    await(process.stop(100s));
  });
  auto talking = spawn([] {
    Process process({"sleep", "100"}, {.in = Stdio::pipe(), .out = Stdio::pipe()});
    await(communicate(process, several_megabytes()));
  });
  for (auto* fiber : {&waiting, &stopping, &talking}) {
    await(sleep(1ms));
    fiber->kill();
    await(Join(fiber->core()));
  }
  EXPECT_TRUE(waiting.cancelled());
  EXPECT_TRUE(stopping.cancelled());
}

TEST(Process, OneThatNobodyWaitsForHidesNoDeadlock) {
  Reactor loop;
  Process process({"sleep", "100"});
  Event never;
  EXPECT_THROW(await(never.wait()), Deadlock);
}

TEST(Process, OneThatSomebodyWaitsForHoldsVirtualTime) {
  VirtualTime virtual_time;
  Reactor loop;
  bool late = false;
  loop.call_later(1h, [&] { late = true; });
  EXPECT_TRUE(await(Process({"true"}).wait()).ok());
  EXPECT_FALSE(late);
}

TEST(Process, AStatusThatSomebodyElseTookIsUnknown) {
  Reactor loop;
  Process process({"cat"}, {.in = Stdio::pipe()});
  process.in().close();
  EXPECT_EQ(::waitpid(process.pid(), nullptr, 0), process.pid());
  EXPECT_EQ(await(process.wait()).text(), "ended, nobody knows how");
}

TEST(Process, EveryThreadMayHaveChildren) {
  std::vector<std::thread> threads;
  std::atomic<int> ended{0};
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      Reactor loop;
      for (int n = 0; n < 10; ++n) {
        if (await(Process({"true"}).wait()).ok()) ++ended;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ended, 30);
}

TEST(Process, AForkedChildLeavesItsParentsChildrenAlone) {
  Reactor loop;
  Process process({"sleep", "100"});
  const pid_t fork = ::fork();
  if (fork == 0) {
    process.kill();
    process.~Process();
    ::_exit(0);
  }
  ::waitpid(fork, nullptr, 0);
  EXPECT_FALSE(process.poll());
}

TEST(Process, DiesWithItsParentEvenIfThatIsKilled) {
  Reactor loop;
  Process parent(function_command("parent_of_a_sleeper"), {.out = Stdio::pipe()});
  await_line(parent);
  parent.kill();
  // The sleeper has inherited the pipe: its end comes when both are gone.
  await(read_to_end(parent.out()));
  EXPECT_EQ(await(parent.wait()).signal(), SIGKILL);
}

TEST(Process, AGroupDiesWithItsLeader) {
  Reactor loop;
  Process leader({"sh", "-c", "sleep 100 & echo started; exit 0"},
                 {.out = Stdio::pipe(), .own_group = true});
  await_line(leader);
  EXPECT_TRUE(await(leader.wait()).ok());
  await(read_to_end(leader.out()));
}

// --- The world in which it starts ---------------------------------------------------------------

TEST(Process, ArgumentsArriveAsTheyAre) {
  Reactor loop;
  EXPECT_EQ(output_of({"printf", "%s|", "$HOME", "a b", "", "*", "'\"\\"}), "$HOME|a b||*|'\"\\|");
}

TEST(Process, TheEnvironmentIsTheOneGiven) {
  Reactor loop;
  EXPECT_EQ(output_of({"/usr/bin/env"}, {.environment = {{"A=1", "B=2"}}, .variables = {"B=3"}}),
            "A=1\nB=3\n");
  EXPECT_EQ(output_of({"sh", "-c", "echo $HOME $SIMUL_X"}, {.variables = {"SIMUL_X=new"}}),
            std::string(std::getenv("HOME") != nullptr ? std::getenv("HOME") : "") + " new\n");
}

TEST(Process, TheProgramIsLookedUpInItsOwnPath) {
  Reactor loop;
  const testing::TempDir folder;
  const auto file = folder.write("simul-program", "#!/bin/sh\necho found\n");
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  EXPECT_EQ(output_of({"simul-program"},
                      {.variables = {"PATH=/nosuch:" + folder.path().string() + ":/bin"}}),
            "found\n");
}

TEST(Process, TheDirectoryIsTheOneGiven) {
  Reactor loop;
  EXPECT_EQ(output_of({"pwd"}, {.directory = "/usr"}), "/usr\n");
}

TEST(Process, HasTheDescriptorsItIsGivenAndNoOther) {
  Reactor loop;
  const UniqueFd ours(::dup(1));  // not close-on-exec
  const UniqueFd high(::fcntl(1, F_DUPFD, 200));
  // 3 is the folder that ls reads.
  EXPECT_EQ(output_of({"ls", "/proc/self/fd"}), "0\n1\n2\n3\n");
  EXPECT_EQ(output_of({"ls", "/proc/self/fd"}, {.passed = {{ours.get(), 7}, {1, 4}}}),
            "0\n1\n2\n3\n4\n7\n");
}

TEST(Process, DescriptorsMayTradePlaces) {
  Reactor loop;
  const testing::TempDir folder;
  std::ofstream(folder / "three") << "three";
  std::ofstream(folder / "four") << "four";
  const UniqueFd a(::open((folder / "three").c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd b(::open((folder / "four").c_str(), O_RDONLY | O_CLOEXEC));
  const PassedDescriptor to_b{a.get(), b.get()};
  const PassedDescriptor to_a{b.get(), a.get()};
  const std::string command =
      "cat <&" + std::to_string(b.get()) + "; cat <&" + std::to_string(a.get());
  EXPECT_EQ(output_of({"sh", "-c", command}, {.passed = {to_a, to_b}}), "threefour");
}

TEST(Process, AStreamMayBeAFileOrNothing) {
  Reactor loop;
  const testing::TempDir folder;
  const UniqueFd file(::open((folder / "f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  Process process({"sh", "-c", "cat; echo out; echo err >&2"},
                  {.in = Stdio::null(),
                   .out = Stdio::descriptor(file.get()),
                   .err = Stdio::descriptor(file.get())});
  EXPECT_TRUE(await(process.wait()).ok());
  std::ifstream text(folder / "f");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(text), {}), "out\nerr\n");
  EXPECT_FALSE(process.in());
}

TEST(Process, IgnoresAndBlocksNoSignal) {
  Reactor loop;
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto old_pipe = ::signal(SIGPIPE, SIG_IGN);
  const auto old_hangup = ::signal(SIGHUP, SIG_IGN);
  const std::string status = output_of({"cat", "/proc/self/status"});
  ::signal(SIGPIPE, old_pipe);
  ::signal(SIGHUP, old_hangup);
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, &before, &after);
  const auto signals = [&](const std::string& name) {
    const std::size_t at = status.find(name);
    if (at == std::string::npos) return ~0ULL;
    // 32 and 33 are the C library's own: nobody can set them.
    return std::stoull(status.substr(at + name.size(), 20), nullptr, 16) & ~0x180000000ULL;
  };
  EXPECT_EQ(signals("SigBlk:\t"), 0U) << status;
  EXPECT_EQ(signals("SigIgn:\t"), 0U) << status;
  EXPECT_EQ(sigismember(&after, SIGUSR1), 1) << "our own mask is as it was";
  EXPECT_EQ(sigismember(&after, SIGINT), 0);
}

TEST(Process, OneThatCannotStartIsAnErrorHere) {
  Reactor loop;
  EXPECT_EQ(message_from([] { Process({"nosuch"}); }), "spawn nosuch: No such file or directory");
  EXPECT_EQ(message_from([] { Process({"/no/such"}); }),
            "spawn /no/such: No such file or directory");
  EXPECT_EQ(message_from([] { Process({"/etc/passwd"}); }), "spawn /etc/passwd: Permission denied");
  EXPECT_EQ(message_from([] { Process({"true"}, {.directory = "/nosuch"}); }),
            "spawn true in /nosuch: No such file or directory");
  EXPECT_EQ(message_from([] {
              Process({"true"}, {.passed = {{9999, 5}}});
            }),
            "spawn true: Bad file descriptor");
  EXPECT_THROW(Process({}), std::invalid_argument);
  EXPECT_THROW(Process({"true"}, {.passed = {{1, 2}}}), std::invalid_argument);
  EXPECT_THROW(Process({"true"}, {.variables = {"no name"}}), std::invalid_argument);
  EXPECT_THROW(Process({std::string("tr\0ue", 5)}), std::system_error);
  EXPECT_THROW(Process({"true"}, {.in = Stdio::pipe(), .out = Stdio::descriptor(-1)}),
               std::invalid_argument);
}

/// While it lives, this process may have so many descriptors open and no more.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t limit) {
    check(::getrlimit(RLIMIT_NOFILE, &before_), "getrlimit");
    const rlimit less{std::min(limit, before_.rlim_max), before_.rlim_max};
    check(::setrlimit(RLIMIT_NOFILE, &less), "setrlimit");
  }
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;

 private:
  rlimit before_{};
};

TEST_P(ProcessEnd, OfOneForWhichDescriptorsWereMissingLeavesNothing) {
  Reactor loop;
  EXPECT_TRUE(await(Process({"true"}).wait()).ok());  // what a loop opens at first use is open
  const ProcessOptions three_pipes{.in = Stdio::pipe(), .out = Stdio::pipe(), .err = Stdio::pipe()};
  const int next = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)).get();
  int failures = 0;
  bool started = false;
  for (int more = 0; !started && more < 30; ++more) {
    const auto allowed = static_cast<rlim_t>(next + more);
    try {
      std::optional<Process> process;
      {
        const DescriptorLimit limit(allowed);
        process.emplace(std::vector<std::string>{"sleep", "100"}, three_pipes);
      }
      started = true;
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EMFILE) << error.what();
      EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left, allowed " << more;
      EXPECT_EQ(UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)).get(), next) << "or an end";
      ++failures;
    }
  }
  EXPECT_TRUE(started);
  EXPECT_GE(failures, 6) << "three pipes have six ends";
}

// --- Talking to it ------------------------------------------------------------------------------

TEST(Process, TenMegabytesGoBothWaysAtOnce) {
  Reactor loop;
  const std::string text = several_megabytes();
  Process process({"tee", "/dev/stderr"},
                  {.in = Stdio::pipe(), .out = Stdio::pipe(), .err = Stdio::pipe()});
  const ProcessResult result = await(communicate(process, text));
  EXPECT_TRUE(result.status.ok());
  EXPECT_TRUE(result.out == text);
  EXPECT_TRUE(result.err == text);
}

TEST(Process, ATaskTalksToItTheSameWay) {
  Reactor loop;
  const auto main = []() -> Task<std::string> {
    Process process({"sort", "-n"}, {.in = Stdio::pipe(), .out = Stdio::pipe()});
    ProcessResult result = co_await communicate(process, "3\n1\n2\n");
    co_return result.out;
  };
  EXPECT_EQ(run(main()), "1\n2\n3\n");
}

TEST(Process, OneThatClosesItsStreamsEarlyIsWaitedFor) {
  Reactor loop;
  Process process({"sh", "-c", "exec <&- >&- 2>&-; sleep 0.05; exit 3"},
                  {.in = Stdio::pipe(), .out = Stdio::pipe(), .err = Stdio::pipe()});
  const ProcessResult result = await(communicate(process, several_megabytes()));
  EXPECT_EQ(result.status.code(), 3);
  EXPECT_EQ(result.out, "");
}

TEST(Process, WritingToOneThatWentAwayIsAnErrorAndNoSignal) {
  Reactor loop;
  Process process({"true"}, {.in = Stdio::pipe()});
  await(process.wait());
  EXPECT_EQ(message_from([&] { await(write_all(process.in(), "x")); }),
            "write to a pipe: Broken pipe");
  sigset_t pending;
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

TEST(Process, AWriterThatWaitsHearsThatTheReaderWentAway) {
  Reactor loop;
  Process process({"sleep", "100"}, {.in = Stdio::pipe()});
  auto writer = spawn([&] { await(write_all(process.in(), several_megabytes())); });
  await(sleep(1ms));
  process.kill();
  writer.join();
  EXPECT_EQ(message_from([&] { std::rethrow_exception(writer.core().collect_error()); }),
            "write to a pipe: Broken pipe");
}

TEST(Process, WhatItSaysHasALimit) {
  Reactor loop;
  Process process({"cat", "/dev/zero"}, {.out = Stdio::pipe()});
  EXPECT_EQ(message_from([&] { await(communicate(process, "", 1'000'000)); }),
            "read a pipe: more than the limit of 1000000 bytes came");
  EXPECT_FALSE(process.poll()) << "it is for the caller to stop it";
}

TEST(Process, AProgramThatTalksWithoutEndLeavesTheLoopItsTurns) {
  Reactor loop;
  Process process({"cat", "/dev/zero"}, {.out = Stdio::pipe()});
  auto reader = spawn([&] { await(communicate(process, "", std::size_t{4} << 30)); });
  await(sleep(5ms));  // would never come
  reader.kill();
  await(Join(reader.core()));
}

// --- A function of this program -----------------------------------------------------------------

TEST(Process, AFunctionOfThisProgramRunsInItsOwn) {
  Reactor loop;
  EXPECT_EQ(output_of(function_command("greet", "world")), "hello, world\n");
  Process process(function_command("failing", "it"), {.err = Stdio::pipe()});
  const ProcessResult result = await(communicate(process));
  EXPECT_EQ(result.status.code(), 1);
  EXPECT_EQ(result.err, "failing: cannot do it\n");
  EXPECT_THROW(function_command("nosuch"), std::invalid_argument);
  EXPECT_THROW(ProcessFunction("greet", greet), std::logic_error);
}

}  // namespace
}  // namespace simul
