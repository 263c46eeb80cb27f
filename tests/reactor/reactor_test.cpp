// The loop: the order of a turn, callbacks and their handles, time real and virtual, beginnings and
// ends. What waits for descriptors, other threads and signals has tests of its own.
#include "runtime/reactor/reactor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <new>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/outside.hpp"
#include "runtime/reactor/sleep.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;
using Log = std::vector<std::string>;

/// Something owned by a reactor, as fibers and tasks are, that waits for a Sleep or for ever.
class Sleeper final : public Reactor::Owned {
 public:
  class Forever final : public Wait<Forever> {
   public:
    Forever() : Wait(kSort) {}
    void start() noexcept {}

   private:
    static constexpr Sort kSort = {"godot", [](Waiter&) noexcept {}};
  };

  explicit Sleeper(Reactor& reactor, std::string name, int swallows = 0)
      : Owned(reactor, Kind::task), name_(std::move(name)), swallows_(swallows) {
    reactor.own(*this);
    forever_.suspend(*this);
  }
  void step() override {
    if (cancelled > swallows_)
      unlink();  // ended
    else
      forever_.suspend(*this);
  }
  void cancel() override {
    ++cancelled;
    interrupt();
  }
  std::string describe() const override { return "sleeper '" + name_ + "'"; }

  int cancelled = 0;

 private:
  std::string name_;
  int swallows_;
  Forever forever_;
};

/// Runs the loop for so many turns.
void run_turns(Reactor& reactor, int turns) {
  bool over = turns == 0;
  std::function<void()> next = [&] {
    if (--turns == 0)
      over = true;
    else
      reactor.call_soon([&] { next(); });
  };
  reactor.call_soon([&] { next(); });
  reactor.run_until([&] { return over; });
}

