// Waiter: the one thing that everything which waits leaves behind. Shown with a queue of two dozen
// lines, as a reader would write one, and with waits that hang in several places at once.
#include "runtime/reactor/waiter.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

/// A place in a queue; a member of the wait object.
struct Place : ListNode<Place> {
  explicit Place(Waiter& w) noexcept : waiter(w) {}
  Waiter& waiter;
  std::optional<int> item;  // handed over by put
};

class Queue {
 public:
  /// The wait for an item of the first of these queues that has one, or for a deadline.
  class Get final : public Wait<Get> {
   public:
    explicit Get(std::vector<Queue*> queues, TimePoint deadline = kNever)
        : Wait(kSort), queues_(std::move(queues)), deadline_(deadline) {
      for (std::size_t i = 0; i < queues_.size(); ++i) places_.emplace_back(*this);
    }
    ~Get() {
      // Handed an item and destroyed before it could take it: passes it on.
      for (std::size_t i = 0; i < places_.size(); ++i) {
        if (places_[i].item) queues_[i]->put(*places_[i].item);
      }
    }
    bool await_ready() {
      for (std::size_t i = 0; i < queues_.size(); ++i) {
        if (queues_[i]->items_.empty()) continue;
        places_[i].item = queues_[i]->items_.front();
        queues_[i]->items_.pop_front();
        return true;
      }
      return false;
    }
    void start() {
      for (std::size_t i = 0; i < queues_.size(); ++i) queues_[i]->waiting_.push_back(places_[i]);
      who()->reactor().set_timer(timer_, deadline_);
    }
    std::optional<int> await_resume() {
      for (Place& place : places_) {
        if (place.item) return std::exchange(place.item, std::nullopt);
      }
      return std::nullopt;
    }

   private:
    static void leave(Waiter& waiter) noexcept {
      auto& self = static_cast<Get&>(waiter);
      for (Place& place : self.places_) place.unlink();
      self.timer_.unlink();
    }
    static constexpr Sort kSort = {"queue.get", leave};

    std::vector<Queue*> queues_;
    TimePoint deadline_;
    std::deque<Place> places_;
    Timer timer_{this};
  };

  void put(int item) {
    if (Place* place = waiting_.pop_front()) {
      place->item = item;
      place->waiter.wake();
    } else {
      items_.push_back(item);
    }
  }
  std::size_t size() const { return items_.size(); }

 private:
  std::deque<int> items_;
  List<Place, Place> waiting_;
};

/// Somebody who waits once and notes the result.
class Taker final : public Routine {
 public:
  explicit Taker(Reactor& reactor) : Routine(reactor, Kind::callback) {}
  Taker(Reactor& reactor, std::vector<Queue*> queues, TimePoint deadline = kNever)
      : Taker(reactor) {
    wait = std::make_unique<Queue::Get>(std::move(queues), deadline);
    if (wait->await_ready())
      step();
    else
      wait->suspend(*this);
  }
  void step() override {
    ++steps;
    if (wait) result = wait->await_resume();
  }
  std::string describe() const override { return "taker"; }
  using Routine::interrupt;

  std::unique_ptr<Queue::Get> wait;
  std::optional<int> result;
  int steps = 0;
};

void run_turns(Reactor& reactor, int turns) {
  for (; turns > 0; --turns) {
    bool over = false;
    reactor.call_soon([&] { over = true; });
    reactor.run_until([&] { return over; });
  }
}

TEST(Waiter, GoesFromIdleToWaitingToTriggeredToIdle) {
  Reactor reactor;
  Queue queue;
  Taker taker(reactor, {&queue});
  EXPECT_EQ(taker.wait->state(), Waiter::State::waiting);
  EXPECT_EQ(taker.waiting_on(), taker.wait.get());
  EXPECT_EQ(taker.wait->who(), &taker);
  EXPECT_STREQ(taker.wait->label(), "queue.get");
  queue.put(7);
  EXPECT_EQ(taker.wait->state(), Waiter::State::triggered);
  EXPECT_EQ(taker.steps, 0) << "nothing runs inside a wake-up";
  run_turns(reactor, 1);
  EXPECT_EQ(taker.wait->state(), Waiter::State::idle);
  EXPECT_EQ(taker.waiting_on(), nullptr);
  EXPECT_EQ(taker.result, 7);
}

TEST(Waiter, TheFirstTriggerWinsAndTakesAllLinksOff) {
  VirtualTime time;
  Reactor reactor;
  Queue one, two;
  Taker taker(reactor, {&one, &two}, Clock::now() + 1h);
  two.put(2);
  one.put(1);  // nobody waits there any more: it stays
  taker.wait->wake();
  run_turns(reactor, 3);
  EXPECT_EQ(taker.result, 2);
  EXPECT_EQ(taker.steps, 1);
  EXPECT_EQ(one.size(), 1u);
  EXPECT_EQ(two.size(), 0u);
  EXPECT_THROW(reactor.run_until([] { return false; }), Deadlock) << "the timer is off too";
}

TEST(Waiter, TheDeadlineMayBeTheFirst) {
  VirtualTime time;
  Reactor reactor;
  Queue one, two;
  Taker taker(reactor, {&one, &two}, Clock::now() + 1h);
  reactor.run_until([&] { return taker.steps == 1; });
  EXPECT_EQ(taker.result, std::nullopt);
  one.put(1);
  two.put(2);
  EXPECT_EQ(one.size() + two.size(), 2u);
}

