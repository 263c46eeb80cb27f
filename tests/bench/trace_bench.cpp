// What watching costs: nothing to speak of while nobody does, and so much while a Recorder is on.
//
//   trace.off         a moment that nobody is told of: one load, one branch. The subject is a call
//                     with it, the floor the same call without; the difference is what it costs
//   trace.task        one co_await Yield() of two tasks, recorded: three moments (ready, waits,
//                     runs). The floor of this and the next is the same program unobserved
//   trace.fiber       the same for fibers: with two switches of stacks
//   trace.generator   one item of a generator: two moments
//   trace.await       co_await a task that returns a number: no moment, but what it is called is
//                     noted in case it becomes a task that somebody sees
#include <cstddef>
#include <cstdint>

#include "runtime/base/observer.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/generator/generator.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "runtime/trace/recorder.hpp"
#include "tests/bench/bench.hpp"

namespace {

using namespace simul;

// `work` while a recorder listens; what it has written is thrown away.
template <class Work>
auto recorded(Work work) {
  return [work](std::size_t n) {
    trace::Recorder recorder({.title = {}, .events = 50'000'000});
    work(n);
  };
}

// A step of the smallest kind, as the loop makes them: a call that the compiler does not see into.
[[gnu::noinline]] void step(std::uint64_t id) {
  bench::keep(id);
}
[[gnu::noinline]] void observed_step(std::uint64_t id) {
  if (Observer* o = observer()) o->runs(id);
  bench::keep(id);
}
void steps(std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) step(i);
}
void observed_steps(std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) observed_step(i);
}

Task<> give_way(std::size_t turns) {
  for (std::size_t i = 0; i < turns; ++i) co_await Yield();
}
Task<> two_give_way(std::size_t n) {
  TaskHandle<> one = create_task(give_way(n / 2 + 1));
  TaskHandle<> two = create_task(give_way(n / 2 + 1));
  co_await one;
  co_await two;
}
void tasks(std::size_t n) {
  run(two_give_way(n));
}

void fibers(std::size_t n) {
  const auto turns = [n] {
    for (std::size_t i = 0; i < n / 2 + 1; ++i) this_fiber::yield();
  };
  join_all<void>({spawn(turns), spawn(turns)});
}

Generator<std::size_t> count(std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) co_yield i;
}
void items(std::size_t n) {
  std::size_t sum = 0;
  for (const std::size_t item : count(n)) sum += item;
  bench::keep(sum);
}

[[gnu::noinline]] Task<long> number(long n) {
  co_return n;
}
Task<> await_numbers(std::size_t n) {
  long sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += co_await number(static_cast<long>(i));
  bench::keep(sum);
}
void awaits(std::size_t n) {
  run(await_numbers(n));
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, [](bench::Bench& bench) {
    bench.time("trace.off", observed_steps, steps);
    bench.time("trace.task", recorded(tasks), tasks);
    bench.time("trace.fiber", recorded(fibers), fibers);
    bench.time("trace.generator", recorded(items), items);
    bench.time("trace.await", recorded(awaits), awaits);
  });
}
