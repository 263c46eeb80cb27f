// Two tasks count seconds side by side. Each calls sleep(), the C library's, in a plain loop, and
// yet neither holds up the other: each task is a fiber, and sleep() has been patched to park the
// fiber that calls it.
#include <unistd.h>

#include <queue>
#include <string>

#include "lessons/common/lesson.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/fiber/monkey.hpp"

namespace monkey = simul::monkey;
namespace this_fiber = simul::this_fiber;
using simul::join_all;
using simul::say;
using simul::spawn;
using simul::Stopwatch;

// Takes the first item. gevent's patched Queue.get takes it and then lets the other greenlets go
// first, even when it had no need to wait: its lock yields after a failed try, and finding out who
// owns the lock is such a try. At 15 s, when both tasks finish an item, that decides who prints
// first; so we yield there too.
int get(std::queue<int>& work) {
  const int item = work.front();
  work.pop();
  this_fiber::yield();
  return item;
}

void task(const char* name, std::queue<int>& work) {
  while (!work.empty()) {
    const int count = get(work);
    int total = 0;
    Stopwatch elapsed;
    for (int i = 0; i < count; ++i) {
      say("Task ", name, " running");
      ::sleep(1);
      total += 1;
    }
    say("Task ", name, " total: ", total);
    say("Task ", name, " total elapsed time: ", elapsed.rounded());
  }
}

void example() {
  std::queue<int> work;
  for (const int item : {15, 10, 5, 2}) work.push(item);

  Stopwatch elapsed;
  join_all<void>({
      spawn(task, "One", std::ref(work)),
      spawn(task, "Two", std::ref(work)),
  });
  say();
  say("Total elapsed time: ", elapsed.rounded());
}

int main(int argc, char** argv) {
  monkey::patch_all();
  return simul::lesson(
      argc, argv,
      {.about = "Two fibers sleep at the same time, in a call that used to block them both.",
       .on_clock = true},
      example);
}
