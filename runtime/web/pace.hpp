// How slowly a peer may go: so much within a time of waiting, again and again.
//
// A limit on the whole of a transfer would cut off who downloads something large over a thin line;
// one on each wait lets a hostile peer hold a connection for ever, a byte at a time. So the time is
// counted while we wait, and given anew whenever a stretch has been covered.
#pragma once

#include <cstddef>

#include "runtime/base/clock.hpp"

namespace simul::web {

class Pace {
 public:
  static constexpr std::size_t kStretch = 64 * 1024;  // bytes

  explicit Pace(Duration limit) noexcept : limit_(limit), left_(limit) {}

  /// Until when somebody may wait who begins now.
  TimePoint deadline() noexcept {
    began_ = Clock::now();
    return after(began_, left_);
  }

  /// That wait is over. False if the time is, too.
  bool waited() noexcept {
    left_ -= Clock::now() - began_;
    return left_ > Duration::zero();
  }

  /// Bytes have come, or gone.
  void moved(std::size_t bytes) noexcept {
    moved_ += bytes;
    if (moved_ < kStretch) return;
    moved_ = 0;
    left_ = limit_;
  }

 private:
  Duration limit_;
  Duration left_;
  TimePoint began_{};
  std::size_t moved_ = 0;
};

}  // namespace simul::web
