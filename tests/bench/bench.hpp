// What every bench shares: it measures a subject beside its floor and prints `name value unit`.
//
// The floor is the same work in bare C++ and system calls. Machines drift by a factor of two within
// minutes, so only the ratio of the two counts, and only within one run: each round measures the
// floor and then the subject, and what is printed are medians over the rounds.
//
//   int main(int argc, char** argv) {
//     return simul::bench::run(argc, argv, [](simul::bench::Bench& bench) {
//       bench.time("generator.item", [](std::size_t n) { ...n items... },   // the subject
//                                    [](std::size_t n) { ...n calls... });  // the floor
//     });
//   }
//
//   generator.item 2.31 ns
//   generator.item.floor 1.97 ns
//   generator.item.ratio 1.17 x
//
// The first argument, or B in the environment, is an extended regular expression: only the benches
// whose name it is found in are run. ROUNDS in the environment replaces the number of rounds.
// Nothing else is written to stdout. Not for: profiling, statistics, comparing two runs.
#pragma once

#include <regex.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace simul::bench {

/// Makes the compiler believe that somebody looks at `value` (and at all memory it may point to),
/// so that it cannot leave out the computation.
template <class T>
inline void keep(const T& value) {
  asm volatile("" : : "r"(&value) : "memory");
}

/// Seconds since some moment, real time whatever this thread's clock is.
inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The middle value; of an even number, the lower of the two. Not of an empty vector.
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The value that the fraction `p` (0 to 1) of the values do not exceed. Not of an empty vector.
inline double percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(p * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

/// One run of a bench program: which benches are wanted, how often, and how results are printed.
class Bench {
 public:
  /// `filter` as above; an invalid one ends the program with status 2.
  explicit Bench(const char* filter) {
    if (const char* rounds = std::getenv("ROUNDS")) rounds_ = std::max(std::atoi(rounds), 1);
    if (const int error = regcomp(&filter_, filter, REG_EXTENDED | REG_NOSUB); error != 0) {
      char why[128];
      regerror(error, &filter_, why, sizeof why);
      std::fprintf(stderr, "regular expression '%s': %s\n", filter, why);
      std::exit(2);
    }
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() { regfree(&filter_); }

  /// Is this bench to be run? For benches whose preparation is dear; the others ask by themselves.
  bool wants(const std::string& name) const {
    return regexec(&filter_, name.c_str(), 0, nullptr, 0) == 0;
  }

  /// How many rounds; seven unless the environment says otherwise.
  int rounds() const { return rounds_; }

  /// Prints one line. For what a bench has measured in its own way.
  void report(const std::string& name, double value, std::string_view unit) const {
    const int digits = value == 0 || !std::isfinite(value) ? 0 : log10_floor(value);
    std::printf("%s %.*f %.*s\n", name.c_str(), std::clamp(2 - digits, 0, 6), value,
                static_cast<int>(unit.size()), unit.data());
    std::fflush(stdout);
  }

  /// Prints the medians of values that the bench took itself, in pairs, and their ratio.
  void report(const std::string& name, const std::vector<double>& subject,
              const std::vector<double>& floor, std::string_view unit) const {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < subject.size(); ++i) ratios.push_back(subject[i] / floor[i]);
    report(name, median(subject), unit);
    report(name + ".floor", median(floor), unit);
    report(name + ".ratio", median(ratios), "x");
  }

  /// Measures `subject(n)`, which does something n times, in nanoseconds for each time. The first
  /// call, not measured, warms up; n grows until a round takes about 20 ms.
  template <class Subject>
  void time(const std::string& name, Subject&& subject) {
    if (!wants(name)) return;
    const std::size_t n = calibrate(subject);
    std::vector<double> times;
    for (int round = 0; round < rounds_; ++round) times.push_back(nanoseconds_each(subject, n));
    report(name, median(times), "ns");
  }

  /// The same beside a floor of the same shape.
  template <class Subject, class Floor>
  void time(const std::string& name, Subject&& subject, Floor&& floor) {
    compare(
        name, "ns",
        [&, n = std::size_t{0}]() mutable {
          if (n == 0) n = calibrate(subject);
          return nanoseconds_each(subject, n);
        },
        [&, n = std::size_t{0}]() mutable {
          if (n == 0) n = calibrate(floor);
          return nanoseconds_each(floor, n);
        });
  }

  /// Calls `subject()`, which does one round and returns its value, without a floor.
  template <class Subject>
  void measure(const std::string& name, std::string_view unit, Subject&& subject) {
    if (!wants(name)) return;
    std::vector<double> values;
    for (int round = -1; round < rounds_; ++round) {
      const double value = subject();
      if (round >= 0) values.push_back(value);  // the first one warms up
    }
    report(name, median(values), unit);
  }

  /// Calls `floor()` and `subject()` in turn; each does one round and returns its value: a rate, a
  /// latency, a number of bytes. A first pair is not counted.
  template <class Subject, class Floor>
  void compare(const std::string& name, std::string_view unit, Subject&& subject, Floor&& floor) {
    if (!wants(name)) return;
    std::vector<double> subjects, floors;
    for (int round = -1; round < rounds_; ++round) {
      const double bottom = floor();
      const double top = subject();
      if (round < 0) continue;
      floors.push_back(bottom);
      subjects.push_back(top);
    }
    report(name, subjects, floors, unit);
  }

 private:
  static int log10_floor(double value) {
    return static_cast<int>(std::floor(std::log10(std::fabs(value))));
  }

  template <class F>
  static double nanoseconds_each(F& function, std::size_t n) {
    const double start = seconds_now();
    function(n);
    return (seconds_now() - start) * 1e9 / static_cast<double>(n);
  }

  template <class F>
  static std::size_t calibrate(F& function) {
    constexpr double kRound = 20e6;
    for (std::size_t n = 1;;) {
      const double took = nanoseconds_each(function, n) * static_cast<double>(n);
      if (took > kRound / 2) return n;
      // At most tenfold at a time: the first call may have been slow only because it was the first.
      n = took > kRound / 20 ? static_cast<std::size_t>(static_cast<double>(n) * kRound / took)
                             : n * 10;
    }
  }

  regex_t filter_;
  int rounds_ = 7;
};

/// The `main` of a bench program: reads the filter, calls `body(bench)`, and turns an exception
/// into a line on stderr and exit status 1.
template <class Body>
int run(int argc, char** argv, Body&& body) {
  const char* filter = argc > 1 ? argv[1] : std::getenv("B");
  if (argc > 2 || (filter != nullptr && std::string_view(filter).starts_with("--"))) {
    const bool help = argc == 2 && std::string_view(argv[1]) == "--help";
    std::fprintf(help ? stdout : stderr, "usage: %s [REGEX]\nPrints lines `name value unit`.\n",
                 argv[0]);
    return help ? 0 : 2;
  }
  try {
    Bench bench(filter != nullptr ? filter : "");
    body(bench);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}

}  // namespace simul::bench
