// Lock: one at a time.
//
// Fibers and tasks of one loop run one after another, so what they do between two waits needs no
// lock. One is needed where something must stay as it is across a wait:
//
//     Lock::Guard guard = await(lock.acquire());      // co_await in a task
//     const int balance = await(ask_the_bank());      // the others run, but none of them in here
//     await(tell_the_bank(balance - 80));
//                                                     // the guard goes, the next one comes in
//
// It is fair: the lock goes to whoever has waited longest, and to nobody else. It is not recursive:
// whoever acquires a lock that he holds waits for ever, and the loop says so (Deadlock).
#pragma once

#include "runtime/sync/permits.hpp"

namespace simul {

/// Thread: the reactor's. Whoever waits when it is destroyed gets Orphaned; a guard that outlives
/// its lock is empty. (asyncio.Lock)
class Lock {
 public:
  static constexpr const char* kLabel = "lock";

  /// The lock, held: move-only; gives it up in its destructor. Or empty.
  class [[nodiscard]] Guard : Permit {
   public:
    Guard() noexcept = default;
    using Permit::Permit;

    /// Does it hold the lock?
    using Permit::operator bool;

    /// Gives it up now. No effect on an empty guard.
    void unlock() noexcept { release(); }

   private:
    friend class Condition;
  };

  /// Waits until it is this one's turn, and gives the guard; ready at once if the lock is free.
  Acquire<Lock> acquire() noexcept { return Acquire<Lock>(permits_); }

  /// The guard if the lock is free, else an empty one. Does not wait.
  Guard try_acquire() noexcept { return permits_.try_take() ? Guard(permits_) : Guard(); }

  /// Is it held, or on its way to somebody?
  bool locked() const noexcept { return permits_.free() == 0; }

 private:
  Permits permits_{1};
};

}  // namespace simul
