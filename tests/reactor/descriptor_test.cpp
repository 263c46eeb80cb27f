// Descriptors: who waits for a direction is woken, tries again, and is told when it is over.
#include "runtime/reactor/descriptor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "runtime/reactor/sleep.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

/// Somebody who waits for `wait` and notes how it ended.
template <class W>
class Listener final : public Routine {
 public:
  template <class Make>
  explicit Listener(Reactor& reactor, Make make)
      : Routine(reactor, Kind::callback), wait_(new W(make())) {}

  /// Waits, or finds that there is nothing to wait for.
  Listener& start() {
    if (wait_->await_ready())
      step();
    else
      wait_->suspend(*this);
    return *this;
  }
  void step() override {
    ++steps;
    try {
      result = wait_->await_resume();
    } catch (const std::system_error& e) {
      error = e.code().value();
    }
  }
  std::string describe() const override { return "listener"; }

  /// Gives the wait up, whatever its state.
  void drop() { wait_.reset(); }
  W& wait() { return *wait_; }
  bool done() const { return steps > 0; }

  int steps = 0;
  int error = 0;
  std::optional<bool> result;

 private:
  std::unique_ptr<W> wait_;
};
using Ready = Listener<Readiness>;

UniqueFd nonblocking(int fd) {
  EXPECT_GE(fd, 0);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return UniqueFd(fd);
}

struct Pair {
  explicit Pair(Peer peer = Peer::here) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    here = Descriptor(nonblocking(ends[0]), peer);
    there = nonblocking(ends[1]);
  }
  void send(const char* text = "x") {
    EXPECT_GT(::write(there.get(), text, std::string_view(text).size()), 0);
  }
  std::string receive() {
    char text[100];
    const ssize_t got = ::read(here.fd(), text, sizeof text);
    if (got < 0) return "EAGAIN";
    return std::string(text, static_cast<std::size_t>(got));
  }
  void fill() {
    const std::vector<char> block(64 * 1024);
    while (::write(here.fd(), block.data(), block.size()) > 0) {
    }
    while (::write(here.fd(), "x", 1) > 0) {
    }
  }
  void drain_there() {
    std::vector<char> block(64 * 1024);
    while (::read(there.get(), block.data(), block.size()) > 0) {
    }
  }

  Descriptor here;
  UniqueFd there;
};

class DescriptorTest : public testing::Test {
 protected:
  /// Runs the loop until `done`; what never comes shows as a deadlock or as false.
  template <class Done>
  bool runs_until(Done done, Duration limit = 10s) {
    bool late = false;
    Handle handle = reactor.call_later(limit, [&] { late = true; });
    reactor.run_until([&] { return late || done(); });
    handle.cancel();
    return !late;
  }
  /// As many turns as that.
  void turns(int count) {
    bool over = false;
    count_down(count, over);
    reactor.run_until([&] { return over; });
  }
  void count_down(int count, bool& over) {
    if (count == 0)
      over = true;
    else
      reactor.call_soon([this, count, &over] { count_down(count - 1, over); });
  }

  Reactor reactor;
};

// --- Waiting ------------------------------------------------------------------------------------

TEST_F(DescriptorTest, NothingIsRegisteredBeforeTheFirstWait) {
  Pair pair;
  EXPECT_EQ(reactor.watches().size(), 0u);
  static_cast<void>(pair.here.readable());
  EXPECT_EQ(reactor.watches().size(), 1u);
  pair.here.close();
  EXPECT_EQ(reactor.watches().size(), 0u);
}

TEST_F(DescriptorTest, DataWakesTheReader) {
  Pair pair;
  Ready reader(reactor, [&] { return pair.here.readable(); });
  reader.start();
  reactor.call_soon([&] { pair.send("hello"); });
  ASSERT_TRUE(runs_until([&] { return reader.done(); }));
  EXPECT_EQ(reader.result, true);
  EXPECT_EQ(pair.receive(), "hello");
}

