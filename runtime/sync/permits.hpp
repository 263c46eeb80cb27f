// Permits: so many may, the others wait. What Lock and Semaphore are made of.
//
// A Permit is a thing that one has: an object, move-only, whose destructor gives it back, to the
// first in line. On its way there it is in nobody's hands:
//
//      A gives back           B goes on            await_resume makes a Permit
//   ------------------> B's request is served ---> of what the request was served
//
// So there is no rule to remember for one who was served and is killed before it went on: its wait
// is destroyed, the request in it with it, and that gives the permit to the next.
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
  /// Holds one that was taken already.
  inline explicit Permit(Permits& of) noexcept;
  inline Permit(Permit&& other) noexcept;
  inline Permit& operator=(Permit&& other) noexcept;
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

  inline void move_from(Permit& other) noexcept;

  Permits* of_ = nullptr;  // meaningful while linked
};

/// So many permits, and the line of those who wait for one. Whoever waits when it is destroyed gets
/// Orphaned.
class Permits {
 public:
  explicit Permits(std::size_t count) noexcept : free_(count) {}

  /// A place in the line of `of`. While it is served, `of` lives and has taken one for it.
  struct Request : Place {
    using Place::Place;
    ~Request() {
      if (served()) of->take_back(*this);
    }
    Permits* of = nullptr;
  };

  /// Takes one if one is free.
  bool try_take() noexcept {
    if (free_ == 0) return false;
    --free_;
    ++out_;
    return true;
  }

  /// Joins the line, or is served at once if a permit is free.
  void request(Request& request) noexcept {
    request.of = this;
    line_.join(request);
    serve();
  }

  /// Keeps in touch with somebody who will request a permit later, when a condition is notified.
  void expect(Request& request) noexcept {
    request.of = this;
    expected_.join(request);
  }

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

  void serve() noexcept {
    while (free_ != 0) {
      Place* first = line_.serve_first();
      if (first == nullptr) return;
      try_take();
      served_.join(*first);
    }
  }

  void take_back(Request& request) noexcept {
    request.leave();
    --out_;
    add();
  }

  std::size_t free_;
  std::size_t out_ = 0;
  List<Permit, Permit> permits_;  // those in somebody's hands
  Line line_;
  Line served_;  // have been given one and have not gone on yet
  Line expected_;
};

inline Permit::Permit(Permits& of) noexcept : of_(&of) {
  of.permits_.push_back(*this);
}

inline Permit::Permit(Permit&& other) noexcept {
  move_from(other);
}

inline Permit& Permit::operator=(Permit&& other) noexcept {
  if (this != &other) {
    release();
    move_from(other);
  }
  return *this;
}

inline void Permit::move_from(Permit& other) noexcept {
  if (!other.linked()) return;
  other.unlink();
  of_ = other.of_;
  of_->permits_.push_back(*this);
}

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

/// The wait for a permit of `Owner`, a lock or a semaphore.
template <class Owner>
class [[nodiscard]] Acquire final : public Wait<Acquire<Owner>> {
 public:
  explicit Acquire(Permits& permits) noexcept : Wait<Acquire>(kSort), permits_(permits) {}

  bool await_ready() noexcept {
    if (!permits_.try_take()) return false;
    request_.of = &permits_;
    request_.mark_served();
    return true;
  }
  void start() noexcept { permits_.request(request_); }
  typename Owner::Guard await_resume() {
    request_.throw_unless_served();
    request_.leave();
    return typename Owner::Guard(permits_);
  }

 private:
  static void leave(Waiter& waiter) noexcept { static_cast<Acquire&>(waiter).request_.unlink(); }
  static constexpr Waiter::Sort kSort = {Owner::kLabel, leave};

  Permits& permits_;
  Permits::Request request_{*this};
};

}  // namespace simul
