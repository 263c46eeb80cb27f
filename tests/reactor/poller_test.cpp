// The contract of poller.hpp, promise by promise, for every poller that compiles here. What is
// asked of the kernel differs between them, what is answered must not.
#include "runtime/reactor/poller.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "runtime/base/unique_fd.hpp"
#include "runtime/reactor/poller_poll.hpp"
#if defined(__linux__)
#include "runtime/reactor/poller_epoll.hpp"
#endif

namespace simul {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Steady = std::chrono::steady_clock;

constexpr Duration kAtOnce = Duration::zero();
constexpr Duration kPatience = seconds(10);  // for what must come; a test that waits it out fails

/// Two connected sockets, non-blocking.
struct Pair {
  explicit Pair(int type = SOCK_STREAM) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, type, 0, ends), 0);
    for (int end : ends) {
      ::fcntl(end, F_SETFL, O_NONBLOCK);
      ::fcntl(end, F_SETFD, FD_CLOEXEC);
    }
    here.reset(ends[0]);
    there.reset(ends[1]);
  }
  void send(const char* text = "x") {
    EXPECT_GT(::write(there.get(), text, std::string_view(text).size()), 0);
  }
  std::string receive(std::size_t limit = 100) {
    std::string text(limit, '\0');
    const ssize_t got = ::read(here.get(), text.data(), limit);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }
  /// Until the kernel takes no more.
  void fill() {
    const std::vector<char> block(64 * 1024);
    while (::write(here.get(), block.data(), block.size()) > 0) {
    }
    while (::write(here.get(), "x", 1) > 0) {
    }
  }
  void drain_there() {
    std::vector<char> block(64 * 1024);
    while (::read(there.get(), block.data(), block.size()) > 0) {
    }
  }

  UniqueFd here, there;
};

bool has(Interest set, Interest one) {
  return (set & one) == one;
}

template <class P>
class PollerContract : public testing::Test {
 protected:
  /// What is reported of `token` in one wait; none if it is not mentioned.
  Interest ready(std::uint64_t token, Duration timeout = kAtOnce) {
    Interest all = Interest::none;
    for (const PollEvent& event : poller.wait(timeout)) {
      if (event.token == token) all = all | event.ready;
    }
    return all;
  }

  /// How many of `turns` waits that do not wait return something.
  int busy_turns(int turns) {
    int busy = 0;
    for (int i = 0; i < turns; ++i) busy += poller.wait(kAtOnce).empty() ? 0 : 1;
    return busy;
  }

  P poller;
};

struct Names {
  template <class P>
  static std::string GetName(int) {
    return P::kName;
  }
};

#if defined(__linux__)
using Pollers = testing::Types<EpollPoller, PollPoller>;
#else
using Pollers = testing::Types<Poller>;
#endif
TYPED_TEST_SUITE(PollerContract, Pollers, Names);

// --- Registering --------------------------------------------------------------------------------

TYPED_TEST(PollerContract, NothingRegisteredMeansNothingReady) {
  EXPECT_TRUE(this->poller.wait(kAtOnce).empty());
}

TYPED_TEST(PollerContract, DataMakesADescriptorReadableAndItsTokenComesBackUnchanged) {
  Pair pair;
  const std::uint64_t token = 0xfedcba9876543210;
  ASSERT_TRUE(this->poller.add(pair.here.get(), token, Interest::read, Trigger::level));
  EXPECT_TRUE(this->poller.wait(kAtOnce).empty());
  pair.send();
  const auto events = this->poller.wait(kPatience);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].token, token);
  EXPECT_TRUE(has(events[0].ready, Interest::read));
  EXPECT_FALSE(has(events[0].ready, Interest::write));
  EXPECT_FALSE(events[0].hung_up);
}

TYPED_TEST(PollerContract, WhatWasReadyBeforeItWasRegisteredIsReported) {
  for (Trigger trigger : {Trigger::level, Trigger::edge}) {
    Pair pair;
    pair.send();
    ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::both, trigger));
    EXPECT_EQ(this->ready(1), Interest::both);
    this->poller.remove(pair.here.get());
  }
}

