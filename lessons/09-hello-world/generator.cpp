// Hello, wait three seconds, World!: with a generator that yields what it waits for.
//
// hello() stops at the co_yield. What it has yielded, a Deferred, resumes it when it fires.
#include <chrono>

#include "lessons/common/lesson.hpp"
#include "runtime/deferred/defer_later.hpp"
#include "runtime/deferred/inline_callbacks.hpp"
#include "runtime/fiber/await.hpp"

using namespace std::chrono_literals;
using simul::await;
using simul::defer_later;
using simul::InlineCallbacks;
using simul::say;

InlineCallbacks<> hello() {
  say("Hello");
  co_yield defer_later(3s, [] {});
  say("World!");
}

void example() {
  await(hello());  // in plain code: runs the loop until this is over
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "Hello, wait three seconds, World!: with a generator that yields\n"
                                 "what it waits for.",
                        .on_clock = true},
                       example);
}
