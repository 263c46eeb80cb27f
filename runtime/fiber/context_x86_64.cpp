// The first frame of a stack on x86-64: what the first switch to it finds there.
#include "runtime/fiber/context.hpp"

#if defined(SIMUL_CONTEXT_X86_64)

#include <cstdint>
#include <new>

// It is jumped to, by the same instructions as any other place; two words are left on the stack for
// it. "Undefined rip" tells a debugger and the unwinder of exceptions that nobody called this.
asm(R"(
.text
.p2align 6
.globl simul_first_frame
.hidden simul_first_frame
.type simul_first_frame, @function
simul_first_frame:
    .cfi_startproc
    .cfi_undefined %rip
    popq %rdi               # the argument
    popq %rax               # the function
    xorl %ebp, %ebp
    callq *%rax
    ud2
    .cfi_endproc
.size simul_first_frame, .-simul_first_frame
)");

extern "C" void simul_first_frame();

namespace simul::detail {

void* first_place(Stack& stack, void (*function)(void*), void* argument) noexcept {
  struct FirstFrame {
    std::uint16_t x87_control;
    std::uint16_t unused[3] = {};
    void (*go_on)() = simul_first_frame;
    void* rdi;
    void (*rax)(void*);
  };

  // A function may rely on a stack pointer of 16 k - 8 at its first instruction. That instruction's
  // caller, our first frame, begins at a multiple of 64. We leave 64 bytes above it: a debugger or
  // valgrind looks there for a caller, and right above the top lies the next stack's guard.
  auto* place = ::new (stack.top() - 64 - sizeof(FirstFrame)) FirstFrame;
  asm("fnstcw %0" : "=m"(place->x87_control));
  place->rdi = argument;
  place->rax = function;
  return place;
}

}  // namespace simul::detail

#endif
