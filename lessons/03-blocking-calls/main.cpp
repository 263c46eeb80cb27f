// Two tasks take turns, and each turn sleeps for a second: the turns add up.
//
// It is lesson 02 with one line more. The sleep stands for any call that waits, a download or a
// query. It blocks: the thread does not come back from it, so the task cannot give way, and the
// loop that would run the other task does not run either.
#include <chrono>
#include <queue>
#include <string>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/generator/generator.hpp"

using namespace std::chrono_literals;
using simul::Clock;
using simul::Generator;
using simul::say;
using simul::Stopwatch;

Generator<> task(std::string name, std::queue<int>& work_queue) {
  while (!work_queue.empty()) {
    const int count = work_queue.front();
    work_queue.pop();
    int total = 0;
    Stopwatch elapsed;
    for (int x = 0; x < count; ++x) {
      say("Task ", name, " running");
      Clock::sleep_for(1s);
      ++total;
      co_yield {};
    }
    say("Task ", name, " total: ", total);
    say("Task ", name, " total elapsed time: ", elapsed.rounded());
  }
}

void example() {
  // The queue of work.
  std::queue<int> work_queue;
  for (int work : {15, 10, 5, 2}) work_queue.push(work);

  // The tasks.
  std::vector<Generator<>> tasks;
  tasks.push_back(task("One", work_queue));
  tasks.push_back(task("Two", work_queue));

  // Run them.
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
  say("Total elapsed time: ", elapsed.exact());
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "Two tasks give way to each other, but each turn blocks for a\n"
                                 "second: nothing is gained. Takes 32 seconds in real time.",
                        .on_clock = true},
                       example);
}
