// The same work done by units of each kind: computing, computing under one lock, and a call that
// blocks.
//
// A body is an ordinary function: it knows neither a loop nor that others run beside it. What a way
// does with several of them is all that differs, and the sum of what they return shows that each
// has been run.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "lessons/22-scaling-out/crowd_that_blocks.hpp"
#include "runtime/base/error.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"

namespace work {

constexpr int kUnits = 8;  // at least

// ---- What a unit does ----

constexpr int kBelow = 150'000;
constexpr long kPrimes = 13'848;  // below that
constexpr int kBlock = 1'000;     // numbers

/// How many primes there are in this unit's share of the numbers: every so manieth block.
inline long count_primes(int unit, int units, std::mutex* lock) {
  long count = 0;
  for (int first = unit * kBlock; first < kBelow; first += units * kBlock) {
    std::unique_lock<std::mutex> held;
    if (lock != nullptr) held = std::unique_lock(*lock);
    for (int n = std::max(first, 2); n < first + kBlock; ++n) {
      int d = 2;
      while (d * d <= n && n % d != 0) ++d;
      if (d * d > n) ++count;
    }
  }
  return count;
}

inline long compute(int unit, int units) {
  return count_primes(unit, units, nullptr);
}

/// An interpreter's lock, as it were: to compute, one must have it.
inline std::mutex the_lock;

inline long compute_under_the_lock(int unit, int units) {
  return count_primes(unit, units, &the_lock);
}

/// A library's function that blocks.
inline long block(int /*unit*/, int /*units*/) {
  timespec left{0, 20'000'000};
  while (::nanosleep(&left, &left) == -1 && errno == EINTR) {
  }
  return 1;
}

// ---- By whom ----

using Body = long (*)(int unit, int units);

/// While it lives, a SIGTERM waits.
class NotNow {
 public:
  NotNow() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &set, &before_);
  }
  ~NotNow() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  NotNow(const NotNow&) = delete;
  NotNow& operator=(const NotNow&) = delete;

 private:
  sigset_t before_{};
};

/// Processes that end by themselves. Each is waited for.
struct Children {
  std::vector<pid_t> pids{};

  Children() = default;
  ~Children() {
    for (const pid_t pid : pids) {
      while (::waitpid(pid, nullptr, 0) == -1 && errno == EINTR) {
      }
    }
  }
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;
};

inline long by_processes(int units, Body body) {
  const NotNow until_they_are_reaped;
  Pipe answers;
  Children children;
  for (int unit = 0; unit < units; ++unit) {
    const pid_t pid = ::fork();
    if (pid == -1) simul::throw_errno("fork");
    if (pid == 0) {
      const long answer = body(unit, units);
      ::_exit(::write(answers.write.get(), &answer, sizeof answer) == sizeof answer ? 0 : 1);
    }
    children.pids.push_back(pid);
  }
  answers.write.reset();  // if one dies without an answer, the pipe just ends
  long sum = 0;
  for (int unit = 0; unit < units; ++unit) {
    long answer = 0;
    if (::read(answers.read.get(), &answer, sizeof answer) != sizeof answer)
      throw std::runtime_error("a process has died and left no answer");
    sum += answer;
  }
  return sum;
}

inline long by_threads(int units, Body body) {
  std::vector<std::future<long>> answers;
  for (int unit = 0; unit < units; ++unit)
    answers.push_back(std::async(std::launch::async, body, unit, units));
  long sum = 0;
  for (std::future<long>& answer : answers) sum += answer.get();
  return sum;
}

inline long by_fibers(int units, Body body) {
  std::vector<simul::Fiber<long>> answers;
  for (int unit = 0; unit < units; ++unit) answers.push_back(simul::spawn(body, unit, units));
  long sum = 0;
  for (const simul::Fiber<long>& answer : answers) sum += answer.result();
  return sum;
}

inline simul::Task<long> as_task(int units, int unit, Body body) {
  co_return body(unit, units);
}
inline simul::Task<long> gathered(int units, Body body) {
  std::vector<simul::Task<long>> all;
  for (int unit = 0; unit < units; ++unit) all.push_back(as_task(units, unit, body));
  long sum = 0;
  for (const long answer : co_await simul::gather(std::move(all))) sum += answer;
  co_return sum;
}
inline long by_tasks(int units, Body body) {
  return simul::run(gathered(units, body));
}

}  // namespace work