TEST_F(DescriptorTest, AThousandWaitsOnOneRegistration) {
  Pair pair;
  for (int round = 0; round < 1000; ++round) {
    EXPECT_EQ(pair.receive(), "EAGAIN");
    Ready reader(reactor, [&] { return pair.here.readable(); });
    reader.start();
    ASSERT_FALSE(reader.done()) << round;
    pair.send();
    ASSERT_TRUE(runs_until([&] { return reader.done(); })) << round;
    EXPECT_EQ(pair.receive(), "x");
    EXPECT_EQ(reactor.watches().size(), 1u);
  }
}

TEST_F(DescriptorTest, EverybodyWhoWaitsIsWokenAndWhoeverComesTooLateWaitsAgain) {
  Pair pair;
  std::vector<std::unique_ptr<Ready>> readers;
  for (int i = 0; i < 3; ++i) {
    readers.push_back(std::make_unique<Ready>(reactor, [&] { return pair.here.readable(); }));
    readers.back()->start();
  }
  pair.send();
  ASSERT_TRUE(runs_until([&] { return readers[2]->done(); }));
  for (const auto& reader : readers) EXPECT_EQ(reader->steps, 1);
  EXPECT_EQ(pair.receive(), "x");
  EXPECT_EQ(pair.receive(), "EAGAIN");
  Ready late(reactor, [&] { return pair.here.readable(); });
  late.start();
  turns(5);
  EXPECT_FALSE(late.done());
  pair.send();
  ASSERT_TRUE(runs_until([&] { return late.done(); }));
}

TEST_F(DescriptorTest, ReaderAndWriterWaitIndependently) {
  Pair pair;
  pair.fill();
  Ready reader(reactor, [&] { return pair.here.readable(); }),
      writer(reactor, [&] { return pair.here.writable(); });
  reader.start();
  writer.start();
  turns(5);
  EXPECT_FALSE(reader.done() || writer.done());
  pair.drain_there();
  ASSERT_TRUE(runs_until([&] { return writer.done(); }));
  EXPECT_FALSE(reader.done());
  pair.send();
  ASSERT_TRUE(runs_until([&] { return reader.done(); }));
  EXPECT_EQ(writer.steps, 1);
}

TEST_F(DescriptorTest, AnEdgeThatNobodyWaitedForIsKeptForTheNextWait) {
  Pair pair;
  {
    Ready first(reactor, [&] { return pair.here.readable(); });
    first.start();
    pair.send();
    ASSERT_TRUE(runs_until([&] { return first.done(); }));
    EXPECT_EQ(pair.receive(), "x");
  }
  // Drained; then, with nobody waiting, more comes and the loop hears of it.
  pair.send("y");
  turns(5);
  Ready second(reactor, [&] { return pair.here.readable(); });
  second.start();
  EXPECT_TRUE(runs_until([&] { return second.done(); }, 2s)) << "it would sleep on unread data";
  EXPECT_EQ(pair.receive(), "y");
}

TEST_F(DescriptorTest, ADeadlineEndsTheWaitWithFalse) {
  VirtualTime time;
  Pair pair;
  const TimePoint deadline = Clock::now() + 3s;
  Ready reader(reactor, [&] { return pair.here.readable(deadline); });
  reader.start();
  reactor.run_until([&] { return reader.done(); });
  EXPECT_EQ(reader.result, false);
  EXPECT_EQ(Clock::now(), deadline);
}

TEST_F(DescriptorTest, ReadinessInTimeTakesTheDeadlineBack) {
  VirtualTime time;
  Pair pair;
  Ready reader(reactor, [&] { return pair.here.readable(Clock::now() + 3s); });
  reader.start();
  pair.send();
  reactor.run_until([&] { return reader.done(); });
  EXPECT_EQ(reader.result, true);
  EXPECT_THROW(reactor.run_until([] { return false; }), Deadlock) << "a timer was left";
  EXPECT_EQ(reader.steps, 1);
}

