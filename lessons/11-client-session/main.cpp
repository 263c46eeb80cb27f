// Two tasks download seven pages at the same time: lesson 10's tasks, with a download in the place
// of the sleep. Each task has a session of its own, as in the article, and waits for a page where
// it says co_await.
#include <string>
#include <utility>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/sync/queue.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/session.hpp"

namespace web = simul::web;
using simul::complain;
using simul::create_task;
using simul::gather;
using simul::Options;
using simul::Queue;
using simul::run;
using simul::say;
using simul::Stopwatch;
using simul::Task;

Task<> task(std::string name, Queue<std::string>& work_queue) {
  Stopwatch timer;
  web::Session session;
  while (!work_queue.empty()) {
    const std::string url = co_await work_queue.get();
    say("Task ", name, " getting URL: ", url);
    timer.restart();
    try {
      co_await session.get(url);
    } catch (const std::exception& error) {
      complain(error);  // one page that cannot be had is not the end of the others
    }
    say("Task ", name, " elapsed time: ", timer.rounded());
  }
}

// This is the main entry point for the program.
Task<> async_main(std::vector<std::string> urls) {
  // Create the queue of work.
  Queue<std::string> work_queue;

  // Put some work in the queue.
  for (const std::string& url : urls) co_await work_queue.put(url);

  // Run the tasks.
  Stopwatch timer;
  co_await gather(create_task(task("One", work_queue)), create_task(task("Two", work_queue)));
  say();
  say("Total elapsed time: ", timer.rounded());
}

void example(const Options& options) {
  std::vector<std::string> urls = {
      "http://google.com",    "http://yahoo.com",    "http://linkedin.com", "http://apple.com",
      "http://microsoft.com", "http://facebook.com", "http://twitter.com",
  };
  if (!options.urls.empty()) urls = options.urls;
  run(async_main(std::move(urls)));
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "Two tasks download pages at the same time; each waits in a\n"
                                 "co_await, and has a session that keeps its connections.",
                        .fetches = true},
                       example);
}
