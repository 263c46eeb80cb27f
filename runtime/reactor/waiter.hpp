// What everything that waits leaves behind: a Waiter.
//
// A sleep, a socket that has nothing to read, an empty queue, a fiber that joins another: each is
// an object with a Waiter as its base, and each keeps its links (a timer, a place in a queue) as
// members. The object lives where the waiting code keeps its local variables, on a fiber's stack or
// in a coroutine's frame. So waiting allocates nothing, and whoever destroys the object has ended
// the wait: links take themselves off their lists.
//
//        begin(who)              wake(): all links off,
//   idle ----------> waiting ----------------------------> triggered ----> who->step()
//                                on the ready queue, once
//
// The invariant: a Waiter is on the ready queue exactly while it is `triggered` and its routine has
// not yet gone on. However many things could wake it, the first one does and the others are
// unlinked.
#pragma once

#include <cassert>
#include <concepts>
#include <coroutine>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "runtime/base/intrusive_list.hpp"

namespace simul {

class Reactor;
class Waiter;

/// Something that runs in pieces and waits in between: a callback, a fiber, a task, or the plain
/// code that called the loop. One `Reactor` drives it, in one thread, for all its life.
class Routine {
 public:
  enum class Kind : std::uint8_t { callback, fiber, task, caller };

  Routine(Reactor& reactor, Kind kind) noexcept : reactor_(reactor), kind_(kind) {}
  Routine(const Routine&) = delete;
  Routine& operator=(const Routine&) = delete;

  /// Goes on until the next wait or the end. Called by the loop alone.
  virtual void step() = 0;

  /// What a person calls it: "fiber 'One'".
  virtual std::string describe() const = 0;

  Reactor& reactor() const noexcept { return reactor_; }
  Kind kind() const noexcept { return kind_; }

  /// For the observer; 0 while nobody has watched it.
  std::uint64_t id() const noexcept { return id_; }

  /// What it waits for, or null while it runs.
  const Waiter* waiting_on() const noexcept { return waiting_on_; }
  Waiter* waiting_on() noexcept { return waiting_on_; }

 protected:
  ~Routine() = default;

  void set_id(std::uint64_t id) noexcept { id_ = static_cast<std::uint32_t>(id); }

  /// Ends its wait, if it is in one, so that it goes on and finds out why.
  void interrupt() noexcept;

 private:
  friend class Waiter;

  Reactor& reactor_;
  Waiter* waiting_on_ = nullptr;
  std::uint32_t id_ = 0;  // enough for four thousand million that were watched
  Kind kind_;
};

/// One wait of one routine. Thread: the reactor's; `wake()` on another thread aborts with a
/// message.
class Waiter : public ListNode<> {
 public:
  enum class State : std::uint8_t { idle, waiting, triggered };

  /// What all waits of one sort have in common.
  struct Sort {
    const char* label;                 ///< what is awaited: "sleep", "readable", "queue.get"
    void (*unlink)(Waiter&) noexcept;  ///< takes every link of the wait off; null: it has none
    /// Whom to cancel in place of the one that waits this way, such as the task it waits for; that
    /// one's end then ends the wait. Null: nobody, the wait is ended.
    Routine* (*cancel_instead)(Waiter&) = nullptr;
  };

  State state() const noexcept { return state_; }
  const char* label() const noexcept { return sort_.label; }
  const Sort& sort() const noexcept { return sort_; }
  Routine* who() const noexcept { return who_; }

  /// The first call ends the wait: it unlinks every link and puts the waiter on the ready queue.
  /// Further calls, and calls for somebody who does not wait, do nothing.
  void wake() noexcept {
    if (state_ == State::waiting) trigger();
  }

  /// Called by the loop when it takes the waiter off the ready queue.
  void taken() noexcept {
    state_ = State::idle;
    who_->waiting_on_ = nullptr;
  }

 protected:
  explicit Waiter(const Sort& sort) noexcept : sort_(sort) {}

  /// A wait that is destroyed is over. Its links, members of the derived class, are gone by now,
  /// and `~ListNode` takes it off the ready queue.
  ~Waiter() {
    if (state_ != State::idle && who_->waiting_on_ == this) who_->waiting_on_ = nullptr;
  }

  /// From now on `who` waits. The derived class has set or will set the links.
  void begin(Routine& who) noexcept {
    assert(state_ == State::idle && who.waiting_on_ == nullptr);
    who_ = &who;
    who.waiting_on_ = this;
    state_ = State::waiting;
  }

  /// Takes back a wait that has begun, as if it had not. For a callback that is cancelled, and for
  /// a wait that could not set its links.
  void abandon() noexcept {
    if (state_ == State::idle) return;
    if (sort_.unlink != nullptr) sort_.unlink(*this);
    unlink();
    taken();
  }

 private:
  friend class Routine;

  void trigger() noexcept;  // in reactor.hpp: it needs the ready queue

  const Sort& sort_;
  Routine* who_ = nullptr;
  State state_ = State::idle;
};

inline void Routine::interrupt() noexcept {
  if (waiting_on_ != nullptr) waiting_on_->wake();
}

/// The base of every wait that code can write down: `co_await wait` in a task, `await(wait)` in a
/// fiber or in plain code. `Derived` has
///   bool await_ready()    true if there is nothing to wait for;
///   void start()          sets the links: called once, after `begin`;
///   T await_resume()      the result, or throws.
/// A wait that was handed something (an item, a permit) and is destroyed before `await_resume` ran,
/// because its routine was cancelled meanwhile, passes it on in its destructor.
template <class Derived>
class Wait : public Waiter {
 public:
  /// Lets `who` wait. Afterwards `who` must return to the loop. If `start` throws, so does this,
  /// and nobody waits.
  void suspend(Routine& who) {
    begin(who);
    try {
      static_cast<Derived*>(this)->start();
    } catch (...) {
      abandon();
      throw;
    }
  }

  /// The same from a coroutine, whose promise knows its routine.
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> frame) {
    suspend(frame.promise().suspended_in(frame));
  }

 protected:
  using Waiter::Waiter;
  ~Wait() = default;
};

/// A wait, or a reference to one.
template <class W>
concept IsWait = std::derived_from<std::remove_cvref_t<W>, Waiter>;

/// What is no wait itself but has one, as a Deferred or the handle of a task has.
template <class A>
concept HasWait = requires(A&& awaitable) {
  { std::forward<A>(awaitable).operator co_await() } -> IsWait;
};

}  // namespace simul
