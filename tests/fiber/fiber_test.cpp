// The promises of fibers (runtime/fiber/fiber.hpp, await.hpp, scheduler.hpp). Time is virtual
// throughout, so nothing here waits for real and every order is exact.
#include "runtime/fiber/fiber.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/reactor/descriptor.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

class FiberTest : public testing::Test {
 protected:
  VirtualTime virtual_time_;
  Reactor loop_;
  std::string log_;
};

TEST_F(FiberTest, SpawnOnlyQueuesTheFiber) {
  auto fiber = spawn([this] { log_ += "ran"; });
  EXPECT_EQ(log_, "");
  EXPECT_FALSE(fiber.done());
  fiber.join();
  EXPECT_EQ(log_, "ran");
  EXPECT_TRUE(fiber.done());
}

TEST_F(FiberTest, FibersStartInTheOrderInWhichTheyWereSpawned) {
  std::vector<Fiber<>> fibers;
  for (char name : {'a', 'b', 'c'}) fibers.push_back(spawn([this, name] { log_ += name; }));
  join_all(fibers);
  EXPECT_EQ(log_, "abc");
}

TEST_F(FiberTest, YieldLetsEverybodyElseGoFirst) {
  std::vector<Fiber<>> fibers;
  for (char name : {'a', 'b', 'c'}) {
    fibers.push_back(spawn([this, name] {
      for (int turn = 0; turn < 3; ++turn) {
        log_ += name;
        this_fiber::yield();
      }
    }));
  }
  join_all(fibers);
  EXPECT_EQ(log_, "abcabcabc");
}

TEST_F(FiberTest, SleepersWithEqualDeadlinesWakeInTheOrderInWhichTheyLayDown) {
  std::vector<Fiber<>> fibers;
  for (char name : {'a', 'b', 'c', 'd'}) {
    fibers.push_back(spawn([this, name] {
      this_fiber::sleep_for(1s);
      log_ += name;
    }));
  }
  join_all(fibers);
  EXPECT_EQ(log_, "abcd");
}

TEST_F(FiberTest, SleepsOverlap) {
  const TimePoint start = Clock::now();
  auto long_one = spawn([] { this_fiber::sleep_for(17s); });
  auto short_one = spawn([] { this_fiber::sleep_for(15s); });
  long_one.join();
  EXPECT_EQ(Clock::now() - start, 17s);
  EXPECT_TRUE(short_one.done());
}

TEST_F(FiberTest, ResultsComeAsValuesReferencesAndNothing) {
  int number = 7;
  EXPECT_EQ(spawn([] { return 42; }).result(), 42);
  EXPECT_EQ(&spawn([&]() -> int& { return number; }).result(), &number);
  EXPECT_NO_THROW(spawn([] {}).result());
  EXPECT_EQ(*spawn([] { return std::make_unique<int>(3); }).result(), 3);
}

TEST_F(FiberTest, ArgumentsAreMovedInAndDestroyedWithTheFunction) {
  auto token = std::make_shared<int>(1);
  std::weak_ptr<int> watch = token;
  auto fiber = spawn([](std::shared_ptr<int> mine) { return *mine; }, std::move(token));
  EXPECT_EQ(fiber.result(), 1);
  EXPECT_TRUE(watch.expired()) << "the fiber has ended: only its result is kept";
}

TEST_F(FiberTest, AnExceptionComesOutOfResultAsOftenAsItIsAsked) {
  auto fiber = spawn([]() -> int { throw std::runtime_error("no luck"); });
  EXPECT_THROW(fiber.result(), std::runtime_error);
  EXPECT_THROW(fiber.result(), std::runtime_error);
  EXPECT_TRUE(fiber.failed());
}

TEST_F(FiberTest, JoinDoesNotThrowWhatTheFiberThrew) {
  auto fiber = spawn([] { throw std::runtime_error("no luck"); });
  EXPECT_NO_THROW(fiber.join());
  EXPECT_NE(fiber.error(), nullptr);
}

TEST_F(FiberTest, AnExceptionThatNobodyCollectsIsReportedWithTheNameOfTheFiber) {
  std::string where;
  std::string what;
  loop_.set_exception_handler([&](const std::string& w, std::exception_ptr e) {
    where = w;
    what = message_of(e);
  });
  spawn([] { throw std::runtime_error("no luck"); }).named("One").join();
  EXPECT_EQ(where, "fiber 'One'");
  EXPECT_EQ(what, "no luck");
}

