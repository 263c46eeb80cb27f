// The pool without a network: its connections are socket pairs, whose other end the test keeps.
#include "runtime/web/connection_pool.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"

namespace simul::web {
namespace {

using namespace std::chrono_literals;
using Lease = ConnectionPool::Lease;

http::Origin origin(const std::string& host) {
  return {"http", host, 80};
}

Task<> nap(Duration time) {
  co_await sleep(time);
}

// Opens connections, and knows which of them are still open.
class Network {
 public:
  // Fills the room that a lease has; returns the connection's number.
  int dial(Lease& lease) {
    net::SocketPair pair = net::connected_pair();
    lease.fill(Descriptor(std::move(pair.first), Peer::here));
    ends_.push_back(std::move(pair.second));
    number_of_[lease.socket().fd()] = static_cast<int>(ends_.size()) - 1;
    return static_cast<int>(ends_.size()) - 1;
  }
  // Which one does it hold?
  int number_of(Lease& lease) { return number_of_.at(lease.socket().fd()); }
  bool is_open(int number) { return net::is_quiet(ends_[static_cast<std::size_t>(number)].get()); }
  int open() {
    int count = 0;
    for (const UniqueFd& end : ends_) count += net::is_quiet(end.get());
    return count;
  }
  UniqueFd& end(int number) { return ends_[static_cast<std::size_t>(number)]; }

 private:
  std::vector<UniqueFd> ends_;
  std::map<int, int> number_of_;  // by descriptor: the latest that had it
};

// What the tests begin with.
class Pool : public ::testing::Test {
 protected:
  // A lease with a connection; waits for its turn by running the loop.
  Lease get(ConnectionPool& pool, const std::string& host = "a") {
    Lease lease = run(pool.acquire(origin(host)));
    if (!lease.connected()) network.dial(lease);
    return lease;
  }

