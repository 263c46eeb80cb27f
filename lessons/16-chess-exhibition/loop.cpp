// The same exhibition, and the master is the loop.
//
// In main.cpp she is a task among others. Here there are only games, each of which thinks for her
// and then waits for a reply. The thread is hers: it can think over one move at a time, so that is
// a wait which blocks, and nobody else moves meanwhile. While the opponents think, nothing blocks.
// Who walks the round? The loop does, since whoever's wait is over stands in its ready queue.
//
// So a game looks the same whether there is one of it or twenty-four. It is written down three
// times, as a callback, as a fiber and as a task; and once more with an opponent who blocks as
// well.
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/bridges.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"

using namespace std::chrono_literals;
using namespace simul;

int boards = 24;
int pairs = 30;

Stopwatch since_start;
Duration last_move;  // of hers, so far

void she_thinks() {
  Clock::sleep_for(5s);
  last_move = since_start.elapsed();
}

// ---- One game, four times ----

Task<> a_task() {
  for (int pair = 0; pair < pairs; ++pair) {
    she_thinks();
    co_await sleep(55s);
  }
}

void a_fiber() {
  for (int pair = 0; pair < pairs; ++pair) {
    she_thinks();
    this_fiber::sleep_for(55s);
  }
}

void a_callback(int pairs_left, const std::function<void()>& done) {
  if (pairs_left == 0) return done();
  she_thinks();
  Reactor::current().call_later(55s, [=] { a_callback(pairs_left - 1, done); });
}

Task<> one_that_blocks() {
  for (int pair = 0; pair < pairs; ++pair) {
    she_thinks();
    Clock::sleep_for(55s);
  }
  co_return;
}

// ---- All games of an exhibition ----

std::string board(int number) {
  return "board " + std::to_string(number);
}

Task<> tasks(Task<> (*game)()) {
  std::vector<TaskHandle<>> games;
  for (int i = 1; i <= boards; ++i) games.push_back(create_task(game(), board(i)));
  co_await gather(games);
}

Task<> fibers() {
  std::vector<Fiber<>> games;
  for (int i = 1; i <= boards; ++i) games.push_back(spawn(a_fiber).named(board(i)));
  for (const Fiber<>& game : games) co_await game;
}

Task<> callbacks() {
  struct Countdown {
    int left;
    Event over{};
  };
  const auto games = std::make_shared<Countdown>(boards);  // callbacks may outlive this coroutine
  const auto done = [games] {
    if (--games->left == 0) games->over.set();
  };
  for (int i = 1; i <= boards; ++i) Reactor::current().call_soon([=] { a_callback(pairs, done); });
  co_await games->over.wait();
}

void exhibition(const std::string& how, Task<> games) {
  since_start.restart();
  run(std::move(games));
  const auto seconds = [](Duration time) { return std::to_string(time / 1s); };
  say(how, seconds(last_move), " s to her last move, ", seconds(since_start.elapsed()),
      " s to the last reply");
}

int main(int argc, char** argv) {
  return lesson(
      argc, argv,
      {.about = "The games alone, as callbacks, fibers and tasks: the loop is the master.\n"
                "In real time the article's figures take 15 hours.",
       .on_clock = true,
       .virtual_by_default = true,
       .flags = {number("--boards", "N", "how many boards (24)", boards, 1, 1000),
                 number("--pairs", "N", "pairs of moves at each (30)", pairs, 1, 300)}},
      [] {
        exhibition("callbacks    ", callbacks());
        exhibition("fibers       ", fibers());
        exhibition("tasks        ", tasks(a_task));
        exhibition("and sitting  ", tasks(one_that_blocks));
      });
}
