// Signals as callbacks of the loop: in its thread, whoever they hit, and nothing is left behind.
#include "runtime/reactor/signals.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "runtime/reactor/reactor.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

using Disposition = void (*)(int);
Disposition disposition(int signal) {
  struct sigaction now {};
  EXPECT_EQ(::sigaction(signal, nullptr, &now), 0);
  return now.sa_handler;
}

TEST(Signals, RunInTheLoopAndNotInTheHandler) {
  Reactor reactor;
  int ran = 0;
  reactor.add_signal_handler(SIGUSR1, [&] { ++ran; });
  ::raise(SIGUSR1);
  EXPECT_EQ(ran, 0);
  reactor.run_until([&] { return ran == 1; });
  ::raise(SIGUSR1);
  reactor.run_until([&] { return ran == 2; });
}

TEST(Signals, WakeALoopThatSleepsWhicheverThreadTheyHit) {
  Reactor reactor;
  int ran = 0;
  std::thread::id ran_in;
  reactor.add_signal_handler(SIGUSR1, [&] {
    ++ran;
    ran_in = std::this_thread::get_id();
  });
  for (int round = 1; round <= 200; ++round) {
    std::thread raiser([] { ::raise(SIGUSR1); });  // in that thread
    reactor.run_until([&] { return ran == round; });
    raiser.join();
  }
  EXPECT_EQ(ran_in, std::this_thread::get_id());
  ::kill(::getpid(), SIGUSR1);  // in any
  reactor.run_until([&] { return ran == 201; });
}

TEST(Signals, SeveralArrivalsMayCountAsOneButTheLastIsNeverLost) {
  Reactor reactor;
  int ran = 0;
  reactor.add_signal_handler(SIGUSR1, [&] { ++ran; });
  for (int i = 0; i < 100; ++i) ::raise(SIGUSR1);
  bool over = false;
  reactor.call_later(1ms, [&] { over = true; });
  reactor.run_until([&] { return over; });
  EXPECT_EQ(ran, 1);
  // One that arrives while its own callback runs is one more.
  reactor.add_signal_handler(SIGUSR1, [&] {
    if (++ran == 2) ::raise(SIGUSR1);
  });
  ::raise(SIGUSR1);
  reactor.run_until([&] { return ran == 3; });
}

TEST(Signals, DifferentOnesAreToldApart) {
  Reactor reactor;
  std::vector<int> arrived;
  for (int signal : {SIGUSR1, SIGUSR2, SIGCHLD}) {
    reactor.add_signal_handler(signal, [&arrived, signal] { arrived.push_back(signal); });
  }
#if defined(SIGRTMAX)
  reactor.add_signal_handler(SIGRTMAX, [&] { arrived.push_back(SIGRTMAX); });
  ::raise(SIGRTMAX);
  reactor.run_until([&] { return !arrived.empty(); });
  EXPECT_EQ(arrived, std::vector<int>{SIGRTMAX});
  arrived.clear();
#endif
  ::raise(SIGUSR2);
  reactor.run_until([&] { return !arrived.empty(); });
  EXPECT_EQ(arrived, std::vector<int>{SIGUSR2});
}

TEST(Signals, ThePreviousDispositionComesBack) {
  for (Disposition before : {SIG_DFL, SIG_IGN}) {
    ::signal(SIGUSR1, before);
    {
      Reactor reactor;
      reactor.add_signal_handler(SIGUSR1, [] {});
      EXPECT_NE(disposition(SIGUSR1), before);
      reactor.add_signal_handler(SIGUSR1, [] {});  // replaced: what was before is not lost
      reactor.remove_signal_handler(SIGUSR1);
      EXPECT_EQ(disposition(SIGUSR1), before);
      reactor.remove_signal_handler(SIGUSR1);
      reactor.add_signal_handler(SIGUSR1, [] {});
    }
    EXPECT_EQ(disposition(SIGUSR1), before) << "the reactor's end restores it too";
  }
  ::signal(SIGUSR1, SIG_DFL);
}

TEST(Signals, AHandlerMayRemoveOrReplaceItself) {
  Reactor reactor;
  std::vector<std::string> log;
  reactor.add_signal_handler(SIGUSR1, [&, name = std::string("first, long enough for the heap")] {
    reactor.add_signal_handler(SIGUSR1, [&, second = std::string("second, also for the heap")] {
      reactor.remove_signal_handler(SIGUSR1);
      log.push_back(second);
    });
    log.push_back(name);
  });
  ::raise(SIGUSR1);
  reactor.run_until([&] { return log.size() == 1; });
  ::raise(SIGUSR1);
  reactor.run_until([&] { return log.size() == 2; });
  EXPECT_EQ(log[1], "second, also for the heap");
  EXPECT_EQ(disposition(SIGUSR1), SIG_DFL);
}

TEST(Signals, OneThatHasArrivedIsTheReplacementsAndIsDroppedByRemoval) {
  Reactor reactor;
  std::vector<std::string> log;
  reactor.add_signal_handler(SIGUSR1, [&] { log.push_back("old"); });
  reactor.add_signal_handler(SIGUSR2, [&] { log.push_back("removed"); });
  ::raise(SIGUSR1);
  ::raise(SIGUSR2);
  // Signals come last in a turn: the callback of a timer that is due runs before them, when they
  // are on the ready queue already.
  reactor.call_at(Clock::now() - 1s, [&] {
    reactor.add_signal_handler(SIGUSR1, [&] { log.push_back("new"); });
    reactor.remove_signal_handler(SIGUSR2);
  });
  reactor.run_until([&] { return !log.empty(); });
  bool over = false;
  reactor.call_later(1ms, [&] { over = true; });
  reactor.run_until([&] { return over; });
  EXPECT_EQ(log, std::vector<std::string>{"new"});
}