TEST_F(DescriptorTest, AWaitMayBeUsedAgain) {
  Pair pair;
  Ready reader(reactor, [&] { return pair.here.readable(); });
  for (int round = 1; round <= 3; ++round) {
    reader.start();
    EXPECT_EQ(reader.steps, round - 1);
    pair.send();
    ASSERT_TRUE(runs_until([&] { return reader.steps == round; }));
    EXPECT_EQ(pair.receive(), "x");
  }
}

TEST_F(DescriptorTest, RegularFilesAreReadyAtOnce) {
  char name[] = "/tmp/descriptor_test.XXXXXX";
  Descriptor file(UniqueFd(::mkstemp(name)));
  ::unlink(name);
  for (int i = 0; i < 3; ++i) {
    Ready reader(reactor, [&] { return file.readable(); });
    EXPECT_TRUE(reader.start().done());
    EXPECT_EQ(reader.result, true);
    Ready writer(reactor, [&] { return borrowed_ready(file.fd(), Interest::write); });
    writer.start();
    ASSERT_TRUE(runs_until([&] { return writer.done(); }));
    EXPECT_EQ(writer.result, true);
  }
  EXPECT_EQ(reactor.watches().size(), 0u);
}

// --- Destroying a wait --------------------------------------------------------------------------

TEST_F(DescriptorTest, AWaitMayBeDestroyedInEveryState) {
  Pair pair;
  {
    Ready idle(reactor, [&] { return pair.here.readable(); });
  }
  {
    Ready waiting(reactor, [&] { return pair.here.readable(Clock::now() + 1h); });
    waiting.start();
  }
  pair.send();
  turns(3);  // nobody is there to be woken
  EXPECT_EQ(pair.receive(), "x");
  {
    Pair fresh;
    Ready one(reactor, [&] { return fresh.here.readable(); }),
        other(reactor, [&] { return fresh.here.readable(); });
    one.start();
    other.start();
    // Both are triggered by the event; a callback that runs before them drops one.
    ASSERT_FALSE(one.done() || other.done());
    bool dropped = false;
    reactor.call_soon([&] { fresh.send(); });
    std::function<void()> look = [&] {
      if (other.wait().state() == Waiter::State::triggered) {
        other.drop();
        dropped = true;
      } else if (!dropped) {
        reactor.call_soon(look);
      }
    };
    reactor.call_soon(look);
    ASSERT_TRUE(runs_until([&] { return dropped || other.done(); }));
    ASSERT_TRUE(runs_until([&] { return one.done(); }));
    turns(3);
    EXPECT_EQ(other.steps, dropped ? 0 : 1);
  }
  EXPECT_EQ(reactor.watches().outside(), 0u);
}

// --- Ends ---------------------------------------------------------------------------------------

TEST_F(DescriptorTest, TheEndOfTheStreamIsFoundAfterAShortRead) {
  Pair pair;
  Ready reader(reactor, [&] { return pair.here.readable(); });
  reader.start();
  pair.send("last words");
  ::shutdown(pair.there.get(), SHUT_WR);
  ASSERT_TRUE(runs_until([&] { return reader.done(); }));
  EXPECT_EQ(pair.receive(), "last words");
  // A short read would mean "drained", were it not for the hang-up: the next wait is no wait.
  Ready again(reactor, [&] { return pair.here.readable(); });
  again.start();
  ASSERT_TRUE(runs_until([&] { return again.done(); }, 2s));
  EXPECT_EQ(pair.receive(), "");
  Ready once_more(reactor, [&] { return pair.here.readable(); });
  once_more.start();
  ASSERT_TRUE(runs_until([&] { return once_more.done(); }, 2s)) << "the end stays the end";
}

