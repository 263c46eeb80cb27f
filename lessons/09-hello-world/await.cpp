// Hello, wait three seconds, World!: with async and await.
//
// hello() stops at the co_await. The loop resumes it when what it waits for is over.
#include <chrono>

#include "lessons/common/lesson.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"

using namespace std::chrono_literals;
using simul::run;
using simul::say;
using simul::sleep;
using simul::Task;

Task<> hello() {
  say("Hello");
  co_await sleep(3s);
  say("World!");
}

void example() {
  run(hello());
}

int main(int argc, char** argv) {
  return simul::lesson(
      argc, argv, {.about = "Hello, wait three seconds, World!: with co_await.", .on_clock = true},
      example);
}
