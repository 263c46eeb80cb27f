// A long computation on a loop: all others starve, unless it gives way.
//
// A heart beats on the loop every 10 ms. Beside it, one task looks for the longest Collatz chain
// among a million numbers, which takes some hundred milliseconds and waits for nothing. First it
// keeps the loop until it is through; then it gives way after so many numbers, in each of the four
// styles. The last table is the price of that: the more often, the fairer, and the slower.
//
// In virtual time computing takes no time at all, so it would starve nobody. There, the search says
// itself what it costs: each number and each giving way moves the clock on by a little.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "lessons/17-cpu-heavy/collatz.hpp"
#include "lessons/17-cpu-heavy/heart.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/generator/generator.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/bridges.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"

using namespace std::chrono_literals;
using namespace simul;

constexpr Duration kPerNumber = 250ns;  // in virtual time
constexpr Duration kPerGivingWay = 100ns;

// ---- The computation ----

// The numbers below a limit, one after another; and when it is time to let others go first.
class Search {
 public:
  Search(long limit, long numbers_at_a_time) : below_(limit), every_(numbers_at_a_time) {}

  // Looks at the next number. False: there is none.
  bool look_at_next() {
    const bool there_is_one = ++number_ < below_;
    if (there_is_one) {
      longest_.look_at(number_);
      owed_ += kPerNumber;
    } else {
      pay();
    }
    return there_is_one;
  }

  // Has it looked at so many since the last time?
  bool time_to_give_way() {
    if (--left_ > 0) return false;
    left_ = every_;
    ++times_;
    owed_ += kPerGivingWay;
    pay();
    return true;
  }

  const Longest& longest() const { return longest_; }
  long times_given_way() const { return times_; }

 private:
  // Lets the time pass that the work since the last time would have taken. Until then nobody else
  // has run, so nobody can tell that it comes in one piece.
  void pay() {
    if (Clock::is_virtual()) Clock::sleep_for(owed_);
    owed_ = Duration::zero();
  }

  long below_;
  long every_;
  long number_ = 0;
  long left_ = every_;
  long times_ = 0;
  Duration owed_{};
  Longest longest_;
};

using Work = std::shared_ptr<Search>;  // callbacks may outlive the task that waits for them

// ---- Two that starve the others ----

Task<> keeps_the_loop(Work work) {
  while (work->look_at_next()) {
  }
  co_return;
}

Task<bool> look_at_next(Work& work) {
  co_return work->look_at_next();
}

// A co_await in every round, but what it awaits never waits: that is a call like any other.
Task<> awaits_and_never_waits(Work work) {
  bool more = true;
  while (more) more = co_await look_at_next(work);
}

// ---- Four that give way ----

Task<> a_task(Work work) {
  while (work->look_at_next()) {
    if (work->time_to_give_way()) co_await sleep(0s);
  }
}

void a_fiber(Work work) {
  while (work->look_at_next()) {
    if (work->time_to_give_way()) this_fiber::sleep_for(0s);
  }
}

Generator<> a_generator(Work work) {
  while (work->look_at_next()) {
    if (work->time_to_give_way()) co_yield {};
  }
}

// What a loop would keep for itself, such as where it stands, is in *work.
void a_callback(Work work, std::function<void()> done) {
  while (work->look_at_next()) {
    if (work->time_to_give_way()) {
      Reactor::current().call_soon([=] { a_callback(work, done); });
      return;
    }
  }
  done();
}

// Each turn of the loop is a turn of the generator.
void take_turns(std::shared_ptr<Generator<>> generator, std::function<void()> done) {
  if (!generator->next()) return done();
  Reactor::current().call_soon([=] { take_turns(generator, done); });
}

// So that each can be awaited like a task:
Task<> in_a_fiber(Work work) {
  const Fiber<> fiber = spawn(a_fiber, work).named("search");
  co_await fiber;
}

Task<> in_turns(Work work) {
  const auto over = std::make_shared<Event>();
  take_turns(std::make_shared<Generator<>>(a_generator(work)), [over] { over->set(); });
  co_await over->wait();
}

Task<> in_callbacks(Work work) {
  const auto over = std::make_shared<Event>();
  Reactor::current().call_soon([=] { a_callback(work, [over] { over->set(); }); });
  co_await over->wait();
}

// ---- Each of them beside a heart ----

using Style = Task<> (*)(Work);

