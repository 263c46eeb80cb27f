// Two tasks share a queue of work and take turns.
//
// A task is a generator now. After each count it stops at its co_yield and gives the processor back
// to the loop in example(), the smallest scheduler there is: it gives each task one turn, round
// after round, until all have ended.
#include <queue>
#include <string>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/generator/generator.hpp"

using simul::Generator;
using simul::say;

Generator<> task(std::string name, std::queue<int>& work_queue) {
  while (!work_queue.empty()) {
    const int count = work_queue.front();
    work_queue.pop();
    int total = 0;
    for (int x = 0; x < count; ++x) {
      say("Task ", name, " running");
      ++total;
      co_yield {};
    }
    say("Task ", name, " total: ", total);
  }
}

void example() {
  // The queue of work.
  std::queue<int> work_queue;
  for (int work : {15, 10, 5, 2}) work_queue.push(work);

  // The tasks. Nothing of them has run yet.
  std::vector<Generator<>> tasks;
  tasks.push_back(task("One", work_queue));
  tasks.push_back(task("Two", work_queue));

  // Run them: one turn each, round after round; a task that has ended leaves the round.
  while (!tasks.empty()) {
    for (auto t = tasks.begin(); t != tasks.end();) {
      if (t->next())
        ++t;
      else
        t = tasks.erase(t);
    }
  }
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "Two tasks take work from one queue and give way to each other\n"
                                 "after each count, with co_yield."},
                       example);
}
