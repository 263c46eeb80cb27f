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

namespace simul {

/// The three words, put aside. A new line of execution begins with all of them zero.
struct ThreadState {
  void* caught = nullptr;  ///< the stack of exceptions being handled
  unsigned uncaught = 0;   ///< thrown and not yet caught: std::uncaught_exceptions()
  int error = 0;           ///< errno

  /// Puts this thread's state into `from` and makes `to` the thread's state.
  static void exchange(ThreadState& from, const ThreadState& to) noexcept {
    if (exceptions_ == nullptr) [[unlikely]]
      find();
    Exceptions& exceptions = *exceptions_;
    int& error = *error_;
    from = {exceptions.caught, exceptions.uncaught, error};
    exceptions.caught = to.caught;
    exceptions.uncaught = to.uncaught;
    error = to.error;
  }

 private:
  struct Exceptions {
    void* caught;
    unsigned uncaught;
  };

  static void find() noexcept {
    exceptions_ = reinterpret_cast<Exceptions*>(abi::__cxa_get_globals());
    error_ = &errno;
  }

  static inline constinit thread_local Exceptions* exceptions_ = nullptr;
  static inline constinit thread_local int* error_ = nullptr;
};

}  // namespace simul
