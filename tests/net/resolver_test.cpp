// Names to addresses: numbers, the host table, localhost without /etc/hosts, and clear errors.
#include "runtime/net/resolver.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace simul::net {
namespace {

using Addresses = std::vector<Address>;

TEST(Resolver, ANumericHostIsItsOwnAddress) {
  EXPECT_EQ(resolve("127.0.0.1", 80), Addresses{Address::loopback(80)});
  EXPECT_EQ(resolve("::1", 80), Addresses{Address::loopback6(80)});
}

TEST(Resolver, LocalhostIsTheLoopbackWithoutAskingAnybody) {
  const Addresses loopbacks = {Address::loopback(8000), Address::loopback6(8000)};
  EXPECT_EQ(resolve("localhost", 8000), loopbacks);
  EXPECT_EQ(resolve("LocalHost.", 8000), loopbacks);
  EXPECT_EQ(resolve("any.thing.localhost", 8000), loopbacks);
}

TEST(Resolver, APinnedNameWinsForAsLongAsThePinLives) {
  {
    const Pin google = pin("google.com", Address::loopback(8080));
    EXPECT_EQ(resolve("google.com", 80), Addresses{Address::loopback(8080)});
    EXPECT_EQ(resolve("GOOGLE.com.", 80), Addresses{Address::loopback(8080)});
  }
  const Pin other = pin("localhost", Address::loopback6(1));
  EXPECT_EQ(resolve("localhost", 80), Addresses{Address::loopback6(1)});
}

TEST(Resolver, APinOfPortZeroKeepsTheWantedPort) {
  const Pin host = pin("somewhere.test", Address::loopback(0));
  EXPECT_EQ(resolve("somewhere.test", 81), Addresses{Address::loopback(81)});
}

TEST(Resolver, APinIsForThatNameAlone) {
  const Pin host = pin("a.localhost", Address::loopback(7));
  EXPECT_EQ(resolve("a.localhost", 80), Addresses{Address::loopback(7)});
  EXPECT_EQ(resolve("b.localhost", 80).front(), Address::loopback(80));
  EXPECT_EQ(resolve("x.a.localhost", 80).front(), Address::loopback(80));
}

TEST(Resolver, TheLatestPinOfANameCountsAndTheEarlierComesBack) {
  Pin first = pin("twice.localhost", Address::loopback(1));
  Pin second = pin("twice.localhost", Address::loopback(2));
  EXPECT_EQ(resolve("twice.localhost", 80).front(), Address::loopback(2));
  { const Pin gone = std::move(second); }
  EXPECT_EQ(resolve("twice.localhost", 80).front(), Address::loopback(1));
  second = pin("twice.localhost", Address::loopback(3));
  { const Pin gone = std::move(first); }
  EXPECT_EQ(resolve("twice.localhost", 80).front(), Address::loopback(3));
  { const Pin gone = std::move(second); }
  EXPECT_EQ(resolve("twice.localhost", 80).front(), Address::loopback(80));
}

TEST(Resolver, AnUnknownNameIsOneClearLine) {
  try {
    resolve("nosuch.invalid", 80);
    ADD_FAILURE() << "nosuch.invalid has an address here";
  } catch (const ResolveError& error) {
    const std::string message = error.what();
    EXPECT_TRUE(message.starts_with("resolve nosuch.invalid: ")) << message;
    EXPECT_GT(message.size(), std::string("resolve nosuch.invalid: ").size());
    EXPECT_EQ(message.find('\n'), std::string::npos);
    EXPECT_NE(error.code(), 0);
  }
}

TEST(Resolver, WhatCannotBeANameIsRefusedWithoutAsking) {
  EXPECT_THROW(resolve("", 80), ResolveError);
  EXPECT_THROW(resolve(".", 80), ResolveError);
  // The system would see only the part before the NUL, and find this machine.
  EXPECT_THROW(resolve(std::string_view("localhost\0.evil", 15), 80), ResolveError);
}

TEST(Resolver, ThePinsMayBeUsedFromManyThreads) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint16_t t = 1; t <= 4; ++t) {
    threads.emplace_back([t, &wrong] {
      const std::string mine = "thread" + std::to_string(t) + ".localhost";
      for (int i = 0; i < 1000; ++i) {
        const Pin guard = pin(mine, Address::loopback(t));
        if (resolve(mine, 80) != Addresses{Address::loopback(t)}) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace simul::net
