// What it costs to go from one stack to another, one way, beside the least that any routine can do:
// push the six preserved registers, exchange the stack pointer, pop them, jump. The floor knows
// neither floating-point modes nor exceptions nor errno.
//
//   switch        two contexts in turn
//   switch.1000   a thousand contexts in turn: their stacks compete for the caches
//   switch.start  take a stack from the pool, run an empty entry, return: two switches
//   switch.swapcontext   the C library's routine, for comparison
#include <ucontext.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "runtime/fiber/context.hpp"
#include "tests/bench/bare_switch.hpp"
#include "tests/bench/bench.hpp"

namespace {

using simul::Context;
using simul::StackPool;
using simul::StackPtr;

// A line that does nothing but give way to the bench.
struct Line {
  Context context;
  Context* home = nullptr;
  StackPtr stack = StackPool::current().take();

  explicit Line(Context& back_to) : home(&back_to) {
    context.prepare(
        *stack,
        [](void* self) -> Context& {
          Line& line = *static_cast<Line*>(self);
          for (;;) Context::switch_to(line.context, *line.home);
        },
        this);
  }
};

void time_switches(const std::vector<std::unique_ptr<Line>>& lines, Context& home, std::size_t n) {
  for (std::size_t done = 0; done < n;) {
    for (const auto& line : lines) {
      Context::switch_to(home, line->context);
      done += 2;
    }
  }
}

#if defined(__x86_64__)
// The same line on the floor's routine.
struct FloorLine {
  void* place = nullptr;
  void** home = nullptr;
  StackPtr stack = StackPool::current().take();

  explicit FloorLine(void*& back_to) : home(&back_to) {
    auto* frame = reinterpret_cast<void**>(stack->top()) - 8;
    for (int i = 0; i < 8; ++i) frame[i] = nullptr;
    frame[6] = reinterpret_cast<void*>(body);
    place = frame;
    starting = this;
    simul_bench_bare_switch(home, place);
  }

  [[noreturn]] static void body() {
    FloorLine& line = *starting;
    for (;;) simul_bench_bare_switch(&line.place, *line.home);
  }

  static inline FloorLine* starting = nullptr;
};

void time_floor(const std::vector<std::unique_ptr<FloorLine>>& lines, void*& home, std::size_t n) {
  for (std::size_t done = 0; done < n;) {
    for (const auto& line : lines) {
      simul_bench_bare_switch(&home, line->place);
      done += 2;
    }
  }
}
#endif

template <class L, class... Args>
std::vector<std::unique_ptr<L>> make(std::size_t count, Args&... args) {
  std::vector<std::unique_ptr<L>> lines;
  for (std::size_t i = 0; i < count; ++i) lines.push_back(std::make_unique<L>(args...));
  return lines;
}

void time_both(simul::bench::Bench& bench, const char* name, std::size_t count) {
  if (!bench.wants(name)) return;
  Context home;
  const auto lines = make<Line>(count, home);
  const auto subject = [&](std::size_t n) { time_switches(lines, home, n); };
#if defined(__x86_64__)
  void* floor_home = nullptr;
  const auto floor_lines = make<FloorLine>(count, floor_home);
  bench.time(name, subject, [&](std::size_t n) { time_floor(floor_lines, floor_home, n); });
#else
  bench.time(name, subject);
#endif
}

ucontext_t u_home, u_line;
void u_body() {
  for (;;) swapcontext(&u_line, &u_home);
}

}  // namespace

int main(int argc, char** argv) {
  return simul::bench::run(argc, argv, [](simul::bench::Bench& bench) {
    time_both(bench, "switch", 1);
    time_both(bench, "switch.1000", 1000);

    bench.time("switch.start", [](std::size_t n) {
      static Context home;
      Context context;
      for (std::size_t i = 0; i < n; ++i) {
        const StackPtr stack = StackPool::current().take();
        context.prepare(
            *stack, [](void*) -> Context& { return home; }, nullptr);
        Context::switch_to(home, context);
      }
    });

    const StackPtr stack = StackPool::current().take();
    getcontext(&u_line);
    u_line.uc_stack.ss_sp = stack->bottom();
    u_line.uc_stack.ss_size = stack->size();
    makecontext(&u_line, u_body, 0);
    bench.time("switch.swapcontext", [](std::size_t n) {
      for (std::size_t i = 0; i < n; i += 2) swapcontext(&u_home, &u_line);
    });
  });
}
