// The other articles' version of the same example: a task sleeps through a whole piece of work and
// only then gives way, and its stopwatch counts its own sleep alone.
#include <chrono>
#include <queue>
#include <string>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/generator/generator.hpp"

using simul::Clock;
using simul::Generator;
using simul::say;
using simul::Stopwatch;

Generator<> task(std::string name, std::queue<int>& work_queue) {
  while (!work_queue.empty()) {
    const std::chrono::seconds delay(work_queue.front());
    work_queue.pop();
    say("Task ", name, " running");
    Stopwatch elapsed;
    Clock::sleep_for(delay);
    say("Task ", name, " elapsed time: ", elapsed.rounded());
    co_yield {};
  }
}

void example() {
  std::queue<int> work_queue;
  for (int work : {15, 10, 5, 2}) work_queue.push(work);

  std::vector<Generator<>> tasks;
  tasks.push_back(task("One", work_queue));
  tasks.push_back(task("Two", work_queue));

  Stopwatch elapsed;
  while (!tasks.empty()) {
    for (auto t = tasks.begin(); t != tasks.end();) {
      if (t->next())
        ++t;
      else
        t = tasks.erase(t);
    }
  }

  say();
  say("Total elapsed time: ", elapsed.rounded());
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "The short form of lesson 03: a task blocks for a whole piece of\n"
                                 "work before it gives way. Takes 32 seconds in real time.",
                        .on_clock = true},
                       example);
}
