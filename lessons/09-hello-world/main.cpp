// Hello, wait three seconds, World!: five styles at once, on one loop, in one thread.
//
// Each function below does the same. They differ in how the three seconds are written down, and in
// what the function's caller gets to know of its end. At the bottom a task starts one of each and
// waits for them all, which takes three seconds. Then it does so again beside the synchronous one.
#include <chrono>
#include <functional>
#include <iomanip>
#include <ios>
#include <string>

#include "lessons/common/lesson.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/deferred/defer_later.hpp"
#include "runtime/deferred/deferred.hpp"
#include "runtime/deferred/inline_callbacks.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/bridges.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"

using namespace std::chrono_literals;
using namespace simul;

// Who speaks, and when.
struct Voice {
  std::string style;
  Stopwatch since;  // a copy: all of them show the time since the same start

  void operator()(const char* word) const {
    simul::say("  ", since.rounded(), " s  ", std::left, std::setw(12), style, word);
  }
};

// ---- Six ways to say it ----

void synchronous(Voice say) {
  say("Hello");
  Clock::sleep_for(3s);
  say("World!");
}

void with_callbacks(Voice say, std::function<void()> done) {
  say("Hello");
  Reactor::current().call_later(3s, [=] {
    say("World!");
    done();
  });
}

Deferred<> with_deferreds(Voice say) {
  say("Hello");
  return defer_later(3s, say, "World!");
}

InlineCallbacks<> with_co_yield(Voice say) {
  say("Hello");
  co_yield defer_later(3s, [] {});
  say("World!");
}

void in_a_fiber(Voice say) {
  say("Hello");
  this_fiber::sleep_for(3s);
  say("World!");
}

Task<> with_co_await(Voice say) {
  say("Hello");
  co_await sleep(3s);
  say("World!");
}

// ---- All at once ----

enum class Beside { nobody, synchronous };

Task<> five_at_once(Beside beside) {
  const Stopwatch now;
  if (beside == Beside::synchronous) {
    Reactor::current().call_later(1s, [=] { synchronous({"sleep_for", now}); });
  }

  const Deferred<> called;
  with_callbacks({"call_later", now}, [=] { called.callback(); });
  const Deferred<> chained = with_deferreds({"Deferred", now});
  const Deferred<> yielded = with_co_yield({"co_yield", now});
  const Fiber<> parked = spawn(in_a_fiber, Voice{"fiber", now});
  const TaskHandle<> awaited = create_task(with_co_await({"co_await", now}));

  co_await called;
  co_await chained;
  co_await yielded;
  co_await parked;
  co_await awaited;
}

void example() {
  say("Five styles at once:");
  run(five_at_once(Beside::nobody));
  say();
  say("The same, and after one second a synchronous one:");
  run(five_at_once(Beside::synchronous));
}

int main(int argc, char** argv) {
  return simul::lesson(
      argc, argv,
      {.about = "Hello, wait three seconds, World!: in five styles at once, and\n"
                "what a synchronous one does to them. Takes 7 seconds in real time.",
       .on_clock = true},
      example);
}