TEST(Signals, ExceptionsInHandlersAreReportedAndTheHandlerStays) {
  Reactor reactor;
  std::vector<std::string> log;
  reactor.set_exception_handler(
      [&](const std::string& where, std::exception_ptr) { log.push_back(where); });
  reactor.add_signal_handler(SIGUSR1, [] { throw 1; });
  for (std::size_t i = 1; i <= 2; ++i) {
    ::raise(SIGUSR1);
    reactor.run_until([&] { return log.size() == i; });
  }
  EXPECT_EQ(log[0], "handler of signal " + std::to_string(SIGUSR1));
}

TEST(Signals, OneSignalBelongsToOneReactor) {
  Reactor reactor;
  reactor.add_signal_handler(SIGUSR1, [] {});
  std::thread([] {
    Reactor& other = Reactor::current();
    EXPECT_THROW(other.add_signal_handler(SIGUSR1, [] {}), std::logic_error);
    bool ran = false;
    other.add_signal_handler(SIGUSR2, [&] { ran = true; });
    ::raise(SIGUSR2);
    other.run_until([&] { return ran; });
  }).join();
  EXPECT_EQ(disposition(SIGUSR2), SIG_DFL);
  reactor.remove_signal_handler(SIGUSR1);
  std::thread([] {
    bool ran = false;
    Reactor::current().add_signal_handler(SIGUSR1, [&] { ran = true; });
    ::raise(SIGUSR1);
    Reactor::current().run_until([&] { return ran; });
  }).join();
}

TEST(Signals, WhatCannotBeCaughtIsRefusedByName) {
  Reactor reactor;
  for (int signal : {SIGKILL, SIGSTOP, 0, -1, 1000}) {
    try {
      reactor.add_signal_handler(signal, [] {});
      ADD_FAILURE() << signal;
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EINVAL);
      EXPECT_NE(std::string(error.what()).find("handle signal " + std::to_string(signal)),
                std::string::npos);
    }
  }
  EXPECT_THROW(reactor.run_until([] { return false; }), Deadlock) << "nothing was registered";
}

TEST(Signals, AHandlerCountsAsSomebodyOutside) {
  Reactor reactor;
  bool ran = false;
  reactor.add_signal_handler(SIGALRM, [&] { ran = true; });
  const itimerval once = {{0, 0}, {0, 5000}};
  ::setitimer(ITIMER_REAL, &once, nullptr);
  reactor.run_until([&] { return ran; });  // no deadlock
  reactor.remove_signal_handler(SIGALRM);
  EXPECT_THROW(reactor.run_until([] { return false; }), Deadlock);
}

TEST(Signals, AStormNeitherStopsTheLoopNorIsEverForgotten) {
  Reactor reactor;
  int ran = 0;
  bool over = false;
  reactor.add_signal_handler(SIGALRM, [&] { ++ran; });
  const itimerval often = {{0, 500}, {0, 500}}, off = {};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  const TimePoint due = Clock::now() + 100ms;
  reactor.call_at(due, [&] { over = true; });
  reactor.run_until([&] { return over; });
  EXPECT_GE(Clock::now(), due);
  ::setitimer(ITIMER_REAL, &off, nullptr);
  EXPECT_GT(ran, 10);
}

TEST(Signals, AddingAndRemovingWhileTheyArriveIsSafe) {
  ::signal(SIGUSR1, SIG_IGN);
  std::atomic<bool> done{false};
  std::vector<std::thread> raisers;
  for (int i = 0; i < 2; ++i) {
    raisers.emplace_back([&] {
      while (!done) {
        ::raise(SIGUSR1);
        std::this_thread::yield();
      }
    });
  }
  for (int round = 0; round < 200; ++round) {
    Reactor reactor;  // and its mailbox, which a handler that is late would write to
    bool ran = false;
    reactor.add_signal_handler(SIGUSR1, [&] { ran = true; });
    if (round % 2 == 0) reactor.run_until([&] { return ran; });
    reactor.remove_signal_handler(SIGUSR1);
  }
  done = true;
  for (std::thread& raiser : raisers) raiser.join();
  ::signal(SIGUSR1, SIG_DFL);
}

TEST(Signals, AForkedChildIsFreeOfThemWhicheverThreadForks) {
  Reactor reactor;
  bool ran = false;
  reactor.add_signal_handler(SIGUSR1, [&] { ran = true; });
  int status = 0;
  std::thread([&] {
    const pid_t child = ::fork();
    if (child == 0) {
      ::raise(SIGUSR1);  // does what it did before: it kills
      ::_exit(0);
    }
    ASSERT_EQ(::waitpid(child, &status, 0), child);
  }).join();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
  // And it may handle them itself, also when it drops the parent's copy later.
  const pid_t child = ::fork();
  if (child == 0) {
    bool mine = false;
    Reactor::current().add_signal_handler(SIGUSR1, [&] { mine = true; });
    reactor.remove_signal_handler(SIGUSR1);
    ::raise(SIGUSR1);
    Reactor::current().run_until([&] { return mine; });
    ::_exit(ran ? 1 : 0);
  }
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ::raise(SIGUSR1);
  reactor.run_until([&] { return ran; });
}

}  // namespace
}  // namespace simul