TEST(Waiter, WakingSomebodyWhoDoesNotWaitDoesNothing) {
  Reactor reactor;
  Queue queue;
  Queue::Get idle({&queue});
  idle.wake();
  EXPECT_EQ(idle.state(), Waiter::State::idle);
  queue.put(1);
  EXPECT_EQ(queue.size(), 1u);
}

TEST(Waiter, MayBeDestroyedIdleWaitingOrTriggered) {
  Reactor reactor;
  Queue queue;
  { Queue::Get idle({&queue}); }
  Taker waiting(reactor, {&queue}, Clock::now() + 1h);
  waiting.wait.reset();
  EXPECT_EQ(waiting.waiting_on(), nullptr);
  queue.put(1);
  EXPECT_EQ(queue.size(), 1u) << "its place in the queue went with it";

  Queue other;
  Taker triggered(reactor, {&other});
  other.put(2);
  triggered.wait.reset();
  EXPECT_EQ(triggered.waiting_on(), nullptr);
  run_turns(reactor, 2);
  EXPECT_EQ(triggered.steps, 0) << "it was on the ready queue, and is not any more";
  EXPECT_EQ(other.size(), 1u) << "the item that it was handed is passed on";
}

TEST(Waiter, AnItemHandedToOneWhoGoesReachesTheNextWhoWaits) {
  Reactor reactor;
  Queue queue;
  Taker first(reactor, {&queue}), second(reactor, {&queue});
  queue.put(5);
  first.wait.reset();
  run_turns(reactor, 2);
  EXPECT_EQ(second.result, 5);
}

TEST(Waiter, IsServedInTheOrderOfWaiting) {
  Reactor reactor;
  Queue queue;
  Taker first(reactor, {&queue}), second(reactor, {&queue}), third(reactor, {&queue});
  second.wait.reset();
  queue.put(1);
  queue.put(2);
  run_turns(reactor, 1);
  EXPECT_EQ(first.result, 1);
  EXPECT_EQ(third.result, 2);
}

TEST(Waiter, AnInterruptedRoutineGoesOnAndFindsOutWhy) {
  Reactor reactor;
  Queue queue;
  Taker taker(reactor, {&queue});
  taker.interrupt();
  taker.interrupt();
  queue.put(1);
  run_turns(reactor, 2);
  EXPECT_EQ(taker.steps, 1);
  EXPECT_EQ(taker.result, std::nullopt);
  EXPECT_EQ(queue.size(), 1u);
  taker.interrupt();  // it waits for nothing now
  run_turns(reactor, 1);
  EXPECT_EQ(taker.steps, 1);
}

/// A wait that sets one link and fails at the next.
class Fails final : public Wait<Fails> {
 public:
  Fails() : Wait(kSort) {}
  void start() {
    who()->reactor().set_timer(timer, Clock::now() + 1h);
    throw std::runtime_error("no more links");
  }
  Timer timer{this};

 private:
  static void leave(Waiter& waiter) noexcept { static_cast<Fails&>(waiter).timer.unlink(); }
  static constexpr Sort kSort = {"fails", leave};
};

TEST(Waiter, OneThatCannotSetItsLinksLeavesNobodyWaiting) {
  Fails fails;
  Reactor reactor;
  Taker taker(reactor);
  EXPECT_THROW(fails.suspend(taker), std::runtime_error);
  EXPECT_EQ(fails.state(), Waiter::State::idle);
  EXPECT_EQ(taker.waiting_on(), nullptr);
  EXPECT_FALSE(fails.timer.armed());
  EXPECT_THROW(fails.suspend(taker), std::runtime_error) << "and it may be tried again";
}

TEST(SleepWait, IsExactInVirtualTimeAndZeroGoesOnceRoundTheReadyQueue) {
  VirtualTime time;
  Reactor reactor;
  const TimePoint start = Clock::now();
  Taker taker(reactor);
  auto hour = sleep(1h);
  EXPECT_FALSE(hour.await_ready());
  hour.suspend(taker);
  reactor.run_until([&] { return taker.steps == 1; });
  EXPECT_EQ(Clock::now() - start, 1h);
  for (auto make : {+[] { return sleep(0s); }, +[] { return sleep(-1s); }}) {
    std::vector<int> order;
    Taker sleeper(reactor);
    auto none = make();
    reactor.call_soon([&] { order.push_back(sleeper.steps); });
    none.suspend(sleeper);
    reactor.call_soon([&] { order.push_back(sleeper.steps); });
    run_turns(reactor, 1);
    EXPECT_EQ(order, (std::vector<int>{0, 1}));
  }
  EXPECT_EQ(Clock::now() - start, 1h);
  auto past = sleep_until(start);
  past.suspend(taker);
  reactor.run_until([&] { return taker.steps == 2; });
  EXPECT_EQ(Clock::now() - start, 1h);
}

TEST(SleepWait, ForEverIsADeadlockThatNamesIt) {
  VirtualTime time;
  Reactor reactor;
  Taker taker(reactor);
  auto eternity = sleep(std::chrono::hours(24 * 365) * 10'000);
  eternity.suspend(taker);
  EXPECT_THROW(reactor.run_until([&] { return taker.steps == 1; }), Deadlock);
}

}  // namespace
}  // namespace simul
