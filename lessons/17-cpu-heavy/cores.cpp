// The long computation somewhere else: on another thread, on all processors, in other processes.
//
// Giving way makes a computation polite, but not faster: it still takes this thread's time. On
// another thread it takes that of another processor, if there is one, and the loop only waits for
// it. To use all of them the numbers are cut into pieces, and each piece is a job of its own, for a
// pool of threads or one of processes.
//
// The pieces are many more than the processors, for they take unequally long: whoever is done takes
// the next one. Nothing is locked: a job gets its piece and returns its answer, and what the
// answers come to is put together here, on the loop.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "lessons/17-cpu-heavy/collatz.hpp"
#include "lessons/17-cpu-heavy/heart.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/to_thread.hpp"
#include "runtime/thread/process_function.hpp"
#include "runtime/thread/process_pool.hpp"
#include "runtime/thread/run_in_executor.hpp"

using namespace simul;

constexpr int kPieces = 32;

struct Piece {
  long first;
  long end;
};

std::vector<Piece> pieces(long below) {
  std::vector<Piece> all;
  for (long i = 0; i < kPieces; ++i) {
    all.push_back({std::max(1L, below * i / kPieces), below * (i + 1) / kPieces});
  }
  return all;
}

Longest search(Piece piece) {
  Longest longest;
  for (long n = piece.first; n < piece.end; ++n) longest.look_at(n);
  return longest;
}

// The same for another process: what goes in and what comes out are texts.
std::string search_text(std::string_view text) {
  std::istringstream in{std::string(text)};
  Piece piece{};
  if (!(in >> piece.first >> piece.end)) throw std::invalid_argument("not a piece");
  const Longest longest = search(piece);
  return std::to_string(longest.start) + " " + std::to_string(longest.steps);
}
const ProcessFunction kSearch("search", search_text);

// ---- Four places to compute ----

Task<> on_the_loop(long below, Longest& longest) {
  longest = search({1, below});
  co_return;
}

Task<> on_a_thread(long below, Longest& longest) {
  const Piece all{1, below};
  longest = co_await to_thread(search, all);
}

Task<> by_a_thread(ThreadPool& pool, Piece piece, Longest& longest) {
  const Longest found = co_await run_in_executor(pool, search, piece);
  longest.take(found);
}

Task<> on_all_threads(long below, Longest& longest) {
  ThreadPool pool(std::max(1u, std::thread::hardware_concurrency()));
  std::vector<Task<>> jobs;
  for (const Piece piece : pieces(below)) jobs.push_back(by_a_thread(pool, piece, longest));
  co_await gather(std::move(jobs));
}

Task<> by_a_process(ProcessPool& pool, Piece piece, Longest& longest) {
  const std::string text = std::to_string(piece.first) + " " + std::to_string(piece.end);
  const std::string answer = co_await pool.run("search", text);
  Longest found;
  std::istringstream(answer) >> found.start >> found.steps;
  longest.take(found);
}

Task<> in_processes(long below, Longest& longest) {
  ProcessPool pool;  // as many as there are processors; started when they are needed
  std::vector<Task<>> jobs;
  for (const Piece piece : pieces(below)) jobs.push_back(by_a_process(pool, piece, longest));
  co_await gather(std::move(jobs));
}

// ---- Each of them beside a heart ----

struct Way {
  const char* title;
  Task<> (*compute)(long below, Longest&);
};
constexpr Way kWays[] = {{"on the loop", on_the_loop},
                         {"on one other thread", on_a_thread},
                         {"on a thread per processor", on_all_threads},
                         {"in a process per processor", in_processes}};

Task<> async_main(long below) {
  say("The numbers below ", below, ", on a machine with ",
      std::max(1u, std::thread::hardware_concurrency()),
      " processors. A heart beats every 10 ms.\n");
  say("                             seconds   largest gap   times as fast");
  double alone = 0;
  Longest first;
  for (const Way& way : kWays) {
    Longest longest;
    Task<> computation = way.compute(below, longest);
    const Beats beats = co_await beside_a_heart(std::move(computation));
    const double seconds = to_seconds(beats.time);
    if (alone == 0) {
      alone = seconds;
      first = longest;
    }
    if (longest != first) throw std::logic_error("two searches differ");
    char text[160];
    std::snprintf(text, sizeof text, "%-26s %9.3f %10.1f ms %15.2f", way.title, seconds,
                  1000 * to_seconds(beats.largest_gap()), alone / seconds);
    say(text);
  }
  say("\nThe longest way down to 1 is that from ", first.start, ", ", first.steps, " steps.");
}

int main(int argc, char** argv) {
  ProcessFunction::run_if_asked(argc, argv);  // first: in the processes of the pool, it stays there
  int below = 2'000'000;
  return lesson(argc, argv,
                {.about = "A long computation on the loop, on a thread, on all processors and in\n"
                          "other processes, while a heart beats on the loop.",
                 .flags = {number("--below", "N", "search the numbers below this one (2000000)",
                                  below, 2, 100'000'000)}},
                [&] { run(async_main(below)); });
}