TEST_F(DescriptorTest, AHalfClosedConnectionIsStillWrittenToAndWaitsWhenItIsFull) {
  Pair pair;
  Ready reader(reactor, [&] { return pair.here.readable(); });
  reader.start();
  ::shutdown(pair.there.get(), SHUT_WR);
  ASSERT_TRUE(runs_until([&] { return reader.done(); }));
  pair.fill();
  // At most one answer may be left over from before; then the wait is a real one.
  Ready stale(reactor, [&] { return pair.here.writable(); });
  stale.start();
  Ready writer(reactor, [&] { return pair.here.writable(); });
  EXPECT_FALSE(writer.start().done()) << "the loop would spin on a full connection";
  turns(5);
  EXPECT_FALSE(writer.done());
  pair.drain_there();
  ASSERT_TRUE(runs_until([&] { return writer.done(); }));
  EXPECT_EQ(writer.result, true);
}

TEST_F(DescriptorTest, ABrokenConnectionWakesReaderAndWriter) {
  Pair pair;
  pair.fill();
  Ready reader(reactor, [&] { return pair.here.readable(); }),
      writer(reactor, [&] { return pair.here.writable(); });
  reader.start();
  writer.start();
  pair.there.reset();
  ASSERT_TRUE(runs_until([&] { return reader.done() && writer.done(); }));
}

TEST_F(DescriptorTest, AFifoThatHungUpWaitsForItsNextWriter) {
  const std::string name = "/tmp/descriptor_test." + std::to_string(::getpid());
  ASSERT_EQ(::mkfifo(name.c_str(), 0600), 0);
  Descriptor reader(nonblocking(::open(name.c_str(), O_RDONLY | O_NONBLOCK)));
  UniqueFd writer(::open(name.c_str(), O_WRONLY | O_CLOEXEC));
  ::unlink(name.c_str());
  const std::string again = "/proc/self/fd/" + std::to_string(reader.fd());
  {
    Ready wait(reactor, [&] { return reader.readable(); });
    wait.start();
    writer.reset();
    ASSERT_TRUE(runs_until([&] { return wait.done(); }));
    char byte;
    EXPECT_EQ(::read(reader.fd(), &byte, 1), 0);
  }
  writer = UniqueFd(::open(again.c_str(), O_WRONLY | O_CLOEXEC));
  if (!writer) GTEST_SKIP() << "no /proc to open the FIFO again by";
  char byte;
  ASSERT_EQ(::read(reader.fd(), &byte, 1), -1);
  ASSERT_EQ(errno, EAGAIN);
  Ready stale(reactor, [&] { return reader.readable(); });
  stale.start();
  Ready wait(reactor, [&] { return reader.readable(); });
  EXPECT_FALSE(wait.start().done()) << "it hung up once, but now it is open";
  turns(3);
  EXPECT_FALSE(wait.done());
  ASSERT_EQ(::write(writer.get(), "z", 1), 1);
  ASSERT_TRUE(runs_until([&] { return wait.done(); }));
}

// --- Both directions ----------------------------------------------------------------------------

using Either = Listener<EitherReady>;

TEST_F(DescriptorTest, AWaitForBothDirectionsEndsWithWhicheverIsReadyFirst) {
  Pair pair;
  pair.fill();
  const auto both = [&] { return pair.here.readable_or_writable(); };
  Either first(reactor, both), second(reactor, both);
  first.start();
  turns(5);
  EXPECT_FALSE(first.done());
  pair.send();
  ASSERT_TRUE(runs_until([&] { return first.done(); }));
  EXPECT_EQ(first.result, true);
  EXPECT_EQ(pair.receive(), "x");
  second.start();
  turns(5);
  EXPECT_FALSE(second.done());
  pair.drain_there();
  ASSERT_TRUE(runs_until([&] { return second.done(); }));
  EXPECT_EQ(second.result, true);
  EXPECT_EQ(reactor.watches().outside(), 0u);
}

TEST_F(DescriptorTest, AWaitForBothDirectionsFindsAnEdgeThatNobodyWaitedFor) {
  Pair pair;
  Either first(reactor, [&] { return pair.here.readable_or_writable(); });
  first.start();
  ASSERT_TRUE(runs_until([&] { return first.done(); }));
  pair.fill();
  turns(5);
  pair.send();
  turns(5);
  Either second(reactor, [&] { return pair.here.readable_or_writable(); });
  second.start();
  EXPECT_TRUE(runs_until([&] { return second.done(); }, 2s)) << "it would sleep on unread data";
  EXPECT_EQ(second.result, true);
}

