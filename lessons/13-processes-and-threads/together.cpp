// A loop, processes and a thread work together: each does what it is good at.
//
// A heart beats on the loop, every 20 ms. Beside it, primes are counted and a call is made that
// blocks for a while. First the loop's own thread does both, and the heart stands still; then
// processes count, on all processors, a thread makes the call, and the loop only waits for them.
//
// Since there are threads now, nobody forks: each process of the pool is this program once more,
// started afresh, and `run_if_asked` is where it becomes one that counts.
#include <algorithm>
#include <chrono>
#include <iomanip>
#include <ios>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/thread/process_function.hpp"
#include "runtime/thread/process_pool.hpp"
#include "runtime/thread/run_in_executor.hpp"

using namespace std::chrono_literals;
using namespace simul;

constexpr int kPieces = 8;
constexpr int kPiece = 250'000;

// ---- The work ----

// How many primes there are in a piece of the numbers: "3" is the piece from 750,000 on.
std::string count_primes(std::string_view piece) {
  const int first = std::stoi(std::string(piece)) * kPiece;
  int count = 0;
  for (int n = std::max(first, 2); n < first + kPiece; ++n) {
    int d = 2;
    while (d * d <= n && n % d != 0) ++d;
    if (d * d > n) ++count;
  }
  return std::to_string(count);
}
const ProcessFunction kCountPrimes("count_primes", count_primes);

// It stands for any call that blocks and that we cannot change.
void call_that_blocks() {
  std::this_thread::sleep_for(200ms);
}

// ---- The heart ----

struct Heart {
  int beats = 0;
  double largest_gap = 0;  // seconds
};

Task<> beat(Heart& heart) {
  Stopwatch since_last;
  while (true) {
    co_await sleep(20ms);
    ++heart.beats;
    heart.largest_gap = std::max(heart.largest_gap, since_last.seconds());
    since_last.restart();
  }
}

// ---- Alone, and together ----

Task<int> alone() {
  int primes = 0;
  for (int piece = 0; piece < kPieces; ++piece)
    primes += std::stoi(count_primes(std::to_string(piece)));
  call_that_blocks();
  co_return primes;
}

Task<int> by_a_process(ProcessPool& pool, int piece) {
  const std::string argument = std::to_string(piece);
  const std::string count = co_await pool.run("count_primes", argument);
  co_return std::stoi(count);
}

Task<int> together(ProcessPool& pool) {
  std::vector<TaskHandle<int>> counts;
  for (int piece = 0; piece < kPieces; ++piece)
    counts.push_back(create_task(by_a_process(pool, piece), "piece " + std::to_string(piece + 1)));
  co_await run_in_executor(ThreadPool::shared(), call_that_blocks);
  int primes = 0;
  for (TaskHandle<int>& count : counts) primes += co_await count;
  co_return primes;
}

// Runs it beside a heart, prints what came of it, and gives its seconds.
Task<double> beside_a_heart(std::string name, Task<int> work) {
  Heart heart;
  auto beating = create_task(beat(heart), "heart");
  co_await sleep(0ms);  // it begins
  const Stopwatch since;
  const int primes = co_await create_task(std::move(work));
  const double seconds = since.seconds();
  co_await sleep(25ms);  // one more beat, which ends the last gap
  beating.cancel();
  say(std::fixed, std::setprecision(2), name, ": ", primes, " primes in ", seconds,
      " s; beats: ", heart.beats, ", largest gap ", heart.largest_gap, " s");
  co_return seconds;
}

Task<> async_main() {
  ProcessPool pool;  // as many processes as there are processors
  const double one = co_await beside_a_heart("alone   ", alone());
  const double all = co_await beside_a_heart("together", together(pool));
  say(std::fixed, std::setprecision(1), one / all, " times as fast, by ", pool.processes(),
      " processes and a thread");
}

void example() {
  run(async_main());
}

int main(int argc, char** argv) {
  ProcessFunction::run_if_asked(argc, argv);  // first: in the processes of the pool, it stays there
  return simul::lesson(argc, argv,
                       {.about = "Primes are counted and a call blocks, first in the loop's own\n"
                                 "thread, then by processes and a thread, while a heart beats."},
                       example);
}
