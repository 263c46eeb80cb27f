// Condition: waits, with a lock given up meanwhile, until somebody says that things have changed.
//
//     Lock::Guard guard = await(lock.acquire());
//     while (!ready) await(condition.wait(guard));    // others may hold the lock meanwhile
//
// Whoever is notified does not run yet: it moves to the end of the lock's line, and goes on when
// the lock is its own. So of a hundred that are notified one runs, not a hundred that find the lock
// taken; and one Waiter serves both halves of the wait.
//
//      wait             notify                lock handed over
//   ---------> waiting ---------> in the lock's line ---------> goes on, guard full again
//
// Ask again in a loop: between the notification and the lock, another may have changed things back.
// On one thread what a routine does without waiting needs no lock at all, nor does `notify`; the
// guard is for those who wait in the middle of a change.
//
// The invariant: a notification is not lost. If the one that got it is killed before it goes on,
// the next one gets it, and the lock.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <utility>

#include "runtime/sync/lock.hpp"

namespace simul {

/// Thread: the reactor's. Whoever waits when it, or the lock, is destroyed gets Orphaned.
/// (asyncio.Condition)
class Condition {
  /// A place in the condition's line, and one in the lock's for later.
  struct Turn : Place {
    explicit Turn(Waiter& waiter) noexcept : Place(waiter), request(waiter) {}
    Permits::Request request;
  };

 public:
  /// The wait for a notification and then for the lock.
  class [[nodiscard]] NotifyWait final : public Wait<NotifyWait> {
   public:
    NotifyWait(Condition& condition, Permit& guard) noexcept
        : Wait(kSort), condition_(condition), guard_(guard) {}
    ~NotifyWait() {
      // Served: it is in the condition's list of those, so the condition lives.
      if (turn_.served()) {
        turn_.leave();
        condition_.notify();
      }
    }

    bool await_ready() const noexcept { return false; }
    void start() noexcept {
      guard_.of()->expect(turn_.request);
      condition_.line_.join(turn_);
      guard_.release();
    }
    void await_resume() {
      if (turn_.refused()) turn_.throw_orphaned();
      turn_.request.throw_unless_served();
      turn_.request.leave();
      turn_.leave();
      guard_ = Permit(*turn_.request.of);
    }

   private:
    static void leave(Waiter& waiter) noexcept {
      Turn& turn = static_cast<NotifyWait&>(waiter).turn_;
      turn.request.unlink();
      if (!turn.served()) turn.unlink();
    }
    static constexpr Sort kSort = {"condition", leave};

    Condition& condition_;
    Permit& guard_;
    Turn turn_{*this};
  };

  /// Gives up the lock that `guard` holds, waits to be notified, and waits for the lock again. If
  /// this throws, `guard` is empty: one who is cancelled cannot wait once more for the lock, as
  /// asyncio would have it do. Throws std::logic_error if `guard` is empty to begin with.
  NotifyWait wait(Lock::Guard& guard) {
    if (!guard) throw std::logic_error("Condition::wait: the guard does not hold the lock");
    return NotifyWait(*this, guard);
  }

  /// Lets the first `count` of those who wait go on, as soon as each has the lock.
  void notify(std::size_t count = 1) noexcept {
    for (; count != 0 && !line_.empty(); --count) {
      Turn& turn = static_cast<Turn&>(*line_.front());
      turn.unlink();
      turn.mark_served();
      notified_.join(turn);
      turn.request.unlink();
      turn.request.of->request(turn.request);
    }
  }

  void notify_all() noexcept { notify(kAll); }

 private:
  static constexpr std::size_t kAll = static_cast<std::size_t>(-1);

  Line line_;
  Line notified_;  // have been notified and have not gone on yet
};

}  // namespace simul