TEST_F(DescriptorTest, AWaitForBothDirectionsHasADeadlineAndEndsWithTheDescriptor) {
  VirtualTime time;
  Pair pair;
  pair.fill();
  const TimePoint deadline = Clock::now() + 3s;
  Either late(reactor, [&] { return pair.here.readable_or_writable(deadline); });
  Either closed(reactor, [&] { return pair.here.readable_or_writable(); });
  late.start();
  closed.start();
  reactor.run_until([&] { return late.done(); });
  EXPECT_EQ(late.result, false);
  EXPECT_EQ(Clock::now(), deadline);
  pair.here.close();
  reactor.run_until([&] { return closed.done(); });
  EXPECT_EQ(closed.error, ECANCELED);
  {
    Pair other;
    other.fill();
    Either dropped(reactor, [&] { return other.here.readable_or_writable(); });
    dropped.start();
    dropped.drop();
  }
  EXPECT_EQ(reactor.watches().outside(), 0u);
}

// --- Closing ------------------------------------------------------------------------------------

TEST_F(DescriptorTest, ClosingWakesWhoeverWaitsWithEcanceled) {
  Pair pair;
  pair.fill();
  Ready reader(reactor, [&] { return pair.here.readable(Clock::now() + 1h); });
  Ready writer(reactor, [&] { return pair.here.writable(); });
  reader.start();
  writer.start();
  reactor.call_soon([&] { pair.here.close(); });
  ASSERT_TRUE(runs_until([&] { return reader.done() && writer.done(); }));
  EXPECT_EQ(reader.error, ECANCELED);
  EXPECT_EQ(writer.error, ECANCELED);
  EXPECT_EQ(reactor.watches().outside(), 0u);
  EXPECT_THROW(static_cast<void>(pair.here.readable()), std::system_error);
  pair.here.close();  // no effect
}

TEST_F(DescriptorTest, ClosingAfterTheEventButBeforeTheWaiterRunsDoesNotHideTheEvent) {
  Pair pair;
  Ready reader(reactor, [&] { return pair.here.readable(); });
  reader.start();
  pair.send();
  bool closed = false;
  std::function<void()> look = [&] {
    if (reader.wait().state() == Waiter::State::waiting) return void(reactor.call_soon(look));
    pair.here.close();
    closed = true;
  };
  reactor.call_soon(look);
  ASSERT_TRUE(runs_until([&] { return closed && reader.done(); }));
  EXPECT_EQ(reader.steps, 1);
  EXPECT_EQ(reader.result, true) << "the first trigger wins; the call itself will say EBADF";
}

TEST_F(DescriptorTest, ReleaseWakesTheWaitersAndKeepsTheDescriptorOpen) {
  Pair pair;
  Ready reader(reactor, [&] { return pair.here.readable(); });
  reader.start();
  const UniqueFd fd = pair.here.release();
  EXPECT_FALSE(pair.here);
  ASSERT_TRUE(runs_until([&] { return reader.done(); }));
  EXPECT_EQ(reader.error, ECANCELED);
  EXPECT_NE(::fcntl(fd.get(), F_GETFD), -1);
  EXPECT_EQ(reactor.watches().size(), 0u);
}

TEST_F(DescriptorTest, AWaitThatWasWrittenDownBeforeTheCloseDoesNotWaitForASuccessor) {
  Pair pair;
  std::optional<Ready> reader(std::in_place, reactor, [&] { return pair.here.readable(); });
  const int number = pair.here.fd();
  pair.here.close();
  Pair successor;
  ASSERT_EQ(successor.here.fd(), number);
  static_cast<void>(successor.here.readable());  // takes the same place in the table
  EXPECT_THROW(reader->start(), std::system_error);
  EXPECT_EQ(reader->waiting_on(), nullptr) << "who could not begin to wait does not wait";
  reader.reset();
  Ready other(reactor, [&] { return successor.here.readable(); });
  other.start();
  successor.send();
  ASSERT_TRUE(runs_until([&] { return other.done(); }));
}