TEST_F(FiberTest, ACollectedExceptionIsNotReported) {
  bool reported = false;
  loop_.set_exception_handler([&](const std::string&, std::exception_ptr) { reported = true; });
  {
    auto fiber = spawn([] { throw std::runtime_error("no luck"); });
    EXPECT_THROW(fiber.result(), std::runtime_error);
  }
  EXPECT_FALSE(reported);
}

TEST_F(FiberTest, DroppingTheHandleDoesNotStopTheFiber) {
  spawn([this] {
    this_fiber::sleep_for(1s);
    log_ += "done";
  });
  this_fiber::sleep_for(2s);
  EXPECT_EQ(log_, "done");
}

TEST_F(FiberTest, JoinForGivesUpAfterItsLimit) {
  auto fiber = spawn([] { this_fiber::sleep_for(10s); });
  const TimePoint start = Clock::now();
  EXPECT_FALSE(fiber.join_for(3s));
  EXPECT_EQ(Clock::now() - start, 3s);
  EXPECT_TRUE(fiber.join_for(30s));
  EXPECT_EQ(Clock::now() - start, 10s);
}

// --- join_all
// -------------------------------------------------------------------------------------

TEST_F(FiberTest, JoinAllReturnsThemInTheOrderInWhichTheyEnded) {
  std::vector<Fiber<int>> fibers;
  for (int seconds : {3, 1, 2}) {
    fibers.push_back(spawn([seconds] {
      this_fiber::sleep_for(std::chrono::seconds(seconds));
      return seconds;
    }));
  }
  std::string order;
  for (auto& fiber : join_all(fibers)) order += std::to_string(fiber.result());
  EXPECT_EQ(order, "123");
}

TEST_F(FiberTest, JoinAllOfNothingReturnsAtOnce) {
  EXPECT_TRUE(join_all(std::vector<Fiber<>>{}).empty());
}

TEST_F(FiberTest, JoinAllWithATimeoutReturnsThoseThatMadeIt) {
  std::vector<Fiber<>> fibers;
  for (int seconds : {1, 5, 2}) {
    fibers.push_back(spawn([seconds] { this_fiber::sleep_for(std::chrono::seconds(seconds)); }));
  }
  const auto ended = join_all(fibers, {.timeout = 3s});
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_EQ(ended[0], fibers[0]);
  EXPECT_EQ(ended[1], fibers[2]);
}

TEST_F(FiberTest, OneFailureDoesNotDisturbJoinAll) {
  std::vector<Fiber<>> fibers;
  fibers.push_back(spawn([] { throw std::runtime_error("no luck"); }));
  fibers.push_back(spawn([this] {
    this_fiber::sleep_for(1s);
    log_ += "done";
  }));
  EXPECT_EQ(join_all(fibers).size(), 2u);
  EXPECT_EQ(log_, "done");
  EXPECT_NE(fibers[0].error(), nullptr);
}

TEST_F(FiberTest, JoinAllWithRaiseErrorThrowsTheFirstFailureAndLeavesTheOthersRunning) {
  std::vector<Fiber<>> fibers;
  fibers.push_back(spawn([this] {
    this_fiber::sleep_for(5s);
    log_ += "done";
  }));
  fibers.push_back(spawn([] {
    this_fiber::sleep_for(1s);
    throw std::runtime_error("no luck");
  }));
  const TimePoint start = Clock::now();
  EXPECT_THROW(join_all(fibers, {.raise_error = true}), std::runtime_error);
  EXPECT_EQ(Clock::now() - start, 1s);
  fibers[0].join();
  EXPECT_EQ(log_, "done");
}

// --- kill
// -----------------------------------------------------------------------------------------

TEST_F(FiberTest, KillThrowsCancelledWhereTheFiberWaitsAndRunsItsDestructors) {
  struct Note {
    std::string& log;
    ~Note() { log += "unwound "; }
  };
  auto fiber = spawn([this] {
    Note note{log_};
    this_fiber::sleep_for(100h);
    log_ += "never";
  });
  const TimePoint start = Clock::now();
  this_fiber::yield();
  fiber.kill();
  EXPECT_EQ(log_, "") << "kill asks; it does not wait";
  fiber.join();
  EXPECT_EQ(log_, "unwound ");
  EXPECT_EQ(Clock::now(), start);
  EXPECT_TRUE(fiber.cancelled());
  EXPECT_FALSE(fiber.failed());
  EXPECT_THROW(fiber.result(), Cancelled);
}

