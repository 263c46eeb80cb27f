// A function that can stop in the middle, hand over a value, and go on later.
//
// It is Python's generator on C++20's co_yield. Calling the function runs none of its body: it only
// makes a frame, which holds the parameters, the local variables and the place to go on from.
// `next()` runs the body up to its next co_yield and points at the value that was yielded. Nothing
// is copied: the value stays where the body has it, and it is good until the body runs again.
//
//     Generator<int> count(int limit) {          auto numbers = count(3);
//       for (int i = 0; i < limit; ++i)          while (int* number = numbers.next())
//         co_yield i;                              use(*number);  // 0 1 2
//     }
//
// The invariant is one state: fresh -> (running -> at a yield)* -> over. Only a body that is fresh
// or stands at a yield can be resumed, and one that is over never runs again. A generator is
// resumed by whoever calls next(): it knows no loop, waits for nothing (co_await in it does not
// compile) and belongs to one thread at a time.
//
// Parameters are part of the frame, so take strings and the like by value. A reference parameter
// stays a reference, and what it names must outlive the generator.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "runtime/base/observer.hpp"

namespace simul {

/// What a bare `yield` yields in Python: `Generator<>` is a generator of None, and its body gives
/// up its turn with `co_yield {};`.
struct None {};

/// Thrown at the co_yield where a generator stands when it is closed. It is no `std::exception`, so
/// that a handler for errors in the body does not eat it (Python derives its own from
/// BaseException).
struct GeneratorExit {};

/// A generator of `Yield`. `Yield` may be an object type, also a move-only one (the body may yield
/// variables and temporaries, and the caller may change or move out of them), `T&` (variables
/// only), or `const T` or `const T&` (anything, read-only). With a `Send` type, `co_yield` in the
/// body evaluates to what the caller sends. Move-only. Mirrors Python's generator-iterator methods.
template <class Yield = None, class Send = void>
class [[nodiscard]] Generator {
  static_assert(!std::is_void_v<Yield>, "a generator that yields nothing is Generator<>");
  enum class State : std::uint8_t { fresh, started, closing, over };

 public:
  using Value = std::remove_reference_t<Yield>;
  using Sent = std::conditional_t<std::is_void_v<Send>, None, Send>;
  class promise_type;
  class Iterator;