TYPED_TEST(PollerContract, OnlyTheDirectionOfInterestIsReported) {
  Pair pair;
  ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::write, Trigger::level));
  pair.send();
  EXPECT_EQ(this->ready(1), Interest::write);
  this->poller.modify(pair.here.get(), 1, Interest::read);
  EXPECT_EQ(this->ready(1), Interest::read);
  this->poller.modify(pair.here.get(), 1, Interest::both);
  EXPECT_EQ(this->ready(1), Interest::both);
}

TYPED_TEST(PollerContract, WithoutInterestNothingIsReported) {
  Pair pair;
  ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::read, Trigger::level));
  this->poller.modify(pair.here.get(), 1, Interest::none);
  pair.send();
  EXPECT_EQ(this->ready(1), Interest::none);
  this->poller.modify(pair.here.get(), 1, Interest::read);
  EXPECT_EQ(this->ready(1), Interest::read) << "interest again: the data is still there";
}

TYPED_TEST(PollerContract, ModifyMayChangeTheToken) {
  Pair pair;
  ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::read, Trigger::level));
  pair.send();
  this->poller.modify(pair.here.get(), 2, Interest::read);
  EXPECT_EQ(this->ready(1), Interest::none);
  EXPECT_EQ(this->ready(2), Interest::read);
}

TYPED_TEST(PollerContract, RemovedIsForgottenAndMayBeRegisteredAgain) {
  Pair pair;
  pair.send();
  for (std::uint64_t round = 1; round <= 3; ++round) {
    ASSERT_TRUE(this->poller.add(pair.here.get(), round, Interest::read, Trigger::level));
    EXPECT_EQ(this->ready(round), Interest::read);
    this->poller.remove(pair.here.get());
    EXPECT_TRUE(this->poller.wait(kAtOnce).empty());
  }
}

TYPED_TEST(PollerContract, RemovingOneLeavesTheOthers) {
  std::vector<Pair> pairs(5);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    ASSERT_TRUE(this->poller.add(pairs[i].here.get(), i, Interest::read, Trigger::level));
  }
  this->poller.remove(pairs[0].here.get());
  this->poller.remove(pairs[3].here.get());
  for (Pair& pair : pairs) pair.send();
  std::set<std::uint64_t> tokens;
  for (const PollEvent& event : this->poller.wait(kAtOnce)) tokens.insert(event.token);
  EXPECT_EQ(tokens, (std::set<std::uint64_t>{1, 2, 4}));
  this->poller.modify(pairs[4].here.get(), 9, Interest::read);
  EXPECT_EQ(this->ready(9), Interest::read) << "it was moved to another place and is still found";
}

TYPED_TEST(PollerContract, RemovingWhatIsNotRegisteredHasNoEffect) {
  Pair pair;
  this->poller.remove(pair.here.get());
  this->poller.remove(-1);
  this->poller.remove(1 << 20);
  ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::read, Trigger::level));
  this->poller.remove(pair.there.get());
  pair.send();
  EXPECT_EQ(this->ready(1), Interest::read);
}

TYPED_TEST(PollerContract, RegularFilesAndFoldersAreRefusedForTheyAreAlwaysReady) {
  char name[] = "/tmp/poller_test.XXXXXX";
  const UniqueFd file(::mkstemp(name));
  ::unlink(name);
  EXPECT_FALSE(this->poller.add(file.get(), 1, Interest::read, Trigger::edge));
  EXPECT_FALSE(this->poller.add(file.get(), 1, Interest::write, Trigger::level));
  const UniqueFd folder(::open("/tmp", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(this->poller.add(folder.get(), 2, Interest::read, Trigger::level));
  EXPECT_TRUE(this->poller.wait(kAtOnce).empty());
}

TYPED_TEST(PollerContract, ARegistrationThatFailsNamesTheDescriptorAndChangesNothing) {
  Pair pair;
  const int closed = pair.there.get();
  pair.there.reset();
  for (int bad : {closed, -1}) {
    try {
      this->poller.add(bad, 1, Interest::read, Trigger::level);
      FAIL() << "registered " << bad;
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EBADF);
      EXPECT_NE(std::string(error.what()).find("watch descriptor " + std::to_string(bad)),
                std::string::npos)
          << error.what();
    }
  }
  ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::read, Trigger::level));
  EXPECT_THROW(this->poller.add(pair.here.get(), 2, Interest::read, Trigger::level),
               std::system_error)
      << "the same number twice";
  EXPECT_TRUE(has(this->ready(1), Interest::read)) << "the first registration stands: a hang-up";
}

