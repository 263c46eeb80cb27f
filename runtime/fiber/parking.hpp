// How a C function that would block parks its fiber instead of its thread.
//
// Each patched call begins with a PatchedCall on its stack, which decides whose call it is:
//
//   libc's     no patch_all() yet; not in a fiber (the loop's own stack, another thread, a forked
//              child); a signal handler on a stack of its own, or one that interrupts this
//              machinery
//   ours       all others: the call may `wait`, as often as it needs to
//
// Everything here says how it went by a return value, never by an exception, for the frames below
// may be C: a fiber that was killed is told so by every wait, and its call answers ECANCELED.
//
// A signal handler that interrupts the fiber's own code, on the fiber's stack, cannot be told from
// that code. Its calls are harmless as long as they need not wait. Handlers that want to block want
// SA_ONSTACK; those of Reactor::add_signal_handler have it.
#pragma once

#include <atomic>
#include <cerrno>
#include <span>

#include "runtime/base/clock.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/reactor/interest.hpp"

namespace simul {

/// One descriptor that a call waits for.
struct Awaited {
  int fd;
  Interest interest;    ///< one direction or both
  bool closed = false;  ///< set when the wait has ended because a fiber closed it
};

/// How a wait ended.
enum class Woken {
  maybe,   ///< something may be ready: try again
  late,    ///< the deadline came first
  closed,  ///< a descriptor was closed meanwhile, by another fiber
  killed,  ///< the fiber is to end
};

/// One run of a patched function. Thread: any; signal handlers too.
class PatchedCall {
 public:
  /// Must be made in the patched function itself or in what it calls: it looks at the stack.
  PatchedCall() noexcept : fiber_(enabled() ? find_fiber(__builtin_frame_address(0)) : nullptr) {}
  ~PatchedCall() {
    if (fiber_ != nullptr) inside_ = false;
  }
  PatchedCall(const PatchedCall&) = delete;
  PatchedCall& operator=(const PatchedCall&) = delete;

  /// Is this call libc's?
  bool is_libcs() const noexcept { return fiber_ == nullptr; }

  /// The same for a call on `fd`. In a killed fiber a call on a descriptor that the program itself
  /// made non-blocking is libc's too, for it does not wait.
  bool is_libcs(int fd) const noexcept;

  bool killed() const noexcept { return fiber_->killed(); }

  /// Parks the fiber until one of `awaited` may be ready or until `deadline`; TimePoint::min():
  /// once round the ready queue. At once if the fiber was killed.
  Woken wait(std::span<Awaited> awaited, TimePoint deadline) noexcept;
  Woken wait(int fd, Interest interest, TimePoint deadline) noexcept;

  /// For what no poller reports: parks the fiber until it is time to look again, 10 ms from now, or
  /// until `deadline`.
  Woken glance(TimePoint deadline) noexcept;
  static TimePoint next_glance() noexcept;

  /// Parks the fiber for any other wait (waiter.hpp). False if it was killed, before or meanwhile:
  /// the wait's result is not to be asked for then. Throws what the wait's `start` throws.
  template <class W>
  bool wait_for(W& wait) {
    if (killed()) return false;
    Outside outside;
    fiber_->suspend_until(wait);
    return !killed();
  }

  /// Tells fibers that wait for `fd` that it is about to be closed. Call it before closing.
  void forget(int fd) noexcept;

  /// Turns the patch on, for good and for all threads. `monkey::patch_all` calls it.
  static void enable() noexcept { enabled_.store(true, std::memory_order_relaxed); }
  static bool enabled() noexcept { return enabled_.load(std::memory_order_relaxed); }

 private:
  // While a call is parked, its thread is not inside it.
  struct Outside {
    Outside() noexcept { inside_ = false; }
    ~Outside() { inside_ = true; }
  };

  static FiberCore* find_fiber(const void* frame) noexcept;

  static inline constinit std::atomic<bool> enabled_{false};
  static inline constinit thread_local bool inside_ = false;

  FiberCore* const fiber_;
};

/// -1 with this errno, as C functions fail.
inline int failed(int error) noexcept {
  errno = error;
  return -1;
}

/// Has the program made `fd` non-blocking? A number that is no descriptor counts as such: libc's
/// own call on it fails at once. Async-signal-safe.
bool is_nonblocking(int fd) noexcept;

}  // namespace simul