struct Way {
  const char* name;
  const char* title;
  Style style;
  bool gives_way;
};
constexpr Way kWays[] = {{"keeps", "keeps the loop", keeps_the_loop, false},
                         {"awaits", "co_await, but never a wait", awaits_and_never_waits, false},
                         {"callbacks", "callbacks: call_soon", in_callbacks, true},
                         {"generator", "generator: co_yield", in_turns, true},
                         {"task", "task: co_await sleep(0s)", a_task, true},
                         {"fiber", "fiber: sleep_for(0s)", in_a_fiber, true}};

// Is it among those that the command line names, "keeps,task"?
bool chosen(const Way& way, const std::string& only) {
  return only.empty() || ("," + only + ",").find("," + std::string(way.name) + ",") != only.npos;
}

struct Measured {
  Beats beats;
  Longest longest;
  long times_given_way;
};

Task<Measured> measure(Style style, long below, long every) {
  const Work work = std::make_shared<Search>(below, every);
  Task<> search = style(work);
  Beats beats = co_await beside_a_heart(std::move(search));
  co_return Measured{std::move(beats), work->longest(), work->times_given_way()};
}

// "   0.250      250.0 ms"
std::string figures(Duration time, Duration gap) {
  char text[64];
  std::snprintf(text, sizeof text, "%8.3f %10.1f ms", to_seconds(time), 1000 * to_seconds(gap));
  return text;
}

void check(const Longest& found, const Longest& expected) {
  if (found != expected) throw std::logic_error("two searches have found different numbers");
}

std::string wide(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, text.size()), ' ');
}

Task<Longest> starved_and_mended(long below, long every, std::string only) {
  say("A heart beats every 10 ms. Beside it the numbers below ", below,
      " are searched; who gives way", "\ndoes it after ", every,
      " of them. Drawn: 20 ms with a beat (*) or without one (.).\n");
  say(wide("", 30), " seconds   largest gap");
  Reactor& loop = Reactor::current();
  const bool debug = loop.debug();
  std::optional<Longest> first;
  for (const Way& way : kWays) {
    if (!chosen(way, only)) continue;
    // Who holds the loop for longer than this is named on stderr. Real time is what counts for it.
    if (!way.gives_way && !Clock::is_virtual()) loop.set_debug(true, 50ms);
    const Measured run = co_await measure(way.style, below, way.gives_way ? every : below);
    if (!debug) loop.set_debug(false);
    say(wide(way.title, 30), figures(run.beats.time, run.beats.largest_gap()), "   ",
        run.beats.drawing());
    if (!first) first = run.longest;
    check(run.longest, *first);
  }
  say("\nThe longest way down to 1 is that from ", first->start, ", ", first->steps, " steps.");
  co_return *first;
}

// The more often it gives way, the smaller the gap, and the more the processor has to do. Its own
// time is what counts here: that of the clock depends on who else wants the processor.
Task<> price(long below, Longest expected) {
  say("\nThe price of giving way (a task):\n");
  say("after so many numbers    times  processor   largest gap   dearer by");
  Duration without{};
  for (long every = below; every > 0; every /= 10) {
    const Measured run = co_await measure(a_task, below, every);
    check(run.longest, expected);
    if (every == below) without = run.beats.worked;
    char before[64], after[64];
    std::snprintf(before, sizeof before, "%21ld %8ld   ", every, run.times_given_way);
    std::snprintf(after, sizeof after, " %8ld %%",
                  std::lround(100.0 * (run.beats.worked - without) / std::max(without, 1ns)));
    say(before, figures(run.beats.worked, run.beats.largest_gap()), after);
  }
}

Task<> async_main(long below, long every, std::string only) {
  const Longest longest = co_await starved_and_mended(below, every, only);
  if (only.empty()) co_await price(below, longest);
}

int main(int argc, char** argv) {
  int below = 1'000'000;
  int every = 10'000;
  std::string only;
  return lesson(
      argc, argv,
      {.about = "A long computation starves the loop, and gives way in four styles; and what that\n"
                "costs. Takes some seconds, for it really computes, in virtual time as well.",
       .on_clock = true,
       .flags = {number("--below", "N", "search the numbers below this one (1000000)", below, 2,
                        100'000'000),
                 number("--every", "N", "give way after so many numbers (10000)", every, 1,
                        100'000'000),
                 text("--only", "WAYS",
                      "some of keeps,awaits,callbacks,generator,task,fiber; no prices", only)}},
      [&] {
        const auto is_it = [&](const Way& way) { return chosen(way, only); };
        if (std::none_of(std::begin(kWays), std::end(kWays), is_it)) {
          throw WrongUsage{"--only knows nothing of '" + only + "'"};
        }
        run(async_main(below, every, only));
      });
}