TYPED_TEST(PollerContract, AThousandReadyDescriptorsAreAllReported) {
  std::vector<Pair> pairs(1000);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    ASSERT_TRUE(this->poller.add(pairs[i].here.get(), i, Interest::both, Trigger::edge));
    pairs[i].send();
  }
  // In as many waits as it likes; none of those before the last may come back empty.
  std::set<std::uint64_t> readable;
  for (int waits = 0; waits < 100 && readable.size() < pairs.size(); ++waits) {
    const auto events = this->poller.wait(kAtOnce);
    if (events.empty()) break;
    for (const PollEvent& event : events) {
      if (has(event.ready, Interest::read)) readable.insert(event.token);
    }
  }
  EXPECT_EQ(readable.size(), pairs.size());
}

// --- Edges and levels ---------------------------------------------------------------------------

TYPED_TEST(PollerContract, LevelIsReportedUntilItIsOver) {
  Pair pair;
  ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::read, Trigger::level));
  pair.send();
  EXPECT_EQ(this->busy_turns(10), 10);
  pair.receive();
  EXPECT_EQ(this->busy_turns(10), 0);
}

TYPED_TEST(PollerContract, AnEdgeIsReportedOncePerChange) {
  if (!TypeParam::kEdgeTriggered) GTEST_SKIP() << TypeParam::kName << " knows no edges";
  Pair pair;
  ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::both, Trigger::edge));
  EXPECT_EQ(this->ready(1), Interest::write);
  EXPECT_EQ(this->busy_turns(10), 0) << "writable still, but that is no news";
  pair.send();
  EXPECT_TRUE(has(this->ready(1), Interest::read));
  EXPECT_EQ(this->busy_turns(10), 0) << "unread still, but that is no news";
  pair.send();
  EXPECT_TRUE(has(this->ready(1), Interest::read)) << "more data is a new edge, read or unread";
}

TYPED_TEST(PollerContract, ADescriptorIsWritableAgainWhenThePeerHasRead) {
  for (Trigger trigger : {Trigger::edge, Trigger::level}) {
    Pair pair;
    ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::write, trigger));
    EXPECT_EQ(this->ready(1), Interest::write);
    pair.fill();
    EXPECT_EQ(this->busy_turns(5), 0);
    pair.drain_there();
    EXPECT_EQ(this->ready(1, kPatience), Interest::write);
    this->poller.remove(pair.here.get());
  }
}

// --- Ends and errors ----------------------------------------------------------------------------

TYPED_TEST(PollerContract, AHalfCloseMakesItReadableWithAndWithoutDataBefore) {
  for (bool data : {false, true}) {
    for (Trigger trigger : {Trigger::edge, Trigger::level}) {
      Pair pair;
      ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::read, trigger));
      if (data) pair.send("last words");
      ::shutdown(pair.there.get(), SHUT_WR);
      const auto events = this->poller.wait(kPatience);
      ASSERT_EQ(events.size(), 1u);
      EXPECT_TRUE(has(events[0].ready, Interest::read));
      EXPECT_TRUE(events[0].hung_up || !TypeParam::kEdgeTriggered) << "it will not say it again";
      EXPECT_EQ(pair.receive(), data ? "last words" : "");
      EXPECT_EQ(pair.receive(), "");
      this->poller.remove(pair.here.get());
    }
  }
}

TYPED_TEST(PollerContract, AHangUpWakesBothDirectionsWhicheverIsOfInterest) {
  for (Interest interest : {Interest::read, Interest::write}) {
    Pair pair;
    pair.fill();
    ASSERT_TRUE(this->poller.add(pair.here.get(), 1, interest, Trigger::level));
    EXPECT_EQ(this->busy_turns(3), 0);
    pair.there.reset();
    const auto events = this->poller.wait(kPatience);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_TRUE(has(events[0].ready, interest));
    EXPECT_TRUE(events[0].hung_up);
    this->poller.remove(pair.here.get());
  }
}

