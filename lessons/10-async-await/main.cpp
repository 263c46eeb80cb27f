// Two tasks sleep at the same time: lesson 03's short program, with the waits written down as
// co_await. The sum of the sleeps is 32 seconds; side by side they take 17.
#include <chrono>
#include <string>

#include "lessons/common/lesson.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/queue.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"

using simul::create_task;
using simul::gather;
using simul::Queue;
using simul::run;
using simul::say;
using simul::sleep;
using simul::Stopwatch;
using simul::Task;

Task<> task(std::string name, Queue<int>& work_queue) {
  Stopwatch timer;
  while (!work_queue.empty()) {
    const std::chrono::seconds delay(co_await work_queue.get());
    say("Task ", name, " running");
    timer.restart();
    co_await sleep(delay);
    say("Task ", name, " elapsed time: ", timer.rounded());
  }
}

// This is the main entry point for the program.
Task<> async_main() {
  // Create the queue of work.
  Queue<int> work_queue;

  // Put some work in the queue.
  for (const int work : {15, 10, 5, 2}) co_await work_queue.put(work);

  // Run the tasks.
  Stopwatch timer;
  co_await gather(create_task(task("One", work_queue)), create_task(task("Two", work_queue)));
  say();
  say("Total elapsed time: ", timer.rounded());
}

void example() {
  run(async_main());
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "Two tasks sleep at the same time, each in a co_await. Takes 17\n"
                                 "seconds in real time.",
                        .on_clock = true},
                       example);
}
