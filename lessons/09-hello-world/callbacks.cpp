// Hello, wait three seconds, World!: with callbacks, as asyncio has them.
//
// hello() does not wait. It leaves with the loop a function that is to be called later, and
// returns. So nobody sees the end come: the last function has to stop the loop, or it runs for
// ever.
#include <chrono>

#include "lessons/common/lesson.hpp"
#include "runtime/reactor/reactor.hpp"

using namespace std::chrono_literals;
using simul::Reactor;
using simul::say;

void print_world(Reactor& loop) {
  say("World!");
  loop.stop();
}

void hello(Reactor& loop) {
  say("Hello");
  loop.call_later(3s, [&] { print_world(loop); });
}

void example() {
  Reactor& loop = Reactor::current();
  loop.call_soon([&] { hello(loop); });
  loop.run_forever();
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "Hello, wait three seconds, World!: with callbacks, as asyncio\n"
                                 "has them.",
                        .on_clock = true},
                       example);
}
