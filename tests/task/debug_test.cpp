// What a program tells of itself: who holds the loop, who waits for what, who was destroyed while
// pending, and whose error nobody collected.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/dump_tasks.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/sync/queue.hpp"
#include "runtime/task/bridges.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "tests/support/child.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

/// What is written to stderr while `act` runs.
template <class Act>
std::string stderr_of(Act act) {
  ::testing::internal::CaptureStderr();
  act();
  return ::testing::internal::GetCapturedStderr();
}

/// The test's own environment must not matter, and is not changed.
class Environment {
 public:
  Environment() {
    if (const char* value = std::getenv("SIMUL_DEBUG")) before_ = value;
    ::unsetenv("SIMUL_DEBUG");
  }
  ~Environment() {
    if (before_) set(before_->c_str());
  }
  void set(const char* value) { ::setenv("SIMUL_DEBUG", value, 1); }

 private:
  std::optional<std::string> before_;
};

class Debug : public ::testing::Test {
 protected:
  Environment environment_;
};

// --- Slow steps ---------------------------------------------------------------------------------

constexpr Duration kLimit = 100ms;

/// Holds the thread, and with it the loop, in real time.
void hold() {
  std::this_thread::sleep_for(kLimit + 5ms);
}

/// "task 'x' held the loop for 0.105 s" -> "task 'x'", if the time is right; one per line.
std::vector<std::string> held_the_loop(const std::string& said) {
  std::vector<std::string> who;
  for (std::size_t at = 0, end; (end = said.find('\n', at)) != std::string::npos; at = end + 1) {
    const std::string line = said.substr(at, end - at);
    const std::size_t middle = line.find(" held the loop for ");
    double seconds = 0;
    char unit = 0;
    const bool fits =
        middle != std::string::npos &&
        std::sscanf(line.c_str() + middle, " held the loop for %lf %c", &seconds, &unit) == 2;
    if (fits && line.starts_with("simul: ") && unit == 's' && seconds >= to_seconds(kLimit)) {
      who.push_back(line.substr(7, middle - 7));
    } else {
      who.push_back("what is this? " + line);
    }
  }
  return who;
}

Task<> holds_in_the_middle() {
  co_await Yield();
  hold();
  co_await Yield();
}

TEST_F(Debug, NamesWhoHoldsTheLoopWhateverItIs) {
  VirtualTime time;  // not the time that counts
  Reactor loop;
  loop.set_debug(true, kLimit);
  loop.add_signal_handler(SIGUSR1, hold, /*awaited=*/false);
  const auto main = []() -> Task<> {
    const TaskHandle<> task = create_task(holds_in_the_middle(), "fetch");
    co_await task;
    Reactor& reactor = Reactor::current();
    reactor.call_soon([] { hold(); });
    reactor.call_later(3h, [] { hold(); });
    co_await sleep(4h);
    ::raise(SIGUSR1);
    co_await sleep(1h);
  };
  const std::vector<std::string> who = held_the_loop(stderr_of([&] { run(main()); }));
  ASSERT_EQ(who.size(), 4u) << ::testing::PrintToString(who);
  EXPECT_EQ(who[0], "task 'fetch'");
  EXPECT_EQ(who[1].find("callback 'simul::(anonymous namespace)::Debug_"), 0u) << who[1];
  EXPECT_NE(who[1].find("TestBody()"), std::string::npos) << "of no help: " << who[1];
  EXPECT_EQ(who[2].find("callback '"), 0u) << who[2];
  EXPECT_NE(who[2], who[1]);
  EXPECT_EQ(who[3], "handler of signal " + std::to_string(SIGUSR1));
}

TEST_F(Debug, NamesTheOneFiberThatHoldsTheLoopAndNotItsNeighbours) {
  Reactor loop;
  loop.set_debug(true, kLimit);
  const auto quick = [] {
    for (int turn = 0; turn < 3; ++turn) this_fiber::yield();
  };
  const auto slow = [] {
    this_fiber::yield();
    hold();
    this_fiber::yield();
  };
  const std::string said = stderr_of([&] {
    const std::vector<Fiber<>> fibers = {spawn(quick).named("before"), spawn(slow).named("slow"),
                                         spawn(quick).named("after")};
    join_all(fibers);
  });
  EXPECT_EQ(held_the_loop(said), std::vector<std::string>{"fiber 'slow'"});
}

TEST_F(Debug, NothingIsTimedUnlessAsked) {
  Reactor loop;
  EXPECT_FALSE(loop.debug());
  const auto main = []() -> Task<> { co_await holds_in_the_middle(); };
  loop.set_debug(true);
  EXPECT_TRUE(loop.debug());
  loop.set_debug(false);
  EXPECT_EQ(stderr_of([&] { run(main()); }), "");
}

