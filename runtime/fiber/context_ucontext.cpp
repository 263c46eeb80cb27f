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

SIMUL_UNTRACED void begin(unsigned function_high, unsigned function_low, unsigned argument_high,
                          unsigned argument_low) {
  const auto function = reinterpret_cast<void (*)(void*)>(join(function_high, function_low));
  function(reinterpret_cast<void*>(join(argument_high, argument_low)));
}

#if defined(SIMUL_ASAN)
// AddressSanitizer replaces swapcontext by one that prints a warning, needlessly: annotate.hpp
// tells it what it has to know. The same in two steps, of which it knows nothing.
int swap(ucontext_t* from, const ucontext_t* to) {
  volatile bool is_back = false;  // getcontext returns twice: now, and when somebody goes on here
  if (getcontext(from) != 0) return -1;
  if (is_back) return 0;
  is_back = true;
  return setcontext(to);
}
#else
SIMUL_UNTRACED inline int swap(ucontext_t* from, const ucontext_t* to) {
  return swapcontext(from, to);
}
#endif

}  // namespace

SIMUL_UNTRACED void switch_place(void** from, void* to) noexcept {
  ucontext_t here;
  *from = &here;
  if (swap(&here, static_cast<ucontext_t*>(to)) != 0) std::abort();  // cannot happen on Linux
}

void* first_place(Stack& stack, void (*function)(void*), void* argument) noexcept {
  auto* place = ::new (stack.top() - sizeof(ucontext_t) / 64 * 64 - 64) ucontext_t;
  if (getcontext(place) != 0) std::abort();  // has no documented error
  place->uc_link = nullptr;
  place->uc_stack = {};
  place->uc_stack.ss_sp = stack.bottom();
  place->uc_stack.ss_size =
      static_cast<std::size_t>(reinterpret_cast<std::byte*>(place) - stack.bottom());
  const auto f = reinterpret_cast<std::uintptr_t>(function);
  const auto a = reinterpret_cast<std::uintptr_t>(argument);
  makecontext(place, reinterpret_cast<void (*)()>(begin), 4, high(f), low(f), high(a), low(a));
  return place;
}

}  // namespace simul::detail

#endif
