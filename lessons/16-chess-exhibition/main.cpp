// A chess exhibition: one master, many boards, and three orders in which she may play them.
//
// Each opponent is a task, and so is she. A move of hers is a sleep, for she thinks, and then an
// event: it is the opponent's turn. A reply is the same the other way round. The three ways to play
// differ in nothing but the order in which she goes to the boards; two of them are one pair of
// loops, with the inner and the outer one exchanged.
//
// All of it happens in virtual time: twelve hours at the boards are a few milliseconds here, and
// exact.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/sync/queue.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_group.hpp"

using namespace simul;

// ---- The exhibition ----

struct Setting {
  int boards = 24;
  int pairs = 30;       // moves of hers at each board, with a reply to each
  double her_time = 5;  // seconds
  double reply_time = 55;
  int vary = 0;  // by so many per cent a thinking time may be longer or shorter
  int seed = 1;
};

enum class Who { master, opponent };

// How long one move takes. It depends on which move it is and on nothing that happens before, so
// that each way of playing is given the same games.
Duration thinking_time(const Setting& set, Who who, int board, int pair) {
  std::uint64_t x = static_cast<std::uint64_t>(set.seed);
  for (const int part : {static_cast<int>(who), board, pair}) {  // SplitMix64
    x += 0x9e3779b97f4a7c15 + static_cast<std::uint64_t>(part);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    x ^= x >> 31;
  }
  const auto spread = static_cast<std::uint64_t>(2 * set.vary + 1);
  const int percent = 100 - set.vary + static_cast<int>(x % spread);
  const double usual = who == Who::master ? set.her_time : set.reply_time;
  return std::chrono::milliseconds(std::llround(usual * 1000)) * percent / 100;
}

struct Board {
  int number;
  int moves = 0;    // of hers
  Event moved{};    // it is the opponent's turn
  Event replied{};  // it is hers
  Stopwatch since_reply{};
};

struct Hall {
  explicit Hall(const Setting& setting) : set(setting) {
    for (int number = 1; number <= set.boards; ++number)
      her_turn.try_put(&boards.emplace_back(number));
    for (Board& board : boards) board.replied.set();  // she has White
  }

  const Setting& set;
  std::deque<Board> boards;
  Queue<Board*> her_turn;  // the boards at which it is, in the order in which it came to be
  Duration she_thought{};
  Duration she_waited{};
  Duration replies_waited{};
};

Task<> opponent(Hall& hall, Board& board) {
  for (int pair = 0; pair < hall.set.pairs; ++pair) {
    co_await board.moved.wait();
    board.moved.clear();
    co_await sleep(thinking_time(hall.set, Who::opponent, board.number, pair));
    board.since_reply.restart();
    board.replied.set();
    if (pair + 1 < hall.set.pairs) hall.her_turn.try_put(&board);
  }
}

// ---- The master ----

Task<> wait_for_reply(Hall& hall, Board& board) {
  const Stopwatch since;
  co_await board.replied.wait();
  hall.she_waited += since.elapsed();
}

Task<> move_at(Hall& hall, Board& board) {
  co_await wait_for_reply(hall, board);
  board.replied.clear();
  if (board.moves > 0) hall.replies_waited += board.since_reply.elapsed();
  const Stopwatch since;
  co_await sleep(thinking_time(hall.set, Who::master, board.number, board.moves++));
  hall.she_thought += since.elapsed();
  board.moved.set();
}

Task<> one_game_after_another(Hall& hall) {
  for (Board& board : hall.boards) {
    for (int pair = 0; pair < hall.set.pairs; ++pair) co_await move_at(hall, board);
    co_await wait_for_reply(hall, board);  // only then does she get up
  }
}

Task<> walking_the_round(Hall& hall) {
  for (int pair = 0; pair < hall.set.pairs; ++pair) {
    for (Board& board : hall.boards) co_await move_at(hall, board);
  }
}

Task<> wherever_it_is_her_turn(Hall& hall) {
  for (int moves = hall.set.boards * hall.set.pairs; moves > 0; --moves) {
    const Stopwatch since;
    Board* const board = co_await hall.her_turn.get();
    hall.she_waited += since.elapsed();
    co_await move_at(hall, *board);
  }
}

struct Way {
  const char* name;
  const char* title;
  Task<> (*play)(Hall&);
};
constexpr Way kWays[] = {{"games", "one game after another", one_game_after_another},
                         {"round", "walking the round", walking_the_round},
                         {"ready", "wherever it is her turn", wherever_it_is_her_turn}};

// ---- What comes of it ----

struct Result {
  Duration she_is_done;
  Duration last_reply;
  Duration she_thought;
  Duration she_waited;
  Duration reply_waits;  // on average, until she comes
};