TEST_F(DescriptorTest, TheFirstOfTwoEventsMayCloseTheSecondsDescriptorAndReuseItsNumber) {
  for (bool reopen_in_same_place : {true, false}) {
    Pair one, two;
    Ready first(reactor, [&] { return one.here.readable(); }),
        second(reactor, [&] { return two.here.readable(); });
    first.start();
    second.start();
    one.send();
    two.send();
    std::optional<Pair> successor;
    std::optional<Ready> waits;
    bool acted = false;
    std::function<void()> look = [&] {
      if (first.wait().state() == Waiter::State::waiting) return void(reactor.call_soon(look));
      if (acted) return;
      acted = true;
      const int number = two.here.fd();
      two.here.close();
      successor.emplace();
      EXPECT_EQ(successor->here.fd(), number);
      if (reopen_in_same_place) {
        waits.emplace(reactor, [&] { return successor->here.readable(); });
        waits->start();
      }
    };
    reactor.call_soon(look);
    ASSERT_TRUE(runs_until([&] { return acted && second.done(); }));
    turns(5);
    if (waits) {
      EXPECT_FALSE(waits->done()) << "an event of its predecessor woke it";
    }
  }
}

TEST_F(DescriptorTest, ACopyInAChildKeepsTheFileButNotTheWatch) {
  Pair pair;
  Ready reader(reactor, [&] { return pair.here.readable(); });
  reader.start();
  turns(1);
  const UniqueFd copy(::dup(pair.here.fd()));  // keeps the open file, as a child would
  reader.drop();
  pair.here.close();
  EXPECT_EQ(reactor.watches().size(), 0u);
  pair.send();
  const std::clock_t before = std::clock();
  bool over = false;
  reactor.call_later(100ms, [&] { over = true; });
  reactor.run_until([&] { return over; });
  EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 20) << "the loop spins on a ghost";
}

// --- Level-triggered ----------------------------------------------------------------------------

TEST_F(DescriptorTest, AListeningSocketThatNobodyAcceptsFromDoesNotSpin) {
  UniqueFd socket = nonblocking(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "/tmp/descriptor_test.%d.sock",
                ::getpid());
  ::unlink(address.sun_path);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(socket.get(), 10), 0);
  Descriptor listener(std::move(socket), Peer::outside, Trigger::level);
  std::vector<UniqueFd> clients;
  const auto connect = [&] {
    clients.push_back(nonblocking(::socket(AF_UNIX, SOCK_STREAM, 0)));
    EXPECT_EQ(
        ::connect(clients.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  };
  const auto accepted = [&] { return static_cast<bool>(UniqueFd(::accept(listener.fd(), 0, 0))); };

  Ready first(reactor, [&] { return listener.readable(); });
  first.start();
  connect();
  connect();
  connect();
  ASSERT_TRUE(runs_until([&] { return first.done(); }));
  EXPECT_TRUE(accepted());
  // Two are left in the queue, and nobody waits: the loop rests.
  const std::clock_t before = std::clock();
  bool over = false;
  reactor.call_later(100ms, [&] { over = true; });
  reactor.run_until([&] { return over; });
  EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 20) << "the loop spins";

  // Whoever waits again is told of what is left, without having tried first.
  for (int left = 2; left > 0; --left) {
    Ready next(reactor, [&] { return listener.readable(); });
    next.start();
    ASSERT_TRUE(runs_until([&] { return next.done(); }));
    EXPECT_TRUE(accepted());
  }
  EXPECT_FALSE(accepted());
  ::unlink(address.sun_path);
}

// --- Borrowed -----------------------------------------------------------------------------------

