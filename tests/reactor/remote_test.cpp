// The way into a loop from other threads: nothing is lost, nothing runs twice, nobody is woken for
// nothing, and a loop that is gone takes no messages.
#include "runtime/reactor/remote.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/reactor/reactor.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

TEST(Remote, RunsTheCallbackInTheLoopsThread) {
  Reactor reactor;
  std::thread::id ran_in;
  std::thread sender([&ran_in, remote = reactor.remote()] {
    EXPECT_TRUE(remote.call_soon_threadsafe([&ran_in] { ran_in = std::this_thread::get_id(); }));
  });
  reactor.run_until([&] { return ran_in != std::thread::id(); });
  sender.join();
  EXPECT_EQ(ran_in, std::this_thread::get_id());
}

TEST(Remote, NeverRunsItAtOnceEvenInTheSameThread) {
  Reactor reactor;
  const Remote remote = reactor.remote();
  bool ran = false;
  remote.call_soon_threadsafe([&] { ran = true; });
  EXPECT_FALSE(ran);
  reactor.run_until([&] { return ran; });
}

TEST(Remote, MessagesOfOneThreadStayInOrder) {
  constexpr int kThreads = 4, kMessages = 5000;
  Reactor reactor;
  std::vector<std::vector<int>> received(kThreads);
  int total = 0;
  std::vector<std::thread> senders;
  for (int thread = 0; thread < kThreads; ++thread) {
    senders.emplace_back([&, thread, remote = reactor.remote()] {
      for (int i = 0; i < kMessages; ++i) {
        remote.call_soon_threadsafe([&, thread, i] {
          received[static_cast<std::size_t>(thread)].push_back(i);
          ++total;
        });
      }
    });
  }
  reactor.run_until([&] { return total == kThreads * kMessages; });
  for (std::thread& sender : senders) sender.join();
  for (const std::vector<int>& messages : received) {
    ASSERT_EQ(messages.size(), std::size_t{kMessages});
    for (int i = 0; i < kMessages; ++i) ASSERT_EQ(messages[static_cast<std::size_t>(i)], i);
  }
}

TEST(Remote, MessagesStayInOrderWhereBatchesAreShuffled) {
  Reactor reactor;
  reactor.shuffle(42);
  const Remote remote = reactor.remote();
  std::vector<int> order, expected;
  for (int i = 0; i < 20; ++i) {
    remote.call_soon_threadsafe([&order, i] { order.push_back(i); });
    reactor.call_soon([] {});
    expected.push_back(i);
  }
  reactor.run_until([&] { return order.size() == 20; });
  EXPECT_EQ(order, expected);
}

TEST(Remote, AMessageThatThrowsIsReportedAndTheOthersRun) {
  Reactor reactor;
  int reported = 0, ran = 0;
  reactor.set_exception_handler([&](const std::string&, std::exception_ptr) { ++reported; });
  const Remote remote = reactor.remote();
  remote.call_soon_threadsafe([] { throw 1; });
  remote.call_soon_threadsafe([&] { ++ran; });
  reactor.run_until([&] { return ran == 1; });
  EXPECT_EQ(reported, 1);
}

TEST(Remote, WhatAMessageCapturedGoesWhenItHasRun) {
  Reactor reactor;
  const Remote remote = reactor.remote();
  auto token = std::make_shared<int>(0);
  long later = 0;
  remote.call_soon_threadsafe([token] {});
  remote.call_soon_threadsafe([&] { later = token.use_count(); });
  reactor.run_until([&] { return later != 0; });
  EXPECT_EQ(later, 1);
}

TEST(Remote, WhatAMessageSendsRunsInALaterTurn) {
  Reactor reactor;
  const Remote remote = reactor.remote();
  int sent = 0, turns = 0;
  struct Again {
    const Remote& remote;
    int& sent;
    void operator()() const {
      if (++sent < 100) remote.call_soon_threadsafe(Again{remote, sent});
    }
  };
  remote.call_soon_threadsafe(Again{remote, sent});
  reactor.run_until([&] {
    ++turns;
    return sent == 100;
  });
  EXPECT_GE(turns, 100) << "a message that answers itself would starve the rest";
}

TEST(Remote, NoWakeUpIsLostBetweenALoopThatFallsAsleepAndASender) {
  // One message at a time, each sent the moment the one before has run: every one finds the loop
  // about to ask the kernel. One lost wake-up and this never ends.
  constexpr int kRounds = 20'000;
  Reactor reactor;
  std::atomic<int> ran{0};
  std::thread sender([&ran, remote = reactor.remote()] {
    for (int i = 0; i < kRounds; ++i) {
      remote.call_soon_threadsafe([&ran] { ran.fetch_add(1); });
      while (ran.load() <= i) std::this_thread::yield();
    }
  });
  reactor.run_until([&] { return ran.load() == kRounds; });
  sender.join();
}

