// Hello, wait three seconds, World!: the way of greenlets.
//
// It is the synchronous program, but the sleep is not the thread's: it is the loop that runs for
// three seconds, and whoever else is in the program has the thread meanwhile.
#include <chrono>

#include "lessons/common/lesson.hpp"
#include "runtime/fiber/fiber.hpp"

using namespace std::chrono_literals;
using simul::say;

void hello() {
  say("Hello");
  simul::this_fiber::sleep_for(3s);
  say("World!");
}

int main(int argc, char** argv) {
  return simul::lesson(
      argc, argv,
      {.about = "Hello, wait three seconds, World!: the way of greenlets.", .on_clock = true},
      hello);
}
