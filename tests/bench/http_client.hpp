// What the benches of HTTP clients share: how many requests a round has, and what is measured.
#pragma once

#include <sys/resource.h>

#include <cstddef>

#include "tests/bench/bench.hpp"

namespace simul::bench {

constexpr std::size_t kRequests = 20'000;  // in a round

struct Round {
  double rate = 0;          // GETs a second
  double microseconds = 0;  // of this process's CPU time for each
};

// Measures a function that makes kRequests requests.
template <class Function>
Round measure_requests(Function function) {
  const auto cpu = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto microseconds = [](const timeval& time) {
      return 1e6 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec);
    };
    return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
  };
  const double cpu_before = cpu();
  const double start = seconds_now();
  function();
  return {kRequests / (seconds_now() - start), (cpu() - cpu_before) / kRequests};
}

}  // namespace simul::bench