TEST_F(DescriptorTest, ABorrowedDescriptorIsRegisteredForTheWaitAndNoLonger) {
  Pair pair;
  const int fd = pair.here.fd();
  for (int round = 0; round < 3; ++round) {
    Ready reader(reactor, [&] { return borrowed_ready(fd, Interest::read); });
    EXPECT_EQ(reactor.watches().size(), 0u);
    reader.start();
    EXPECT_EQ(reactor.watches().size(), 1u);
    EXPECT_EQ(reactor.watches().outside(), 1u);
    pair.send();
    ASSERT_TRUE(runs_until([&] { return reader.done(); }));
    EXPECT_EQ(reader.result, true);
    EXPECT_EQ(reactor.watches().size(), 0u);
    EXPECT_EQ(pair.receive(), "x");
  }
}

TEST_F(DescriptorTest, ABorrowedWaitThatIsNeverBegunRegistersNothing) {
  Pair pair;
  static_cast<void>(borrowed_ready(pair.here.fd(), Interest::read));
  EXPECT_EQ(reactor.watches().size(), 0u);
}

TEST_F(DescriptorTest, TwoBorrowersShareARegistrationAndTheLastOneEndsIt) {
  Pair pair;
  pair.fill();
  const int fd = pair.here.fd();
  Ready reader(reactor, [&] { return borrowed_ready(fd, Interest::read); });
  Ready writer(reactor, [&] { return borrowed_ready(fd, Interest::write); });
  Ready second(reactor, [&] { return borrowed_ready(fd, Interest::read); });
  reader.start();
  writer.start();
  second.start();
  EXPECT_EQ(reactor.watches().size(), 1u);
  pair.drain_there();
  ASSERT_TRUE(runs_until([&] { return writer.done(); }));
  EXPECT_EQ(reactor.watches().size(), 1u);
  EXPECT_FALSE(reader.done() || second.done());
  second.drop();
  EXPECT_EQ(reactor.watches().size(), 1u);
  reader.drop();
  EXPECT_EQ(reactor.watches().size(), 0u);
}

TEST_F(DescriptorTest, ABorrowedDescriptorWithOneDirectionReadyDoesNotSpinForTheOther) {
  Pair pair;
  const int fd = pair.here.fd();
  Ready reader(reactor, [&] { return borrowed_ready(fd, Interest::read); });
  Ready writer(reactor, [&] { return borrowed_ready(fd, Interest::write); });
  reader.start();
  writer.start();
  ASSERT_TRUE(runs_until([&] { return writer.done(); }));
  const std::clock_t before = std::clock();
  bool over = false;
  reactor.call_later(100ms, [&] { over = true; });
  reactor.run_until([&] { return over; });
  EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 20);
  EXPECT_FALSE(reader.done());
}

TEST_F(DescriptorTest, WhoeverForgetsABorrowedDescriptorWakesItsWaiters) {
  Pair pair;
  const int fd = pair.here.fd();
  Ready reader(reactor, [&] { return borrowed_ready(fd, Interest::read); });
  reader.start();
  reactor.watches().forget(fd);
  reactor.watches().forget(fd);
  reactor.watches().forget(9999);
  EXPECT_EQ(reactor.watches().size(), 0u);
  ASSERT_TRUE(runs_until([&] { return reader.done(); }));
  EXPECT_EQ(reader.error, ECANCELED);
}

TEST_F(DescriptorTest, ABorrowedWaitWithADeadline) {
  Pair pair;
  Ready reader(reactor,
               [&] { return borrowed_ready(pair.here.fd(), Interest::read, Clock::now() + 5ms); });
  reader.start();
  ASSERT_TRUE(runs_until([&] { return reader.done(); }));
  EXPECT_EQ(reader.result, false);
  EXPECT_EQ(reactor.watches().size(), 0u);
}

