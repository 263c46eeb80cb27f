// What one that waits costs in memory, in every style.
//
// It starts many of a kind, lets them begin their wait, and looks by how much the memory of the
// process has grown. All of them stay asleep until the end, so that none uses what another has
// given back. The kernel's own share, which only threads have, is not in these numbers.
#include <sys/resource.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <iomanip>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/deferred/defer_later.hpp"
#include "runtime/deferred/deferred.hpp"
#include "runtime/deferred/inline_callbacks.hpp"
#include "runtime/fiber/await.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/task.hpp"

using namespace std::chrono_literals;
using namespace simul;

// The most memory that the process has had so far, in bytes.
double peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#if defined(__APPLE__)
  return static_cast<double>(usage.ru_maxrss);
#else
  return static_cast<double>(usage.ru_maxrss) * 1024;
#endif
}

void measure(const char* style, int count, const std::function<void()>& start_one) {
  const double before = peak_memory();
  for (int i = 1; i <= count; ++i) {
    start_one();
    if (i % 1000 == 0) await(sleep(1ms));  // a few turns of the loop: they begin their wait
  }
  const long bytes = static_cast<long>((peak_memory() - before) / count);
  say(std::left, std::setw(12), style, std::right, std::setw(7), bytes, " bytes");
}

// ---- What waits ----

constexpr auto kLong = 1h;

InlineCallbacks<> with_co_yield() {
  co_yield defer_later(kLong, [] {});
}

Task<> with_co_await() {
  co_await sleep(kLong);
}

void in_a_fiber() {
  this_fiber::sleep_for(kLong);
}

// Threads that block, until they are told to end.
class Threads {
 public:
  ~Threads() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void start_one() {
    threads_.emplace_back([this] {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kLong, [this] { return over_; });
    });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::vector<std::thread> threads_;
};

void example() {
  constexpr int kMany = 50'000;
  Reactor loop;  // when it goes, it ends all that is asleep
  measure("call_later", kMany, [&] { loop.call_later(kLong, [] { say("World!"); }); });
  measure("Deferred", kMany, [] { defer_later(kLong, [] { say("World!"); }); });
  measure("co_yield", kMany, [] { with_co_yield(); });
  measure("co_await", kMany, [] { create_task(with_co_await()); });
  measure("fiber", kMany / 10, [] { spawn(in_a_fiber); });
  Threads threads;
  measure("thread", kMany / 50, [&] { threads.start_one(); });
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "Prints how much memory one that waits needs, in every style."},
                       example);
}
