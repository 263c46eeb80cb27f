// How late a sleep ends: the median and the 99th percentile, beside clock_nanosleep.
//
// A fiber sleeps 0.1 to 1 ms through the reactor and through the system call by turns, so both meet
// the same disturbances. The kernel may delay every sleep by the thread's timer slack; it is the
// same for both: once the 50 us that Linux gives each thread, once the smallest there is. A sleep
// that ends too early would be a bug: `sleep.early` counts them.
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#if defined(__linux__)
#include <sys/prctl.h>
#endif
#include <time.h>

#include "runtime/base/clock.hpp"
#include "runtime/fiber/fiber.hpp"
#include "tests/bench/bench.hpp"

namespace simul::bench {
namespace {

/// Both the lateness of many sleeps, in microseconds.
struct Lateness {
  std::vector<double> subject, floor;
};

double microseconds(Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

Lateness sleep_by_turns(int count, std::mt19937& random) {
  std::uniform_int_distribution<int> length(100, 1000);
  Lateness late;
  for (int i = 0; i < count; ++i) {
    const auto delay = std::chrono::microseconds(length(random));
    TimePoint deadline = Clock::now() + delay;
    Clock::sleep_until(deadline);  // clock_nanosleep with an absolute time
    late.floor.push_back(microseconds(Clock::now() - deadline));
    deadline = Clock::now() + delay;
    this_fiber::sleep_until(deadline);
    late.subject.push_back(microseconds(Clock::now() - deadline));
  }
  return late;
}

void lateness(Bench& bench, const std::string& name) {
  const std::string middle = name + ".median", high = name + ".p99";
  if (!bench.wants(middle) && !bench.wants(high)) return;
  std::vector<double> median_subject, median_floor, p99_subject, p99_floor;
  double early = 0;
  const auto sleeper = spawn([&] {
    std::mt19937 random(1);
    sleep_by_turns(20, random);  // warms up
    for (int round = 0; round < bench.rounds(); ++round) {
      const Lateness late = sleep_by_turns(300, random);
      median_subject.push_back(median(late.subject));
      median_floor.push_back(median(late.floor));
      p99_subject.push_back(percentile(late.subject, 0.99));
      p99_floor.push_back(percentile(late.floor, 0.99));
      for (const double us : late.subject) early += us < 0 ? 1 : 0;
    }
  });
  sleeper.result();
  bench.report(middle, median_subject, median_floor, "us");
  bench.report(high, p99_subject, p99_floor, "us");
  bench.report(name + ".early", early, "sleeps");
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  return simul::bench::run(argc, argv, [](simul::bench::Bench& bench) {
    simul::bench::lateness(bench, "sleep");
#if defined(__linux__)
    ::prctl(PR_SET_TIMERSLACK, 1);
    simul::bench::lateness(bench, "sleep.slack1");
#endif
  });
}
