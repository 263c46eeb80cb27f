// Deferred: a result that is not there yet, and what is to be done with it.
//
//     Deferred<std::string> page;                       // the producer keeps this and fires it
//     page.add_callback([](std::string text) { return text.size(); })      // Deferred<size_t>
//         .add_callback([](std::size_t n) { std::printf("%zu\n", n); })    // Deferred<void>
//         .add_errback([](std::exception_ptr e) { std::puts(message_of(e).c_str()); });
//     page.callback("hello");                           // prints 5
//
//            value       error         Each link takes what the one before it gives, a value on
//              |           |           the left or an exception on the right, and so decides on
//        +-----v----+------v-----+     which side the next one runs: what throws goes right, an
//        | callback |  errback   |     errback that returns goes left.
//        +--|----\--+---/----|---+
//           |     \    /     |         A link that returns a Deferred makes the chain wait until
//           |      \  /      |         that one has fired, and goes on with its result.
//           v       \/       v
//
// The handle is shared, as Twisted's object is: producer and consumer each hold one, and so does
// the canceller while it runs; copies mean the same Deferred. But where Twisted changes the one
// object's result from callback to callback, here each `add_...` returns the Deferred of what comes
// out of that link, for its type may be another. A result goes one way only (it may be a type that
// can only be moved), so a second callback belongs on what the first `add_callback` returned.
//
// Deferreds that wait for each other in a ring would never fire: the callback that closes it fails
// with std::logic_error. Only a ring that leads through something else, as a list, is not seen.
//
// Callbacks run at once, inside `callback` or, on a Deferred that has fired, inside `add_...`;
// nothing here waits for the loop. Thread: the reactor's. (twisted.internet.defer.Deferred)
#pragma once

#include <chrono>
#include <concepts>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "runtime/base/callback.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/deferred/chain.hpp"
#include "runtime/deferred/deferred_wait.hpp"
#include "runtime/deferred/outcome.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul {

/// A Deferred was fired a second time. (Twisted: AlreadyCalledError)
class AlreadyCalled : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// A handle of a result of type T, which may be void. An exception that reaches the end of a chain
/// and is taken by nobody is reported (Reactor::report) when the last handle goes, with the place
/// it came from: where the callback that threw it was added, or the Deferred made. `Cancelled` is
/// not reported.
template <class T = void>
class Deferred {
 public:
  using Where = std::source_location;

  /// Stops what would produce the result. It may fire the Deferred itself, with a value or an
  /// error; if it does not, the Deferred fails with `Cancelled`, or with what the canceller threw.
  using Canceller = Callback<void(Deferred&)>;

  /// One that has not fired.
  explicit Deferred(Where where = Where::current());
  explicit Deferred(Canceller canceller, Where where = Where::current());

  /// Fires it with a value: the callbacks run now. Throws AlreadyCalled if it has fired, and
  /// std::logic_error if it is what `add_...` returned. Without effect, once, if it was cancelled
  /// and had no canceller: then nobody has told the producer.
  template <class V>
  requires(!std::is_void_v<T> && std::is_convertible_v<V, T>) void callback(V&& value) const {
    if (!cell_->may_fire()) return;
    cell_->succeed(std::forward<V>(value));
    detail::Link::run(cell_);
  }
  void callback() const requires(std::is_void_v<T>) {
    if (!cell_->may_fire()) return;
    cell_->succeed({});
    detail::Link::run(cell_);
  }

  /// Fires it with an error: a std::exception_ptr that is not null, or an object to be thrown.
  template <class E>
  void errback(E error) const {
    if (!cell_->may_fire()) return;
    if constexpr (std::is_same_v<E, std::exception_ptr>)
      cell_->fail(std::move(error));
    else
      cell_->fail(std::make_exception_ptr(std::move(error)));
    detail::Link::run(cell_);
  }

  /// Adds a link: `f(T)` is called with a value (`f()` for void), `g(std::exception_ptr)` with an
  /// error. f's result U, or that of the Deferred<U> it returns, goes on; g gives the same type.
  template <class F, class G>
  auto add_callbacks(F f, G g, Where where = Where::current()) const;

  /// The same without an errback: an error goes past it.
  template <class F>
  auto add_callback(F f, Where where = Where::current()) const;

  /// Adds a link that only errors enter: `g(std::exception_ptr)` returns a T, or a Deferred<T>, in
  /// place of the value that was missed, or throws again. A value goes past it.
  template <class G>
  Deferred add_errback(G g, Where where = Where::current()) const;

  /// Adds a link for both: `f(Outcome<T>)`.
  template <class F>
  auto add_both(F f, Where where = Where::current()) const;

  /// Cancels it unless it fires within `limit`; it then fails with TimedOut. (Twisted: addTimeout)
  /// With a canceller that gives a value instead, that value counts.
  Deferred add_timeout(Duration limit, Where where = Where::current()) const;
  template <class Rep, class Period>
  Deferred add_timeout(std::chrono::duration<Rep, Period> limit,
                       Where where = Where::current()) const {
    return add_timeout(saturate(limit), where);
  }

  /// Gives up. The Deferred that this one waits for in the end (the first of its chain, or one
  /// that a callback returned) is asked to stop, see `Canceller`. No effect after firing.
  void cancel() const { cell_->cancel(); }

  /// Has it fired?
  bool called() const noexcept { return cell_->called(); }

