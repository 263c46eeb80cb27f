// Two tasks download six pages, one after another: generators in a round robin, real HTTP, and
// nothing gained, because http::get holds the thread until the page is there.
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/generator/generator.hpp"
#include "runtime/http/blocking_client.hpp"

namespace http = simul::http;
using simul::complain;
using simul::Generator;
using simul::Options;
using simul::say;
using simul::Stopwatch;

Generator<> task(std::string name, std::queue<std::string>& work) {
  while (!work.empty()) {
    const std::string url = std::move(work.front());
    work.pop();
    say("Task ", name, " getting URL: ", url);
    Stopwatch elapsed;
    try {
      http::get(url);
      say("Task ", name, " got URL: ", url);
    } catch (const std::exception& error) {
      complain(error);  // one page that cannot be had is not the end of the others
    }
    say("Task ", name, " total elapsed time: ", elapsed.rounded());
    co_yield {};
  }
}

void example(const Options& options) {
  std::vector<std::string> urls = {"http://google.com",      "http://yahoo.com",
                                   "http://linkedin.com",    "http://shutterfly.com",
                                   "http://mypublisher.com", "http://facebook.com"};
  if (!options.urls.empty()) urls = options.urls;

  std::queue<std::string> work;
  for (const std::string& url : urls) work.push(url);

  std::vector<Generator<>> tasks;
  tasks.push_back(task("One", work));
  tasks.push_back(task("Two", work));

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
  say("Total elapsed time: ", elapsed.rounded());
}

int main(int argc, char** argv) {
  return simul::lesson(
      argc, argv,
      {.about = "Two generators download pages with a client that blocks: the times add up.",
       .fetches = true},
      example);
}
