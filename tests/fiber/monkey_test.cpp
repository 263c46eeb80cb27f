// The promises of the monkey patch (runtime/fiber/monkey.hpp, patched.hpp): sleeping, looking up
// names, and where the patch does not reach. Sleeps are virtual. What moves bytes is in
// monkey_io_test.cpp.
#include "runtime/fiber/monkey.hpp"

#include <gtest/gtest.h>
#include <netdb.h>
#include <poll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include "runtime/fiber/fiber.hpp"
#include "tests/support/monkey.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;
using testing::Monkey;
using testing::Pair;
using testing::sockets;

// --- Sleeping -----------------------------------------------------------------------------------

class MonkeySleep : public Monkey {
 protected:
  // Each of two fibers sleeps; both are through after the time of one.
  static void expect_overlap(Duration each, std::function<void()> sleep) {
    VirtualTime virtual_time;
    Reactor loop;
    const TimePoint start = Clock::now();
    auto one = spawn(sleep);
    auto two = spawn(sleep);
    join_all<void>({one, two});
    EXPECT_EQ(Clock::now() - start, each);
  }
};

TEST_F(MonkeySleep, SleepParksTheFiber) {
  expect_overlap(1000s, [] { EXPECT_EQ(::sleep(1000), 0u); });
}

TEST_F(MonkeySleep, UsleepParksTheFiber) {
  expect_overlap(2s, [] { EXPECT_EQ(::usleep(2'000'000), 0); });
}

TEST_F(MonkeySleep, NanosleepParksTheFiber) {
  expect_overlap(1000s + 500ms, [] {
    const timespec wanted{1000, 500'000'000};
    EXPECT_EQ(::nanosleep(&wanted, nullptr), 0);
  });
}

TEST_F(MonkeySleep, ClockNanosleepParksTheFiber) {
  expect_overlap(1000s, [] {
    const timespec wanted{1000, 0};
    EXPECT_EQ(::clock_nanosleep(CLOCK_MONOTONIC, 0, &wanted, nullptr), 0);
  });
}

TEST_F(MonkeySleep, ClockNanosleepKnowsAbsoluteTimes) {
  expect_overlap(1000s, [] {
    const auto until = (Clock::now() + 1000s).time_since_epoch().count();
    const timespec wanted{static_cast<time_t>(until / 1'000'000'000), until % 1'000'000'000};
    EXPECT_EQ(::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wanted, nullptr), 0);
  });
}

TEST_F(MonkeySleep, TheStandardLibrarysSleepParksTheFiber) {
  expect_overlap(1000s, [] { std::this_thread::sleep_for(1000s); });
}

TEST_F(MonkeySleep, ASleepOfZeroLetsTheOthersGoFirst) {
  std::string log;
  const auto letters = [&log](char letter) {
    for (int i = 0; i < 3; ++i) {
      log += letter;
      ::sleep(0);
    }
  };
  auto a = spawn(letters, 'a');
  auto b = spawn(letters, 'b');
  join_all<void>({a, b});
  EXPECT_EQ(log, "ababab");
}