Task<Result> play(const Setting& set, const Way& way) {
  Hall hall(set);
  const Stopwatch since;
  Duration she_is_done{};
  auto everybody = [&](TaskGroup& group) -> Task<> {
    for (Board& board : hall.boards) {
      group.create_task(opponent(hall, board), "board " + std::to_string(board.number));
    }
    const TaskHandle<> master = group.create_task(way.play(hall), "master");
    co_await master;
    she_is_done = since.elapsed();
  };
  co_await task_group(everybody);  // until the last opponent has replied
  const int replies = std::max(1, set.boards * (set.pairs - 1));
  co_return Result{she_is_done, since.elapsed(), hall.she_thought, hall.she_waited,
                   hall.replies_waited / replies};
}

// "1:00:55", with milliseconds where there are any.
std::string clock_face(Duration time) {
  const long long ms = std::chrono::round<std::chrono::milliseconds>(time).count();
  char text[64];
  int end = std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", ms / 3600000, ms / 60000 % 60,
                          ms / 1000 % 60);
  if (ms % 1000 != 0) std::snprintf(text + end, sizeof text - end, ".%03lld", ms % 1000);
  return text;
}

// A first column to the left, the others to the right.
void row(int width, const std::string& first, const std::vector<std::string>& others) {
  std::string line =
      first + std::string(std::max<int>(0, width - static_cast<int>(first.size())), ' ');
  for (const std::string& each : others) {
    line += std::string(std::max<int>(2, 15 - static_cast<int>(each.size())), ' ') + each;
  }
  say(line);
}

Task<> compare(const Setting& set, const std::string& only) {
  char text[160];
  std::snprintf(text, sizeof text,
                "%d boards, %d pairs of moves at each. She thinks for %g s, an opponent for %g s",
                set.boards, set.pairs, set.her_time, set.reply_time);
  say(text, set.vary == 0 ? "" : ", give or take up to " + std::to_string(set.vary) + " %", ".\n");
  row(24, "", {"she is done", "last reply", "she thinks", "she waits"});
  for (const Way& way : kWays) {
    if (!only.empty() && only != way.name) continue;
    const Result result = co_await play(set, way);
    row(24, way.title,
        {clock_face(result.she_is_done), clock_face(result.last_reply),
         clock_face(result.she_thought), clock_face(result.she_waited)});
  }
}

// Walking the round, with how many boards does she never wait? When she is back at the first one,
// the reply is to be there. With so many she is what everything waits for.
int bottleneck(const Setting& set) {
  const long long move = std::llround(set.her_time * 1000),
                  reply = std::llround(set.reply_time * 1000);
  return static_cast<int>((move + reply + move - 1) / move);  // rounded up
}

Task<> table(Setting set) {
  const int enough = bottleneck(set);
  say("\nWalking the round, with fewer and with more boards:\n");
  row(6, "boards", {"game by game", "the round", "she waits", "a reply waits"});
  const std::set<int> rows = {1,      2,          enough / 2, enough - 1,
                              enough, enough + 1, 2 * enough, 4 * enough};
  for (const int boards : rows) {
    if (boards < 1 || boards > 1000) continue;
    set.boards = boards;
    const Result games = co_await play(set, kWays[0]);
    const Result round = co_await play(set, kWays[1]);
    char share[32];
    std::snprintf(share, sizeof share, "%.1f %%",
                  100 * to_seconds(round.she_waited) / to_seconds(round.she_is_done));
    row(6, std::to_string(boards),
        {clock_face(games.she_is_done), clock_face(round.she_is_done), share,
         clock_face(round.reply_waits)});
  }
  if (set.vary == 0) {
    say("\nShe is the bottleneck from ", enough,
        " boards on: while one opponent thinks, she has moves ",
        "to make at\nall the others, and no time to wait.");
  } else {
    say("\nIf nobody varied, she would never wait from ", enough,
        " boards on. As it is, she walks the ", "round at\nthe pace of its slowest board.");
  }
}

int main(int argc, char** argv) {
  Setting set;
  std::string only;
  return lesson(
      argc, argv,
      {.about = "One master plays many boards: one game after another, or all at once. In real\n"
                "time the article's figures take the 14 hours that the program speaks of.",
       .on_clock = true,
       .virtual_by_default = true,
       .flags = {number("--boards", "N", "how many boards (24)", set.boards, 1, 1000),
                 number("--pairs", "N", "moves of hers at each, with a reply to each (30)",
                        set.pairs, 1, 300),
                 amount("--move", "S", "seconds that she thinks over a move (5)", set.her_time,
                        0.001, 86400),
                 amount("--reply", "S", "seconds that an opponent thinks (55)", set.reply_time,
                        0.001, 86400),
                 number("--vary", "P", "thinking times vary by up to so many per cent (0)",
                        set.vary, 0, 100),
                 number("--seed", "N", "other thinking times for another number (1)", set.seed, 0,
                        1'000'000'000),
                 text("--only", "WAY", "play one way alone: games, round or ready; no table",
                      only)}},
      [&] {
        const auto is_it = [&](const Way& way) { return only == way.name; };
        if (!only.empty() && std::none_of(std::begin(kWays), std::end(kWays), is_it)) {
          throw WrongUsage{"--only wants games, round or ready, not '" + only + "'"};
        }
        run(compare(set, only));
        if (!only.empty()) return;
        const VirtualTime at_no_cost;  // also where the games so far took their time
        run(table(set));
      });
}