TEST_F(Debug, TheOrderIsTheSameAndFibersStillTakeTurns) {
  for (const bool debug : {false, true}) {
    Reactor loop;
    loop.set_debug(debug);
    std::string order;
    const auto letters = [&](char letter) {
      return [&order, letter] {
        for (int turn = 0; turn < 2; ++turn) {
          order += letter;
          this_fiber::yield();
        }
      };
    };
    loop.call_soon([&] { order += 'x'; });
    const std::vector<Fiber<>> fibers = {spawn(letters('a')), spawn(letters('b'))};
    loop.call_soon([&] { order += 'y'; });
    join_all(fibers);
    EXPECT_EQ(order, "xabyab");
  }
}

struct Throws final : Routine, Waiter {
  explicit Throws(Reactor& loop) : Routine(loop, Kind::callback), Waiter(kSort) {
    begin(*this);
    wake();
  }
  void step() override { throw std::runtime_error("thrown"); }
  std::string describe() const override { return "one that throws"; }
  static constexpr Sort kSort = {"throw", nullptr};
};

TEST_F(Debug, AStepThatThrowsLeavesTheRestOfTheBatchToTheNextRun) {
  for (const bool debug : {false, true}) {
    Reactor loop;
    loop.set_debug(debug);
    const Throws throws(loop);
    int ran = 0;
    loop.call_soon([&] { ++ran; });
    loop.call_soon([&] { ++ran; });
    EXPECT_THROW(loop.run_until([&] { return ran > 0; }), std::runtime_error);
    EXPECT_EQ(ran, 0);
    loop.run_until([&] { return ran > 0; });
    EXPECT_EQ(ran, 2);
  }
}

// --- Destroyed while pending --------------------------------------------------------------------

Task<> immortal(Queue<int>& queue) {
  for (;;) {
    try {
      co_await queue.get();
    } catch (const Cancelled&) {
      // It does not want to end.
    }
  }
}

TEST_F(Debug, ATaskDestroyedWhilePendingIsReported) {
  for (const bool debug : {false, true}) {
    Queue<int> queue;
    std::optional<Reactor> loop(std::in_place);
    loop->set_debug(debug);
    create_task(immortal(queue), "Koschei");
    await(sleep(1ms));  // one that has not begun would never do so
    EXPECT_EQ(stderr_of([&] { loop.reset(); }),
              std::string("simul: task 'Koschei' did not end when its loop did") +
                  (debug ? "; it waits for queue.get\n" : "\n"));
  }
}

// --- Errors that nobody collects ----------------------------------------------------------------

Task<> fail(std::string message) {
  co_await sleep(1s);
  throw std::runtime_error(message);
}

TEST_F(Debug, AnErrorThatNobodyCollectsIsReportedByNameWhenTheHandleGoes) {
  VirtualTime time;
  Reactor loop;
  const auto main = []() -> Task<> {
    create_task(fail("nobody has its handle"), "at once");
    std::optional<TaskHandle<>> kept = create_task(fail("somebody had its handle"), "later");
    const TaskHandle<> seen = create_task(fail("never"), "collected");
    co_await sleep(2s);
    EXPECT_NE(seen.error(), nullptr);
    std::fputs("it goes:\n", stderr);
    kept.reset();
  };
  EXPECT_EQ(stderr_of([&] { run(main()); }),
            "task 'at once' failed: nobody has its handle\n"
            "it goes:\n"
            "task 'later' failed: somebody had its handle\n");
}

TEST_F(Debug, AnErrorIsReportedEvenIfTheHandleOutlivesTheLoop) {
  VirtualTime time;
  std::optional<TaskHandle<>> handle;
  EXPECT_EQ(stderr_of([&] {
              Reactor loop;
              handle.emplace(create_task(fail("too late"), "survivor"));
              loop.run_until([&] { return handle->done(); });
            }),
            "");
  EXPECT_EQ(stderr_of([&] { handle.reset(); }), "task 'survivor' failed: too late\n");
}

// --- dump_tasks ---------------------------------------------------------------------------------

std::string dumped() {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* const out = ::open_memstream(&text, &size);
  dump_tasks(out);
  std::fclose(out);
  std::string result(text, size);
  std::free(text);
  return result;
}

Task<> sleep_deep(int depth) {
  if (depth == 0) {
    co_await sleep(1h);
  } else {
    co_await sleep_deep(depth - 1);
  }
}

TEST_F(Debug, TheListSaysOfEveryTaskAndFiberWhatItDoes) {
  VirtualTime time;
  Reactor loop;
  Queue<int> queue;
  std::string from_main;
  std::string from_fiber;
  const auto consumer = [&]() -> Task<> { co_await queue.get(); };
  const auto main = [&]() -> Task<> {
    create_task(sleep_deep(0), "sleeper");
    create_task(consumer(), "consumer");
    create_task(sleep_deep(3), "deep");
    spawn([] { this_fiber::sleep_for(1h); }).named("One");
    co_await Yield();
    co_await Yield();
    const TaskHandle<> ready = create_task(sleep_deep(0), "new");
    const Fiber<> last = spawn([&] { from_fiber = dumped(); }).named("Two");
    from_main = dumped();
    co_await last;
    ready.cancel();
  };
  run(main());
  const std::string waiting =
      "  task 'sleeper' waits for sleep\n"
      "  task 'consumer' waits for queue.get\n"
      "  task 'deep' waits for sleep, 4 coroutines deep\n"
      "  fiber 'One' waits for sleep\n";
  EXPECT_EQ(from_main,
            "simul: 5 tasks, 2 fibers\n"
            "  task 'main' runs\n" +
                waiting +
                "  task 'new' is ready\n"
                "  fiber 'Two' is ready\n");
  EXPECT_EQ(from_fiber,
            "simul: 5 tasks, 2 fibers\n"
            "  task 'main' waits for fiber\n" +
                waiting +
                "  task 'new' waits for sleep\n"
                "  fiber 'Two' runs\n");
  EXPECT_EQ(dumped(), "simul: no tasks, no fibers\n");
}

