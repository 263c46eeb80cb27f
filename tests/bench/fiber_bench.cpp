// Fibers on the scheduler: what it costs to give way, to begin and end, and to lie parked.
//
//   fiber.yield.N     one this_fiber::yield() of N fibers that do nothing else. The floor is a bare
//                     switch of stacks (bare_switch.hpp); what lies above it is the ready queue,
//                     the exception state and, once a turn, the loop.
//   fiber.spawn       spawn a fiber that does nothing, and join it, with 100 in flight
//   fiber.parked      resident bytes of a fiber that sleeps, of 100,000; the floor is one page of
//                     its stack
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <vector>

#include "runtime/fiber/fiber.hpp"
#include "tests/bench/bare_switch.hpp"
#include "tests/bench/bench.hpp"

namespace {

using namespace simul;

void yields(std::size_t fibers, std::size_t total) {
  Reactor loop;
  std::vector<Fiber<>> all;
  const std::size_t each = total / fibers + 1;
  for (std::size_t i = 0; i < fibers; ++i) {
    all.push_back(spawn([each] {
      for (std::size_t turn = 0; turn < each; ++turn) this_fiber::yield();
    }));
  }
  join_all(all);
}

void spawns(std::size_t total) {
  Reactor loop;
  std::vector<Fiber<>> batch;
  for (std::size_t done = 0; done < total; done += 100) {
    for (int i = 0; i < 100; ++i) batch.push_back(spawn([] {}));
    batch.back().join();
    batch.clear();
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

void parked(bench::Bench& bench) {
  if (!bench.wants("fiber.parked")) return;
  constexpr int kFibers = 100'000;
  Reactor loop;
  std::vector<Fiber<>> all;
  all.reserve(kFibers);
  const double before = resident_bytes();
  for (int i = 0; i < kFibers; ++i) {
    all.push_back(spawn([] { this_fiber::sleep_for(std::chrono::hours(1)); }));
  }
  this_fiber::yield();
  const double after = resident_bytes();
  bench.report("fiber.parked", (after - before) / kFibers, "B");
  bench.report("fiber.parked.floor", static_cast<double>(::sysconf(_SC_PAGESIZE)), "B");
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, [](bench::Bench& bench) {
    for (std::size_t fibers : {2, 10, 100, 1000}) {
      bench.time(
          "fiber.yield." + std::to_string(fibers), [&](std::size_t n) { yields(fibers, n); },
          [&](std::size_t n) { bench::bare_switches(n); });
    }
    bench.time("fiber.spawn", spawns);
    parked(bench);
  });
}
