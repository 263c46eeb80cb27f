// The table of watches, beside the descriptors that use it: events are fed to it by hand, as a
// kernel might send them that is slow, late or out of order.
#include "runtime/reactor/watch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/unique_fd.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul {
namespace {

/// Waits at a watch, in one direction or in both.
class Listener final : public Routine, public Waiter {
 public:
  explicit Listener(Reactor& reactor) : Routine(reactor, Kind::callback), Waiter(kSort) {}
  Listener& listen(Watch& watch, Interest interest) {
    begin(*this);
    if ((interest & Interest::read) != Interest::none) read.join(watch, Interest::read);
    if ((interest & Interest::write) != Interest::none) write.join(watch, Interest::write);
    return *this;
  }
  void step() override { ++steps; }
  std::string describe() const override { return "listener"; }
  bool triggered() const { return state() == State::triggered; }

  WatchLink read{*this}, write{*this};
  int steps = 0;

 private:
  static void leave(Waiter& waiter) noexcept {
    static_cast<Listener&>(waiter).read.leave();
    static_cast<Listener&>(waiter).write.leave();
  }
  static constexpr Sort kSort = {"listen", leave};
};

class WatchTest : public testing::Test {
 protected:
  WatchTest() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    here.reset(ends[0]);
    there.reset(ends[1]);
  }
  /// The token of the first watch of a table in its so-manieth use.
  static std::uint64_t first_place(std::uint64_t generation) { return generation << 32; }

  Reactor reactor;
  WatchTable& table = reactor.watches();
  UniqueFd here, there;
};

TEST_F(WatchTest, AnEventOfAnEarlierGenerationFindsNobody) {
  Watch& first = table.open(here.get(), Trigger::edge, Peer::here, Interest::read);
  const std::uint64_t old = first_place(first.generation());
  table.close(first);
  Watch& second = table.open(here.get(), Trigger::edge, Peer::here, Interest::read);
  ASSERT_EQ(&second, &first) << "the place is used again";
  ASSERT_NE(second.generation(), static_cast<std::uint32_t>(old >> 32));
  Listener listener(reactor);
  listener.listen(second, Interest::both);
  table.dispatch({old, Interest::both, true});
  EXPECT_FALSE(listener.triggered());
  EXPECT_FALSE(second.hung_up());
  table.dispatch({first_place(second.generation()), Interest::read, false});
  EXPECT_TRUE(listener.triggered());
  table.close(second);
}

TEST_F(WatchTest, AnEventForNobodyIsHarmless) {
  table.dispatch({0, Interest::both, true});
  table.dispatch({12345, Interest::both, true});
  table.dispatch({~std::uint64_t{0}, Interest::both, true});
  Watch& watch = table.open(here.get(), Trigger::edge, Peer::here, Interest::read);
  const std::uint64_t token = first_place(watch.generation());
  table.close(watch);
  table.dispatch({token, Interest::both, true});
  table.dispatch({first_place(watch.generation()), Interest::both, true});  // free now
}

TEST_F(WatchTest, OneEventWakesAWaitForBothDirectionsOnce) {
  Watch& watch = table.open(here.get(), Trigger::edge, Peer::here, Interest::read);
  Listener listener(reactor);
  listener.listen(watch, Interest::both);
  table.dispatch({first_place(watch.generation()), Interest::both, false});
  table.dispatch({first_place(watch.generation()), Interest::both, false});
  EXPECT_TRUE(listener.read.fired());
  EXPECT_FALSE(listener.write.fired());
  bool over = false;
  reactor.call_soon([&] { over = true; });
  reactor.run_until([&] { return over; });
  EXPECT_EQ(listener.steps, 1);
  table.close(watch);
}

TEST_F(WatchTest, TheLastWaiterOfABorrowedOneEndsItInTheMiddleOfAnEvent) {
  Watch& watch = table.borrow(here.get(), Interest::read);
  Listener listener(reactor);
  listener.listen(watch, Interest::both);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(table.outside(), 2u);
  table.dispatch({first_place(watch.generation()), Interest::both, true});
  EXPECT_TRUE(listener.triggered());
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.outside(), 0u);
}

TEST_F(WatchTest, ALinkWhoseWaiterDoesNotWaitIsTakenOffAndDoesNotHoldUpTheRest) {
  Watch& watch = table.open(here.get(), Trigger::edge, Peer::here, Interest::read);
  Listener confused(reactor), listener(reactor);
  confused.read.join(watch, Interest::read);  // joined, but never began to wait
  listener.listen(watch, Interest::read);
  table.dispatch({first_place(watch.generation()), Interest::read, false});
  EXPECT_TRUE(listener.triggered());
  EXPECT_FALSE(confused.triggered());
  table.close(watch);
}

TEST_F(WatchTest, AnEdgeThatNobodyWaitedForAnswersOnce) {
  Watch& watch = table.open(here.get(), Trigger::edge, Peer::here, Interest::read);
  EXPECT_FALSE(watch.take_answer(Interest::read));
  table.dispatch({first_place(watch.generation()), Interest::read, false});
  EXPECT_EQ(watch.take_answer(Interest::write), false);
  EXPECT_EQ(watch.take_answer(Interest::read), Poller::kEdgeTriggered);
  EXPECT_FALSE(watch.take_answer(Interest::read));
  table.close(watch);
}

TEST_F(WatchTest, ClosingTellsTheReasonAndCountsNobodyTwice) {
  Watch& watch = table.open(here.get(), Trigger::level, Peer::outside, Interest::read);
  Listener one(reactor), two(reactor);
  one.listen(watch, Interest::both);
  two.listen(watch, Interest::write);
  EXPECT_EQ(table.outside(), 3u);
  table.close(watch, ETIMEDOUT);
  EXPECT_TRUE(one.triggered() && two.triggered());
  EXPECT_EQ(one.read.error(), ETIMEDOUT);
  EXPECT_EQ(two.write.error(), ETIMEDOUT);
  EXPECT_EQ(table.outside(), 0u);
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(WatchTest, ARegistrationThatFailsTakesNoPlace) {
  EXPECT_THROW(table.open(-1, Trigger::edge, Peer::here, Interest::read), std::system_error);
  EXPECT_THROW(table.borrow(-1, Interest::read), std::system_error);
  EXPECT_EQ(table.size(), 0u);
  Watch& watch = table.open(here.get(), Trigger::edge, Peer::here, Interest::read);
  EXPECT_THROW(table.open(here.get(), Trigger::edge, Peer::here, Interest::read),
               std::system_error);
  EXPECT_EQ(table.size(), 1u);
  table.close(watch);
}

TEST_F(WatchTest, TheOwnersPointerBecomesNullWhenTheTableGoes) {
  Poller poller;
  Watch* mine = nullptr;
  Listener listener(reactor);
  {
    WatchTable short_lived(poller);
    mine = &short_lived.open(here.get(), Trigger::edge, Peer::outside, Interest::read);
    short_lived.set_owner(*mine, &mine);
    listener.listen(*mine, Interest::both);
  }
  EXPECT_EQ(mine, nullptr);
  listener.read.leave();  // of nothing
}

}  // namespace
}  // namespace simul
