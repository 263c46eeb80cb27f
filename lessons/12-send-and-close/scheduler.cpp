// A scheduler that sends results in: how generators became the first async functions.
//
// A task stops at `co_yield path`: so much for "I want this". Whoever runs the task fetches it and
// sends the page in, and `co_yield path` evaluates to the page. To the task that looks like a call
// that takes its time; meanwhile the others run. The whole scheduler is `serve` and `give_up`.
#include <chrono>
#include <functional>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/generator/generator.hpp"
#include "runtime/reactor/reactor.hpp"

using simul::Generator;
using simul::GeneratorExit;
using simul::Handle;
using simul::Reactor;
using simul::say;
using simul::Stopwatch;

// Yields the paths it wants, is sent the pages.
using Body = Generator<const std::string, std::string>;

// A download with a callback, as far as this file is concerned: /300 comes after 300 ms.
Handle get_page(const std::string& path, std::function<void(std::string)> when_done) {
  const std::chrono::milliseconds latency(std::stoi(path.substr(1)));
  return Reactor::current().call_later(latency,
                                       [page = "the page " + path, when_done] { when_done(page); });
}

// ---- The scheduler ----

struct Job {
  Body body;
  Handle awaited = {};  // what its body waits for
};

// The body has yielded `path`: fetch that, send it in, and see what it wants next.
void serve(Job& job, const std::string* path) {
  if (path == nullptr) return;  // it has ended
  job.awaited =
      get_page(*path, [&job](std::string page) { serve(job, job.body.send(std::move(page))); });
}

// Nobody wants its results any more. Without the first line, the page would still come, and be sent
// to a body that is over.
void give_up(Job& job) {
  job.awaited.cancel();
  job.body.close();
}

// ---- The tasks ----

Body task(std::string name, std::vector<std::string> paths, Stopwatch since) {
  try {
    for (const std::string& path : paths) {
      say(since.rounded(), " s  ", name, " wants ", path);
      const std::string page = co_yield path;
      say(since.rounded(), " s  ", name, " is sent ", page);
    }
    say(since.rounded(), " s  ", name, " is done");
  } catch (const GeneratorExit&) {
    say(since.rounded(), " s  ", name, " is closed, and tidies up");
  }
}

void example() {
  const Stopwatch since;
  std::list<Job> jobs;
  jobs.push_back({task("One", {"/500", "/200"}, since)});
  jobs.push_back({task("Two", {"/300", "/600"}, since)});
  jobs.push_back({task("Three", {"/100", "/9000"}, since)});
  for (Job& job : jobs) serve(job, job.body.next());

  Reactor& loop = Reactor::current();
  loop.call_later(std::chrono::milliseconds(1000), [&] {
    for (Job& job : jobs) give_up(job);  // those that are over do not mind
    loop.stop();
  });
  loop.run_forever();
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "Three generators say what they want, and a scheduler of a few\n"
                                 "lines sends it in; after one second it closes who is left.",
                        .on_clock = true},
                       example);
}
