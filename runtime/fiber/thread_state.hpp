// What the C and C++ runtimes keep per thread although it belongs to a line of execution.
//
// Inside a catch block the thread remembers which exception is being handled; while a destructor
// runs because of a throw, it counts that throw. A fiber that gives up the processor there must
// find both as it left them, and must not leave them to the next one: `throw;` would otherwise
// rethrow a stranger's exception. The same goes for errno. So a switch exchanges these three words.
//
// Both common C++ runtimes (libstdc++ and libc++abi) keep the two words of exceptions in this order
// behind `__cxa_get_globals()` (Itanium C++ ABI, "Exception Handling", 2.2.2). Its address and that
// of errno are constant for a thread, so they are asked for once: the calls would cost more than
// the rest of the switch. A fiber therefore never changes thread.
#pragma once

#include <cxxabi.h>

#include <cerrno>
#include <cstdint>

namespace simul {

/// The three, put aside. A new line of execution begins with all of them zero.
class ThreadState {
 public:
  /// Asks for this thread's two addresses. Must have been called before `exchange`, once or more.
  static void find() noexcept {
    if (exceptions_ != nullptr) return;
    exceptions_ = reinterpret_cast<Exceptions*>(abi::__cxa_get_globals());
    error_ = &errno;
  }

  /// Puts this thread's state into `from` and makes `to` the thread's state.
  ///
  /// Hardly ever does one of the sides handle an exception, and mostly their errno is the same.
  /// That is asked first, in three comparisons: this is a third of the cost of a switch.
  static void exchange(ThreadState& from, ThreadState& to) noexcept {
    const std::uint64_t error = static_cast<unsigned>(*error_);
    from.error_and_flag_ = error;
    if (to.error_and_flag_ != error || exceptions_->caught != nullptr || exceptions_->uncaught != 0)
        [[unlikely]] {
      exchange_all(from, to);
    }
  }

 private:
  // As both libraries lay it out.
  struct Exceptions {
    void* caught;       // the stack of exceptions being handled
    unsigned uncaught;  // thrown and not yet caught: std::uncaught_exceptions()
  };
  static constexpr std::uint64_t kHasExceptions = std::uint64_t{1} << 32;

  [[gnu::noinline]] static void exchange_all(ThreadState& from, ThreadState& to) noexcept {
    from.put_aside_ = *exceptions_;
    if (from.put_aside_.caught != nullptr || from.put_aside_.uncaught != 0) {
      from.error_and_flag_ |= kHasExceptions;
    }
    const bool has_exceptions = (to.error_and_flag_ & kHasExceptions) != 0;
    exceptions_->caught = has_exceptions ? to.put_aside_.caught : nullptr;
    exceptions_->uncaught = has_exceptions ? to.put_aside_.uncaught : 0;
    *error_ = static_cast<int>(static_cast<unsigned>(to.error_and_flag_));
  }

  std::uint64_t error_and_flag_ = 0;  // errno in the lower half; kHasExceptions: put_aside_ counts
  Exceptions put_aside_ = {};

  static inline constinit thread_local Exceptions* exceptions_ = nullptr;
  static inline constinit thread_local int* error_ = nullptr;
};

}  // namespace simul