double cpu_seconds() {
  timespec now;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// --- The turn -----------------------------------------------------------------------------------

TEST(Turn, ReadyFirstThenIoThenMessagesThenTimersByDeadlineThenSignals) {
  Reactor reactor;
  Log log;
  reactor.add_signal_handler(SIGUSR1, [&] { log.push_back("signal"); });
  ::raise(SIGUSR1);
  const TimePoint now = Clock::now();
  reactor.call_at(now - 1ms, [&] { log.push_back("timer 2"); });
  reactor.call_at(now - 1s, [&] { log.push_back("timer 1"); });
  // Two deadlines before the loop's own beginning are equal: it began after both.
  reactor.call_at(now, [&] { log.push_back("timer 3"); });
  const Remote remote = reactor.remote();
  remote.call_soon_threadsafe([&] { log.push_back("message"); });
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Descriptor reader{UniqueFd(ends[0])};
  const UniqueFd writer(ends[1]);
  struct Io final : Routine {
    Io(Reactor& r, Readiness ready_of(Descriptor&), Descriptor& d, Log& l)
        : Routine(r, Kind::callback), wait(ready_of(d)), log(l) {}
    void step() override { log.push_back("I/O"); }
    std::string describe() const override { return "io"; }
    Readiness wait;
    Log& log;
  } io(
      reactor, [](Descriptor& d) { return d.readable(); }, reader, log);
  io.wait.suspend(io);
  ASSERT_EQ(::write(writer.get(), "x", 1), 1);
  bool next_turn = false;
  reactor.call_soon([&] {
    log.push_back("ready");
    reactor.call_soon([&] {
      log.push_back("next turn");
      next_turn = true;
    });
  });
  while (Clock::now() < now + 1ms) {
  }
  reactor.run_until([&] { return next_turn; });
  std::set<std::string> timers(log.begin() + 3, log.begin() + 6);
  EXPECT_EQ(timers, (std::set<std::string>{"timer 1", "timer 2", "timer 3"}));
  log.erase(log.begin() + 3, log.begin() + 6);
  EXPECT_EQ(log, (Log{"ready", "I/O", "message", "signal", "next turn"}));
}

TEST(Turn, TimersRunInTheOrderOfDeadlinesNotInThatOfTheirRegistration) {
  VirtualTime time;
  Reactor reactor;
  Log log;
  const TimePoint now = Clock::now();
  reactor.call_at(now + 3ms, [&] { log.push_back("3"); });
  reactor.call_at(now + 1ms, [&] { log.push_back("1"); });
  reactor.call_at(now + 2ms, [&] { log.push_back("2"); });
  Clock::advance_to(now + 1s);  // all are due in one turn
  run_turns(reactor, 1);
  EXPECT_EQ(log, (Log{"1", "2", "3"}));
}

TEST(Turn, CallbacksRunInTheOrderOfTheirRegistration) {
  Reactor reactor;
  std::vector<int> order, expected;
  for (int i = 0; i < 1000; ++i) {
    reactor.call_soon([&order, i] { order.push_back(i); });
    expected.push_back(i);
  }
  EXPECT_TRUE(order.empty()) << "nothing runs before the loop does";
  run_turns(reactor, 1);
  EXPECT_EQ(order, expected);
}

TEST(Turn, WhatABatchAddsRunsInTheNextTurn) {
  Reactor reactor;
  Log log;
  reactor.call_soon([&] {
    log.push_back("a");
    reactor.call_soon([&] { log.push_back("a's"); });
    reactor.call_later(0s, [&] { log.push_back("a's timer"); });
  });
  reactor.call_soon([&] { log.push_back("b"); });
  run_turns(reactor, 1);
  EXPECT_EQ(log, (Log{"a", "b"}));
  run_turns(reactor, 1);
  ASSERT_GE(log.size(), 3u);
  EXPECT_EQ(log[2], "a's");
}

TEST(Turn, ACallbackThatRegistersItselfForEverStarvesNeitherIoNorTimersNorMessagesNorSignals) {
  Reactor reactor;
  bool stop = false, timer = false, message = false, signal = false;
  std::function<void()> again = [&] {
    if (!stop) reactor.call_soon([&] { again(); });
  };
  again();
  reactor.call_later(1ms, [&] { timer = true; });
  const Remote remote = reactor.remote();
  std::thread sender([&] { remote.call_soon_threadsafe([&] { message = true; }); });
  reactor.add_signal_handler(SIGUSR1, [&] { signal = true; });
  ::raise(SIGUSR1);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Descriptor reader{UniqueFd(ends[0])};
  const UniqueFd writer(ends[1]);
  struct Io final : Routine {
    Io(Reactor& r, Descriptor& d) : Routine(r, Kind::callback), wait(d.readable()) {}
    void step() override { done = true; }
    std::string describe() const override { return "io"; }
    Readiness wait;
    bool done = false;
  } io(reactor, reader);
  io.wait.suspend(io);
  ASSERT_EQ(::write(writer.get(), "x", 1), 1);
  const auto patience = std::chrono::steady_clock::now() + 10s;
  reactor.run_until([&] {
    return (timer && message && signal && io.done) || std::chrono::steady_clock::now() > patience;
  });
  sender.join();
  stop = true;
  EXPECT_TRUE(timer && message && signal && io.done);
}

TEST(Turn, AMillionTimersOfZeroDoNotStarveACallback) {
  Reactor reactor;
  int zeros = 0;
  bool done = false;
  std::function<void()> again = [&] {
    ++zeros;
    if (!done) reactor.call_later(0s, [&] { again(); });
  };
  again();
  int soon = 0;
  std::function<void()> count = [&] {
    if (++soon == 1000)
      done = true;
    else
      reactor.call_soon([&] { count(); });
  };
  reactor.call_soon([&] { count(); });
  reactor.run_until([&] { return done; });
  EXPECT_LE(zeros, 1002) << "one of each in a turn";
}

// --- Time ---------------------------------------------------------------------------------------

TEST(CallLater, NeverRunsEarly) {
  Reactor reactor;
  int left = 0;
  for (Duration delay : {Duration(0), Duration(1), Duration(999), Duration(1000), Duration(1001),
                         Duration(123'456), Duration(1'000'000), Duration(5'000'001)}) {
    ++left;
    const TimePoint due = Clock::now() + delay;
    reactor.call_at(due, [&left, due] {
      EXPECT_GE(Clock::now(), due);
      --left;
    });
  }
  reactor.run_until([&] { return left == 0; });
}

TEST(CallLater, EqualDeadlinesRunInTheOrderSet) {
  VirtualTime time;
  Reactor reactor;
  std::vector<int> order, expected;
  const TimePoint due = Clock::now() + 1s;
  for (int i = 0; i < 100; ++i) {
    reactor.call_at(due, [&order, i] { order.push_back(i); });
    expected.push_back(i);
  }
  reactor.run_until([&] { return order.size() == 100; });
  EXPECT_EQ(order, expected);
  EXPECT_EQ(Clock::now(), due);
}

TEST(CallLater, ANegativeDelayIsNone) {
  Reactor reactor;
  bool ran = false;
  reactor.call_later(-5s, [&] { ran = true; });
  reactor.call_at(TimePoint::min(), [] {});
  reactor.run_until([&] { return ran; });
}

TEST(CallLater, TakesEveryUnitAndDelaysBeyondAllReason) {
  VirtualTime time;
  Reactor reactor;
  const TimePoint start = Clock::now();
  Log log;
  reactor.call_later(std::chrono::duration<double>(1.5), [&] { log.push_back("1.5 s"); });
  reactor.call_later(std::chrono::hours(24 * 365 * 200), [&] { log.push_back("200 years"); });
  reactor.call_later(std::chrono::hours(24 * 365) * 100'000, [&] { log.push_back("never"); });
  reactor.call_later(Duration::max(), [&] { log.push_back("never"); });
  reactor.call_at(kNever, [&] { log.push_back("never"); });
  reactor.run_until([&] { return log.size() == 1; });
  EXPECT_EQ(Clock::now() - start, 1500ms);
  reactor.run_until([&] { return log.size() == 2; });
  EXPECT_EQ(Clock::now() - start, std::chrono::hours(24 * 365 * 200));
  EXPECT_EQ(log, (Log{"1.5 s", "200 years"}));
  EXPECT_THROW(reactor.run_until([&] { return log.size() == 3; }), Deadlock);
}

TEST(CallLater, FarDeadlinesDoNotKeepTheLoopBusy) {
  Reactor reactor;
  for (int years : {1, 10, 100, 250})
    reactor.call_later(std::chrono::hours(24 * 365 * years), [] {});
  bool over = false;
  reactor.call_later(100ms, [&] { over = true; });
  const double before = cpu_seconds();
  reactor.run_until([&] { return over; });
  EXPECT_LT(cpu_seconds() - before, 0.05);
}

TEST(VirtualClock, JumpsToTheNextTimerExactly) {
  VirtualTime time;
  Reactor reactor;
  const TimePoint start = Clock::now();
  std::vector<Duration> times;
  reactor.call_later(12h, [&] { times.push_back(Clock::now() - start); });
  reactor.call_later(1us, [&] {
    times.push_back(Clock::now() - start);
    reactor.call_later(1s, [&] { times.push_back(Clock::now() - start); });
  });
  const auto real = std::chrono::steady_clock::now();
  reactor.run_until([&] { return times.size() == 3; });
  EXPECT_EQ(times, (std::vector<Duration>{1us, 1s + 1us, 12h}));
  EXPECT_LT(std::chrono::steady_clock::now() - real, 5s);
}

TEST(VirtualClock, StandsStillWhileSomethingIsReady) {
  VirtualTime time;
  Reactor reactor;
  const TimePoint start = Clock::now();
  reactor.call_later(1ms, [] {});
  run_turns(reactor, 1000);
  EXPECT_EQ(Clock::now(), start);
}

TEST(VirtualClock, WaitsForWhoeverIsOutside) {
  VirtualTime time;
  Reactor reactor;
  const TimePoint start = Clock::now();
  bool message = false, timer = false;
  reactor.call_later(1h, [&] { timer = true; });
  std::thread sender([&message, remote = reactor.remote()] {
    std::this_thread::sleep_for(20ms);  // not for order: so that the loop is found asleep
    remote.call_soon_threadsafe([&message] { message = true; });
  });
  reactor.run_until([&] { return message; });
  EXPECT_FALSE(timer);
  EXPECT_EQ(Clock::now(), start);
  sender.join();
  reactor.run_until([&] { return timer; });
  EXPECT_EQ(Clock::now() - start, 1h);
}

TEST(VirtualClock, AnOutsideTokenHoldsItAndMayBeMoved) {
  VirtualTime time;
  Reactor reactor;
  bool timer = false;
  reactor.call_later(1h, [&] { timer = true; });
  {
    Outside outside;
    Outside moved = std::move(outside);
    reactor.call_soon([&] { reactor.stop(); });
    reactor.run_until([&] { return timer; });
    run_turns(reactor, 10);
    EXPECT_FALSE(timer);
  }
  reactor.run_until([&] { return timer; });
}

TEST(VirtualClock, ASocketWhosePeerIsHereDoesNotHoldItButItsDataComesFirst) {
  VirtualTime time;
  Reactor reactor;
  const TimePoint start = Clock::now();
  // More pairs than one batch of events: all of them writable, which wakes nobody; the last one has
  // data, of which the kernel tells after that.
  struct Io final : Routine {
    Io(Reactor& r, Descriptor& d, Log& l) : Routine(r, Kind::callback), wait(d.readable()), log(l) {
      wait.suspend(*this);
    }
    void step() override { log.push_back("data"); }
    std::string describe() const override { return "io"; }
    Readiness wait;
    Log& log;
  };
  Log log;
  std::vector<Descriptor> here;
  std::vector<UniqueFd> there;
  std::vector<std::unique_ptr<Io>> waits;
  for (int i = 0; i < 300; ++i) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    here.emplace_back(UniqueFd(ends[0]), Peer::here);
    there.emplace_back(ends[1]);
  }
  for (Descriptor& descriptor : here)
    waits.push_back(std::make_unique<Io>(reactor, descriptor, log));
  reactor.call_later(1h, [&] { log.push_back("timer"); });
  ASSERT_EQ(::write(there.back().get(), "x", 1), 1);
  reactor.run_until([&] { return log.size() == 1; });
  EXPECT_EQ(log.front(), "data");
  EXPECT_EQ(Clock::now(), start);
  reactor.run_until([&] { return log.size() == 2; });
  EXPECT_EQ(Clock::now() - start, 1h);
  EXPECT_THROW(reactor.run_until([&] { return log.size() == 3; }), Deadlock);
}

TEST(VirtualClock, TimersThatOutliveItKeepTheirDistance) {
  Reactor reactor;
  bool ran = false, late = false;
  TimePoint left_at;
  {
    VirtualTime time;
    bool jumped = false;
    reactor.call_later(12h, [&] { jumped = true; });
    reactor.call_later(12h + 20ms, [&] { ran = true; });
    reactor.run_until([&] { return jumped; });
    left_at = std::chrono::steady_clock::now();
  }
  // Twelve hours would be too long for this test; a new timer would mend what is to be tested.
  std::atomic<bool> done{false};
  std::thread watchdog([&done, &late, remote = reactor.remote()] {
    for (int i = 0; i < 5000 && !done; ++i) std::this_thread::sleep_for(1ms);
    remote.call_soon_threadsafe([&late] { late = true; });
  });
  reactor.run_until([&] { return ran || late; });
  done = true;
  watchdog.join();
  EXPECT_TRUE(ran);
  EXPECT_GE(std::chrono::steady_clock::now(), left_at + 20ms);
}

TEST(VirtualClock, ATimerSetAfterItHasEndedIsNeitherEarlyNorHoursLate) {
  Reactor reactor;
  {
    VirtualTime time;
    bool jumped = false;
    reactor.call_later(5ms, [&] { jumped = true; });
    reactor.run_until([&] { return jumped; });
  }
  bool ran = false;
  const TimePoint due = Clock::now() + 10ms;
  reactor.call_at(due, [&] {
    EXPECT_GE(Clock::now(), due);
    ran = true;
  });
  bool near = false;
  reactor.call_later(1ms, [&] { near = true; });
  reactor.run_until([&] { return ran; });
  EXPECT_TRUE(near);
  EXPECT_LT(Clock::now(), due + 2s);
}

TEST(VirtualClock, AReactorMadeInItMayBeUsedAfterwards) {
  std::unique_ptr<Reactor> reactor;
  {
    VirtualTime time;
    Clock::advance_to(Clock::now() + 24h);
    reactor = std::make_unique<Reactor>();
  }
  bool ran = false;
  const TimePoint due = Clock::now() + 2ms;
  reactor->call_at(due, [&] { ran = true; });
  reactor->run_until([&] { return ran; });
  EXPECT_GE(Clock::now(), due);
  EXPECT_LT(Clock::now(), due + 5s);
}

// --- Deadlock -----------------------------------------------------------------------------------

TEST(DeadlockReport, SaysWhoWaitsForWhatInRealAndInVirtualTime) {
  for (bool virtually : {false, true}) {
    std::unique_ptr<VirtualTime> time;
    if (virtually) time = std::make_unique<VirtualTime>();
    Reactor reactor;
    Sleeper vladimir(reactor, "Vladimir"), estragon(reactor, "Estragon");
    try {
      reactor.run_until([] { return false; });
      FAIL();
    } catch (const Deadlock& deadlock) {
      const std::string text = deadlock.what();
      EXPECT_NE(text.find("sleeper 'Vladimir' waits for godot"), std::string::npos) << text;
      EXPECT_NE(text.find("sleeper 'Estragon' waits for godot"), std::string::npos) << text;
    }
    EXPECT_FALSE(reactor.running());
    bool ran = false;  // and the loop may be used again
    reactor.call_soon([&] { ran = true; });
    reactor.run_until([&] { return ran; });
  }
}

TEST(DeadlockReport, IsNotMadeWhileAnybodyOutsideCanWakeTheLoop) {
  Reactor reactor;
  bool over = false;
  reactor.call_later(20ms, [&] { over = true; });
  const Outside outside;
  reactor.run_until([&] { return over; });
  bool woken = false;
  std::thread sender(
      [&woken, r = reactor.remote()] { r.call_soon_threadsafe([&woken] { woken = true; }); });
  reactor.run_until([&] { return woken; });
  sender.join();
}

TEST(DeadlockReport, RunForeverJustWaits) {
  for (bool virtually : {false, true}) {
    std::unique_ptr<VirtualTime> time;
    if (virtually) time = std::make_unique<VirtualTime>();
    Reactor reactor;
    // The thread holds no Remote while the loop waits with nobody outside: it makes a signal.
    static thread_local Reactor* here = nullptr;
    here = &reactor;
    std::atomic<bool> done{false};
    const pthread_t self = ::pthread_self();
    struct sigaction action {
    }, before{};
    action.sa_handler = [](int) { here->stop(); };
    ASSERT_EQ(::sigaction(SIGUSR2, &action, &before), 0);
    std::thread interrupter([&] {
      std::this_thread::sleep_for(30ms);
      while (!done) {
        ::pthread_kill(self, SIGUSR2);
        std::this_thread::sleep_for(1ms);
      }
    });
    const double cpu = cpu_seconds();
    reactor.run_forever();
    EXPECT_LT(cpu_seconds() - cpu, 0.02) << "it waits, it does not spin";
    done = true;
    interrupter.join();
    ::sigaction(SIGUSR2, &before, nullptr);
  }
}

// --- Handles ------------------------------------------------------------------------------------

TEST(HandleOf, ACancelledCallbackNeverRunsAndIsDestroyedAtOnce) {
  Reactor reactor;
  auto token = std::make_shared<int>(0);
  for (bool timer : {false, true}) {
    auto callback = [token] { FAIL(); };
    Handle handle = timer ? reactor.call_later(1us, callback) : reactor.call_soon(callback);
    EXPECT_EQ(token.use_count(), 3);
    EXPECT_TRUE(handle.active());
    handle.cancel();
    EXPECT_EQ(token.use_count(), 2) << "what it captured is gone";
    EXPECT_FALSE(handle.active());
    handle.cancel();
  }
  run_turns(reactor, 3);
}

TEST(HandleOf, ACallbackMayCancelAnotherOfTheSameBatch) {
  Reactor reactor;
  Log log;
  Handle second, timer;
  reactor.call_soon([&] {
    log.push_back("first");
    second.cancel();
    timer.cancel();
  });
  second = reactor.call_soon([&] { log.push_back("second"); });
  timer = reactor.call_at(Clock::now() - 1s, [&] { log.push_back("timer"); });
  reactor.call_soon([&] { log.push_back("third"); });
  run_turns(reactor, 3);
  EXPECT_EQ(log, (Log{"first", "third"}));
}

TEST(HandleOf, ACallbackIsNoLongerActiveWhileItRunsAndCannotCancelItself) {
  Reactor reactor;
  Handle handle;
  bool finished = false;
  auto token = std::make_shared<std::string>("alive");
  handle = reactor.call_soon([&, token] {
    EXPECT_FALSE(handle.active());
    handle.cancel();
    EXPECT_EQ(*token, "alive");
    finished = true;
  });
  run_turns(reactor, 1);
  EXPECT_TRUE(finished);
}

TEST(HandleOf, AnOldHandleDoesNotCancelTheSuccessorInItsPlace) {
  Reactor reactor;
  Handle old = reactor.call_soon([] {});
  run_turns(reactor, 1);
  int ran = 0;
  std::vector<Handle> fresh;
  for (int i = 0; i < 10; ++i) fresh.push_back(reactor.call_soon([&] { ++ran; }));
  old.cancel();
  EXPECT_FALSE(old.active());
  run_turns(reactor, 1);
  EXPECT_EQ(ran, 10);
}

TEST(HandleOf, DroppingItCancelsNothingAndAnEmptyOneDoesNothing) {
  Reactor reactor;
  bool ran = false;
  reactor.call_soon([&] { ran = true; });
  Handle empty;
  empty.cancel();
  EXPECT_FALSE(empty.active());
  run_turns(reactor, 1);
  EXPECT_TRUE(ran);
}

TEST(HandleOf, DestroyingWhatACallbackCapturedMayDoAnything) {
  Reactor reactor;
  struct Bomb {
    std::function<void()> explode;
    ~Bomb() { explode(); }
  };
  Handle other = reactor.call_soon([] { FAIL(); });
  bool ran = false;
  auto bomb = std::make_shared<Bomb>();
  bomb->explode = [&] {
    other.cancel();
    reactor.call_soon([&] { ran = true; });
  };
  Handle handle = reactor.call_later(1h, [bomb] {});
  bomb.reset();
  handle.cancel();
  run_turns(reactor, 2);
  EXPECT_TRUE(ran);
}

// --- Exceptions ---------------------------------------------------------------------------------

TEST(Exceptions, AreReportedAndTheLoopGoesOn) {
  Reactor reactor;
  Log log;
  reactor.set_exception_handler([&](const std::string& where, std::exception_ptr error) {
    log.push_back(where + ": " + message_of(error));
  });
  reactor.call_soon([] { throw std::runtime_error("one"); });
  reactor.call_later(0s, [] { throw 2; });
  reactor.call_soon([&] { log.push_back("on"); });
  reactor.call_soon([] { throw Cancelled{}; });  // nobody waits here: nothing to say
  run_turns(reactor, 3);
  EXPECT_EQ(log, (Log{"callback: one", "on", "callback: an exception that is no std::exception"}));
}

TEST(Exceptions, GoToStandardErrorByDefaultAndWhenTheHandlerItselfFails) {
  Reactor reactor;
  reactor.call_soon([] { throw std::runtime_error("the first"); });
  testing::internal::CaptureStderr();
  run_turns(reactor, 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "callback failed: the first\n");
  reactor.set_exception_handler([](const std::string&, std::exception_ptr) { throw 1; });
  reactor.call_soon([] { throw std::runtime_error("the second"); });
  testing::internal::CaptureStderr();
  run_turns(reactor, 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "callback failed: the second\n");
}

TEST(Exceptions, AHandlerMayReplaceItself) {
  Reactor reactor;
  Log log;
  reactor.set_exception_handler([&, name = std::string("a long enough name to be on the heap")](
                                    const std::string&, std::exception_ptr) {
    reactor.set_exception_handler(
        [&](const std::string&, std::exception_ptr) { log.push_back("second"); });
    log.push_back(name);
  });
  for (int i = 0; i < 2; ++i) reactor.call_soon([] { throw 1; });
  run_turns(reactor, 1);
  EXPECT_EQ(log, (Log{"a long enough name to be on the heap", "second"}));
}

TEST(Exceptions, OneFromTheConditionLeavesTheLoopUsable) {
  Reactor reactor;
  EXPECT_THROW(reactor.run_until([]() -> bool { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_FALSE(reactor.running());
  run_turns(reactor, 1);
}

// --- Running and stopping -----------------------------------------------------------------------

TEST(Run, StopEndsItAfterTheTurn) {
  Reactor reactor;
  Log log;
  reactor.call_soon([&] {
    log.push_back("stop");
    reactor.stop();
    reactor.call_soon([&] { log.push_back("next turn"); });
  });
  reactor.call_soon([&] { log.push_back("same turn"); });
  reactor.run_forever();
  EXPECT_EQ(log, (Log{"stop", "same turn"}));
  reactor.call_soon([&] { reactor.stop(); });
  reactor.run_forever();  // again
  EXPECT_EQ(log, (Log{"stop", "same turn", "next turn"}));
}

TEST(Run, StopBeforeItEndsTheNextRunBeforeItsFirstTurnAndNoOther) {
  Reactor reactor;
  bool ran = false;
  reactor.call_soon([&] {
    ran = true;
    reactor.stop();
  });
  reactor.stop();
  reactor.run_forever();
  EXPECT_FALSE(ran);
  reactor.run_forever();
  EXPECT_TRUE(ran);
}

TEST(Run, UntilAsksBeforeTheFirstTurn) {
  Reactor reactor;
  bool ran = false;
  reactor.call_soon([&] { ran = true; });
  reactor.run_until([] { return true; });
  EXPECT_FALSE(ran);
}

TEST(Run, InsideACallbackItThrowsAndTheLoopGoesOn) {
  Reactor reactor;
  int threw = 0;
  EXPECT_FALSE(reactor.running());
  reactor.call_soon([&] {
    EXPECT_TRUE(reactor.running());
    try {
      reactor.run_forever();
    } catch (const std::logic_error&) {
      ++threw;
    }
    try {
      reactor.run_until([] { return true; });
    } catch (const std::logic_error&) {
      ++threw;
    }
  });
  run_turns(reactor, 2);
  EXPECT_EQ(threw, 2);
  EXPECT_FALSE(reactor.running());
}

// --- One reactor per thread ---------------------------------------------------------------------

TEST(Current, IsMadeAtFirstUseAndEndsWithItsThread) {
  std::weak_ptr<int> kept;
  std::thread([&] {
    EXPECT_EQ(Reactor::current_or_null(), nullptr);
    Reactor& reactor = Reactor::current();
    EXPECT_EQ(&Reactor::current(), &reactor);
    auto token = std::make_shared<int>(0);
    kept = token;
    reactor.call_later(1h, [token] {});
  }).join();
  EXPECT_TRUE(kept.expired()) << "the callback outlived its loop";
}

TEST(Current, AScopeTakesItsPlaceAndGivesItBack) {
  std::thread([] {
    Reactor& outer = Reactor::current();
    bool ran = false;
    {
      Reactor inner;
      EXPECT_EQ(&Reactor::current(), &inner);
      outer.call_soon([&] { ran = true; });  // the same thread: allowed
      EXPECT_THROW(outer.run_until([] { return true; }), std::logic_error);
      run_turns(inner, 2);
      EXPECT_FALSE(ran);
      // A loop inside a callback of another loop.
      inner.call_soon([] {
        Reactor nested;
        run_turns(nested, 3);
      });
      run_turns(inner, 1);
    }
    EXPECT_EQ(&Reactor::current(), &outer);
    run_turns(outer, 1);
    EXPECT_TRUE(ran);
  }).join();
}

TEST(Current, EachThreadHasItsOwn) {
  Reactor mine;
  std::thread([&] {
    Reactor& other = Reactor::current();
    EXPECT_NE(&mine, &other);
    bool ran = false;
    other.call_later(1ms, [&] { ran = true; });
    other.run_until([&] { return ran; });
  }).join();
}

class OtherThread : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(OtherThread, WakingThereAbortsWithAMessage) {
  EXPECT_DEATH(
      {
        Reactor reactor;
        Sleeper sleeper(reactor, "Lucky");
        std::thread([&] { sleeper.cancel(); }).join();
      },
      "sleeper 'Lucky', which waits for godot, was woken from another thread");
}

TEST_F(OtherThread, RegisteringACallbackThereAbortsWithAMessage) {
  EXPECT_DEATH(
      {
        Reactor reactor;
        std::thread([&] { reactor.call_soon([] {}); }).join();
      },
      "another thread");
  EXPECT_DEATH(
      {
        Reactor reactor;
        std::thread([&] { reactor.call_later(1h, [] {}); }).join();
      },
      "another thread");
}

// --- The end ------------------------------------------------------------------------------------

TEST(End, CallbacksAreDroppedWhileTheReactorIsStillThere) {
  Log log;
  struct Bomb {
    std::function<void()> explode;
    ~Bomb() {
      if (explode) explode();
    }
  };
  {
    Handle other;  // outlives the reactor, for a callback that is dropped touches it
    Reactor reactor;
    other = reactor.call_later(2h, [] {});
    auto bomb = std::make_shared<Bomb>();
    bomb->explode = [&] {
      log.push_back("dropped");
      EXPECT_EQ(&Reactor::current(), &reactor);
      other.cancel();
      reactor.call_soon([&] { log.push_back("ran"); });
    };
    reactor.call_later(1h, [bomb] {});
    const Remote remote = reactor.remote();
    remote.call_soon_threadsafe(
        [bomb = std::make_shared<Bomb>(Bomb{[&] { log.push_back("message dropped"); }})] {});
    log.clear();  // the temporary Bomb's own end
    reactor.call_soon([] { FAIL() << "the destructor runs no callback that nobody waits for"; });
  }
  EXPECT_EQ(std::set<std::string>(log.begin(), log.end()),
            (std::set<std::string>{"dropped", "message dropped"}));
}

TEST(End, CancelsWhatItOwnsAndRunsUntilItHasEnded) {
  auto reactor = std::make_unique<Reactor>();
  Sleeper gentle(*reactor, "gentle"), stubborn(*reactor, "stubborn", 1);
  reactor->stop();  // does not cut it short
  testing::internal::CaptureStderr();
  reactor.reset();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(gentle.cancelled, 1);
  EXPECT_EQ(stubborn.cancelled, 2);
}

TEST(End, ReportsWhatDoesNotEndEvenSo) {
  auto reactor = std::make_unique<Reactor>();
  Sleeper immortal(*reactor, "immortal", 100);
  testing::internal::CaptureStderr();
  reactor.reset();
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "simul: sleeper 'immortal' did not end when its loop did\n");
}

TEST(End, PartsGoInTheReverseOrderOfTheirMaking) {
  static Log log;
  log.clear();
  struct First {
    explicit First(Reactor&) {}
    ~First() { log.push_back("first"); }
  };
  struct Second {
    explicit Second(Reactor& reactor) { reactor.part<First>(); }
    ~Second() { log.push_back("second"); }
  };
  {
    Reactor reactor;
    Second& second = reactor.part<Second>();
    EXPECT_EQ(&reactor.part<Second>(), &second);
    reactor.part<First>();
  }
  EXPECT_EQ(log, (Log{"second", "first"}));
}

// --- Fork ---------------------------------------------------------------------------------------

TEST(Fork, TheChildStartsAfreshAndTheParentIsUndisturbed) {
  Reactor reactor;
  bool timer = false, in_child_too = false;
  reactor.call_later(30ms, [&] { timer = true; });
  reactor.call_soon([&] { in_child_too = true; });
  Sleeper sleeper(reactor, "left alone");
  const Remote remote = reactor.remote();
  const pid_t child = ::fork();
  if (child == 0) {
    bool fine = Reactor::current_or_null() == nullptr;
    Reactor& fresh = Reactor::current();
    bool ran = false;
    fresh.call_later(1ms, [&] { ran = true; });
    fresh.run_until([&] { return ran; });
    fine = fine && !timer && !in_child_too;
    fine = fine && !remote.call_soon_threadsafe([] {});  // nobody would ever run it
    sleeper.cancel();                                    // does no harm
    ::_exit(fine ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  reactor.run_until([&] { return timer; });
  EXPECT_TRUE(in_child_too);
  EXPECT_EQ(sleeper.cancelled, 0);
}

TEST(Fork, AChildThatGoesBackIntoItsParentsLoopIsToldSoAndRunsNothingTwice) {
  Reactor reactor;
  const pid_t parent = ::getpid();
  pid_t child = -1;
  bool again = false;
  reactor.call_soon([&] { child = ::fork(); });
  reactor.call_soon([&] { again = ::getpid() != parent; });
  try {
    run_turns(reactor, 3);
  } catch (const std::logic_error&) {
    ::_exit(::getpid() != parent && !again ? 0 : 1);
  }
  if (::getpid() != parent) ::_exit(2);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Fork, TheChildMayDestroyItsCopyOfTheLoop) {
  const pid_t parent = ::getpid();
  pid_t child = -1;
  bool clean = false;
  {
    Reactor reactor;
    Sleeper sleeper(reactor, "copied");
    reactor.add_signal_handler(SIGUSR1, [] {});
    child = ::fork();
    if (child != 0) sleeper.unlink();
    clean = sleeper.cancelled == 0;
  }
  if (::getpid() != parent) {
    bool ran = false;
    Reactor::current().call_soon([&] { ran = true; });
    Reactor::current().run_until([&] { return ran; });
    ::_exit(clean ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// --- Shuffling ----------------------------------------------------------------------------------

std::vector<int> order_with(std::uint64_t seed) {
  Reactor reactor;
  reactor.shuffle(seed);
  std::vector<int> order;
  for (int i = 0; i < 20; ++i) {
    reactor.call_soon([&, i] {
      order.push_back(i);
      reactor.call_soon([&, i] { order.push_back(100 + i); });
    });
  }
  reactor.run_until([&] { return order.size() == 40; });
  return order;
}

TEST(Shuffle, ASeedReplaysItsOrderAndBatchesStayApart) {
  const std::vector<int> plain = order_with(0), one = order_with(1), two = order_with(2);
  EXPECT_TRUE(std::is_sorted(plain.begin(), plain.end()));
  EXPECT_EQ(one, order_with(1));
  EXPECT_NE(one, plain);
  EXPECT_NE(one, two);
  EXPECT_TRUE(std::all_of(one.begin(), one.begin() + 20, [](int i) { return i < 100; }));
  EXPECT_EQ(std::set<int>(one.begin(), one.end()).size(), 40u);
}

// --- The observer -------------------------------------------------------------------------------

TEST(Observed, ACallbackIsCreatedReadyRunsAndEndsAndACancelledOneEnds) {
  struct Watcher final : Observer {
    void created(std::uint64_t id, const char* kind, std::string_view) override {
      log.push_back("created " + name(id) + " " + kind);
    }
    void ready(std::uint64_t id, std::uint64_t by) override {
      log.push_back("ready " + name(id) + " by " + name(by));
    }
    void runs(std::uint64_t id) override { log.push_back("runs " + name(id)); }
    void waits(std::uint64_t id, const char*) override { log.push_back("waits " + name(id)); }
    void ended(std::uint64_t id) override { log.push_back("ended " + name(id)); }
    std::string name(std::uint64_t id) const {
      return id == 0 ? "loop" : std::string(1, static_cast<char>('A' + id - first));
    }
    std::uint64_t first = next_id() + 1;
    Log log;
  } watcher;
  Reactor reactor;
  Observer* before = set_observer(&watcher);
  bool done = false;
  reactor.call_soon([&] { reactor.call_soon([&] { done = true; }); });
  reactor.call_later(1h, [] {}).cancel();
  reactor.run_until([&] { return done; });
  set_observer(before);
  EXPECT_EQ(watcher.log, (Log{"created A callback", "ready A by loop", "created B callback",
                              "waits B", "ended B", "runs A", "created C callback", "ready C by A",
                              "ended A", "runs C", "ended C"}));
}

// --- Memory and speed ---------------------------------------------------------------------------

TEST(Cost, AMillionCallbacksOneAfterAnotherTakeTheMemoryOfAFew) {
  Reactor reactor;
  const auto pages = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;  // kilobytes on Linux
  };
  int left = 1'000'000;
  struct Next {
    Reactor& reactor;
    int& left;
    void operator()() const {
      if (--left == 0) return;
      if (left % 2 == 0)
        reactor.call_soon(Next{reactor, left});
      else
        reactor.call_later(0s, Next{reactor, left});
      reactor.call_later(1h, [] {}).cancel();
    }
  };
  reactor.call_soon(Next{reactor, left});
  const auto before = pages();
  reactor.run_until([&] { return left == 0; });
  EXPECT_LT(pages() - before, 4096);
}

TEST(Cost, AHundredThousandPendingCallbacksAllRun) {
  VirtualTime time;
  Reactor reactor;
  int ran = 0;
  std::mt19937 random(1);
  const TimePoint start = Clock::now();
  TimePoint last = start;
  for (int i = 0; i < 100'000; ++i) {
    const TimePoint due = start + std::chrono::milliseconds(random() % 1'000'000);
    reactor.call_at(due, [&, due] {
      EXPECT_EQ(Clock::now(), due);
      EXPECT_GE(due, last);
      last = due;
      ++ran;
    });
  }
  reactor.run_until([&] { return ran == 100'000; });
}

TEST(Cost, AnIdleLoopIsIdle) {
  Reactor reactor;
  int turns = 0;
  bool over = false;
  reactor.call_later(200ms, [&] { over = true; });
  reactor.call_later(1h, [] {});
  const double before = cpu_seconds();
  reactor.run_until([&] {
    ++turns;
    return over;
  });
  EXPECT_LE(turns, 20);
  EXPECT_LT(cpu_seconds() - before, 0.05);
}

}  // namespace
}  // namespace simul
