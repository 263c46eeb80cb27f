// Barrier: nobody goes on until all are there.
//
// Each arrival waits, until the last of `n` arrives: that one does not wait, and the others are
// woken. The barrier is then ready for the next round; who arrives now belongs to that.
//
// One who is killed while it waits has not arrived: the others wait for somebody in its place, as
// in asyncio. If there will be nobody, whoever knows it calls `abort`, and all who wait, and all
// who come, get BrokenBarrier until `reset`.
#pragma once

#include <cstddef>
#include <stdexcept>

#include "runtime/sync/line.hpp"

namespace simul {

/// One waits, or was about to wait, at a barrier that was aborted, reset or destroyed.
/// (asyncio.BrokenBarrierError)
class BrokenBarrier : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Thread: the reactor's. Destroying it is aborting it. (asyncio.Barrier)
class Barrier {
  struct Arrival : Place {
    using Place::Place;
    std::size_t index = 0;
  };

 public:
  /// Throws std::invalid_argument if `parties` is 0.
  explicit Barrier(std::size_t parties) : parties_(parties) {
    if (parties == 0) throw std::invalid_argument("Barrier: of 0 parties none would be the last");
  }

  /// The wait for the others.
  class [[nodiscard]] ArriveWait final : public Wait<ArriveWait> {
   public:
    explicit ArriveWait(Barrier& barrier) noexcept : Wait(kSort), barrier_(barrier) {}
    ~ArriveWait() { leave(*this); }

    bool await_ready() noexcept { return barrier_.arrive(arrival_); }
    void start() noexcept {
      barrier_.line_.join(arrival_);
      ++barrier_.waiting_;
    }
    std::size_t await_resume() const {
      if (arrival_.refused()) throw BrokenBarrier("wait for barrier: it is broken");
      arrival_.throw_unless_served();
      return arrival_.index;
    }

   private:
    static void leave(Waiter& waiter) noexcept {
      auto& self = static_cast<ArriveWait&>(waiter);
      if (!self.arrival_.linked()) return;
      self.arrival_.unlink();
      --self.barrier_.waiting_;
    }
    static constexpr Sort kSort = {"barrier", leave};

    Barrier& barrier_;
    Arrival arrival_{*this};
  };

  /// Waits for the others; the last one goes straight on. Gives each a different number: its place
  /// in the order of arrival, from 0. Throws BrokenBarrier. (asyncio.Barrier.wait)
  ArriveWait arrive_and_wait() noexcept { return ArriveWait(*this); }

  /// Breaks the barrier: all who wait and all who come get BrokenBarrier.
  void abort() noexcept {
    broken_ = true;
    send_away();
  }

  /// Mends it, and begins anew: who waits now gets BrokenBarrier, who comes later is the first.
  void reset() noexcept {
    broken_ = false;
    send_away();
  }

  bool broken() const noexcept { return broken_; }
  std::size_t parties() const noexcept { return parties_; }

  /// How many wait at present.
  std::size_t waiting() const noexcept { return waiting_; }

 private:
  /// Was that the last one?
  bool arrive(Arrival& arrival) noexcept {
    if (broken_) {
      arrival.mark_refused();
      return true;
    }
    if (waiting_ + 1 != parties_) return false;
    arrival.index = waiting_;
    arrival.mark_served();
    waiting_ = 0;
    for (std::size_t index = 0; Place* other = line_.serve_first(); ++index) {
      static_cast<Arrival*>(other)->index = index;
    }
    return true;
  }

  void send_away() noexcept {
    waiting_ = 0;
    line_.refuse_all();
  }

  std::size_t parties_;
  std::size_t waiting_ = 0;
  bool broken_ = false;
  Line line_;
};

}  // namespace simul
