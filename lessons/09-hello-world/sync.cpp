// Hello, wait three seconds, World!: the synchronous way.
//
// The thread itself sleeps. While it does, nothing else in this program can happen.
#include <chrono>

#include "lessons/common/lesson.hpp"
#include "runtime/base/clock.hpp"

using namespace std::chrono_literals;
using simul::Clock;
using simul::say;

void hello() {
  say("Hello");
  Clock::sleep_for(3s);
  say("World!");
}

int main(int argc, char** argv) {
  return simul::lesson(
      argc, argv, {.about = "Hello, wait three seconds, World!: synchronous.", .on_clock = true},
      hello);
}
