// The other articles' version of the same example: a task speaks up once for each piece of work,
// but still gives way after each count. So the lines show who finished what, and no longer the
// turns.
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
    say("Task ", name, " running");
    for (int x = 0; x < count; ++x) {
      ++total;
      co_yield {};
    }
    say("Task ", name, " total: ", total);
  }
}

void example() {
  std::queue<int> work_queue;
  for (int work : {15, 10, 5, 2}) work_queue.push(work);

  std::vector<Generator<>> tasks;
  tasks.push_back(task("One", work_queue));
  tasks.push_back(task("Two", work_queue));

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
                       {.about = "The short form of lesson 02: one line when a task takes a piece\n"
                                 "of work, one when it has done it; it gives way at each count."},
                       example);
}