TYPED_TEST(PollerContract, APipeWithoutReaderIsWritableSoThatTheWriteCanFail) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  UniqueFd reader(ends[0]), writer(ends[1]);
  ASSERT_TRUE(this->poller.add(writer.get(), 1, Interest::write, Trigger::level));
  reader.reset();
  EXPECT_TRUE(has(this->ready(1, kPatience), Interest::write));
}

TYPED_TEST(PollerContract, AHangUpThatIsOfNoInterestDoesNotSpin) {
  Pair pair;
  ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::both, Trigger::level));
  this->poller.modify(pair.here.get(), 1, Interest::none);
  pair.there.reset();
  EXPECT_LE(this->busy_turns(1000), 1);
  this->poller.modify(pair.here.get(), 1, Interest::read);
  EXPECT_TRUE(has(this->ready(1), Interest::read)) << "of interest again, it is told again";
}

TYPED_TEST(PollerContract, AnEdgeTriggeredHangUpDoesNotSpin) {
  if (!TypeParam::kEdgeTriggered) GTEST_SKIP() << TypeParam::kName << " knows no edges";
  Pair pair;
  ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::both, Trigger::edge));
  pair.there.reset();
  EXPECT_LE(this->busy_turns(1000), 2);
}

// --- Time ---------------------------------------------------------------------------------------

TYPED_TEST(PollerContract, ATimeoutIsNeverCutShort) {
  for (Duration timeout :
       {Duration(1), Duration(999), Duration(microseconds(1)), Duration(microseconds(150)),
        Duration(1'000'001), Duration(microseconds(2500)), Duration(milliseconds(20))}) {
    for (int round = 0; round < 5; ++round) {
      const auto start = Steady::now();
      EXPECT_TRUE(this->poller.wait(timeout).empty());
      EXPECT_GE(Steady::now() - start, timeout);
    }
  }
}

TYPED_TEST(PollerContract, TheKernelIsGivenMoreThanMilliseconds) {
#if !defined(__linux__)
  GTEST_SKIP() << "a promise of the pollers on Linux";
#endif
  // If 100 us were rounded to whole milliseconds, no wait could be shorter than one. The best of
  // many, because a busy machine delays most of them.
  auto best = Steady::duration::max();
  for (int round = 0; round < 200; ++round) {
    const auto start = Steady::now();
    this->poller.wait(microseconds(100));
    best = std::min<Steady::duration>(best, Steady::now() - start);
  }
  EXPECT_LT(best, microseconds(900));
}

TYPED_TEST(PollerContract, WaitingAHundredYearsIsPossibleAndEndsWithAWakeUp) {
  for (Duration timeout : {Duration(-1), Duration(std::chrono::hours(24 * 36525)), Duration::max(),
                           Duration(std::chrono::hours(24 * 25))}) {
    this->poller.wake();
    EXPECT_TRUE(this->poller.wait(timeout).empty());
  }
}

// --- Wake-ups -----------------------------------------------------------------------------------

TYPED_TEST(PollerContract, AWakeUpBeforeTheWaitIsNotLostAndIsNoEvent) {
  this->poller.wake();
  this->poller.wake();
  const auto start = Steady::now();
  EXPECT_TRUE(this->poller.wait(kPatience).empty());
  EXPECT_LT(Steady::now() - start, kPatience);
}

TYPED_TEST(PollerContract, AWakeUpIsOverWhenItHasBeenHeard) {
  this->poller.wake();
  this->poller.wait(kPatience);
  const auto start = Steady::now();
  this->poller.wait(milliseconds(5));
  EXPECT_GE(Steady::now() - start, milliseconds(5)) << "no wait may spin on a wake-up of before";
}

TYPED_TEST(PollerContract, AnotherThreadEndsAWaitEveryTime) {
  constexpr int kRounds = 2000;
  std::atomic<int> heard{0};
  std::thread waker([&] {
    for (int round = 0; round < kRounds; ++round) {
      this->poller.wake();
      while (heard.load() <= round) std::this_thread::yield();
    }
  });
  const auto start = Steady::now();
  for (int round = 0; round < kRounds; ++round) {
    this->poller.wait(kPatience);
    heard.store(round + 1);
  }
  waker.join();
  EXPECT_LT(Steady::now() - start, kPatience) << "at least one wake-up was lost";
}

