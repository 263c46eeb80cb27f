// Event: something has happened, and everybody may go on.
//
// A flag that one can wait for. It starts down; `set` raises it and wakes everybody who waits;
// while it is up nobody waits; `clear` lowers it again. It counts nothing: two `set` are one.
#pragma once

#include "runtime/sync/line.hpp"

namespace simul {

/// Thread: the reactor's. Whoever waits when it is destroyed gets Orphaned.
/// (asyncio.Event)
class Event {
 public:
  /// Waits until the event is set; ready at once if it is.
  class [[nodiscard]] SetWait final : public Wait<SetWait> {
   public:
    explicit SetWait(Event& event) noexcept : Wait(kSort), event_(event) {}

    bool await_ready() noexcept {
      if (event_.set_) place_.mark_served();
      return event_.set_;
    }
    void start() noexcept { event_.line_.join(place_); }
    void await_resume() const { place_.throw_unless_served(); }

   private:
    static void leave(Waiter& waiter) noexcept { static_cast<SetWait&>(waiter).place_.unlink(); }
    static constexpr Sort kSort = {"event", leave};

    Event& event_;
    Place place_{*this};
  };

  /// `await(event.wait())` in a fiber, `co_await event.wait()` in a task.
  SetWait wait() noexcept { return SetWait(*this); }

  /// Wakes all who wait now. They go on even if the event is cleared before their turn comes.
  void set() noexcept {
    set_ = true;
    line_.serve_all();
  }

  /// From now on `wait` waits.
  void clear() noexcept { set_ = false; }

  bool is_set() const noexcept { return set_; }

 private:
  bool set_ = false;
  Line line_;
};

}  // namespace simul
