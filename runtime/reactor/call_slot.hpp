// A registered callback: what `call_soon` and `call_later` leave behind; and the messages of other
// threads.
//
// The slots of a reactor are a free list in a table that never moves, so registering a callback
// allocates only when more are pending than ever before. A slot that is freed gets a new
// generation; a handle that still names the old one finds nothing to cancel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/callback.hpp"
#include "runtime/reactor/timer_wheel.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul {

/// A place for one callback. It waits as everything does: with a Waiter.
class CallSlot final : public Routine, public Waiter {
 public:
  CallSlot(Reactor& reactor, std::uint32_t index) noexcept
      : Routine(reactor, Kind::callback), Waiter(kSort), index_(index) {}

  void step() override;
  /// Names the type of the callback: of a lambda, that is the function in which it is written.
  std::string describe() const override;

 private:
  friend class Handle;
  friend class Reactor;

  static void leave(Waiter& waiter) noexcept { static_cast<CallSlot&>(waiter).timer_.unlink(); }
  static constexpr Sort kSort = {"callback", leave};

  Callback<void()> callback_;
  Timer timer_{this};
  CallSlot* next_free_ = nullptr;
  std::uint32_t index_;
  std::uint32_t generation_ = 0;
};

/// A registered callback: index and generation of a place in the reactor's table. Dropping it
/// cancels nothing. Not to be used after the reactor is gone.
class Handle {
 public:
  Handle() = default;

  /// The callback will not run; destroys it. No effect if it ran already.
  void cancel() noexcept;

  /// Is it still to run?
  bool active() const noexcept;

 private:
  friend class Reactor;
  Reactor* reactor_ = nullptr;
  std::uint32_t index_ = 0;
  std::uint32_t generation_ = 0;
};

/// What other threads have sent, on its way through one turn: a single entry of the ready queue for
/// all of it, so a message needs no place of its own and keeps its order even where batches are
/// shuffled.
class Mail final : public Routine, public Waiter {
 public:
  explicit Mail(Reactor& reactor) noexcept : Routine(reactor, Kind::callback), Waiter(kSort) {}

  /// Runs the messages.
  void step() override;
  std::string describe() const override { return "messages of other threads"; }

 private:
  friend class Reactor;
  static constexpr Sort kSort = {"mail", [](Waiter&) noexcept {}};

  std::vector<Callback<void()>> messages_;
};

}  // namespace simul
