// Permits: so many may, the others wait. What Lock and Semaphore are made of.
//
// A Permit is a thing that one has: an object, move-only, whose destructor gives it back, to the
// first in line. It is handed over inside the wait object of the one it is for:
//
//      A gives back           B goes on             await_resume moves the permit
//   ------------------> [B's wait | permit] ------> out of the wait, into B's guard
//
// So there is no rule to remember for one who was handed a permit and is killed before it went on:
// its wait is destroyed, the permit in it with it, and that gives it to the next.
//
// The invariant: somebody stands in line only while no permit is free.
#pragma once

#include <cstddef>
#include <utility>

#include "runtime/sync/line.hpp"

namespace simul {

class Permits;

/// One permit, or none. It may outlive what it is a permit of, and is empty then.
/// Thread: the reactor's.
class [[nodiscard]] Permit : ListNode<Permit> {
 public:
  Permit() noexcept = default;
  Permit(Permit&& other) noexcept { take(other); }
  Permit& operator=(Permit&& other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  ~Permit() { release(); }

  explicit operator bool() const noexcept { return linked(); }

  /// What it is a permit of; null if it is empty.
  Permits* of() const noexcept { return linked() ? of_ : nullptr; }

  /// Gives it back now rather than in the destructor. No effect on an empty one.
  inline void release() noexcept;

  /// Lets go of it without giving it back: somebody else will (Semaphore::release).
  inline void keep() noexcept;

 private:
  friend class Permits;
  template <class, class>
  friend class List;

  inline void take(Permit& other) noexcept;

  Permits* of_ = nullptr;  // meaningful while linked
};

/// So many permits, and the line of those who wait for one. Whoever waits when it is destroyed gets
/// Orphaned.
class Permits {
 public:
  explicit Permits(std::size_t count) noexcept : free_(count) {}

  /// A place in the line, with room for what one waits for.
  struct Request : Place {
    using Place::Place;
    /// For `await_resume`: what was handed over. Throws Orphaned or Cancelled if nothing was.
    Permit take() {
      throw_unless_served();
      if (!permit) throw_orphaned();
      return std::move(permit);
    }
    Permit permit;
  };

  /// Takes one if one is free; else it stays empty.
  bool try_take(Permit& permit) noexcept {
    if (free_ == 0) return false;
    --free_;
    hand_to(permit);
    return true;
  }

  /// Joins the line, or is served at once if a permit is free.
  void request(Request& request) noexcept {
    line_.join(request);
    serve();
  }

  /// Keeps in touch with somebody who will request a permit later, when a condition is notified.
  void expect(Request& request) noexcept { expected_.join(request); }

  /// One permit more, or one back.
  void add(std::size_t count = 1) noexcept {
    free_ += count;
    serve();
  }

  /// How many are free. Then nobody waits.
  std::size_t free() const noexcept { return free_; }

  /// How many are out: in somebody's hands, or on the way there.
  std::size_t out() const noexcept { return out_; }

 private:
  friend class Permit;

  void hand_to(Permit& permit) noexcept {
    permit.of_ = this;
    permits_.push_back(permit);
    ++out_;
  }

  void serve() noexcept {
    while (free_ != 0) {
      Place* first = line_.serve_first();
      if (first == nullptr) return;
      --free_;
      hand_to(static_cast<Request*>(first)->permit);
    }
  }

  std::size_t free_;
  std::size_t out_ = 0;
  List<Permit, Permit> permits_;  // those that are out
  Line line_;
  Line expected_;
};

inline void Permit::keep() noexcept {
  if (!linked()) return;
  unlink();
  --of_->out_;
}

inline void Permit::release() noexcept {
  if (!linked()) return;
  keep();
  of_->add();
}

inline void Permit::take(Permit& other) noexcept {
  if (!other.linked()) return;
  other.unlink();
  of_ = other.of_;
  of_->permits_.push_back(*this);
}

/// The wait for a permit of `Owner`, a lock or a semaphore.
template <class Owner>
class [[nodiscard]] Acquire final : public Wait<Acquire<Owner>> {
 public:
  explicit Acquire(Permits& permits) noexcept : Wait<Acquire>(kSort), permits_(permits) {}

  bool await_ready() noexcept {
    if (!permits_.try_take(request_.permit)) return false;
    request_.mark_served();
    return true;
  }
  void start() noexcept { permits_.request(request_); }
  typename Owner::Guard await_resume() { return typename Owner::Guard(request_.take()); }

 private:
  static void leave(Waiter& waiter) noexcept { static_cast<Acquire&>(waiter).request_.unlink(); }
  static constexpr Waiter::Sort kSort = {Owner::kLabel, leave};

  Permits& permits_;
  Permits::Request request_{*this};
};

}  // namespace simul
