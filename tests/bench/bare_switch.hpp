// The least that any change of stacks can do on this processor, as a floor for the benches: push
// the six preserved registers, exchange the stack pointer, pop them, jump. It knows neither
// floating-point modes nor exceptions nor errno. Elsewhere than on x86-64: swapcontext.
#pragma once

#include <cstddef>
#include <vector>

#if defined(__x86_64__)
asm(R"(
.text
.p2align 6
.type simul_bench_bare_switch, @function
simul_bench_bare_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    popq %rcx
    jmpq *%rcx
.size simul_bench_bare_switch, .-simul_bench_bare_switch
)");
extern "C" void simul_bench_bare_switch(void** from, void* to);
#else
#include <ucontext.h>
#endif

namespace simul::bench {

#if defined(__x86_64__)
namespace detail {
inline void* home = nullptr;
inline void* away = nullptr;
[[noreturn]] inline void give_way() {
  for (;;) simul_bench_bare_switch(&away, home);
}
}  // namespace detail

/// Switches `count` times, to and fro between this stack and another.
inline void bare_switches(std::size_t count) {
  static std::vector<void*> stack(2048);
  if (detail::away == nullptr) {
    auto* top = stack.data() + (stack.size() & ~std::size_t{1});
    top -= reinterpret_cast<std::size_t>(top) % 16 == 0 ? 0 : 1;
    void** frame = top - 8;
    frame[6] = reinterpret_cast<void*>(&detail::give_way);
    detail::away = frame;
  }
  for (std::size_t done = 0; done < count; done += 2) {
    simul_bench_bare_switch(&detail::home, detail::away);
  }
}
#else
inline void bare_switches(std::size_t count) {
  static ucontext_t home, away;
  static std::vector<char> stack;
  if (stack.empty()) {
    stack.resize(64 * 1024);
    getcontext(&away);
    away.uc_stack.ss_sp = stack.data();
    away.uc_stack.ss_size = stack.size();
    makecontext(
        &away,
        [] {
          for (;;) swapcontext(&away, &home);
        },
        0);
  }
  for (std::size_t done = 0; done < count; done += 2) swapcontext(&home, &away);
}
#endif

}  // namespace simul::bench
