// What a timer costs, beside an intrusive list that keeps no order at all.
//
// With 1 k, 100 k and 1 M timers:
//
//   insert_cancel   one of them is cancelled and set again, like a time limit that was not needed
//   insert_expire   all are set, within a thousand ticks, and then the time has come for all; the
//                   libraries in peers/ can be asked for that too, though their time is the real
//                   one
//   one_by_one      the loop sleeps until the next one, which is set again when it expires: like
//                   many sleepers that go on sleeping
//
// Which timer is next is random, as in a program in which things happen when they happen: with a
// million timers nearly every step goes to memory that is in no cache, and that, not the order, is
// the price. The floor takes the same steps with the same objects in the same random order: it
// draws a delay, notes the deadline, unlinks and appends, pops and calls through the pointer; only
// it expires whoever has waited longest. Delays are random, up to a minute in ticks of 1 us.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/intrusive_list.hpp"
#include "runtime/reactor/timer_wheel.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/dice.hpp"

namespace simul::bench {
namespace {

/// Something that waits; `expired` is what it does when its time has come.
template <class Timers>
struct Sleeper : Timer {
  void (*expired)(Timers&, Sleeper&) = nullptr;
  std::uint64_t until = 0;  // the floor's; the wheel keeps its own
};

/// The live timers. They lie in memory in another order than the one in which they are set.
template <class Timers>
struct Sleepers {
  explicit Sleepers(std::size_t number)
      : sleepers(std::make_unique<Sleeper<Timers>[]>(number)), count(number) {}

  void start(Timers& timers) {
    for (const std::size_t i : random_order(count)) {
      sleepers[i].expired = [](Timers& all, Sleeper<Timers>& sleeper) { all.set(sleeper); };
      timers.set(sleepers[i]);
    }
  }

  Sleeper<Timers>& any() { return sleepers[dice.below(count)]; }

  /// Nanoseconds for setting one and expiring it; `drain` expires all. What is called then only
  /// counts.
  template <class Set, class Drain>
  double insert_expire(Set set, Drain drain) {
    for (const std::size_t i : random_order(count)) {
      sleepers[i].unlink();
      sleepers[i].expired = [](Timers& all, Sleeper<Timers>&) { ++all.fired; };
    }
    const std::vector<std::size_t> order = random_order(count);
    const double start = seconds_now();
    for (const std::size_t i : order) set(sleepers[i], dice.delay() % 1000);
    drain();
    return (seconds_now() - start) * 1e9 / static_cast<double>(count);
  }

  std::unique_ptr<Sleeper<Timers>[]> sleepers;
  std::size_t count;
  std::size_t fired = 0;
  Dice dice;
};

/// The subject.
struct Wheel : Sleepers<Wheel> {
  explicit Wheel(std::size_t number) : Sleepers<Wheel>(number) { start(*this); }

  void set(Timer& timer) { wheel.insert(timer, wheel.now() + dice.delay()); }

  void insert_cancel(std::size_t n) {
    while (n-- > 0) {
      Timer& timer = any();
      wheel.cancel(timer);
      set(timer);
    }
  }

  void one_by_one(std::size_t n) {
    List<Timer> due;
    for (std::size_t i = 0; i < n;) {
      wheel.advance(wheel.next_deadline(), due);
      for (; Timer* timer = due.pop_front(); ++i) {
        auto& sleeper = static_cast<Sleeper<Wheel>&>(*timer);
        sleeper.expired(*this, sleeper);
      }
    }
  }

  double insert_expire() {
    return Sleepers::insert_expire(
        [&](Timer& timer, std::uint64_t delay) { wheel.insert(timer, wheel.now() + delay); },
        [&] {
          List<Timer> due;
          wheel.advance(wheel.now() + 1000, due);
          while (Timer* timer = due.pop_front()) {
            auto& sleeper = static_cast<Sleeper<Wheel>&>(*timer);
            sleeper.expired(*this, sleeper);
          }
        });
  }

  TimerWheel wheel;
};

/// The floor: no order.
struct Unordered : Sleepers<Unordered> {
  explicit Unordered(std::size_t number) : Sleepers<Unordered>(number) { start(*this); }

  void set(Sleeper<Unordered>& sleeper) {
    sleeper.until = now + dice.delay();
    list.push_back(sleeper);
  }

  void insert_cancel(std::size_t n) {
    while (n-- > 0) {
      auto& sleeper = any();
      sleeper.unlink();
      set(sleeper);
    }
  }

  void one_by_one(std::size_t n) {
    while (n-- > 0) {
      auto& sleeper = static_cast<Sleeper<Unordered>&>(*list.pop_front());
      now = std::max(now, sleeper.until);
      sleeper.expired(*this, sleeper);
    }
  }

  double insert_expire() {
    return Sleepers::insert_expire(
        [&](Sleeper<Unordered>& sleeper, std::uint64_t delay) {
          sleeper.until = now + delay;
          list.push_back(sleeper);
        },
        [&] {
          while (Timer* timer = list.pop_front()) {
            auto& sleeper = static_cast<Sleeper<Unordered>&>(*timer);
            sleeper.expired(*this, sleeper);
          }
        });
  }

  List<Timer> list;
  std::uint64_t now = 0;
};

void timers(Bench& bench, std::size_t count, const std::string& size) {
  const std::string cancel = "timers.insert_cancel." + size;
  const std::string expire = "timers.one_by_one." + size;
  const std::string all = "timers.insert_expire." + size;
  if (!bench.wants(cancel) && !bench.wants(expire) && !bench.wants(all)) return;
  Wheel wheel(count);
  Unordered list(count);
  bench.time(
      cancel, [&](std::size_t n) { wheel.insert_cancel(n); },
      [&](std::size_t n) { list.insert_cancel(n); });
  bench.time(
      expire, [&](std::size_t n) { wheel.one_by_one(n); },
      [&](std::size_t n) { list.one_by_one(n); });
  bench.compare(
      all, "ns", [&] { return wheel.insert_expire(); }, [&] { return list.insert_expire(); });
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  return simul::bench::run(argc, argv, [](simul::bench::Bench& bench) {
    simul::bench::timers(bench, 1'000, "1k");
    simul::bench::timers(bench, 100'000, "100k");
    simul::bench::timers(bench, 1'000'000, "1M");
  });
}
