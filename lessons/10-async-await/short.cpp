// The same, less what may be left out. Both articles print one and the same program; this is its
// output, too. gather starts a coroutine that is handed to it, so create_task need not be written;
// and a queue without a capacity has always room, so nothing has to wait to put something in.
#include <chrono>
#include <string>

#include "lessons/common/lesson.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/queue.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"

using simul::gather;
using simul::Queue;
using simul::run;
using simul::say;
using simul::sleep;
using simul::Stopwatch;
using simul::Task;

Task<> task(std::string name, Queue<int>& work_queue) {
  while (!work_queue.empty()) {
    const std::chrono::seconds delay(co_await work_queue.get());
    say("Task ", name, " running");
    Stopwatch elapsed;
    co_await sleep(delay);
    say("Task ", name, " elapsed time: ", elapsed.rounded());
  }
}

Task<> both(Queue<int>& work_queue) {
  co_await gather(task("One", work_queue), task("Two", work_queue));
}

void example() {
  Queue<int> work_queue;
  for (const int work : {15, 10, 5, 2}) work_queue.try_put(work);

  Stopwatch elapsed;
  run(both(work_queue));
  say();
  say("Total elapsed time: ", elapsed.rounded());
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "The short form of lesson 10: two tasks sleep at the same time.\n"
                                 "Takes 17 seconds in real time.",
                        .on_clock = true},
                       example);
}