  /// The wait for its result, which it then takes: `await(d)` in a fiber or in plain code.
  /// Throws the error. Ending the wait does not cancel the Deferred.
  DeferredWait<T> wait() const { return DeferredWait<T>(cell_); }
  DeferredWait<T> operator co_await() const { return wait(); }

  /// For other files of this folder.
  detail::Link& link() const noexcept { return *cell_; }

 private:
  template <class>
  friend class Deferred;
  template <class>
  friend class InlineCallbacks;
  template <class>
  friend class detail::Cell;
  template <class>
  friend class detail::CancellableCell;
  template <class>
  friend class detail::InlinePromise;

  explicit Deferred(Ref<detail::Cell<T>> cell) noexcept : cell_(std::move(cell)) {}

  template <class U, class Handler>
  Deferred<U> add(Handler handler, const Where& where) const {
    cell_->check_free();
    Ref<detail::Cell<U>> step(new detail::Step<T, U, Handler>(std::move(handler), where));
    cell_->connect(step);
    return Deferred<U>(std::move(step));
  }

  Ref<detail::Cell<T>> cell_;
};

namespace detail {

/// A producer's link that has a canceller.
template <class T>
class CancellableCell final : public Cell<T> {
 public:
  CancellableCell(Callback<void(Deferred<T>&)> canceller, const std::source_location& where)
      : Cell<T>(Link::Origin::producer, where), canceller_(std::move(canceller)) {
    this->cancellable_ = true;
  }

 private:
  // Not kept after firing: it may own what owns this Deferred.
  void drop_canceller() noexcept override { canceller_.reset(); }
  bool call_canceller() override;

  Callback<void(Deferred<T>&)> canceller_;
};

/// What `f` gives when it is called with a T; with nothing if that is void.
template <class F, class T>
struct ResultOfCallback : std::invoke_result<F&, T> {};
template <class F>
struct ResultOfCallback<F, void> : std::invoke_result<F&> {};

template <class T, class U, class F>
void settle_with_value(Cell<U>& self, F& f, Outcome<T>& in) {
  if constexpr (std::is_void_v<T>)
    self.settle_by(f);
  else
    self.settle_by(f, in.take());
}

}  // namespace detail

template <class T>
Deferred<T>::Deferred(Where where)
    : cell_(new detail::Cell<T>(detail::Link::Origin::producer, where)) {}

template <class T>
Deferred<T>::Deferred(Canceller canceller, Where where)
    : cell_(new detail::CancellableCell<T>(std::move(canceller), where)) {}

template <class T>
bool detail::CancellableCell<T>::call_canceller() {
  Callback<void(Deferred<T>&)> canceller = std::move(canceller_);
  if (!canceller) return true;  // it runs already, and cancels once more
  Deferred<T> self{Ref<Cell<T>>(this)};
  canceller(self);
  return true;
}

template <class T>
template <class F, class G>
auto Deferred<T>::add_callbacks(F f, G g, Where where) const {
  using U = detail::Flat<typename detail::ResultOfCallback<F, T>::type>;
  return add<U>(
      [f = std::move(f), g = std::move(g)](Outcome<T>&& in, const Where&,
                                           detail::Cell<U>& self) mutable {
        if (in.ok())
          detail::settle_with_value(self, f, in);
        else
          self.settle_by(g, in.error());
      },
      where);
}

template <class T>
template <class F>
auto Deferred<T>::add_callback(F f, Where where) const {
  using U = detail::Flat<typename detail::ResultOfCallback<F, T>::type>;
  return add<U>(
      [f = std::move(f)](Outcome<T>&& in, const Where& from, detail::Cell<U>& self) mutable {
        if (in.ok())
          detail::settle_with_value(self, f, in);
        else
          self.settle(Outcome<U>::failure(in.error()), from);
      },
      where);
}

template <class T>
template <class G>
Deferred<T> Deferred<T>::add_errback(G g, Where where) const {
  return add<T>(
      [g = std::move(g)](Outcome<T>&& in, const Where& from, detail::Cell<T>& self) mutable {
        if (in.ok())
          self.settle(std::move(in), from);
        else
          self.settle_by(g, in.error());
      },
      where);
}

template <class T>
template <class F>
auto Deferred<T>::add_both(F f, Where where) const {
  using U = detail::Flat<std::invoke_result_t<F&, Outcome<T>>>;
  return add<U>(
      [f = std::move(f)](Outcome<T>&& in, const Where&, detail::Cell<U>& self) mutable {
        self.settle_by(f, std::move(in));
      },
      where);
}

template <class T>
Deferred<T> Deferred<T>::add_timeout(Duration limit, Where where) const {
  struct Limit {
    Reactor* reactor;
    Handle timer;
    bool over = false;  // the Deferred has fired, or the reactor is gone: no timer to cancel
    bool timed_out = false;
  };
  auto state = std::make_shared<Limit>();
  state->reactor = &Reactor::current();
  if (!called()) {
    state->timer = state->reactor->call_later(limit, [state, self = *this] {
      if (state->over) return;
      state->timed_out = true;
      self.cancel();
    });
  }
  return add<T>(
      [state, limit, where](Outcome<T>&& in, const Where& from, detail::Cell<T>& self) {
        state->over = true;
        if (Reactor::current_or_null() == state->reactor) state->timer.cancel();
        if (state->timed_out && is_cancelled(in.error()))
          throw TimedOut(detail::timeout_message(where, limit));
        self.settle(std::move(in), from);
      },
      where);
}

}  // namespace simul
