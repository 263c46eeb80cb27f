// What runs beside whoever started it: the part that fibers and tasks have in common.
//
// One that was spawned belongs to its reactor until it ends; whoever spawned it has a handle, which
// is a counted reference to the result and no more: dropping it neither ends what runs nor waits
// for it. When it ends, those who wait for that are told, in the order in which they came.
//
//     spawned --> on the ready queue --> runs, waits, runs ... --> ended: value, error or cancelled
//
// The invariant: while it has not ended, the reactor holds one reference. An error that nobody
// collected is reported when the last reference goes: nothing is swallowed.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/timer_wheel.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul {

/// Somebody who wants to know that something spawned has ended; a member of a wait object. `fired`
/// is called once, in the loop's thread, with the link off the list.
struct DoneLink : ListNode<> {
  void (*fired)(DoneLink&) noexcept = nullptr;
};

/// A fiber or a task without its code and its result. Thread: the reactor's.
class Spawned : public Reactor::Owned {
 public:
  /// Has it ended?
  bool done() const noexcept { return done_; }

  /// Has it ended because it was cancelled?
  bool cancelled() const noexcept { return cancelled_; }

  /// Has it ended by another exception?
  bool failed() const noexcept { return error_ != nullptr; }

  /// That exception, or null. Whoever asks has collected it: it is not reported any more.
  std::exception_ptr collect_error() noexcept {
    error_collected_ = true;
    return error_;
  }

  /// Calls `link.fired` when it ends; it must not have ended yet.
  void notify(DoneLink& link) noexcept { watchers_.push_back(link); }

  /// What it is called in reports and traces.
  virtual std::string name() const = 0;

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) die();
  }

 protected:
  using Owned::Owned;
  virtual ~Spawned() = default;

  /// Gives it to the reactor, and tells the observer of it, under `called` or else its name; `kind`
  /// is "fiber" or "task".
  void begin_life(const char* kind, std::string_view called = {});

  /// It has run to its end, and `error`, unless null, is what ended it. Tells everybody.
  void finish(std::exception_ptr error) noexcept;

  /// The reactor lets go of it: it may be gone after this call.
  void end_life() noexcept;

 private:
  void die() noexcept;

  List<DoneLink> watchers_;
  std::exception_ptr error_;
  std::uint32_t references_ = 0;
  bool done_ = false;
  bool cancelled_ = false;
  bool error_collected_ = false;
};

/// The wait for the end of something spawned, however it ends. `await_resume`: true if it has
/// ended, false if the deadline came first.
class [[nodiscard]] Join final : public Wait<Join> {
 public:
  explicit Join(Spawned& spawned, TimePoint deadline = kNever) noexcept
      : Wait(kSort), spawned_(spawned), deadline_(deadline) {
    link_.wait = this;
    link_.fired = [](DoneLink& link) noexcept { static_cast<Link&>(link).wait->wake(); };
  }

  bool await_ready() const noexcept { return spawned_.done(); }
  void start() noexcept {
    spawned_.notify(link_);
    if (deadline_ != kNever) who()->reactor().set_timer(timer_, deadline_);
  }
  bool await_resume() const noexcept { return spawned_.done(); }

 private:
  struct Link : DoneLink {
    Join* wait = nullptr;
  };
  static void leave(Waiter& waiter) noexcept {
    static_cast<Join&>(waiter).link_.unlink();
    static_cast<Join&>(waiter).timer_.unlink();
  }
  static constexpr Sort kSort = {"join", leave};

  Spawned& spawned_;
  TimePoint deadline_;
  Link link_;
  Timer timer_{this};
};

}  // namespace simul