TEST_F(MonkeySleep, NonsenseIsRefusedAsByLibc) {
  auto fiber = spawn([] {
    const timespec backwards{-1, 0};
    const timespec too_many{0, 1'000'000'000};
    EXPECT_EQ(::nanosleep(&backwards, nullptr), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(::nanosleep(&too_many, nullptr), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(::clock_nanosleep(CLOCK_MONOTONIC, 0, &too_many, nullptr), EINVAL);
    EXPECT_EQ(::clock_nanosleep(12345, 0, &too_many, nullptr), EINVAL);
  });
  fiber.result();
}

TEST_F(MonkeySleep, InRealTimeItIsNeverShort) {
  auto fiber = spawn([] {
    const auto start = std::chrono::steady_clock::now();
    ::usleep(20'000);
    EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
  });
  fiber.result();
}

// --- Looking up names ---------------------------------------------------------------------------

TEST_F(Monkey, AnAddressInDigitsNeedsNoLookUp) {
  auto fiber = spawn([] {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    ASSERT_EQ(::getaddrinfo("127.0.0.1", "80", &hints, &list), 0);
    EXPECT_EQ(list->ai_family, AF_INET);
    ::freeaddrinfo(list);
    ASSERT_EQ(::getaddrinfo(nullptr, "80", &hints, &list), 0);
    ::freeaddrinfo(list);
  });
  fiber.result();
}

TEST_F(Monkey, ANameIsLookedUpWhileTheOthersRun) {
  addrinfo* list = nullptr;
  const int expected = ::getaddrinfo("no-such-host.invalid", "80", nullptr, &list);
  ASSERT_NE(expected, 0);
  bool other_ran = false;
  together(
      [&] {
        addrinfo* found = nullptr;
        EXPECT_EQ(::getaddrinfo("no-such-host.invalid", "80", nullptr, &found), expected);
        EXPECT_TRUE(other_ran);
      },
      [&] { other_ran = true; });
}

TEST_F(Monkey, ALookUpFindsWhatLibcFinds) {
  addrinfo* outside = nullptr;
  if (::getaddrinfo("localhost", "80", nullptr, &outside) != 0) {
    GTEST_SKIP() << "this machine has no localhost";
  }
  auto fiber = spawn([&] {
    addrinfo* inside = nullptr;
    ASSERT_EQ(::getaddrinfo("localhost", "80", nullptr, &inside), 0);
    const addrinfo* a = outside;
    const addrinfo* b = inside;
    for (; a != nullptr && b != nullptr; a = a->ai_next, b = b->ai_next) {
      EXPECT_EQ(a->ai_socktype, b->ai_socktype);
      ASSERT_EQ(a->ai_addrlen, b->ai_addrlen);
      EXPECT_EQ(std::memcmp(a->ai_addr, b->ai_addr, a->ai_addrlen), 0);
    }
    EXPECT_EQ(a, b);  // both at the end
    ::freeaddrinfo(inside);
  });
  fiber.result();
  ::freeaddrinfo(outside);
}

TEST_F(Monkey, AKilledFiberLeavesItsLookUpBehind) {
  auto fiber = spawn([] {
    addrinfo* list = nullptr;
    EXPECT_EQ(::getaddrinfo("no-such-host.invalid", nullptr, nullptr, &list), EAI_SYSTEM);
    EXPECT_EQ(errno, ECANCELED);
  });
  auto killer = spawn([&] { fiber.kill(); });
  killer.result();
  fiber.join();
}

// --- Elsewhere ----------------------------------------------------------------------------------

TEST_F(Monkey, OutsideFibersTheCallsAreLibcs) {
  const Pair pair = sockets();
  std::thread other([&] {
    ::usleep(1000);
    ::write(pair.far.get(), "x", 1);
  });
  char byte;
  EXPECT_EQ(::read(pair.near.get(), &byte, 1), 1);  // blocks this thread
  other.join();

  // In a callback too: it has no fiber to park.
  const timeval limit{0, 1000};
  ::setsockopt(pair.near.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  int error = 0;
  auto fiber = spawn([] { this_fiber::sleep_for(1ms); });
  loop_.call_soon([&] {
    EXPECT_EQ(::read(pair.near.get(), &byte, 1), -1);
    error = errno;
  });
  fiber.join();
  EXPECT_EQ(error, EAGAIN);
}

TEST_F(Monkey, AForkedChildHasLibcsCalls) {
  const Pair pair = sockets();
  auto fiber = spawn([&] {
    const pid_t child = ::fork();
    if (child == 0) {
      char byte;
      const bool fine = FiberCore::current() == nullptr && ::usleep(1000) == 0 &&
                        ::read(pair.near.get(), &byte, 1) == 1 &&
                        ::write(pair.near.get(), "y", 1) == 1;
      ::_exit(fine ? 0 : 1);
    }
    ASSERT_GT(child, 0);
    EXPECT_EQ(::write(pair.far.get(), "x", 1), 1);
    char byte = 0;
    EXPECT_EQ(::read(pair.far.get(), &byte, 1), 1);
    EXPECT_EQ(byte, 'y');
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  });
  fiber.result();
}

TEST_F(Monkey, WhatIsParkedSaysWhatItWaitsFor) {
  const Pair pair = sockets();
  auto fiber = spawn([&] {
    char byte;
    ::read(pair.near.get(), &byte, 1);
  });
  fiber.named("reader");
  this_fiber::yield();
  this_fiber::yield();
  EXPECT_NE(loop_.waiting_report().find("fiber 'reader' waits for readable (patched)"),
            std::string::npos)
      << loop_.waiting_report();
  fiber.kill();
  fiber.join();
}

#if defined(__GLIBC__)
TEST(MonkeyDeathTest, AFortifiedCallThatWouldOverflowItsBufferEndsTheProgram) {
  char data[4];
  EXPECT_DEATH(__read_chk(0, data, 5, 4), "buffer overflow detected");
  EXPECT_DEATH(__poll_chk(nullptr, 2, 0, sizeof(pollfd)), "buffer overflow detected");
}
#endif

}  // namespace
}  // namespace simul
