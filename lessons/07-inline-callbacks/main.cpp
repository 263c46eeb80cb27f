// Two tasks download six pages at the same time, without fibers and without a
// patch: lesson 06's task, with the one line in which it waits made visible.
// get_page returns at once, with a Deferred of the page, and co_yield gives way
// to the loop until that has fired.
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/deferred/defer_later.hpp"
#include "runtime/deferred/deferred.hpp"
#include "runtime/deferred/deferred_list.hpp"
#include "runtime/deferred/inline_callbacks.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/web/get_page.hpp"

namespace web = simul::web;
using namespace std::chrono_literals;
using simul::complain;
using simul::defer_later;
using simul::Deferred;
using simul::deferred_list;
using simul::InlineCallbacks;
using simul::Options;
using simul::Reactor;
using simul::say;
using simul::Stopwatch;

InlineCallbacks<void> task(std::string name, std::queue<std::string>& work) {
  while (!work.empty()) {
    const std::string url = std::move(work.front());
    work.pop();
    say("Task ", name, " getting URL: ", url);
    Stopwatch elapsed;
    try {
      co_yield web::get_page(url);
      say("Task ", name, " got URL: ", url);
    } catch (const std::exception& error) {
      complain(error);  // one page that cannot be had is not the end of the others
    }
    say("Task ", name, " total elapsed time: ", elapsed.rounded());
  }
}

void example(const Options& options) {
  std::vector<std::string> urls = {"http://google.com",      "http://yahoo.com",
                                   "http://linkedin.com",    "http://shutterfly.com",
                                   "http://mypublisher.com", "http://facebook.com"};
  if (!options.urls.empty()) urls = options.urls;

  std::queue<std::string> work;
  for (const std::string& url : urls) work.push(url);

  Reactor& reactor = Reactor::current();
  Stopwatch elapsed;
  const std::vector<Deferred<>> tasks = {
      defer_later(0s, task, "One", std::ref(work)),
      defer_later(0s, task, "Two", std::ref(work)),
  };
  deferred_list(tasks).add_callback([&](auto) { reactor.stop(); });
  reactor.run_forever();
  say();
  say("Total elapsed time: ", elapsed.rounded());
}

int main(int argc, char** argv) {
  return simul::lesson(
      argc, argv,
      {.about = "Two coroutines download pages at the same time; each waits at a co_yield.",
       .fetches = true},
      example);
}
