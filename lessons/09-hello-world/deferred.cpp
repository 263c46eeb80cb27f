// Hello, wait three seconds, World!: with callbacks, as Twisted has them.
//
// hello() does not wait here either. But it returns a Deferred of its end, so that whoever called
// it can say what comes next, and neither hello() nor print_world() need know of the loop.
#include <chrono>

#include "lessons/common/lesson.hpp"
#include "runtime/deferred/defer_later.hpp"
#include "runtime/deferred/deferred.hpp"
#include "runtime/reactor/reactor.hpp"

using namespace std::chrono_literals;
using simul::defer_later;
using simul::Deferred;
using simul::Reactor;
using simul::say;

void print_world() {
  say("World!");
}

Deferred<> hello() {
  say("Hello");
  return defer_later(3s, print_world);
}

void example() {
  Reactor& reactor = Reactor::current();
  defer_later(0s, hello).add_callback([&] { reactor.stop(); });
  reactor.run_forever();
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "Hello, wait three seconds, World!: with callbacks, as Twisted\n"
                                 "has them.",
                        .on_clock = true},
                       example);
}