  /// A generator that is over.
  Generator() noexcept = default;
  Generator(Generator&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Generator& operator=(Generator&& other) noexcept {
    if (this != &other) {
      reset();
      frame_ = std::exchange(other.frame_, nullptr);
    }
    return *this;
  }
  /// Destroys the frame and, with it, the body's local variables. The body does not run and notices
  /// nothing else; `close()` is for telling it. (Python's garbage collector calls close().)
  ~Generator() { reset(); }

  /// Runs the body up to its next co_yield. Returns a pointer to the yielded value, or null when
  /// the body has ended, now or earlier (Python's StopIteration). An exception that leaves the body
  /// leaves next(), and the generator is over. Throws `std::logic_error`, and nothing changes, when
  /// it is called from inside the running body, or when the body waits for a value to be sent.
  Value* next() {
    if (!stands_at_yield()) [[unlikely]]
      return may_start("next") ? run(State::started) : nullptr;
    if constexpr (!std::is_void_v<Send>) {
      throw std::logic_error("next: the generator waits for a value; send() one");
    }
    return go_on();
  }

  /// Makes the co_yield where the body stands evaluate to `value` and goes on as `next()` does.
  /// Call next() once before, to run the body up to its first co_yield: sending to a fresh
  /// generator throws `std::logic_error` (Python's TypeError), for nobody is there to receive. So
  /// does sending to one that is over (Python's StopIteration): only the send() during which the
  /// body ends returns null.
  Value* send(Sent value) requires(!std::is_void_v<Send>) {
    if (!stands_at_yield()) [[unlikely]]
      refuse_to_send();
    frame_.promise().sent_ = std::addressof(value);
    return go_on();
  }

  /// Ends the generator early: `GeneratorExit` is thrown at the co_yield where the body stands, and
  /// the body may clean up and return or let it pass. A fresh body never runs; closing one that is
  /// over does nothing. Another exception out of the body leaves close(). A body that yields again
  /// has ignored the request: `std::logic_error`, and it stands at that yield.
  void close() {
    if (!frame_ || frame_.promise().state_ == State::over) return;
    if (stands_at_yield()) {
      try {
        run(State::closing);
      } catch (const GeneratorExit&) {
      }
      if (stands_at_yield()) throw std::logic_error("close: the generator ignored GeneratorExit");
    } else {
      may_start("close");
    }
    reset();
  }

  /// Has the body ended, failed or been closed?
  bool done() const noexcept { return !frame_ || frame_.promise().state_ == State::over; }

  /// For the observer; 0 while nobody has watched it.
  std::uint64_t id() const noexcept { return frame_ ? frame_.promise().id_ : 0; }

  /// For range-for, which runs the body once for each value. Like a `for` in Python, it goes on
  /// from where the generator stands.
  Iterator begin() requires(std::is_void_v<Send>) { return Iterator(*this); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  using Frame = std::coroutine_handle<promise_type>;

  explicit Generator(Frame frame) noexcept : frame_(frame) {}

  bool stands_at_yield() const noexcept { return frame_ && frame_.promise().value_ != nullptr; }

  // What a body that does not stand at a yield allows: true when it is fresh, false when it is
  // over.
  [[gnu::noinline]] bool may_start(const char* operation) const {
    if (done()) return false;
    if (frame_.promise().state_ == State::fresh) return true;
    throw std::logic_error(std::string(operation) + ": the generator is already running");
  }

  [[noreturn, gnu::noinline]] void refuse_to_send() const {
    throw std::logic_error(may_start("send") ? "send: the generator has not started; next()"
                                             : "send: the generator is over");
  }

  // The path of every item but the first. Everything rare is kept out of it, so that the compiler
  // puts it into the caller's loop. It touches nothing of *this after the body ran: a body may
  // append to the vector that holds its own generator, and so move it.
  Value* go_on() {
    promise_type& promise = frame_.promise();
    if (promise.id_ != 0) [[unlikely]]
      return promise.go_on_observed();
    promise.value_ = nullptr;
    frame_.resume();
    return promise.value_ != nullptr ? promise.value_ : promise.at_end();
  }

  [[gnu::noinline]] Value* run(State state) {
    frame_.promise().state_ = state;
    return go_on();
  }

  void reset() noexcept {
    if (!frame_) return;
    if (frame_.promise().is_running()) {
      std::fputs("simul: a generator was destroyed by its own running body\n", stderr);
      std::abort();
    }
    std::exchange(frame_, nullptr).destroy();
  }

  Frame frame_;
};

/// What the compiler asks for; not for use by hand.
template <class Yield, class Send>
class Generator<Yield, Send>::promise_type {
 public:
  promise_type() : promise_type(std::string_view()) {}

  /// A generator whose first parameter is a string goes by that name in a trace.
  template <class Name, class... Others>
  requires(std::is_same_v<Name, std::string> || std::is_same_v<Name, std::string_view>)
      promise_type(const Name& name, const Others&...)
      : promise_type(std::string_view(name)) {}

  promise_type(const promise_type&) = delete;
  promise_type& operator=(const promise_type&) = delete;
  ~promise_type() {
    if (state_ != State::over) end();
  }

  Generator get_return_object() noexcept { return Generator(Frame::from_promise(*this)); }
  std::suspend_always initial_suspend() const noexcept { return {}; }
  std::suspend_always final_suspend() noexcept {
    end();
    return {};
  }

  // A co_yield leaves the frame suspended; what it evaluates to is decided when it is resumed.
  struct AtYield {
    promise_type& promise;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    Send await_resume() const {
      if (promise.state_ == State::closing) [[unlikely]]
        promise.exit();
      if constexpr (!std::is_void_v<Send>) return static_cast<Sent&&>(*promise.sent_);
    }
  };

  // A temporary lives in the frame until the co_yield is over, so its address is as good as that of
  // a variable.
  AtYield yield_value(Value& value) noexcept {
    value_ = std::addressof(value);
    return {*this};
  }
  AtYield yield_value(Value&& value) noexcept
      requires(!std::is_lvalue_reference_v<Yield> && !std::is_const_v<Value>) {
    return yield_value(value);
  }

  void return_void() const noexcept {}

  // Stored, and thrown again by next(). Letting it leave resume() from here would be shorter, but
  // clang before 17 then destroys the body's variables a second time.
  void unhandled_exception() noexcept { error_ = std::current_exception(); }

  template <class T>
  void await_transform(T&&) = delete;  // a generator cannot wait: nobody would wake it

 private:
  friend Generator;

  explicit promise_type(std::string_view name) {
    if (Observer* o = observer()) [[unlikely]] {
      id_ = next_id();
      o->created(id_, "generator", name);
    }
  }

  bool is_running() const noexcept {
    return value_ == nullptr && (state_ == State::started || state_ == State::closing);
  }

  [[gnu::noinline]] Value* go_on_observed() {
    if (Observer* o = observer()) o->runs(id_);
    value_ = nullptr;
    Frame::from_promise(*this).resume();
    if (value_ == nullptr) return at_end();
    if (Observer* o = observer()) o->waits(id_, "yield");
    return value_;
  }

  // The body is over: null, or the exception that left it.
  [[gnu::noinline]] Value* at_end() {
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    return nullptr;
  }

  [[noreturn]] void exit() {
    state_ = State::started;  // the request is delivered once
    throw GeneratorExit{};
  }

  void end() noexcept {
    state_ = State::over;
    value_ = nullptr;
    if (id_ != 0) [[unlikely]] {
      if (Observer* o = observer()) o->ended(id_);
    }
  }

  Value* value_ = nullptr;                         // null unless it stands at a yield
  std::remove_reference_t<Sent>* sent_ = nullptr;  // the argument of the send() that is going on
  std::exception_ptr error_;                       // what left the body, until next() throws it
  std::uint64_t id_ = 0;                           // 0: nobody watches
  State state_ = State::fresh;
};

/// An input iterator over the values; the end is `std::default_sentinel`.
template <class Yield, class Send>
class Generator<Yield, Send>::Iterator {
 public:
  using value_type = std::remove_cv_t<Value>;
  using difference_type = std::ptrdiff_t;

  Value& operator*() const noexcept { return *value_; }
  Value* operator->() const noexcept { return value_; }
  Iterator& operator++() {
    value_ = generator_->next();
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const Iterator& iterator, std::default_sentinel_t) noexcept {
    return iterator.value_ == nullptr;
  }

 private:
  friend Generator;
  explicit Iterator(Generator& generator) : generator_(&generator), value_(generator.next()) {}

  Generator* generator_;
  Value* value_;
};

}  // namespace simul
