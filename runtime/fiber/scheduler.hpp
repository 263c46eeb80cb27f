// The scheduler of fibers: who runs on which stack, and what happens when one waits.
//
// A fiber is a Routine (reactor/waiter.hpp) with a stack of its own. The loop, the "hub", stays on
// the thread's stack. When the loop comes to a fiber it switches to it; when the fiber waits, it
// switches back. If the next entry of the turn's batch is a fiber too, the one that waits hands
// over to it directly, and the loop is not visited in between:
//
//      hub            A             B             C (a callback)
//       |---step----->|
//       |             | waits; the next in the batch is a fiber
//       |             |---switch--->|
//       |             |             | waits; the next is no fiber, or the batch is over
//       |<-----------switch---------|
//       |---step---------------------------------->|
//
// The invariant: nobody frees the stack on which he stands. A fiber that has ended is noted, and
// whoever runs next lets it go.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "runtime/base/error.hpp"
#include "runtime/fiber/context.hpp"
#include "runtime/fiber/stack.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/spawned.hpp"

namespace simul {

class FiberHub;

/// One fiber, without its function and its result: what the scheduler knows of it.
class FiberCore : public Spawned {
 public:
  /// The fiber that runs in this thread, or null. (A compiler may keep the address of the thread's
  /// variable across a switch; that is harmless, because a fiber never changes thread.)
  static FiberCore* current() noexcept { return current_; }

  /// Puts it on the ready queue for the first time. The reactor owns it from now on. An observer
  /// hears of it as `called`, if that is not empty.
  void start(std::string_view called = {});

  /// Returns to the loop, or goes on in the next fiber, until the wait that has begun is over.
  /// Throws Cancelled if the fiber was killed, before or meanwhile.
  template <class W>
  SIMUL_IN_PLACE void wait_for(W& wait) {
    suspend_until(wait);
    throw_if_killed();
  }

  /// The same for callers that cannot be thrown through, C code being below them: they ask
  /// `killed()`, before (a killed fiber is woken only once) and afterwards.
  template <class W>
  SIMUL_IN_PLACE void suspend_until(W& wait) {
    wait.suspend(*this);
    if (Observer* o = observer(); o != nullptr && id() != 0) o->waits(id(), wait.label());
    switch_away();
  }

  /// Does `address` lie on its stack? Not so in a signal handler that has a stack of its own.
  bool owns(const void* address) const noexcept {
    return address >= stack_->bottom() && address < stack_->top();
  }

  void throw_if_killed() const {
    if (killed_) throw Cancelled{};
  }

  /// Asks it to end: Cancelled is thrown where it waits, and at every further wait.
  void kill();

  bool killed() const noexcept { return killed_; }

  std::string name() const override { return name_; }
  void set_name(std::string name);

  void step() override;
  std::string describe() const override { return "fiber '" + name_ + "'"; }
  void cancel() override { kill(); }

 protected:
  explicit FiberCore(Reactor& reactor);

  /// Runs the function and keeps its result.
  virtual void run() = 0;

 private:
  friend class FiberHub;

  /// The wait for the first turn.
  class Start final : public Waiter {
   public:
    Start() noexcept : Waiter(kSort) {}
    void begin_and_wake(Routine& who) noexcept {
      begin(who);
      wake();
    }

   private:
    static constexpr Sort kSort = {"start", nullptr};
  };

  static Context& entry(void* self);
  SIMUL_IN_PLACE void switch_away() noexcept;

  static inline constinit thread_local FiberCore* current_ = nullptr;

  FiberHub& hub_;
  Context context_;
  StackPtr stack_;
  Start start_;
  std::string name_;
  bool killed_ = false;
};

/// What there is once per reactor: the place to go back to, and the fiber that has just ended.
class FiberHub {
 public:
  explicit FiberHub(Reactor& reactor) noexcept : reactor_(reactor) {}

  unsigned next_number() noexcept { return ++last_number_; }

 private:
  friend class FiberCore;

  /// Who runs when the running fiber stops: the next fiber of the batch, or the loop.
  Context& next() noexcept;

  /// Lets go of the fiber that has ended, now that its stack is left.
  void reap() noexcept {
    if (ended_ != nullptr) [[unlikely]]
      bury();
  }
  void bury() noexcept;

  Reactor& reactor_;
  Context loop_;
  FiberCore* ended_ = nullptr;
  unsigned last_number_ = 0;
};

// These are part of every wait, see SIMUL_IN_PLACE.

inline Context& FiberHub::next() noexcept {
  Routine* next = reactor_.take_next_if(
      [](const Routine& routine) { return routine.kind() == Routine::Kind::fiber; });
  FiberCore::current_ = static_cast<FiberCore*>(next);
  return next == nullptr ? loop_ : FiberCore::current_->context_;
}

inline void FiberCore::switch_away() noexcept {
  Context& next = hub_.next();
  Context::switch_to(context_, next);
  hub_.reap();
}

}  // namespace simul
