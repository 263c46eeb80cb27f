// Random numbers for benches: cheap enough not to be what is measured, the same in every run.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

namespace simul::bench {

/// Drawn by xorshift64 (G. Marsaglia: Xorshift RNGs, 2003).
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

/// 0 to `count` - 1, shuffled.
inline std::vector<std::size_t> random_order(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  return order;
}

}  // namespace simul::bench
