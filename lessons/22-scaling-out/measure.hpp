// One measurement, made in a process of its own.
//
// Who measures must be small and alone: what the units before have left behind, in free lists and
// caches, would be in the next figures. So this program starts itself anew for each measurement
// (ProcessFunction), and what was asked and what was found go as lines of "name value" through a
// pipe. Such a process has one thread and no loop, and so it may fork.
//
// The invariant: it stays below the memory that it was given, and it survives every refusal: what
// could be started is measured.
#pragma once

#include <sys/resource.h>
#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "lessons/22-scaling-out/ceiling.hpp"
#include "lessons/22-scaling-out/crowd.hpp"
#include "lessons/22-scaling-out/crowd_on_a_loop.hpp"
#include "lessons/22-scaling-out/crowd_that_blocks.hpp"
#include "lessons/22-scaling-out/work.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/thread/process_function.hpp"

namespace measure {

/// Seconds by a clock that goes on in real time.
inline double seconds_of(const std::function<void()>& what) {
  const simul::Stopwatch since;
  what();
  return since.seconds();
}

/// Seconds of the processor's that this process and its children that are gone have used.
inline double processor_seconds() {
  double sum = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    ::getrusage(who, &used);
    for (const timeval& time : {used.ru_utime, used.ru_stime})
      sum += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  }
  return sum;
}

/// Processors that this process may use.
inline int processors() {
#ifdef __linux__
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

/// While it lives, this thread and what it starts use one processor. (Linux; elsewhere `works()`
/// is false.)
class OneProcessor {
 public:
#ifdef __linux__
  OneProcessor() {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(std::max(0, ::sched_getcpu())), &one);
    works_ = ::sched_getaffinity(0, sizeof before_, &before_) == 0 &&
             ::sched_setaffinity(0, sizeof one, &one) == 0;
  }
  ~OneProcessor() {
    if (works_) ::sched_setaffinity(0, sizeof before_, &before_);
  }
#else
  OneProcessor() = default;
#endif
  OneProcessor(const OneProcessor&) = delete;
  OneProcessor& operator=(const OneProcessor&) = delete;

  bool works() const noexcept {
    return works_;
  }

 private:
#ifdef __linux__
  cpu_set_t before_{};
#endif
  bool works_ = false;
};

/// What can be started, and how it does work.
struct Way {
  const char* name;
  std::unique_ptr<Crowd> (*crowd)(simul::Duration nap);
  long (*work)(int units, work::Body body);
  bool known_to_the_kernel;
};

template <class C>
std::unique_ptr<Crowd> make(simul::Duration nap) {
  return std::make_unique<C>(nap);
}
inline constexpr Way kWays[] = {{"processes", make<Processes>, work::by_processes, true},
                                {"threads", make<Threads>, work::by_threads, true},
                                {"fibers", make<Fibers>, work::by_fibers, false},
                                {"tasks", make<Tasks>, work::by_tasks, false}};

inline const Way& way_called(std::string_view name) {
  for (const Way& way : kWays)
    if (name == way.name) return way;
  throw std::invalid_argument("no such way: " + std::string(name));
}

// ---- In the process of its own ----

/// "threads 1000 67108864 0.1": start so many, but for no more memory than that, and let each of
/// them wait for so long.
inline std::string crowd(std::string_view argument) {
  std::istringstream words{std::string(argument)};
  std::string name;
  double wanted = 0;
  double budget = 0;
  double nap = 0;
  if (!(words >> name >> wanted >> budget >> nap)) throw std::invalid_argument("not a crowd");
  const Way& way = way_called(name);
  std::string why = "--limit";
  if (way.known_to_the_kernel) {
    const ceiling::Ceiling most = ceiling::of_the_machine();
    if (most.units < wanted) why = most.why, wanted = std::floor(most.units);
  }

  auto reserve = std::make_unique<std::vector<char>>(1 << 20, 'x');  // for when there is no memory
  const std::unique_ptr<Crowd> all = way.crowd(simul::from_seconds(nap));
  double started = 0;
  double seconds = 0;
  Crowd::Memory memory;
  std::string refusal;
  while (started < wanted && refusal.empty()) {
    // By portions, so that the memory is known before it is used up.
    const double used = std::max(0.0, memory.own) + std::max(0.0, memory.kernel);
    double portion = std::min(std::max(std::floor(started / 2), 16.0), wanted - started);
    if (used > 0) portion = std::min(portion, std::floor((budget - used) / (used / started)));
    if (portion < 1) {
      why = "memory";
      break;
    }
    const simul::Stopwatch since;
    try {
      for (; portion > 0; --portion, ++started) all->add();
    } catch (const std::system_error& error) {
      reserve.reset();
      refusal = error.what();
    } catch (const std::bad_alloc&) {
      reserve.reset();
      refusal = "no memory";
    }
    if (!refusal.empty()) why = ceiling::of_a_refusal();
    all->all_here();
    seconds += since.seconds();
    memory = all->memory();
  }

  const double cpu_before = processor_seconds();
  const double waiting = seconds_of([&] { all->open(); });
  simul::say("started ", started, "\nseconds ", seconds, "\nown ", memory.own, "\nkernel ",
             memory.kernel, "\nwaiting ", waiting, "\nprocessor ", processor_seconds() - cpu_before,
             "\nwhy ", why);
  if (!refusal.empty()) simul::say("refusal ", refusal);
  return {};
}

/// "threads 3": the work, as the best of so many times.
inline std::string labour(std::string_view argument) {
  std::istringstream words{std::string(argument)};
  std::string name;
  int times = 0;
  if (!(words >> name >> times)) throw std::invalid_argument("no labour");
  const Way& way = way_called(name);
  const int units = std::max(work::kUnits, processors());
  const auto measure = [&](const char* what, work::Body body, long answer, int tries) {
    double best = 1e9;
    for (int i = 0; i < tries; ++i) {
      best = std::min(best, seconds_of([&] {
                        if (way.work(units, body) != answer)
                          throw std::logic_error("they have come to another sum");
                      }));
    }
    simul::say(what, " ", best);
  };
  {
    const OneProcessor alone;
    if (alone.works()) measure("one", work::compute, work::kPrimes, times);
  }
  measure("all", work::compute, work::kPrimes, times);
  measure("locked", work::compute_under_the_lock, work::kPrimes, times);
  measure("blocked", work::block, units, 1);
  return {};
}

inline const simul::ProcessFunction kCrowd("crowd", crowd);
inline const simul::ProcessFunction kLabour("labour", labour);

// ---- What came out of it ----

/// Numbers, and texts, by their names.
class Findings {
 public:
  Findings() = default;
  explicit Findings(const std::string& lines) {
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) {
      const std::size_t space = line.find(' ');
      if (space != std::string::npos) all_[line.substr(0, space)] = line.substr(space + 1);
    }
  }

  bool has(const std::string& name) const { return all_.contains(name); }
  double number(const std::string& name) const { return has(name) ? std::stod(all_.at(name)) : 0; }
  std::string text(const std::string& name) const { return has(name) ? all_.at(name) : ""; }

 private:
  std::map<std::string, std::string> all_;
};

}  // namespace measure
