// The race of RFC 8305, and names looked up without standing still.
//
// Times are virtual and exact. An address that never answers is a listener whose queue is full; one
// that answers at once, or refuses at once, is a Unix socket. So no test waits for the kernel.
#include "runtime/net/connect.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/net/lookup.hpp"
#include "runtime/net/resolver.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/current_wait.hpp"
#include "runtime/thread/thread_pool.hpp"
#include "tests/support/full_listener.hpp"

namespace simul::net {
namespace {

using namespace std::chrono_literals;
using simul::testing::FullListener;
using simul::testing::OccupiedPool;

/// Answers at once.
class UnixListener {
 public:
  explicit UnixListener(const std::string& name)
      : address_(Address::unix_abstract("simul-connect-test-" + std::to_string(::getpid()) + name)),
        listener_(listen_on(address_)) {}
  const Address& address() const { return address_; }

 private:
  Address address_;
  UniqueFd listener_;
};

/// Refuses at once.
Address nobody(const std::string& name) {
  return Address::unix_abstract("simul-connect-test-nobody-" + std::to_string(::getpid()) + name);
}

Address closed_port() {
  return local_address(listen_on(Address::loopback(0)).get());
}

ConnectOptions here(ConnectOptions options = {}) {
  options.peer = Peer::here;
  return options;
}

template <class Error>
std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) != -1;
  return count;
}

