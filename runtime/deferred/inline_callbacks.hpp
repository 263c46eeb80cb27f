// InlineCallbacks: a function that waits for Deferreds as if it were plain code.
//
//     InlineCallbacks<std::size_t> size_of_both(std::string a, std::string b) {
//       const std::string first = co_yield get_page(a);      // goes on here when it has fired
//       try {
//         const std::string second = co_yield get_page(b);   // an error is thrown here
//         co_return first.size() + second.size();            // fires the Deferred
//       } catch (const std::runtime_error&) {
//         co_return first.size();
//       }
//     }
//
// What the call returns is a Deferred, and is used as one. The body runs at once, as far as the
// first Deferred that has not fired; one that has fired, or a plain value, does not stop it.
//
// The coroutine is a link of a chain (chain.hpp) that may be fed many times. While it waits, the
// Deferred that it waits for owns it; so it goes with that Deferred if that never fires, the loop
// that runs along a chain resumes it, and `cancel` finds its way through it. The invariant: nobody
// but that owner, and who holds the result, keeps the frame; and the frame keeps neither, except in
// variables of its body. `co_yield d` with a variable d does close such a ring; that is why a
// reactor destroys, when it goes, the frames that still wait.
//
// The classic trap: parameters are copied into the frame, but a reference parameter stays a
// reference, and a lambda's captures stay in the lambda. Both are used after the first co_yield, so
// they must outlive the coroutine: take strings by value, and let a lambda have parameters instead
// of captures. Two lesser ones: co_yield binds more loosely than any operator, so it is
// `1 + (co_yield d)`; and g++ 12 destroys twice what braces make inside a co_yield expression (a
// lambda with captures, an `Options{...}`, a default argument `= {}`): name such things before.
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/base/intrusive_list.hpp"
#include "runtime/base/observer.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/deferred/chain.hpp"
#include "runtime/deferred/deferred.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul {

template <class T = void>
class InlineCallbacks;

namespace detail {

template <class T>
struct IsDeferred<InlineCallbacks<T>> : IsDeferred<Deferred<T>> {};

/// The frame of a coroutine, which belongs to a link; it is on its reactor's list while it waits.
struct InlineFrame : ListNode<InlineFrame> {
  explicit InlineFrame(Link& its_link) noexcept : link(its_link) {}
  ~InlineFrame() { destroy(); }

  void destroy() noexcept {
    unlink();
    if (!frame) return;
    std::exchange(frame, nullptr).destroy();
    note_end();
  }

  void note_end() const noexcept {
    if (Observer* o = observer(); o != nullptr && id != 0) o->ended(id);
  }

  Link& link;
  std::coroutine_handle<> frame;  // null when the body is over
  std::uint64_t id = 0;           // for the observer; 0: nobody watches
};

/// The frames that wait, once for each reactor.
class WaitingFrames {
 public:
  explicit WaitingFrames(Reactor&) noexcept {}
  ~WaitingFrames() {
    while (InlineFrame* frame = list_.front()) {
      const Ref<Link> held(&frame->link);  // the frame may hold what holds the link
      frame->destroy();
    }
  }
  void add(InlineFrame& frame) noexcept { list_.push_back(frame); }

 private:
  List<InlineFrame, InlineFrame> list_;
};

/// The link that a coroutine is.
template <class T>
class InlineCell final : public Cell<T>, public InlineFrame {
 public:
  explicit InlineCell(const std::source_location& where) noexcept
      : Cell<T>(Link::Origin::chain, where), InlineFrame(static_cast<Link&>(*this)) {}

  /// The body has come to a co_yield: an error that leaves it later is said to come from there.
  void reached(const std::source_location& where) noexcept { this->where_ = where; }

  /// From now on it waits for `inner`.
  void suspend(Link& inner) {
    Reactor::current().part<WaitingFrames>().add(*this);
    this->wait_for(inner);
    if (Observer* o = observer(); o != nullptr && id != 0) o->waits(id, "deferred");
  }

  /// The Deferred that has fired; null if it waits no longer because it was cancelled.
  Link* source() const noexcept { return source_; }

 private:
  void feed(Link& source) noexcept override {
    if (this->frame)
      resume(&source);
    else
      this->fail(std::make_exception_ptr(Cancelled{}));  // its reactor has gone
  }

  // Comes here only if there is nothing upstream to be cancelled.
  bool call_canceller() override {
    if (!this->linked()) return false;  // it runs: see AtYield::await_ready
    resume(nullptr);                    // what it waited for went without having fired
    if (this->called()) Link::run(Ref<Link>(this));
    return true;
  }

  void resume(Link* source) noexcept {
    this->unlink();
    source_ = source;
    if (Observer* o = observer(); o != nullptr && id != 0) o->runs(id);
    this->frame.resume();
  }

  Link* source_ = nullptr;
};

/// What stands at `co_yield d`, for a Deferred<U>.
template <class T, class U>
class AtYield {
 public:
  AtYield(InlineCell<T>& self, Ref<Cell<U>> inner) noexcept
      : self_(self), inner_(std::move(inner)) {}

