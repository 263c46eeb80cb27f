// A line of those who wait for the same thing: first come, first served.
//
// A lock, a queue, an event: each keeps those who wait for it in a Line. Whoever waits stands in it
// with a Place, a member of its wait object, so to stand in line allocates nothing, and a wait that
// is destroyed has left the line.
//
//      join                     serve_first                 (goes on)
//   ----------> | C | B | A | --------------> A: served  ---------------> await_resume
//                  refuse_all: all of them: refused
//
// The invariant: a place is in at most one line, and it hears at most one verdict. A routine that
// is killed leaves without one.
//
// All of sync/ belongs to one reactor's thread. There is no atomic operation and no mutex in it:
// between two waits nobody else runs, and waking somebody (waiter.hpp) from another thread aborts.
// Threads talk to a loop through Reactor::remote().
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "runtime/base/error.hpp"
#include "runtime/base/intrusive_list.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul {

/// What one waited for was destroyed meanwhile. Thrown where the wait was.
class Orphaned : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Where a wait stands in a line; a member of the wait object.
class Place : public ListNode<Place> {
 public:
  explicit Place(Waiter& waiter) noexcept : waiter_(waiter) {}

  /// Was it this one's turn?
  bool served() const noexcept { return verdict_ == Verdict::served; }
  void mark_served() noexcept { verdict_ = Verdict::served; }

  /// Was it told that there is nothing to wait for any more?
  bool refused() const noexcept { return verdict_ == Verdict::refused; }
  void mark_refused() noexcept { verdict_ = Verdict::refused; }

  /// Lets its routine go on, if that still waits.
  void wake() noexcept { waiter_.wake(); }

  /// For `await_resume` of a wait that can only be refused by the end of what it waited for. A
  /// wait that was ended by neither was given up: Cancelled.
  void throw_unless_served() const {
    if (refused()) throw_orphaned();
    if (!served()) throw Cancelled{};
  }

  [[noreturn]] void throw_orphaned() const {
    throw Orphaned(std::string("wait for ") + waiter_.label() + ": it was destroyed meanwhile");
  }

  /// It is over with what was served: nothing is left to be passed on.
  void leave() noexcept {
    unlink();
    verdict_ = Verdict::none;
  }

 private:
  enum class Verdict : std::uint8_t { none, served, refused };

  Waiter& waiter_;
  Verdict verdict_ = Verdict::none;
};

/// The line. Whoever stands in it when it is destroyed is refused.
class Line {
 public:
  Line() = default;
  ~Line() { refuse_all(); }

  bool empty() const noexcept { return places_.empty(); }
  Place* front() noexcept { return places_.front(); }
  Place* next(Place& place) noexcept { return places_.next(place); }

  /// Stands at the back.
  void join(Place& place) noexcept { places_.push_back(place); }

  /// Tells the first one that it is its turn, and takes it off. Null if nobody waits.
  Place* serve_first() noexcept {
    Place* first = places_.pop_front();
    if (first != nullptr) {
      first->mark_served();
      first->wake();
    }
    return first;
  }

  void serve_all() noexcept {
    while (serve_first() != nullptr) {
    }
  }

  void refuse_all() noexcept {
    while (Place* first = places_.pop_front()) {
      first->mark_refused();
      first->wake();
    }
  }

 private:
  List<Place, Place> places_;
};

}  // namespace simul
