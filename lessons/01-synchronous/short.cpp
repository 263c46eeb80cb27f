// The other articles' version of the same example: a task speaks up once for each piece of work,
// not once for each count.
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "lessons/common/lesson.hpp"

using simul::say;

void task(const std::string& name, std::queue<int>& work_queue) {
  if (work_queue.empty()) {
    say("Task ", name, " nothing to do");
    return;
  }
  while (!work_queue.empty()) {
    const int count = work_queue.front();
    work_queue.pop();
    int total = 0;
    say("Task ", name, " running");
    for (int x = 0; x < count; ++x) ++total;
    say("Task ", name, " total: ", total);
  }
}

void example() {
  std::queue<int> work_queue;
  for (int work : {15, 10, 5, 2}) work_queue.push(work);

  std::vector<std::function<void()>> tasks;
  tasks.push_back([&] { task("One", work_queue); });
  tasks.push_back([&] { task("Two", work_queue); });

  for (auto& run : tasks) run();
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "The short form of lesson 01: one line when a task takes a piece\n"
                                 "of work, one when it has done it."},
                       example);
}