  VirtualTime virtual_time;
  Reactor loop;
  Network network;
};

TEST_F(Pool, GivesRoomFirstAndTheSameConnectionAgainAfterwards) {
  ConnectionPool pool;
  Lease first = run(pool.acquire(origin("a")));
  EXPECT_TRUE(first);
  EXPECT_FALSE(first.connected());
  network.dial(first);
  EXPECT_FALSE(first.reused());
  EXPECT_EQ(pool.in_use(), 1u);
  first.give_back();
  EXPECT_FALSE(first);
  EXPECT_EQ(pool.idle(), 1u);
  EXPECT_EQ(pool.in_use(), 0u);
  Lease second = run(pool.acquire(origin("a")));
  EXPECT_TRUE(second.reused());
  EXPECT_EQ(network.number_of(second), 0);
  EXPECT_EQ(pool.idle(), 0u);
}

TEST_F(Pool, WithoutAWaitThereIsWhatIsFreeAndNothingElse) {
  ConnectionPool pool({.in_all = 2, .per_origin = 1});
  Lease a = pool.try_acquire(origin("a"));
  EXPECT_TRUE(a);
  EXPECT_FALSE(a.connected());
  network.dial(a);
  EXPECT_FALSE(pool.try_acquire(origin("a")));  // the limit of one origin
  Lease b = pool.try_acquire(origin("b"));
  EXPECT_TRUE(b);
  EXPECT_FALSE(pool.try_acquire(origin("c")));  // the limit of them all
  EXPECT_EQ(pool.in_use(), 2u);
  a.give_back();
  Lease again = pool.try_acquire(origin("a"));
  EXPECT_TRUE(again.reused());
  EXPECT_EQ(network.number_of(again), 0);
  again.give_back();
  EXPECT_FALSE(pool.try_acquire(origin("a"), /*fresh=*/true).connected());
  EXPECT_FALSE(network.is_open(0));
  pool.close();
  EXPECT_THROW(pool.try_acquire(origin("a")), PoolClosed);
}

TEST_F(Pool, AConnectionThatIsNotGivenBackIsClosed) {
  ConnectionPool pool;
  { const Lease lease = get(pool); }
  EXPECT_FALSE(network.is_open(0));
  EXPECT_EQ(pool.in_use(), 0u);
  EXPECT_EQ(pool.idle(), 0u);
}

TEST_F(Pool, TheOneUsedLastIsTakenFirst) {
  ConnectionPool pool;
  Lease a = get(pool);
  Lease b = get(pool);
  Lease c = get(pool);
  b.give_back();
  c.give_back();
  a.give_back();
  Lease next = get(pool);
  EXPECT_EQ(network.number_of(next), 0);
  Lease after = get(pool);
  EXPECT_EQ(network.number_of(after), 2);
}

TEST_F(Pool, AnotherOriginGetsAnotherConnection) {
  ConnectionPool pool;
  get(pool, "a").give_back();
  const Lease other = run(pool.acquire(origin("b")));
  EXPECT_FALSE(other.connected());
  const Lease port = run(pool.acquire({"http", "a", 81}));
  EXPECT_FALSE(port.connected());
  EXPECT_EQ(pool.idle(), 1u);
}

TEST_F(Pool, FreshMeansNoneThatWasUsed) {
  ConnectionPool pool;
  get(pool).give_back();
  const Lease fresh = run(pool.acquire(origin("a"), /*fresh=*/true));
  EXPECT_FALSE(fresh.connected());
}

TEST_F(Pool, WhatIsNotQuietIsDropped) {
  ConnectionPool pool;
  Lease says_more = get(pool);
  Lease hung_up = get(pool);
  Lease good = get(pool);
  good.give_back();
  says_more.give_back();
  hung_up.give_back();
  ASSERT_EQ(net::try_send(network.end(0).get(), "HTTP/1.1 200 OK").outcome, net::Outcome::done);
  network.end(1).reset();
  Lease next = get(pool);
  EXPECT_EQ(network.number_of(next), 2);
  EXPECT_EQ(pool.idle(), 0u);
}

TEST_F(Pool, AnIdleConnectionIsClosedByATimer) {
  ConnectionPool pool({.idle = 15s});
  Lease early = get(pool);
  Lease late = get(pool);
  early.give_back();
  run(nap(10s));
  late.give_back();
  run(nap(4999ms));
  EXPECT_TRUE(network.is_open(0));
  run(nap(2ms));
  EXPECT_FALSE(network.is_open(0));
  EXPECT_TRUE(network.is_open(1));
  EXPECT_EQ(pool.idle(), 1u);
  run(nap(10s));
  EXPECT_FALSE(network.is_open(1));
  EXPECT_EQ(pool.idle(), 0u);
}

TEST_F(Pool, OneThatWasUsedInBetweenStaysForTheWholeTime) {
  ConnectionPool pool({.idle = 15s});
  get(pool).give_back();
  run(nap(10s));
  get(pool).give_back();
  run(nap(14s));
  EXPECT_TRUE(network.is_open(0));
  run(nap(2s));
  EXPECT_FALSE(network.is_open(0));
}

// --- Limits and lines ----------------------------------------------------------------------------

TEST_F(Pool, AnIdleConnectionOfAnotherOriginMakesRoom) {
  ConnectionPool pool({.in_all = 2});
  get(pool, "a").give_back();
  get(pool, "b").give_back();
  const Lease c = get(pool, "c");
  EXPECT_FALSE(network.is_open(0)) << "the longest idle one goes";
  EXPECT_TRUE(network.is_open(1));
  EXPECT_EQ(network.open(), 2);
}

TEST_F(Pool, WaitersAreServedInTheOrderInWhichTheyCame) {
  ConnectionPool pool({.in_all = 1});
  std::string log;
  const auto use = [&](std::string name) -> Task<> {
    Lease lease = co_await pool.acquire(origin(name));
    log += name;
    if (!lease.connected()) network.dial(lease);
    co_await sleep(1s);
    lease.give_back();
  };
  const auto main = [&]() -> Task<> {
    std::vector<TaskHandle<>> tasks;
    for (const char* name : {"a", "b", "a", "c", "b", "a"}) tasks.push_back(create_task(use(name)));
    for (const auto& task : tasks) co_await task;
  };
  run(main());
  EXPECT_EQ(log, "abacba");
  EXPECT_EQ(network.open(), 1);
}

TEST_F(Pool, WhoWaitsForOneOriginDoesNotHoldUpTheOthers) {
  ConnectionPool pool({.in_all = 10, .per_origin = 1});
  std::string log;
  const auto use = [&](std::string name) -> Task<> {
    Lease lease = co_await pool.acquire(origin(name));
    log += name;
    co_await sleep(1s);
  };
  const auto main = [&]() -> Task<> {
    std::vector<TaskHandle<>> tasks;
    for (const char* name : {"a", "a", "a", "b"}) tasks.push_back(create_task(use(name)));
    for (const auto& task : tasks) co_await task;
  };
  run(main());
  EXPECT_EQ(log, "abaa");
}

TEST_F(Pool, WhoWaitsForABusyOriginIsNotOvertakenByItsOwnKind) {
  // Both limits bind: two for "a" wait at its door while others use up the rest.
  ConnectionPool pool({.in_all = 2, .per_origin = 1});
  std::string log;
  const auto use = [&](std::string name, char mark) -> Task<> {
    Lease lease = co_await pool.acquire(origin(name));
    log += mark;
    co_await sleep(1s);
  };
  const auto main = [&]() -> Task<> {
    std::vector<TaskHandle<>> tasks;
    tasks.push_back(create_task(use("a", '1')));
    tasks.push_back(create_task(use("a", '2')));
    tasks.push_back(create_task(use("b", '3')));
    tasks.push_back(create_task(use("c", '4')));
    tasks.push_back(create_task(use("a", '5')));
    for (const auto& task : tasks) co_await task;
  };
  run(main());
  EXPECT_EQ(log, "13425") << "4 came to the line of all before 2, who still stood at a's door";
}

TEST_F(Pool, WhoIsCancelledInLineIsNotServed) {
  ConnectionPool pool({.in_all = 1});
  const auto main = [&]() -> Task<> {
    Lease lease = co_await pool.acquire(origin("a"));
    const auto gone = create_task(pool.acquire(origin("a")));
    const auto next = create_task(pool.acquire(origin("a")));
    co_await sleep(1s);
    gone.cancel();
    co_await sleep(1s);
    EXPECT_TRUE(gone.cancelled());
    EXPECT_FALSE(next.done());
    lease.release();
    EXPECT_TRUE(co_await next);
  };
  run(main());
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST_F(Pool, WhoIsCancelledAfterHisTurnCamePassesItOn) {
  ConnectionPool pool({.in_all = 1, .per_origin = 1});
  const auto main = [&]() -> Task<> {
    Lease lease = co_await pool.acquire(origin("a"));
    network.dial(lease);
    const auto gone = create_task(pool.acquire(origin("a")));
    const auto next = create_task(pool.acquire(origin("a")));
    co_await sleep(1s);
    lease.give_back();  // `gone` has its turn now, but has not gone on yet
    gone.cancel();
    Lease& got = co_await next;
    EXPECT_TRUE(gone.cancelled());
    EXPECT_TRUE(got.reused());
    EXPECT_EQ(network.number_of(got), 0);
  };
  run(main());
}

TEST_F(Pool, WhoRanOutOfTimeInLineGetsNothingAndTheOthersGoOn) {
  ConnectionPool pool({.in_all = 1, .per_origin = 1});
  const auto main = [&]() -> Task<> {
    Lease lease = co_await pool.acquire(origin("a"));
    const auto hasty = create_task(pool.acquire(origin("a"), false, after(Clock::now(), 1s)));
    const auto other = create_task(pool.acquire(origin("b"), false, after(Clock::now(), 2s)));
    const auto next = create_task(pool.acquire(origin("a")));
    EXPECT_FALSE(co_await hasty);
    EXPECT_FALSE(co_await other);
    EXPECT_FALSE(next.done());
    lease.release();
    EXPECT_TRUE(co_await next);
  };
  run(main());
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST_F(Pool, RunningOutOfTimeInTheTurnInWhichTheOriginIsForgottenIsHarmless) {
  ConnectionPool pool({.in_all = 9, .per_origin = 1});
  const auto main = [&]() -> Task<> {
    std::optional<Lease> lease = co_await pool.acquire(origin("a"));
    const auto hasty = create_task(pool.acquire(origin("a"), false, after(Clock::now(), 1s)));
    const auto holder = [&]() -> Task<> {
      co_await sleep_until(after(Clock::now(), 1s));
      lease.reset();
    };
    const auto releasing = create_task(holder());
    co_await hasty;
    co_await releasing;
    EXPECT_TRUE(co_await pool.acquire(origin("a")));
  };
  run(main());
}

// --- Closing -------------------------------------------------------------------------------------

TEST_F(Pool, ClosingTurnsAwayWhoWaitsAndClosesWhatIsIdle) {
  ConnectionPool pool({.in_all = 2});
  Lease idle = get(pool);
  idle.give_back();
  const auto main = [&]() -> Task<> {
    Lease one = co_await pool.acquire(origin("b"));
    Lease two = co_await pool.acquire(origin("c"));
    network.dial(two);
    const auto waiting = create_task(pool.acquire(origin("a")));
    co_await sleep(1s);
    pool.close();
    bool refused = false;
    try {
      co_await waiting;
    } catch (const PoolClosed&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    EXPECT_FALSE(network.is_open(0));
    EXPECT_TRUE(network.is_open(1)) << "one on lease is its owner's";
    two.give_back();
    EXPECT_FALSE(network.is_open(1));
  };
  run(main());
  EXPECT_THROW(run(pool.acquire(origin("a"))), PoolClosed);
  pool.close();
}

TEST_F(Pool, ALeaseMayOutliveItsPool) {
  std::optional<ConnectionPool> pool(std::in_place);
  Lease given = get(*pool);
  Lease dropped = get(*pool);
  pool.reset();
  EXPECT_TRUE(network.is_open(0));
  given.give_back();
  dropped.release();
  EXPECT_EQ(network.open(), 0);
}

TEST_F(Pool, APoolForNobodyIsRefused) {
  EXPECT_THROW(ConnectionPool({.in_all = 0}), std::invalid_argument);
}

// --- Chance --------------------------------------------------------------------------------------

// Tasks that come, wait, are cancelled, lose patience, give back or drop, as the dice have it. At
// every moment the limits hold, and in the end everybody was served who did not leave.
TEST_F(Pool, NoOrderOfEventsBreaksALimitOrLosesATurn) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::minstd_rand dice(seed);
    const auto roll = [&dice](unsigned n) { return static_cast<unsigned>(dice()) % n; };
    loop.shuffle(roll(2) == 0 ? seed : 0);
    ConnectionLimits limits;
    limits.in_all = 1 + roll(4);
    limits.per_origin = roll(3);
    limits.idle = 1ms * (1 + roll(20));
    ConnectionPool pool(limits);
    Network net;
    std::map<std::string, int> leases;
    int served = 0;
    int left = 0;
    const auto use = [&](std::string host, unsigned how) -> Task<> {
      const TimePoint deadline = how % 5 == 0 ? after(Clock::now(), 1ms * (how % 7)) : kNever;
      Lease lease = co_await pool.acquire(origin(host), how % 11 == 0, deadline);
      if (!lease) {
        ++left;
        co_return;
      }
      struct Count {
        int& n;
        explicit Count(int& c) : n(c) { ++n; }
        ~Count() { --n; }
      } count{leases[host]};
      if (!lease.connected()) net.dial(lease);
      EXPECT_LE(net.open(), static_cast<int>(limits.in_all));
      if (limits.per_origin != 0) {
        EXPECT_LE(leases[host], static_cast<int>(limits.per_origin));
      }
      co_await sleep(1ms * (how % 4));
      if (how % 3 != 0) lease.give_back();
      ++served;
    };
    int cancelled = 0;
    const auto main = [&]() -> Task<> {
      std::vector<TaskHandle<>> tasks;
      for (int i = 0; i < 40; ++i) {
        tasks.push_back(
            create_task(use(std::string(1, static_cast<char>('a' + roll(3))), roll(1000))));
        if (roll(2) == 0) co_await sleep(1ms * roll(3));
        if (roll(4) == 0) tasks[roll(static_cast<unsigned>(tasks.size()))].cancel();
      }
      for (const auto& task : tasks) {
        co_await Join(task.core());
        cancelled += task.cancelled();
        EXPECT_FALSE(task.failed()) << message_of(task.error());
      }
    };
    run(main());
    EXPECT_EQ(served + left + cancelled, 40) << "seed " << seed;
    EXPECT_EQ(pool.in_use(), 0u) << "seed " << seed;
    EXPECT_EQ(static_cast<std::size_t>(net.open()), pool.idle()) << "seed " << seed;
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace simul::web