TEST_F(Debug, TheListCountsHowDeepATaskIsHoweverDeep) {
  VirtualTime time;
  Reactor loop;
  const TaskHandle<> deep = create_task(sleep_deep(10'000), "deep");
  EXPECT_EQ(dumped(), "simul: 1 task, no fibers\n  task 'deep' is ready\n");
  await(sleep(1s));
  EXPECT_EQ(dumped(),
            "simul: 1 task, no fibers\n  task 'deep' waits for sleep, 10001 coroutines deep\n");
}

TEST_F(Debug, TheListGoesToStandardError) {
  Reactor loop;
  EXPECT_EQ(stderr_of([] { dump_tasks(); }), "simul: no tasks, no fibers\n");
}

// --- The environment, and Ctrl-\ ----------------------------------------------------------------

TEST_F(Debug, TheEnvironmentTurnsItOn) {
  for (const auto& [value, on] :
       {std::pair("1", true), std::pair("0", false), std::pair("", false)}) {
    environment_.set(value);
    EXPECT_EQ(Reactor().debug(), on) << "SIMUL_DEBUG=" << value;
  }
}

bool quit_ends_the_program() {
  struct sigaction present {};
  ::sigaction(SIGQUIT, nullptr, &present);
  return present.sa_handler == SIG_DFL;
}

TEST_F(Debug, CtrlBackslashIsLeftAloneUnlessTheEnvironmentAsksAndTheProgramDoesNotUseIt) {
  {
    Reactor loop;
    loop.set_debug(true);
    EXPECT_TRUE(quit_ends_the_program());
  }
  environment_.set("1");
  {
    Reactor loop;
    EXPECT_FALSE(quit_ends_the_program());
    std::thread([] { Reactor another; }).join();
    EXPECT_FALSE(quit_ends_the_program()) << "it was the first one's";
    bool ready = false;
    EXPECT_THROW(loop.run_until([&] { return ready; }), Deadlock) << "nobody waits for a signal";
  }
  EXPECT_TRUE(quit_ends_the_program());
  std::signal(SIGQUIT, SIG_IGN);
  {
    Reactor loop;
    struct sigaction present {};
    ::sigaction(SIGQUIT, nullptr, &present);
    EXPECT_EQ(present.sa_handler, SIG_IGN);
  }
  std::signal(SIGQUIT, SIG_DFL);
}

/// Waits until what comes from `fd` ends with `end`; gives all of it.
std::string read_until(const UniqueFd& fd, const std::string& end) {
  std::string text;
  while (!text.ends_with(end)) {
    pollfd wait{fd.get(), POLLIN, 0};
    char byte = 0;
    if (::poll(&wait, 1, 30'000) <= 0 || ::read(fd.get(), &byte, 1) != 1) {
      ADD_FAILURE() << "no " << end << " in " << text;
      break;
    }
    text += byte;
  }
  return text;
}

void program_that_waits() {
  const auto main = []() -> Task<> {
    Event told;
    Reactor::current().add_signal_handler(SIGUSR1, [&] { told.set(); });
    const Fiber<> one = spawn([&] { await(told.wait()); }).named("One");
    co_await sleep(1ms);
    std::puts("ready");
    std::fflush(stdout);
    co_await told.wait();
    Reactor::current().remove_signal_handler(SIGUSR1);
    co_await one;
    std::puts("went on");
  };
  Reactor loop;
  run(main());
}

TEST_F(Debug, CtrlBackslashPrintsTheListAndTheProgramGoesOn) {
  const char* const kRole = "SIMUL_DEBUG_TEST_CHILD";
  if (std::getenv(kRole) != nullptr) {  // this is the child
    environment_.set("1");
    return program_that_waits();
  }
  const ::testing::TestInfo& self = *::testing::UnitTest::GetInstance()->current_test_info();
  testing::Child child(
      {::testing::internal::GetArgvs()[0],
       std::string("--gtest_filter=") + self.test_suite_name() + "." + self.name()},
      {std::string(kRole) + "=1"});
  read_until(child.out, "ready\n");
  for (int times = 0; times < 2; ++times) {
    child.signal(SIGQUIT);
    EXPECT_EQ(read_until(child.err, "fiber 'One' waits for event\n"),
              "simul: 1 task, 1 fiber\n"
              "  task 'main' waits for event\n"
              "  fiber 'One' waits for event\n");
  }
  child.signal(SIGUSR1);
  read_until(child.out, "went on\n");
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace simul
