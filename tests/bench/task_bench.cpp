// Tasks: what it costs to call one, to run one beside the caller, to give way, and to lie asleep.
//
//   task.await     co_await a task that returns a number: a frame, a call and a return
//   task.spawn     create_task and await its handle, 100 in flight
//   task.yield.N   one co_await Yield() of N tasks that do nothing else. The floor is a handle put
//                  at the end of a std::deque, taken off its front and resumed
//   task.asleep    resident bytes of a task that sleeps, of 1,000,000; the floor is a coroutine
//                  frame that holds nothing, suspended once
//
// The floor of the first two is an await of bare_task.hpp, its frame from malloc.
#include <unistd.h>

#include <chrono>
#include <coroutine>
#include <cstdio>
#include <deque>
#include <exception>
#include <string>
#include <vector>

#include "runtime/reactor/sleep.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "tests/bench/bare_task.hpp"
#include "tests/bench/bench.hpp"

namespace {

using namespace simul;
using bench::BareTask;
using namespace std::chrono_literals;

[[gnu::noinline]] Task<long> number(long n) {
  co_return n;
}
Task<> await_numbers(std::size_t n) {
  long sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += co_await number(static_cast<long>(i));
  bench::keep(sum);
}

[[gnu::noinline]] BareTask bare_number(long n) {
  co_return n;
}
BareTask await_bare_numbers(std::size_t n) {
  long sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += co_await bare_number(static_cast<long>(i));
  co_return sum;
}
void bare_awaits(std::size_t n) {
  BareTask task = await_bare_numbers(n);
  task.start();
  bench::keep(task.result());
}

Task<> spawn_numbers(std::size_t n) {
  std::vector<TaskHandle<long>> batch;
  long sum = 0;
  for (std::size_t done = 0; done < n; done += 100) {
    for (long i = 0; i < 100; ++i) batch.push_back(create_task(number(i)));
    for (auto& task : batch) sum += co_await task;
    batch.clear();
  }
  bench::keep(sum);
}

Task<> give_way(std::size_t turns) {
  for (std::size_t i = 0; i < turns; ++i) co_await Yield();
}
Task<> all_give_way(std::size_t tasks, std::size_t total) {
  std::vector<TaskHandle<>> all;
  for (std::size_t i = 0; i < tasks; ++i) all.push_back(create_task(give_way(total / tasks + 1)));
  for (auto& task : all) co_await task;
}

// A coroutine that goes to the end of a queue by hand.
struct Bare {
  struct promise_type {
    Bare get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};
struct Requeue {
  std::deque<std::coroutine_handle<>>& queue;
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> frame) { queue.push_back(frame); }
  void await_resume() {}
};
Bare bare_give_way(std::deque<std::coroutine_handle<>>& queue, std::size_t turns) {
  for (std::size_t i = 0; i < turns; ++i) co_await Requeue{queue};
}
void bare_turns(std::size_t tasks, std::size_t total) {
  std::deque<std::coroutine_handle<>> queue;
  for (std::size_t i = 0; i < tasks; ++i) bare_give_way(queue, total / tasks + 1);
  while (!queue.empty()) {
    const auto next = queue.front();
    queue.pop_front();
    next.resume();
  }
}

double resident_bytes() {
  long pages = 0;
  long unused = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%ld %ld", &unused, &pages) != 2) pages = 0;
    std::fclose(file);
  }
  return static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

constexpr std::size_t kAsleep = 1'000'000;

Task<> sleeper() {
  co_await sleep(1h);
}
Task<> measure_sleepers(double& bytes) {
  const double before = resident_bytes();
  for (std::size_t i = 0; i < kAsleep; ++i) {
    create_task(sleeper());
    if (i % 1000 == 999) co_await Yield();  // they begin, and lie down
  }
  bytes = (resident_bytes() - before) / static_cast<double>(kAsleep);
}

void asleep(bench::Bench& bench) {
  if (!bench.wants("task.asleep")) return;
  double bytes = 0;
  Reactor loop;
  run(measure_sleepers(bytes));
  std::deque<std::coroutine_handle<>> queue;
  const double before = resident_bytes();
  for (std::size_t i = 0; i < kAsleep; ++i) bare_give_way(queue, 1);
  const double floor =
      (resident_bytes() - before) / static_cast<double>(kAsleep) - sizeof queue.front();
  for (const auto& frame : queue) frame.resume();
  bench.report("task.asleep", bytes, "B");
  bench.report("task.asleep.floor", floor, "B");
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, [](bench::Bench& bench) {
    asleep(bench);  // first, while nothing else has touched the memory
    Reactor loop;
    bench.time(
        "task.await", [](std::size_t n) { run(await_numbers(n)); }, bare_awaits);
    bench.time(
        "task.spawn", [](std::size_t n) { run(spawn_numbers(n)); }, bare_awaits);
    for (std::size_t tasks : {2, 100}) {
      bench.time(
          "task.yield." + std::to_string(tasks),
          [&](std::size_t n) { run(all_give_way(tasks, n)); },
          [&](std::size_t n) { bare_turns(tasks, n); });
    }
  });
}
