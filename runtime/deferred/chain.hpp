// The links of a chain of callbacks, and the loop that runs along it.
//
//     Deferred<int> d;                   d.add_callback(f).add_errback(g);
//
//     [ link: d ] --next--> [ link: f ] --next--> [ link: g ]      owns, by counting references
//         ^----upstream---------'  ^---upstream-------'            only points, for cancel()
//
// When a link has an outcome, the next one takes it, calls its function, and so has an outcome of
// its own, and so on: one loop (`run`), however long the chain. If the function returns a Deferred,
// the link becomes the `next` of that one instead and the loop ends; it goes on from here when the
// inner one fires. Links that die are put on a list and freed by one loop, too: neither firing nor
// destroying a chain needs more stack because it is long.
//
// The invariant: a link has at most one `next` or one waiter, and its outcome is taken once.
// Owning pointers lead only downstream, so a chain never owns itself. (A lambda that captures a
// Deferred of its own chain does close a ring, until it has run: then it is destroyed.)
//
// Thread: everything here belongs to the reactor's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "runtime/base/block_pool.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/deferred/outcome.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul {

template <class T>
class Deferred;

namespace detail {

template <class T>
class CancellableCell;  // in deferred.hpp

template <class T>
class InlinePromise;  // in inline_callbacks.hpp

/// "chat.cpp:42", for messages.
std::string place(const std::source_location& where);

/// "the Deferred of chat.cpp:42: timed out after 2.5 s"
std::string timeout_message(const std::source_location& where, Duration limit);

/// A link without the type of its outcome.
class Link {
 public:
  enum class Origin : std::uint8_t { producer, chain };  ///< who gives it its outcome

  Link(Origin origin, const std::source_location& where) noexcept
      : where_(where), origin_(origin) {}
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  virtual ~Link();

  static void* operator new(std::size_t bytes) { return BlockPool::take(bytes); }
  static void operator delete(void* link, std::size_t bytes) noexcept {
    BlockPool::give(link, bytes);
  }

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) bury(*this);
  }

  /// Has the last reference gone? Only whoever points to it without one must ask.
  bool dying() const noexcept { return references_ == 0; }

  /// Has it an outcome, or had it one before that was passed on?
  bool called() const noexcept { return state_ != State::waiting; }

  /// True if a producer may give the outcome now. False if it was cancelled and this call is the
  /// late one to be ignored. Throws AlreadyCalled, or std::logic_error for a link in a chain.
  bool may_fire();

  /// Throws std::logic_error if the outcome is spoken for.
  void check_free() const;

  /// The same of `inner`, and also if `inner` waits, in the end, for this link: neither would fire.
  void check_can_wait_for(const Link& inner) const;

  /// Passes the outcome of `link`, which has one, down the chain as far as it goes.
  static void run(Ref<Link> link);

  /// Cancels what this link waits for in the end.
  void cancel();

  /// The outcome of `*this` will go, or goes now, to `next`.
  void connect(Ref<Link> next);

  void fail(std::exception_ptr error) noexcept;

  const std::source_location& where() const noexcept { return where_; }

  /// Who is woken when the outcome is there: a fiber or a task that waits.
  Waiter* waiter = nullptr;

 protected:
  enum class State : std::uint8_t { waiting, value, error, taken };

  /// Takes the outcome of `source` and makes one of it, or starts to wait for a Deferred.
  virtual void feed(Link& source) noexcept = 0;

  /// Calls the canceller, if there is one. False: there is none.
  virtual bool call_canceller() { return false; }
  virtual void drop_canceller() noexcept {}

  /// To be called when `state_` has become `value` or `error`.
  void settled() noexcept {
    if (cancellable_) drop_canceller();
  }

  /// From now on waits for `inner`, which has no outcome yet.
  void wait_for(Link& inner) noexcept;

  std::exception_ptr error_;
  // Where the Deferred was made or the callback added; with an error, where that came from.
  std::source_location where_;
  State state_ = State::waiting;
  bool cancellable_ = false;

 private:
  static void bury(Link& link) noexcept;

  Ref<Link> next_;
  Link* upstream_ = nullptr;  // whose `next_` this is; also links the dead
  std::uint32_t references_ = 0;
  Origin origin_;
  bool ignore_late_call_ = false;
};

