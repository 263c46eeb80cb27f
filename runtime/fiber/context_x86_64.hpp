// The short switch for x86-64 (System V ABI, 3.2.1 "Registers"). Included by context.hpp.
//
// A function call already assumes that most registers are lost. Only rbx, rbp and r12 to r15 must
// survive it, and with them the control bits of the two floating-point units. r12 to r15 are named
// to the compiler as overwritten, so it saves those of them in which it keeps something; the rest
// lies on the stack like this:
//
//   place +24  rbp
//         +16  rbx
//          +8  where to go on: label 1 below
//          +0  x87 control word (2 bytes; the other 6 are free)
//
// Four things look odd and are on purpose:
//   - It is no function but stands in the middle of its caller. A processor predicts where a ret
//     goes from its own list of calls. A switch that is called and left by a jump leaves one entry
//     too many on that list, and every ret after it goes wrong: it cost a fiber that yields a third
//     of its time. Without a call the lists of two fibers that wait at the same place agree.
//   - It ends in pop and jmp, not in ret, for the same reason: no call, no ret.
//   - The control word is loaded only if the two sides differ: a load drains the pipeline.
//   - MXCSR, the control register of the SSE unit, is not even stored: on an AMD EPYC a switch with
//     stmxcsr took 7.5 ns and one without 3.0. The control word stands for both. <cfenv> and the C
//     library set rounding and exception masks in both units alike, so where control words differ,
//     MXCSR is made to agree with the new one. What only MXCSR has (flush-to-zero, set by
//     intrinsics, and the sticky flags) belongs to the thread. CONTEXT=ucontext keeps all of it.
//
// The shadow stack of Intel's CET would refuse this; the Makefile builds with -fcf-protection=none.
#pragma once

namespace simul::detail {

// Registers that exist only with AVX-512, and only then may be named.
#if defined(__AVX512F__)
#define SIMUL_AVX512_LOST                                                                       \
  , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",   \
      "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", \
      "k7"
#else
#define SIMUL_AVX512_LOST
#endif

[[gnu::always_inline]] SIMUL_UNTRACED inline void switch_place(void** from, void* to) noexcept {
  asm volatile(R"(
    leaq -128(%%rsp), %%rsp     # the red zone: a leaf function may keep variables there
    pushq %%rbp
    pushq %%rbx
    leaq 1f(%%rip), %%rax
    pushq %%rax
    pushq %%rax                 # room for the control word
    fnstcw (%%rsp)
    movq %%rsp, (%%rdi)         # *from: this place

    movzwl (%%rsp), %%eax
    movq %%rsi, %%rsp           # from here on we stand on the other stack
    cmpw (%%rsp), %%ax
    jne 3f
2:  addq $8, %%rsp              # no pop: it would read 8 bytes of which 2 were just written
    popq %%rax
    jmpq *%%rax

3:  fldcw (%%rsp)
    movzwl (%%rsp), %%eax
    movl %%eax, %%ecx
    andl $0x003f, %%eax         # six exception masks: bits 0 to 5 here, 7 to 12 in MXCSR
    shll $7, %%eax
    andl $0x0c00, %%ecx         # rounding: bits 10 and 11 here, 13 and 14 there
    shll $3, %%ecx
    orl %%ecx, %%eax
    stmxcsr 4(%%rsp)
    movl 4(%%rsp), %%ecx
    andl $~0x7f80, %%ecx        # whatever else MXCSR holds stays
    orl %%ecx, %%eax
    movl %%eax, 4(%%rsp)
    ldmxcsr 4(%%rsp)
    jmp 2b

1:  popq %%rbx                  # somebody has switched back
    popq %%rbp
    leaq 128(%%rsp), %%rsp
)"
               : "+D"(from), "+S"(to)
               :
               : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                 "memory", "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)",
                 "st(7)", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                 "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15" SIMUL_AVX512_LOST);
}

#undef SIMUL_AVX512_LOST

}  // namespace simul::detail
