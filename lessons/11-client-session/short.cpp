// The same, less what may be left out: one session for both tasks instead of one for each, no
// create_task, and no wait to put something into a queue that has always room. It prints the same.
// Shared, the session has one pool, and a connection that one task has done with is the other's to
// use.
#include <string>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/sync/queue.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/session.hpp"

namespace web = simul::web;
using simul::complain;
using simul::gather;
using simul::Options;
using simul::Queue;
using simul::run;
using simul::say;
using simul::Stopwatch;
using simul::Task;

Task<> task(std::string name, Queue<std::string>& work_queue, web::Session& session) {
  while (!work_queue.empty()) {
    const std::string url = co_await work_queue.get();
    say("Task ", name, " getting URL: ", url);
    Stopwatch elapsed;
    try {
      co_await session.get(url);
    } catch (const std::exception& error) {
      complain(error);
    }
    say("Task ", name, " elapsed time: ", elapsed.rounded());
  }
}

Task<> both(Queue<std::string>& work_queue) {
  web::Session session;
  co_await gather(task("One", work_queue, session), task("Two", work_queue, session));
}

void example(const Options& options) {
  std::vector<std::string> urls = {
      "http://google.com",    "http://yahoo.com",    "http://linkedin.com", "http://apple.com",
      "http://microsoft.com", "http://facebook.com", "http://twitter.com",
  };
  if (!options.urls.empty()) urls = options.urls;

  Queue<std::string> work_queue;
  for (const std::string& url : urls) work_queue.try_put(url);

  Stopwatch elapsed;
  run(both(work_queue));
  say();
  say("Total elapsed time: ", elapsed.rounded());
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "The short form of lesson 11: two tasks download pages at the\n"
                                 "same time, and share one session.",
                        .fetches = true},
                       example);
}
