// What a timer costs, beside an intrusive list that keeps no order at all.
//
// With 1 k, 100 k and 1 M timers alive:
//
//   insert_cancel   a timer is cancelled and set again, like a time limit that was not needed
//   insert_expire   the next timer expires, and what it calls sets it again
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
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "runtime/base/intrusive_list.hpp"
#include "runtime/reactor/timer_wheel.hpp"
#include "tests/bench/bench.hpp"

namespace simul::bench {
namespace {

/// A cheap random number (xorshift64, G. Marsaglia 2003), so that drawing is not what is measured.
class Dice {
 public:
  /// 1 us to about a minute (2^26 us).
  std::uint64_t delay() { return 1 + (roll() >> 38); }

  /// 0 to `count` - 1.
  std::size_t below(std::size_t count) { return (roll() >> 32) * count >> 32; }

 private:
  std::uint64_t roll() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

  std::uint64_t state_ = 88172645463325252;
};

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
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), std::mt19937(1));
    for (const std::size_t i : order) {
      sleepers[i].expired = [](Timers& all, Sleeper<Timers>& sleeper) { all.set(sleeper); };
      timers.set(sleepers[i]);
    }
  }

  Sleeper<Timers>& any() { return sleepers[dice.below(count)]; }

  std::unique_ptr<Sleeper<Timers>[]> sleepers;
  std::size_t count;
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

  void insert_expire(std::size_t n) {
    List<Timer> due;
    for (std::size_t i = 0; i < n;) {
      wheel.advance(wheel.next_deadline(), due);
      for (; Timer* timer = due.pop_front(); ++i) {
        auto& sleeper = static_cast<Sleeper<Wheel>&>(*timer);
        sleeper.expired(*this, sleeper);
      }
    }
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

  void insert_expire(std::size_t n) {
    while (n-- > 0) {
      auto& sleeper = static_cast<Sleeper<Unordered>&>(*list.pop_front());
      now = std::max(now, sleeper.until);
      sleeper.expired(*this, sleeper);
    }
  }

  List<Timer> list;
  std::uint64_t now = 0;
};

void timers(Bench& bench, std::size_t count, const std::string& size) {
  const std::string cancel = "timers.insert_cancel." + size;
  const std::string expire = "timers.insert_expire." + size;
  if (!bench.wants(cancel) && !bench.wants(expire)) return;
  Wheel wheel(count);
  Unordered list(count);
  bench.time(
      cancel, [&](std::size_t n) { wheel.insert_cancel(n); },
      [&](std::size_t n) { list.insert_cancel(n); });
  bench.time(
      expire, [&](std::size_t n) { wheel.insert_expire(n); },
      [&](std::size_t n) { list.insert_expire(n); });
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
