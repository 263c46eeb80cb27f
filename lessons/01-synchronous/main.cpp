// Two tasks share a queue of work, and the first one does it all.
//
// A piece of work is a number, and doing it is counting up to it. A task is a plain function here:
// it has the processor until it returns, and it returns when the queue is empty.
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "lessons/common/lesson.hpp"

using simul::Activity;
using simul::say;

void task(const std::string& name, std::queue<int>& work_queue) {
  const Activity activity(name);  // for --timeline: a plain function goes by no name otherwise
  if (work_queue.empty()) {
    say("Task ", name, " nothing to do");
    return;
  }
  while (!work_queue.empty()) {
    const int count = work_queue.front();
    work_queue.pop();
    int total = 0;
    for (int x = 0; x < count; ++x) {
      say("Task ", name, " running");
      ++total;
    }
    say("Task ", name, " total: ", total);
  }
}

void example() {
  // The queue of work.
  std::queue<int> work_queue;
  for (int work : {15, 10, 5, 2}) work_queue.push(work);

  // The tasks: calls that are still to be made.
  std::vector<std::function<void()>> tasks;
  tasks.push_back([&] { task("One", work_queue); });
  tasks.push_back([&] { task("Two", work_queue); });

  // Run them.
  for (auto& run : tasks) run();
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "Two tasks take work from one queue by plain function calls:\n"
                                 "the first does all of it, and the second finds nothing to do."},
                       example);
}