TYPED_TEST(PollerContract, ManyThreadsMayWakeAtOnce) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> wakers;
  for (int i = 0; i < 4; ++i) {
    wakers.emplace_back([&] {
      while (!stop) this->poller.wake();
    });
  }
  Pair pair;
  ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::read, Trigger::level));
  pair.send();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(this->ready(1), Interest::read);
  stop = true;
  for (std::thread& waker : wakers) waker.join();
}

template <class P>
P* woken_by_signal = nullptr;

TYPED_TEST(PollerContract, ASignalHandlerMayWakeAndErrnoIsKept) {
  woken_by_signal<TypeParam> = &this->poller;
  struct sigaction action {
  }, before{};
  action.sa_handler = [](int) { woken_by_signal<TypeParam>->wake(); };
  action.sa_flags = SA_RESTART;
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  errno = 4711;
  ::raise(SIGUSR1);
  EXPECT_EQ(errno, 4711);
  EXPECT_TRUE(this->poller.wait(kPatience).empty());

  // And in the middle of a wait.
  const pthread_t self = ::pthread_self();
  std::atomic<bool> done{false};
  std::thread sender([&] {
    while (!done) {
      ::pthread_kill(self, SIGUSR1);
      std::this_thread::yield();
    }
  });
  const auto start = Steady::now();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(this->poller.wait(kPatience).empty());
  done = true;
  sender.join();
  EXPECT_LT(Steady::now() - start, kPatience);
  ::sigaction(SIGUSR1, &before, nullptr);
}

TYPED_TEST(PollerContract, AStormOfSignalsDisturbsNothing) {
  struct sigaction action {
  }, before{};
  action.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGALRM, &action, &before), 0);  // without SA_RESTART
  const itimerval every_ms = {{0, 1000}, {0, 1000}}, off = {};
  ::setitimer(ITIMER_REAL, &every_ms, nullptr);
  Pair pair;
  ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::read, Trigger::level));
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(this->poller.wait(milliseconds(2)).empty());
  pair.send();
  EXPECT_EQ(this->ready(1), Interest::read);
  ::setitimer(ITIMER_REAL, &off, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
}

// --- Fork ---------------------------------------------------------------------------------------

TYPED_TEST(PollerContract, AForkedChildThatForgetsDoesNotDisturbItsParent) {
  Pair pair;
  ASSERT_TRUE(this->poller.add(pair.here.get(), 1, Interest::read, Trigger::level));
  const pid_t child = ::fork();
  if (child == 0) {
    this->poller.after_fork();
    this->poller.wake();                   // reaches nobody
    this->poller.remove(pair.here.get());  // takes nothing from the parent
    TypeParam fresh;                       // and the child may have its own
    Pair its_own;
    const bool added = fresh.add(its_own.here.get(), 5, Interest::read, Trigger::edge);
    its_own.send();
    const auto events = fresh.wait(kPatience);
    ::_exit(added && events.size() == 1 && events[0].token == 5 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  const auto start = Steady::now();
  EXPECT_TRUE(this->poller.wait(milliseconds(3)).empty());
  EXPECT_GE(Steady::now() - start, milliseconds(3)) << "the child woke its parent";
  pair.send();
  EXPECT_EQ(this->ready(1), Interest::read);
}

// --- What it holds ------------------------------------------------------------------------------

TYPED_TEST(PollerContract, ItsOwnDescriptorsAreClosedOnExec) {
  // The test main checks that none is left open; here: that none is inherited.
  for (int fd = 3; fd < 64; ++fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags == -1) continue;
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    char target[256] = {};
    if (::readlink(path, target, sizeof target - 1) <= 0) continue;
    const std::string what = target;
    if (what.find("eventpoll") != std::string::npos || what.find("eventfd") != std::string::npos) {
      EXPECT_TRUE(flags & FD_CLOEXEC) << what;
    }
  }
}

TYPED_TEST(PollerContract, WithoutADescriptorLeftItSaysWhatFailed) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_THROW(TypeParam(), std::system_error);
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace simul
