// The short switch for x86-64 (System V ABI, 3.2.1 "Registers").
//
// A function call already assumes that most registers are lost. Only rbx, rbp and r12 to r15 must
// survive it, and with them the control bits of the two floating-point units. So these are all that
// a switch has to save. They lie on the stack like this:
//
//   place +56  return address of the call to simul_switch_place
//         +48  rbp
//         +40  rbx
//         +32  r12
//         +24  r13
//         +16  r14
//          +8  r15
//          +0  x87 control word (2 bytes; the other 6 are free)
//
// Three things look odd and are on purpose:
//   - It ends in pop and jmp, not in ret. The processor predicts a ret from its own list of calls,
//     and this ret never matches it; an indirect jump has a prediction of its own.
//   - The control word is loaded only if the two sides differ: a load drains the pipeline.
//   - MXCSR, the control register of the SSE unit, is not even stored: on an AMD EPYC a switch with
//     stmxcsr took 7.5 ns and one without 3.0. The control word stands for both. <cfenv> and the C
//     library set rounding and exception masks in both units alike, so where control words differ,
//     MXCSR is made to agree with the new one. What only MXCSR has (flush-to-zero, set by
//     intrinsics, and the sticky flags) belongs to the thread. CONTEXT=ucontext keeps all of it.
//
// The shadow stack of Intel's CET would refuse this; the Makefile builds with -fcf-protection=none.
#include "runtime/fiber/context.hpp"

#if defined(SIMUL_CONTEXT_X86_64)

#include <cstdint>
#include <new>

// void simul_switch_place(void** from /* rdi */, void* to /* rsi */)
asm(R"(
.text
.p2align 6
.globl simul_switch_place
.type simul_switch_place, @function
simul_switch_place:
    .cfi_startproc
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    pushq %r12
    .cfi_adjust_cfa_offset 8
    pushq %r13
    .cfi_adjust_cfa_offset 8
    pushq %r14
    .cfi_adjust_cfa_offset 8
    pushq %r15
    .cfi_adjust_cfa_offset 8
    subq $8, %rsp
    .cfi_adjust_cfa_offset 8
    fnstcw (%rsp)
    movq %rsp, (%rdi)

    movzwl (%rsp), %eax
    movq %rsi, %rsp
    cmpw (%rsp), %ax
    jne 2f
1:  addq $8, %rsp
    .cfi_adjust_cfa_offset -8
    popq %r15
    .cfi_adjust_cfa_offset -8
    popq %r14
    .cfi_adjust_cfa_offset -8
    popq %r13
    .cfi_adjust_cfa_offset -8
    popq %r12
    .cfi_adjust_cfa_offset -8
    popq %rbx
    .cfi_adjust_cfa_offset -8
    popq %rbp
    .cfi_adjust_cfa_offset -8
    popq %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    jmpq *%rcx
2:  .cfi_adjust_cfa_offset 64
    fldcw (%rsp)
    movzwl (%rsp), %eax
    movl %eax, %ecx
    andl $0x003f, %eax      # six exception masks: bits 0 to 5 here, 7 to 12 in MXCSR
    shll $7, %eax
    andl $0x0c00, %ecx      # rounding: bits 10 and 11 here, 13 and 14 there
    shll $3, %ecx
    orl %ecx, %eax
    stmxcsr 4(%rsp)
    movl 4(%rsp), %ecx
    andl $~0x7f80, %ecx     # whatever else MXCSR holds stays
    orl %ecx, %eax
    movl %eax, 4(%rsp)
    ldmxcsr 4(%rsp)
    jmp 1b
    .cfi_endproc
.size simul_switch_place, .-simul_switch_place

# The first frame of a stack: rbx is the argument, rbp the function. "Undefined rip" tells a
# debugger and the unwinder of exceptions that nobody called this.
.p2align 6
.globl simul_first_frame
.hidden simul_first_frame
.type simul_first_frame, @function
simul_first_frame:
    .cfi_startproc
    .cfi_undefined %rip
    movq %rbx, %rdi
    movq %rbp, %rax
    xorl %ebp, %ebp
    callq *%rax
    ud2
    .cfi_endproc
.size simul_first_frame, .-simul_first_frame
)");

extern "C" void simul_first_frame();

namespace simul::detail {

void* first_place(Stack& stack, void (*function)(void*), void* argument) noexcept {
  struct Frame {
    std::uint16_t x87_control;
    std::uint16_t unused[3] = {};
    void* r15_to_r12[4] = {};
    void* rbx;
    void (*rbp)(void*);
    void (*return_address)();
  };
  static_assert(sizeof(Frame) == 64);

  // A function may rely on a stack pointer of 16 k - 8 at its first instruction. That instruction's
  // caller, our first frame, begins at the top of the stack, a multiple of 64.
  auto* place = ::new (stack.top() - sizeof(Frame)) Frame;
  asm("fnstcw %0" : "=m"(place->x87_control));
  place->rbx = argument;
  place->rbp = function;
  place->return_address = simul_first_frame;
  return place;
}

}  // namespace simul::detail

#endif
