// Semaphore: so many at a time.
//
// The usual way is by guard, as with a lock: sixty-four downloads at once, and the next one starts
// when one of them is over. The other way is by hand: one routine acquires what another releases,
// `await(full.acquire()).keep()` here and `full.release()` there.
#pragma once

#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>

#include "runtime/sync/permits.hpp"

namespace simul {

/// Fair, as Lock is: nobody overtakes one who waits. Thread: the reactor's. Whoever waits when it
/// is destroyed gets Orphaned; a guard that outlives it is empty. (asyncio.Semaphore)
class Semaphore {
 public:
  static constexpr const char* kLabel = "semaphore";
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  /// One permit, given back by its destructor or by `release`.
  using Guard = Permit;

  /// `permits` at first, which may be 0. With a `limit`, `release` must never make more than that
  /// many in all. Throws std::invalid_argument if `permits` is more. (asyncio.BoundedSemaphore is
  /// `Semaphore(n, n)`.)
  explicit Semaphore(std::size_t permits, std::size_t limit = kUnlimited)
      : permits_(permits), limit_(limit) {
    if (permits > limit) throw std::invalid_argument("Semaphore: more permits than its limit");
  }

  /// Waits until it is this one's turn, and gives the guard; ready at once if a permit is free.
  Acquire<Semaphore> acquire() noexcept { return Acquire<Semaphore>(permits_); }

  /// The guard if a permit is free, else an empty one. Does not wait.
  Guard try_acquire() noexcept { return permits_.try_take() ? Guard(permits_) : Guard(); }

  /// `count` permits more, whoever had them. Throws std::logic_error, and adds none, if there would
  /// be more than the limit, those that guards hold included.
  void release(std::size_t count = 1) {
    if (count > limit_ || permits_.free() + permits_.out() > limit_ - count) {
      throw std::logic_error("Semaphore::release: more than the limit of " +
                             std::to_string(limit_) + " permits");
    }
    permits_.add(count);
  }

  /// How many could be acquired at once without waiting.
  std::size_t available() const noexcept { return permits_.free(); }

  /// Would `acquire` have to wait?
  bool locked() const noexcept { return available() == 0; }

 private:
  Permits permits_;
  std::size_t limit_;
};

}  // namespace simul