TEST(Connect, GivesAConnectionThatIsNonBlockingAndWithoutDelay) {
  Reactor loop;
  const UniqueFd listener = listen_on(Address::loopback(0));
  Descriptor socket = await(connect(local_address(listener.get())));
  EXPECT_EQ(peer_address(socket.fd()), local_address(listener.get()));
  EXPECT_NE(::fcntl(socket.fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(socket.fd(), F_GETFD) & FD_CLOEXEC, 0);
  int on = 0;
  socklen_t size = sizeof on;
  ASSERT_EQ(::getsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
  EXPECT_NE(on, 0);

  const Accepted accepted = accept_from(listener.get());
  ASSERT_EQ(accepted.outcome, Outcome::done);
  ASSERT_EQ(try_send(accepted.socket.get(), "hello").bytes, 5u);
  EXPECT_TRUE(await(socket.readable(after(Clock::now(), 5s))));
  char buffer[8];
  EXPECT_EQ(try_receive(socket.fd(), buffer).bytes, 5u);
}

TEST(Connect, AUnixSocketIsConnectedToAtOnce) {
  Reactor loop;
  const UnixListener listener("at-once");
  EXPECT_TRUE(await(connect(listener.address())));
}

TEST(Connect, ARefusalNamesTheAddressAndTheReason) {
  Reactor loop;
  const Address address = closed_port();
  EXPECT_EQ(error_of<std::system_error>([&] { await(connect(address)); }),
            "connect " + address.to_string() + ": Connection refused");
  EXPECT_EQ(error_of<std::system_error>([&] { await(connect(nobody("x"), {.context = "why: "})); }),
            "why: connect " + nobody("x").to_string() + ": Connection refused");
}

TEST(Connect, NoAddressAtAllIsRefused) {
  EXPECT_THROW(static_cast<void>(connect(std::vector<Address>())), std::invalid_argument);
}

TEST(Connect, TheNextAddressBeginsAQuarterOfASecondAfterOneThatDoesNotAnswer) {
  VirtualTime time;
  Reactor loop;
  const FullListener silent;
  const UnixListener listener("next");
  const Stopwatch watch;
  const Descriptor socket = await(connect({silent.address(), listener.address()}, here()));
  EXPECT_EQ(peer_address(socket.fd()), listener.address());
  EXPECT_EQ(watch.elapsed(), 250ms);
}

TEST(Connect, TheHeadStartIsASetting) {
  VirtualTime time;
  Reactor loop;
  const FullListener silent;
  const UnixListener listener("setting");
  const Stopwatch watch;
  await(connect({silent.address(), listener.address()}, here({.stagger = 40ms})));
  EXPECT_EQ(watch.elapsed(), 40ms);
}

TEST(Connect, TheNextAddressBeginsAtOnceWhenOneFails) {
  VirtualTime time;
  Reactor loop;
  const FullListener silent;
  const UnixListener listener("after-failure");
  const Stopwatch watch;
  await(connect({nobody("a"), nobody("b"), listener.address()}, here()));
  EXPECT_EQ(watch.elapsed(), 0ms);
  // Also while an earlier one still runs: 0 ms the silent one, 250 ms the failing and the good one.
  await(connect({silent.address(), nobody("c"), listener.address()}, here()));
  EXPECT_EQ(watch.elapsed(), 250ms);
}

TEST(Connect, AnEarlierAttemptThatTimesOutStartsTheNextOneToo) {
  VirtualTime time;
  Reactor loop;
  const FullListener first, second, third;
  const Stopwatch watch;
  // At 300 ms the first gives up, and the third need not wait for the second's 250 ms.
  EXPECT_THROW(await(connect({first.address(), second.address(), third.address()},
                             here({.attempt = 300ms}))),
               TimedOut);
  EXPECT_EQ(watch.elapsed(), 600ms);
}

TEST(Connect, EachAddressHasItsOwnTimeoutAndTheErrorNamesThemAll) {
  VirtualTime time;
  Reactor loop;
  const FullListener first, second;
  const Stopwatch watch;
  const std::string message = error_of<TimedOut>([&] {
    await(connect({first.address(), nobody("n"), second.address()}, here()));
  });
  EXPECT_EQ(message, "connect " + first.address().to_string() + ": timed out after 10 s; connect " +
                         nobody("n").to_string() + ": Connection refused; connect " +
                         second.address().to_string() + ": timed out after 10 s");
  EXPECT_EQ(watch.elapsed(), 10s + 250ms);
}

TEST(Connect, TheDeadlineEndsThemAll) {
  VirtualTime time;
  Reactor loop;
  const FullListener first, second, third;
  const Stopwatch watch;
  const std::string message = error_of<TimedOut>([&] {
    await(connect({first.address(), second.address(), third.address()},
                  here({.deadline = after(Clock::now(), 300ms), .context = "get x: "})));
  });
  EXPECT_EQ(message, "get x: connect " + first.address().to_string() +
                         ": no answer in time; connect " + second.address().to_string() +
                         ": no answer in time; connect " + third.address().to_string() +
                         ": not tried in time");
  EXPECT_EQ(watch.elapsed(), 300ms);
}

TEST(Connect, TheFirstToAnswerWinsAndTheOthersAreClosed) {
  VirtualTime time;
  Reactor loop;
  const FullListener first, second;
  const UnixListener listener("wins");
  const std::size_t before = open_descriptors();
  Connect race({first.address(), second.address(), listener.address()}, here());
  const Descriptor socket = await(race);
  EXPECT_EQ(peer_address(socket.fd()), listener.address());
  EXPECT_EQ(open_descriptors(), before + 1);
}

TEST(Connect, AnAttemptMayAnswerAfterTheNextOneHasBegun) {
  // Real time: the kernel asks the full listener again after a second, and by then it has room.
  Reactor loop;
  FullListener slow;
  const FullListener silent;
  loop.call_later(10ms, [&] { slow.make_room(); });
  const Descriptor socket = await(connect({slow.address(), silent.address()}, {.stagger = 1ms}));
  EXPECT_EQ(peer_address(socket.fd()), slow.address());
}

TEST(Connect, AFiberThatIsKilledInTheMiddleLeavesNothingOpen) {
  VirtualTime time;
  Reactor loop;
  const FullListener first, second;
  const std::size_t before = open_descriptors();
  const Fiber<> fiber = spawn([&] { await(connect({first.address(), second.address()}, here())); });
  this_fiber::sleep_for(300ms);
  EXPECT_EQ(open_descriptors(), before + 2);
  fiber.kill();
  fiber.join();
  EXPECT_TRUE(fiber.cancelled());
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Connect, AWaitThatIsDestroyedInTheMomentOfItsEndLeavesNothingOpen) {
  VirtualTime time;
  Reactor loop;
  const UnixListener listener("destroyed");
  struct Waiting final : Routine {
    using Routine::Routine;
    void step() override { FAIL() << "it was destroyed before its turn"; }
    std::string describe() const override { return "a test"; }
    CurrentWait<Connect> wait;
  } routine(loop, Routine::Kind::callback);
  routine.wait.set([&] { return connect(listener.address(), here()); }).suspend(routine);
  EXPECT_EQ(routine.waiting_on()->state(), Waiter::State::triggered);
  routine.wait.reset();
  EXPECT_EQ(routine.waiting_on(), nullptr);
  this_fiber::sleep_for(1ms);
}

TEST(Connect, WithoutADescriptorToBeHadTheErrorSaysSo) {
  Reactor loop;
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  rlimit none = limit;
  const UniqueFd next(::dup(0));  // the lowest that is free
  none.rlim_cur = static_cast<rlim_t>(next.get());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const std::string message = error_of<std::system_error>([] {
    await(connect({Address::loopback(9), Address::loopback6(9)}));
  });
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(message,
            "connect 127.0.0.1:9: Too many open files; connect [::1]:9: Too many open files");
}

TEST(Connect, FamiliesTakeTurnsAndTheFirstOnesFamilyBegins) {
  const auto four = [](int i) { return Address::parse("10.0.0." + std::to_string(i) + ":80"); };
  const auto six = [](int i) { return Address::parse("[2001:db8::" + std::to_string(i) + "]:80"); };
  using List = std::vector<Address>;
  EXPECT_EQ(interleave_families({six(1), six(2), six(3), four(1), four(2)}),
            (List{six(1), four(1), six(2), four(2), six(3)}));
  EXPECT_EQ(interleave_families({four(1), six(1), six(2), six(3)}),
            (List{four(1), six(1), six(2), six(3)}));
  EXPECT_EQ(interleave_families({four(1), four(2)}), (List{four(1), four(2)}));
  EXPECT_EQ(interleave_families({}), List());
}

// --- Names ---------------------------------------------------------------------------------------

TEST(Lookup, AnAddressAPinnedNameAndLocalhostAreAnsweredAtOnceWithoutAThread) {
  Reactor loop;
  const OccupiedPool pool;  // a thread would wait
  const Pin google = pin("google.com", Address::loopback(8080));
  using List = std::vector<Address>;
  EXPECT_EQ(await(lookup("127.0.0.2", 80)), List{Address::parse("127.0.0.2:80")});
  EXPECT_EQ(await(lookup("Google.com.", 80)), List{Address::loopback(8080)});
  EXPECT_EQ(await(lookup("localhost", 80)), (List{Address::loopback(80), Address::loopback6(80)}));
  EXPECT_TRUE(lookup("::1", 80).await_ready());
}

TEST(Lookup, ANameThatIsNoneFailsAsResolveDoes) {
  Reactor loop;
  EXPECT_EQ(error_of<ResolveError>([] { await(lookup("", 80)); }),
            error_of<ResolveError>([] { resolve("", 80); }));
  EXPECT_TRUE(error_of<ResolveError>([] {
                await(lookup("nosuch.invalid", 80));
              }).starts_with("resolve nosuch.invalid: "));
}

TEST(Lookup, OthersGoOnWhileItIsUnderWayAndTheDeadlineEndsIt) {
  Reactor loop;
  const OccupiedPool pool;
  int ticks = 0;
  const Fiber<> other = spawn([&] {
    for (; ticks < 3; ++ticks) this_fiber::sleep_for(1ms);
  });
  EXPECT_EQ(
      error_of<TimedOut>([] { await(lookup("nosuch.invalid", 80, after(Clock::now(), 30ms))); }),
      "resolve nosuch.invalid: no answer in time");
  EXPECT_EQ(ticks, 3);
}

TEST(Lookup, AFiberThatIsKilledDoesNotWaitForTheAnswer) {
  Reactor loop;
  const OccupiedPool pool;
  const Fiber<> fiber = spawn([] { await(lookup("nosuch.invalid", 80)); });
  this_fiber::yield();
  fiber.kill();
  fiber.join();
  EXPECT_TRUE(fiber.cancelled());
}

}  // namespace
}  // namespace simul::net