template <class T>
struct IsDeferred : std::false_type {
  using Value = T;
};
template <class T>
struct IsDeferred<Deferred<T>> : std::true_type {
  using Value = T;
};

/// What a chain goes on with after a function that returns R: for Deferred<U>, U.
template <class R>
using Flat = typename IsDeferred<std::remove_cvref_t<R>>::Value;

/// A link whose outcome is a T or an exception.
template <class T>
class Cell : public Link {
 public:
  using Stored = typename Outcome<T>::Stored;
  using Link::Link;

  void succeed(Stored value) {
    value_.emplace(std::move(value));
    state_ = State::value;
    settled();
  }

  /// Without a throw for an error that only passes through.
  void settle(Outcome<T>&& outcome, const std::source_location& from) {
    if (!outcome.ok()) {
      where_ = from;
      fail(outcome.error());
    } else if constexpr (std::is_void_v<T>) {
      succeed({});
    } else {
      succeed(outcome.take());
    }
  }

  /// The outcome, which must be there. It counts as handled afterwards.
  Outcome<T> take() {
    if (std::exchange(state_, State::taken) == State::error)
      return Outcome<T>::failure(std::exchange(error_, nullptr));
    Outcome<T> outcome(std::move(*value_));
    value_.reset();
    return outcome;
  }

  /// The outcome is what `function(arguments...)` returns; for a Deferred, what that fires with.
  template <class F, class... Args>
  void settle_by(F& function, Args&&... arguments) {
    using R = std::invoke_result_t<F&, Args...>;
    static_assert(std::is_same_v<Flat<R>, T> || std::is_convertible_v<Flat<R>, T>,
                  "callback and errback of one link must give the same type");
    if constexpr (IsDeferred<std::remove_cvref_t<R>>::value) {
      adopt(*std::invoke(function, std::forward<Args>(arguments)...).cell_);
    } else if constexpr (std::is_void_v<R>) {
      std::invoke(function, std::forward<Args>(arguments)...);
      succeed({});
    } else {
      succeed(std::invoke(function, std::forward<Args>(arguments)...));
    }
  }

 protected:
  void feed(Link& source) noexcept override {  // `source` is the inner Deferred it waited for
    auto& inner = static_cast<Cell&>(source);
    try {
      settle(inner.take(), inner.where());
    } catch (...) {  // a move constructor threw
      fail(std::current_exception());
    }
  }

 private:
  void adopt(Cell& inner) {
    this->check_can_wait_for(inner);
    if (inner.called())
      settle(inner.take(), inner.where());
    else
      wait_for(inner);
  }

  std::optional<Stored> value_;
};

/// A link that makes its outcome from that of a Cell<T>: `handler(outcome, from, self)`, where
/// `from` is the place to name for an error that it passes on.
template <class T, class U, class Handler>
class Step final : public Cell<U> {
 public:
  Step(Handler&& handler, const std::source_location& where)
      : Cell<U>(Link::Origin::chain, where), handler_(std::move(handler)) {}

 private:
  void feed(Link& source) noexcept override {
    if (!handler_) return Cell<U>::feed(source);
    try {
      auto& from = static_cast<Cell<T>&>(source);
      (*handler_)(from.take(), from.where(), static_cast<Cell<U>&>(*this));
    } catch (...) {
      this->fail(std::current_exception());
    }
    handler_.reset();  // and what it captured, before the chain goes on
  }

  std::optional<Handler> handler_;
};

}  // namespace detail
}  // namespace simul
