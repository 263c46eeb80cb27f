// A place in a program where it can go on later: the heart of a fiber.
//
// What a processor needs to go on is little: where the stack is, and the registers that a function
// promises to preserve. Both are pushed on the stack that is left, so that one word, the stack
// pointer, says it all. To switch is to save that word here and to load it from there:
//
//        stack of A                                  stack of B
//   | ... A's frames  |   switch_to(a, b):      | ... B's frames  |
//   | return address  |                         | return address  |
//   | saved registers |  a.place_ = sp          | saved registers |
//   |                 |<-- sp                   |                 |<-- sp = b.place_
//
// and then to pop B's registers and to jump to B's return address: the call of `switch_to` that B
// once made returns, as any call does.
//
// Two routines know how (one is chosen below; `make CONTEXT=ucontext` chooses the portable one):
//   context_x86_64.hpp    eighteen instructions, no system call (and .cpp: the first frame)
//   context_ucontext.cpp  POSIX's makecontext and swapcontext, which also save the signal mask
//
// The invariant: at most one context of a thread has no place, that of the code which is running.
// Contexts never change thread. What is not here: who runs next. That is the scheduler's.
#pragma once

#include "runtime/fiber/annotate.hpp"
#include "runtime/fiber/stack.hpp"
#include "runtime/fiber/thread_state.hpp"

#if defined(__x86_64__) && !defined(SIMUL_CONTEXT_UCONTEXT)
#define SIMUL_CONTEXT_X86_64 1
#endif

namespace simul {

namespace detail {

/// Saves the running code's place in `*from` and goes on at `to`. Returns when somebody switches
/// to `*from`. Each of the two routines defines it.
#if defined(SIMUL_CONTEXT_X86_64)
[[gnu::always_inline]] SIMUL_UNTRACED inline void switch_place(void** from, void* to) noexcept;
#else
void switch_place(void** from, void* to) noexcept;
#endif

/// The place at which `function(argument)` begins on an unused stack. It must never return.
void* first_place(Stack& stack, void (*function)(void*), void* argument) noexcept;

}  // namespace detail

/// A line of execution that is suspended, is about to begin, or (no place) is the running one.
/// Neither copied nor moved. 48 bytes.
class Context {
 public:
  /// What a context runs. It returns the context to go on in when it is over, and must not throw
  /// (std::terminate).
  using Entry = Context& (*)(void* argument);

  /// For code that is running already, such as a thread on its own stack: the first switch away
  /// from it fills it.
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Makes `entry(argument)` what the next switch to this context starts, on `stack`, with the
  /// floating-point modes of the caller. Both must outlive the run of `entry`: at the earliest, the
  /// context it returned may destroy them or use them again. One that is abandoned in the middle
  /// frees no local variable of its frames.
  void prepare(Stack& stack, Entry entry, void* argument) noexcept;

  /// Leaves the running code, which is `from`, and goes on in `to`. Returns when somebody switches
  /// to `from`. Exceptions being handled and errno stay with their line (thread_state.hpp), and so
  /// do the rounding modes and exception masks of both floating-point units.
  SIMUL_IN_PLACE SIMUL_UNTRACED static void switch_to(Context& from, Context& to) noexcept {
    ThreadState::exchange(from.state_, to.state_);
    Annotation::before_switch(from.annotation_, to.annotation_, false);
    detail::switch_place(&from.place_, to.place_);
    Annotation::after_switch(from.annotation_);
  }

 private:
  static void trampoline(void* self) noexcept;

  void* place_ = nullptr;
  ThreadState state_;
  Entry entry_ = nullptr;
  void* argument_ = nullptr;
  [[no_unique_address]] Annotation annotation_;
};

}  // namespace simul

#if defined(SIMUL_CONTEXT_X86_64)
#include "runtime/fiber/context_x86_64.hpp"
#endif
