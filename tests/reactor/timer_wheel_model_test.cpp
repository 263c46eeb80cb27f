// The timer wheel beside a std::multimap, which cannot get the order wrong: a million random
// inserts, cancels and jumps of time, to the borders of the levels and to the end of 64 bits.
//
// SEED=n in the environment replaces the seed; a failure prints it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "runtime/reactor/timer_wheel.hpp"

namespace simul {
namespace {

using Tick = std::uint64_t;
using Ids = std::vector<int>;
constexpr Tick kEnd = ~Tick{0};

struct Alarm : Timer {
  explicit Alarm(int number) : id(number) {}
  int id;
};

Ids drain(List<Timer>& due) {
  Ids ids;
  while (Timer* timer = due.pop_front()) ids.push_back(static_cast<Alarm*>(timer)->id);
  return ids;
}

/// The wheel beside a multimap, which keeps equal keys in the order of their insertion.
class World {
 public:
  World(std::mt19937_64& random, Tick start) : random_(random), wheel_(start), now_(start) {
    for (int i = 0; i < 300; ++i) alarms_.push_back(std::make_unique<Alarm>(i));
    places_.resize(alarms_.size());
  }

  void step() {
    const std::size_t id = below(alarms_.size());
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return set(id, now_ + std::min(any_distance(), kEnd - now_));
      case 4:
        return set(id, now_ - std::min(any_distance(), now_));
      case 5:
        return set(id, a_deadline_in_use());
      case 6:
        return cancel(id);
      case 7:
        return replace(id);
      case 8:
        return advance_to(now_ + std::min(any_distance(), kEnd - now_));
      default:
        return advance_to(wheel_.next_deadline());
    }
  }

  Tick now() const { return now_; }

 private:
  using Model = std::multimap<Tick, int>;

  Tick below(Tick limit) { return random_() % limit; }

  /// Small ones mostly, else time would be over soon.
  Tick any_distance() {
    static constexpr Tick kJumps[] = {0, 1, 2, 63, 64, 65, 4095, 4096};
    static constexpr Tick kFar[] = {Tick{1} << 30, Tick{1} << 36, (Tick{1} << 36) - 1};
    const Tick dice = below(1000);
    if (dice < 600) return below(Tick{1} << below(20));
    if (dice < 900) return kJumps[below(std::size(kJumps))];
    if (dice < 980) return kFar[below(std::size(kFar))];
    if (dice < 999) return below(Tick{1} << below(64));
    return kEnd;
  }

  Tick a_deadline_in_use() {
    if (model_.empty()) return now_;
    const auto found = model_.lower_bound(now_ + std::min(any_distance(), kEnd - now_));
    return found == model_.end() ? model_.rbegin()->first : found->first;
  }

  void set(std::size_t id, Tick deadline) {
    forget(id);
    wheel_.insert(*alarms_[id], deadline);
    places_[id] = model_.emplace(std::max(deadline, now_), static_cast<int>(id));
    ASSERT_EQ(alarms_[id]->deadline(), std::max(deadline, now_));
    check();
  }

  void cancel(std::size_t id) {
    forget(id);
    wheel_.cancel(*alarms_[id]);
    check();
  }

  void replace(std::size_t id) {
    forget(id);
    alarms_[id] = std::make_unique<Alarm>(static_cast<int>(id));
    check();
  }

  void advance_to(Tick now) {
    // With nothing armed, the next deadline is the end of time: too early to go there.
    if (now == kEnd && below(100) != 0) return;
    List<Timer> due;
    wheel_.advance(now, due);
    now_ = now;
    const auto end = model_.upper_bound(now);
    Ids expected;
    for (auto entry = model_.begin(); entry != end; ++entry) expected.push_back(entry->second);
    // Somebody who runs first cancels somebody who is due as well.
    if (!expected.empty() && below(4) == 0) {
      const auto victim = expected.begin() + static_cast<std::ptrdiff_t>(below(expected.size()));
      wheel_.cancel(*alarms_[static_cast<std::size_t>(*victim)]);
      places_[static_cast<std::size_t>(*victim)].reset();
      expected.erase(victim);
    }
    model_.erase(model_.begin(), end);
    for (const int id : expected) places_[static_cast<std::size_t>(id)].reset();
    ASSERT_EQ(drain(due), expected);
    ASSERT_EQ(wheel_.now(), now_);
    check();
  }

  void check() {
    ASSERT_EQ(wheel_.empty(), model_.empty());
    const Tick next = wheel_.next_deadline();
    if (model_.empty()) {
      ASSERT_EQ(next, TimerWheel::kNone);
      return;
    }
    const Tick first = model_.begin()->first;
    ASSERT_LE(next, first);
    if (first == now_) {
      ASSERT_EQ(next, now_);
    } else {
      ASSERT_GT(next, now_);
    }
    if (first / 64 == now_ / 64 || model_.size() == 1) {
      ASSERT_EQ(next, first);
    }
  }

  void forget(std::size_t id) {
    if (places_[id]) model_.erase(*places_[id]);
    places_[id].reset();
  }

  std::mt19937_64& random_;
  TimerWheel wheel_;
  Tick now_;
  Model model_;
  std::vector<std::unique_ptr<Alarm>> alarms_;
  std::vector<std::optional<Model::iterator>> places_;
};

TEST(TimerWheelModel, BehavesLikeAMultimapOverAMillionRandomOperations) {
  const char* wanted = std::getenv("SEED");
  const std::uint64_t seed = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 20200101;
  SCOPED_TRACE("SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  int world_number = 0;
  for (int steps = 0; steps < 1'000'000; ++world_number) {
    // Where the time starts matters: at 0, anywhere, shortly before the end.
    const Tick somewhere = random() >> (random() % 64);
    const Tick starts[] = {0, somewhere, kEnd - somewhere};
    World world(random, starts[world_number % 3]);
    int at_the_end = 0;
    for (int step = 0; step < 2000 && at_the_end < 20; ++step, ++steps) {
      const Tick before = world.now();
      world.step();
      if (testing::Test::HasFailure()) {
        FAIL() << "world " << world_number << ", step " << step << ", at tick " << before;
      }
      if (before == kEnd) ++at_the_end;
    }
  }
}

}  // namespace
}  // namespace simul
