// The portable switch: POSIX's makecontext and swapcontext.
//
// The library keeps what it saves in a `ucontext_t`, about a kilobyte. We let it lie on the stack
// that is left, so that here too a place is one word. swapcontext also exchanges the thread's
// signal mask, and that system call is nearly all of its cost.
#include "runtime/fiber/context.hpp"

#if !defined(SIMUL_CONTEXT_X86_64)

#include <ucontext.h>

#include <cstdint>
#include <cstdlib>
#include <new>

namespace simul::detail {

namespace {

// makecontext hands over ints, as it was defined when a pointer was one: each pointer goes in
// halves.
unsigned high(std::uintptr_t word) {
  return static_cast<unsigned>(word >> 16 >> 16);
}
unsigned low(std::uintptr_t word) {
  return static_cast<unsigned>(word);
}
std::uintptr_t join(unsigned high, unsigned low) {
  return static_cast<std::uintptr_t>(high) << 16 << 16 | low;
}

SIMUL_UNTRACED void begin(unsigned function_high, unsigned function_low, unsigned stack_high,
                          unsigned stack_low) {
  const auto function = reinterpret_cast<void (*)(Stack&)>(join(function_high, function_low));
  function(*reinterpret_cast<Stack*>(join(stack_high, stack_low)));
}

}  // namespace

SIMUL_UNTRACED void switch_place(void** from, void* to) noexcept {
  ucontext_t here;
  here.uc_stack = {};  // AddressSanitizer would take what lies there for the bounds of a new stack
  *from = &here;
  if (swapcontext(&here, static_cast<ucontext_t*>(to)) != 0)
    std::abort();  // cannot happen on Linux
}

void* first_place(Stack& stack, void (*function)(Stack&) noexcept) noexcept {
  auto* place = ::new (stack.top() - sizeof(ucontext_t) / 64 * 64 - 64) ucontext_t;
  if (getcontext(place) != 0) std::abort();  // has no documented error
  place->uc_link = nullptr;
  place->uc_stack = {};
  place->uc_stack.ss_sp = stack.bottom();
  place->uc_stack.ss_size =
      static_cast<std::size_t>(reinterpret_cast<std::byte*>(place) - stack.bottom());
  const auto f = reinterpret_cast<std::uintptr_t>(function);
  const auto s = reinterpret_cast<std::uintptr_t>(&stack);
  makecontext(place, reinterpret_cast<void (*)()>(begin), 4, high(f), low(f), high(s), low(s));
  return place;
}

}  // namespace simul::detail

#endif