TEST_F(FiberTest, AFiberKilledBeforeItsFirstTurnNeverRuns) {
  auto fiber = spawn([this] { log_ += "ran"; });
  fiber.kill();
  fiber.join();
  EXPECT_EQ(log_, "");
  EXPECT_TRUE(fiber.cancelled());
}

TEST_F(FiberTest, ASwallowedCancelledIsThrownAgainAtTheNextWait) {
  auto fiber = spawn([this] {
    for (;;) {
      try {
        this_fiber::sleep_for(1s);
      } catch (...) {
        log_ += "x";
        if (log_.size() == 3) throw;
      }
    }
  });
  this_fiber::yield();
  fiber.kill();
  fiber.join();
  EXPECT_EQ(log_, "xxx");
}

TEST_F(FiberTest, KillReachesAFiberThatIsReadyButHasNotRunYet) {
  auto fiber = spawn([this] {
    this_fiber::sleep_for(1s);
    log_ += "woke";
  });
  loop_.call_later(1s, [&] { fiber.kill(); });  // set first: runs before the sleeper, same turn
  this_fiber::sleep_for(2s);
  EXPECT_EQ(log_, "");
  EXPECT_TRUE(fiber.cancelled());
}

TEST_F(FiberTest, AFiberThatKillsItselfEndsThere) {
  std::optional<Fiber<>> self;
  self = spawn([&] {
    log_ += "before";
    self->kill();
    log_ += "after";
  });
  self->join();
  EXPECT_EQ(log_, "before");
  EXPECT_TRUE(self->cancelled());
}

TEST_F(FiberTest, KillAfterTheEndChangesNothing) {
  auto fiber = spawn([] { return 1; });
  fiber.join();
  fiber.kill();
  EXPECT_EQ(fiber.result(), 1);
}

// --- One stack each
// -------------------------------------------------------------------------------

TEST_F(FiberTest, EachFiberHandlesItsOwnException) {
  const auto body = [this](const char* name) {
    try {
      throw std::runtime_error(name);
    } catch (const std::exception& caught) {
      this_fiber::yield();  // inside the handler: another fiber throws and catches meanwhile
      log_ += caught.what();
      try {
        throw;
      } catch (const std::exception& again) {
        log_ += again.what();
      }
    }
  };
  join_all(std::vector<Fiber<>>{spawn(body, "a"), spawn(body, "b"), spawn(body, "c")});
  EXPECT_EQ(log_, "aabbcc");
}

TEST_F(FiberTest, UnwindingIsCountedPerFiber) {
  struct YieldsWhileUnwinding {
    int& seen;
    ~YieldsWhileUnwinding() {
      this_fiber::yield();
      seen = std::uncaught_exceptions();
    }
  };
  int in_one = -1;
  int in_two = -1;
  auto one = spawn([&] {
    try {
      YieldsWhileUnwinding object{in_one};
      throw 1;
    } catch (int) {
    }
  });
  auto two = spawn([&] { in_two = std::uncaught_exceptions(); });
  join_all(std::vector<Fiber<>>{one, two});
  EXPECT_EQ(in_one, 1);
  EXPECT_EQ(in_two, 0);
}

TEST_F(FiberTest, EachFiberHasItsOwnErrno) {
  auto one = spawn([] {
    errno = EAGAIN;
    this_fiber::yield();
    return errno;
  });
  auto two = spawn([] {
    errno = EPIPE;
    this_fiber::yield();
    return errno;
  });
  EXPECT_EQ(one.result(), EAGAIN);
  EXPECT_EQ(two.result(), EPIPE);
}

TEST_F(FiberTest, ManyFibersTakeTurnsAndAllEnd) {
  constexpr int kFibers = 5000;
  int ended = 0;
  std::vector<Fiber<>> fibers;
  for (int i = 0; i < kFibers; ++i) {
    fibers.push_back(spawn([&ended, i] {
      this_fiber::sleep_for(std::chrono::microseconds(i % 97));
      this_fiber::yield();
      ++ended;
    }));
  }
  join_all(fibers);
  EXPECT_EQ(ended, kFibers);
}

// --- The loop around them
// ---------------------------------------------------------------------------

TEST_F(FiberTest, ADirectSwitchStopsAtTheEndOfTheTurn) {
  // Two fibers that yield to each other for ever must not keep a timer from firing.
  bool stop = false;
  loop_.call_later(0s, [&] { stop = true; });
  const auto spin = [&] {
    while (!stop) this_fiber::yield();
  };
  join_all(std::vector<Fiber<>>{spawn(spin), spawn(spin)});
  EXPECT_TRUE(stop);
}