TEST(Remote, TwoLoopsMayPlayBallForEver) {
  constexpr int kRounds = 5000;
  Reactor reactor;
  std::atomic<Remote*> other{nullptr};
  std::atomic<bool> over{false};
  std::thread thread([&, back = reactor.remote()] {
    Reactor& mine = Reactor::current();
    Remote remote = mine.remote();
    other = &remote;
    mine.run_until([&] { return over.load(); });
  });
  while (other.load() == nullptr) std::this_thread::yield();
  int returned = 0;
  const Remote here = reactor.remote();
  const Remote there = *other.load();  // a copy, for the other goes with its thread
  struct Ball {
    const Remote& here;
    const Remote& there;
    int& returned;
    std::atomic<bool>& over;
    bool home;
    void operator()() const {
      if (home && ++returned == kRounds) {
        there.call_soon_threadsafe([&over = over] { over = true; });
        return;
      }
      (home ? there : here).call_soon_threadsafe(Ball{here, there, returned, over, !home});
    }
  };
  there.call_soon_threadsafe(Ball{here, there, returned, over, false});
  reactor.run_until([&] { return returned == kRounds; });
  thread.join();
}

TEST(Remote, ABusyLoopIsNotWoken) {
  // A wake-up is a system call that makes the next sleep end too early; if a hundred messages that
  // were sent while the loop was awake had each caused one, or the first, the sleep would.
  Reactor reactor;
  const Remote remote = reactor.remote();
  int ran = 0;
  bool over = false;
  int turns = 0;
  reactor.call_soon([&] {
    std::thread([&, remote] {
      for (int i = 0; i < 100; ++i) remote.call_soon_threadsafe([&] { ++ran; });
    }).join();
    reactor.call_later(20ms, [&] { over = true; });
  });
  reactor.run_until([&] {
    ++turns;
    return over;
  });
  EXPECT_EQ(ran, 100);
  // The question before the first turn, the first callback, the messages, the timer; a few more for
  // a sleep that the kernel ended early.
  EXPECT_LE(turns, 8);
}

TEST(Remote, ASleepingLoopIsWokenOnceForManyMessages) {
  Reactor reactor;
  std::atomic<bool> all_sent{false};
  int ran = 0, turns = 0;
  std::thread sender([&, remote = reactor.remote()] {
    std::this_thread::sleep_for(20ms);  // not for order: so that the loop is found asleep
    remote.call_soon_threadsafe([&] {
      while (!all_sent) std::this_thread::yield();  // the loop is awake while the others are sent
      ++ran;
    });
    for (int i = 0; i < 1000; ++i) remote.call_soon_threadsafe([&] { ++ran; });
    all_sent = true;
  });
  reactor.run_until([&] {
    ++turns;
    return ran == 1001;
  });
  sender.join();
  EXPECT_LE(turns, 5);
}

TEST(Remote, AClosedMailboxRefusesAndDestroysTheCallback) {
  auto reactor = std::make_unique<Reactor>();
  const Remote remote = reactor->remote();
  auto token = std::make_shared<int>(0);
  EXPECT_TRUE(remote.call_soon_threadsafe([token] { FAIL(); }));
  EXPECT_EQ(token.use_count(), 2);
  reactor.reset();
  EXPECT_EQ(token.use_count(), 1) << "what was left went with the loop";
  EXPECT_FALSE(remote.call_soon_threadsafe([token] { FAIL(); }));
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_FALSE(Remote().call_soon_threadsafe([] {}));
}

TEST(Remote, WhatADroppedMessageCapturedMaySendInItsDestructor) {
  auto reactor = std::make_unique<Reactor>();
  struct Last {
    Remote remote;
    bool* refused;
    ~Last() {
      if (refused != nullptr) *refused = !remote.call_soon_threadsafe([] {});
    }
  };
  bool refused = false;
  auto last = std::make_shared<Last>(Last{reactor->remote(), nullptr});
  last->refused = &refused;
  Remote remote = reactor->remote();
  remote.call_soon_threadsafe([last = std::move(last)] {});
  reactor.reset();  // must not wait for itself
  EXPECT_TRUE(refused);
}

TEST(Remote, SendersMayOutliveALoopThatEndsAtAnyMoment) {
  for (int round = 0; round < 200; ++round) {
    auto counter = std::make_shared<std::atomic<int>>(0);
    auto reactor = std::make_unique<Reactor>();
    std::atomic<bool> started{false};
    std::thread sender([&, counter, remote = reactor->remote()] {
      started = true;
      while (remote.call_soon_threadsafe([counter] { counter->fetch_add(1); })) {
      }
    });
    while (!started) std::this_thread::yield();
    reactor->run_until([&] { return counter->load() >= round % 10; });
    reactor.reset();
    sender.join();
    EXPECT_EQ(counter.use_count(), 1);
  }
}

TEST(Remote, WhenTheLastOneGoesTheLoopLearnsThatNobodyWillWakeIt) {
  for (int round = 0; round < 300; ++round) {
    Reactor reactor;
    std::thread holder([remote = reactor.remote(), round]() mutable {
      Remote copy = remote;
      Remote moved = std::move(remote);
      for (int i = 0; i < round % 50; ++i) std::this_thread::yield();
    });
    EXPECT_THROW(reactor.run_until([] { return false; }), Deadlock);
    holder.join();
  }
}

TEST(Remote, CopiesAndMovesCountAsOneEach) {
  Reactor reactor;
  Remote one = reactor.remote();
  Remote two = one;
  Remote three = std::move(one);
  two = three;
  three = Remote();
  bool ran = false;
  two.call_soon_threadsafe([&] { ran = true; });
  reactor.run_until([&] { return ran; });
  two = Remote();
  EXPECT_THROW(reactor.run_until([] { return false; }), Deadlock);
}

}  // namespace
}  // namespace simul