TEST_F(DescriptorTest, BorrowingWhatIsNotOpenThrowsAndLeavesNobodyWaiting) {
  int closed = -1;
  {
    Pair pair;
    closed = pair.here.fd();
  }
  for (int bad : {closed, -1}) {
    Ready reader(reactor, [&] { return borrowed_ready(bad, Interest::read); });
    try {
      reader.start();
      ADD_FAILURE() << "it waits for descriptor " << bad;
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EBADF);
    }
    EXPECT_EQ(reader.waiting_on(), nullptr);
    EXPECT_EQ(reader.wait().state(), Waiter::State::idle);
  }
}

TEST_F(DescriptorTest, BorrowingRegularFilesOverAndOverTakesNoMoreMemory) {
  char name[] = "/tmp/descriptor_test.XXXXXX";
  const UniqueFd file(::mkstemp(name));
  ::unlink(name);
  Watch* first = &reactor.watches().borrow(file.get(), Interest::read);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(&reactor.watches().borrow(file.get(), Interest::read), first);
  }
  EXPECT_TRUE(first->always_ready());
}

// --- Owners -------------------------------------------------------------------------------------

TEST_F(DescriptorTest, MovingItDoesNotDisturbWhoWaits) {
  Pair pair;
  Ready reader(reactor, [&] { return pair.here.readable(); });
  reader.start();
  Descriptor moved = std::move(pair.here);
  EXPECT_FALSE(pair.here);
  Descriptor again;
  again = std::move(moved);
  pair.send();
  ASSERT_TRUE(runs_until([&] { return reader.done(); }));
  EXPECT_EQ(reader.result, true);
  Pair other;
  Ready replaced(reactor, [&] { return other.here.readable(); });
  replaced.start();
  other.here = std::move(again);  // closes what was there
  ASSERT_TRUE(runs_until([&] { return replaced.done(); }));
  EXPECT_EQ(replaced.error, ECANCELED);
  EXPECT_EQ(reactor.watches().size(), 1u);
}

TEST_F(DescriptorTest, ADescriptorMayOutliveItsReactorAndWaitAtTheNext) {
  Pair pair;
  {
    Reactor inner;
    Ready reader(inner, [&] { return pair.here.readable(); });
    reader.start();
    EXPECT_EQ(inner.watches().size(), 1u);
    reader.drop();
  }
  EXPECT_FALSE(pair.here.hung_up());
  Ready reader(reactor, [&] { return pair.here.readable(); });
  reader.start();
  pair.send();
  ASSERT_TRUE(runs_until([&] { return reader.done(); }));
  {
    auto inner = std::make_unique<Reactor>();
    Pair second;
    static_cast<void>(second.here.readable());
    Pair third = std::move(second);
    inner.reset();
  }
}

TEST_F(DescriptorTest, AWaitMayOutliveItsReactor) {
  Pair pair;
  auto inner = std::make_unique<Reactor>();
  Ready reader(*inner, [&] { return pair.here.readable(); });
  Ready borrower(*inner, [&] { return borrowed_ready(pair.there.get(), Interest::read); });
  reader.start();
  borrower.start();
  inner.reset();
}

TEST_F(DescriptorTest, AForkedChildMayWaitForWhatItInherited) {
  Pair pair(Peer::outside);
  Ready reader(reactor, [&] { return pair.here.readable(); });
  reader.start();
  turns(1);
  const pid_t child = ::fork();
  if (child == 0) {
    Reactor& fresh = Reactor::current();
    Ready in_child(fresh, [&] { return pair.here.readable(); });
    in_child.start();
    fresh.run_until([&] { return in_child.done(); });
    const bool right = pair.receive() == "to the child" && &fresh != &reactor;
    pair.here.close();
    ::_exit(right && !reader.done() ? 0 : 1);
  }
  pair.send("to the child");
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  // The child's close did not take the parent's registration away.
  turns(2);
  reader.drop();
  Ready still(reactor, [&] { return pair.here.readable(); });
  still.start();
  pair.send();
  ASSERT_TRUE(runs_until([&] { return still.done(); }));
}

}  // namespace
}  // namespace simul