  bool await_ready() const {
    if (self_.called()) throw Cancelled{};  // somebody cancelled it while it ran
    self_.check_can_wait_for(*inner_);
    return inner_->called();
  }
  void await_suspend(std::coroutine_handle<>) {
    self_.suspend(*inner_);
    inner_ = {};  // from now on the other way round: it owns us
  }
  U await_resume() {
    if (inner_) return inner_->take().take();
    if (self_.source() == nullptr) throw Cancelled{};
    return static_cast<Cell<U>&>(*self_.source()).take().take();
  }

 private:
  InlineCell<T>& self_;
  Ref<Cell<U>> inner_;
};

/// What stands at a `co_yield` of anything else, which lives until the end of the expression.
template <class V>
struct AtValue {
  V&& value;

  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  std::remove_cvref_t<V> await_resume() { return std::forward<V>(value); }
};

/// What the compiler asks for, but for the result.
template <class T>
class InlinePromise {
 public:
  std::suspend_never initial_suspend() const noexcept { return {}; }
  std::suspend_never final_suspend() noexcept {  // the frame destroys itself
    cell_->frame = nullptr;
    cell_->note_end();
    return {};
  }
  void unhandled_exception() noexcept {
    if (!cell_->called()) cell_->fail(std::current_exception());
  }

  template <class V>
  auto yield_value(V&& value, std::source_location where = std::source_location::current()) {
    cell_->reached(where);
    using U = typename IsDeferred<std::remove_cvref_t<V>>::Value;
    if constexpr (IsDeferred<std::remove_cvref_t<V>>::value)
      return AtYield<T, U>(*cell_, Deferred<U>(std::forward<V>(value)).cell_);
    else
      return AtValue<V>{std::forward<V>(value)};
  }

  template <class V>
  void await_transform(V&&) = delete;  // it waits for Deferreds, with co_yield

 protected:
  explicit InlinePromise(std::string_view name) {
    if (Observer* o = observer()) {
      id_ = next_id();
      o->created(id_, "generator", name);
    }
  }

  template <class Promise>
  Ref<Cell<T>> start(Promise& promise, const std::source_location& where) {
    cell_ = new InlineCell<T>(where);
    cell_->frame = std::coroutine_handle<Promise>::from_promise(promise);
    cell_->id = id_;
    if (Observer* o = observer(); o != nullptr && id_ != 0) o->runs(id_);
    return Ref<Cell<T>>(cell_);
  }

  InlineCell<T>* cell_ = nullptr;

 private:
  std::uint64_t id_ = 0;
};

template <class T>
class InlinePromiseOf : public InlinePromise<T> {
 public:
  using InlinePromise<T>::InlinePromise;

  template <class V = T>
  requires std::is_convertible_v<V, T>
  void return_value(V&& value) {
    if (!this->cell_->called()) this->cell_->succeed(std::forward<V>(value));
  }
};
template <>
class InlinePromiseOf<void> : public InlinePromise<void> {
 public:
  using InlinePromise<void>::InlinePromise;

  void return_void() {
    if (!cell_->called()) cell_->succeed({});
  }
};

}  // namespace detail

/// What a function returns that is written with `co_yield` on Deferreds: the Deferred of its
/// result, which fires when the body ends, with what it gives to co_return or with the exception
/// that left it. In the body `co_yield d` with a Deferred<U> evaluates to the U or throws its
/// error; with anything else, to that.
///
/// Cancelling it cancels the Deferred that the body waits for, and so throws Cancelled at its
/// co_yield; the body may clean up, go on, or give a value all the same. Cancelled while it runs,
/// it fails at once, and each further co_yield of a Deferred throws Cancelled. Thread: the
/// reactor's. (twisted.internet.defer.inlineCallbacks)
template <class T>
class InlineCallbacks : public Deferred<T> {
 public:
  class promise_type;

  /// As a plain Deferred, where the conversion needs to be written down.
  Deferred<T> deferred() const noexcept { return *this; }

 private:
  explicit InlineCallbacks(Ref<detail::Cell<T>> cell) noexcept : Deferred<T>(std::move(cell)) {}
};

/// What the compiler asks for; not for use by hand.
template <class T>
class InlineCallbacks<T>::promise_type : public detail::InlinePromiseOf<T> {
 public:
  promise_type() : promise_type(std::string_view()) {}

  /// A coroutine whose first parameter is a string goes by that name in a trace.
  template <class Name, class... Others>
  requires(std::is_same_v<Name, std::string> || std::is_same_v<Name, std::string_view>)
      promise_type(const Name& name, const Others&...)
      : promise_type(std::string_view(name)) {}

  InlineCallbacks get_return_object(std::source_location where = std::source_location::current()) {
    return InlineCallbacks(this->start(*this, where));
  }

 private:
  explicit promise_type(std::string_view name) : detail::InlinePromiseOf<T>(name) {}
};

}  // namespace simul