TEST_F(FiberTest, FibersAndCallbacksShareOneQueueInOrder) {
  auto one = spawn([this] { log_ += "1"; });
  loop_.call_soon([this] { log_ += "2"; });
  auto three = spawn([this] { log_ += "3"; });
  loop_.call_soon([this] { log_ += "4"; });
  this_fiber::yield();
  EXPECT_EQ(log_, "1234");
}

TEST_F(FiberTest, WaitingInACallbackIsRefused) {
  std::string what;
  loop_.call_soon([&] {
    try {
      this_fiber::sleep_for(1s);
    } catch (const std::logic_error& error) {
      what = error.what();
    }
  });
  this_fiber::yield();
  EXPECT_NE(what.find("a callback cannot wait"), std::string::npos) << what;
}

TEST_F(FiberTest, ADeadlockIsReportedWithWhoWaitsForWhat) {
  std::optional<Fiber<>> one;
  std::optional<Fiber<>> two;
  one = spawn([&] { two->join(); }).named("One");
  two = spawn([&] { one->join(); }).named("Two");
  try {
    one->join();
    FAIL() << "two fibers that wait for each other can never end";
  } catch (const Deadlock& deadlock) {
    const std::string text = deadlock.what();
    EXPECT_NE(text.find("fiber 'One' waits for join"), std::string::npos) << text;
    EXPECT_NE(text.find("fiber 'Two' waits for join"), std::string::npos) << text;
    EXPECT_NE(text.find("the main program waits for join"), std::string::npos) << text;
  }
  one->kill();
  one->join();
  two->join();
}

TEST_F(FiberTest, TheEndOfTheLoopCancelsWhatIsLeft) {
  std::string log;
  {
    Reactor inner;
    spawn([&log] {
      try {
        this_fiber::sleep_for(1h);
      } catch (const Cancelled&) {
        log += "cancelled";
        throw;
      }
    });
    this_fiber::yield();
  }
  EXPECT_EQ(log, "cancelled");
}

TEST_F(FiberTest, AResultOutlivesTheLoop) {
  std::optional<Fiber<std::string>> fiber;
  {
    Reactor inner;
    fiber = spawn([] { return std::string("still here"); });
    fiber->join();
  }
  EXPECT_EQ(fiber->result(), "still here");
}

TEST_F(FiberTest, TheOrderIsTheSameForTheSameSeedAndNotForAll) {
  const auto run = [](std::uint64_t seed) {
    Reactor loop;
    loop.shuffle(seed);
    std::string log;
    std::vector<Fiber<>> fibers;
    for (char name = 'a'; name < 'k'; ++name)
      fibers.push_back(spawn([&log, name] { log += name; }));
    join_all(fibers);
    return log;
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
  EXPECT_EQ(run(0), "abcdefghij");
}

TEST_F(FiberTest, AForkedChildStartsWithAFreshLoop) {
  auto sleeper = spawn([] { this_fiber::sleep_for(1s); });
  auto forker = spawn([] {
    const pid_t child = ::fork();
    if (child == 0) {
      // Plain code now: no fiber, no loop of the parent's.
      const bool fresh = FiberCore::current() == nullptr && Reactor::current_or_null() == nullptr;
      this_fiber::sleep_for(1s);
      const int answer = spawn([] { return 42; }).result();
      ::_exit(fresh && answer == 42 ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  });
  EXPECT_EQ(forker.result(), 0);
  sleeper.join();
}

TEST_F(FiberTest, TheObserverSeesTheFiveMoments) {
  struct Log final : Observer {
    void created(std::uint64_t id, const char* kind, std::string_view) override {
      text += "created:" + std::string(kind) + " ";
      watched = id;
    }
    void ready(std::uint64_t id, std::uint64_t) override { note(id, "ready "); }
    void runs(std::uint64_t id) override { note(id, "runs "); }
    void waits(std::uint64_t id, const char* label) override {
      note(id, "waits:" + std::string(label) + " ");
    }
    void ended(std::uint64_t id) override { note(id, "ended"); }
    void note(std::uint64_t id, const std::string& what) {
      if (id == watched) text += what;
    }
    std::string text;
    std::uint64_t watched = 0;
  } log;
  set_observer(&log);
  spawn([] { this_fiber::sleep_for(1s); }).join();
  set_observer(nullptr);
  EXPECT_EQ(log.text, "created:fiber ready runs waits:sleep ready runs ended");
}

}  // namespace
}  // namespace simul
