// Two tasks download six pages at the same time, with callbacks. A task is a generator, and cannot
// wait: it says what is to be done with the page, in functions, and yields the Deferred to a
// cooperator, which steps it again when that has fired and the functions have run.
#include <exception>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/deferred/cooperator.hpp"
#include "runtime/deferred/deferred.hpp"
#include "runtime/deferred/deferred_list.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/web/get_page.hpp"

namespace web = simul::web;
using simul::complain;
using simul::CooperativeIterator;
using simul::Cooperator;
using simul::Deferred;
using simul::deferred_list;
using simul::Options;
using simul::Reactor;
using simul::say;
using simul::Stopwatch;

void success_callback(const std::string& name, const std::string& url) {
  say("Task ", name, " got URL: ", url);
}

// To see what is in an exception_ptr one has to throw it.
void failure_callback(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    complain(error);  // one page that cannot be had is not the end of the others
  }
}

CooperativeIterator task(std::string name, std::queue<std::string>& work) {
  while (!work.empty()) {
    const std::string url = std::move(work.front());
    work.pop();
    say("Task ", name, " getting URL: ", url);
    Stopwatch elapsed;
    Deferred<> d =
        web::get_page(url)
            .add_callback([=](const std::string&) { success_callback(name, url); })
            .add_errback(failure_callback)
            .add_callback([=] { say("Task ", name, " total elapsed time: ", elapsed.rounded()); });
    co_yield d;
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
  Cooperator cooperator;
  Stopwatch elapsed;
  const std::vector<Deferred<>> tasks = {
      cooperator.coiterate(task("One", work)),
      cooperator.coiterate(task("Two", work)),
  };
  deferred_list(tasks).add_callback([&](auto) { reactor.stop(); });
  reactor.run_forever();
  say();
  say("Total elapsed time: ", elapsed.rounded());
}

int main(int argc, char** argv) {
  return simul::lesson(
      argc, argv,
      {.about = "Two generators download pages at the same time, by means of callbacks.",
       .fetches = true},
      example);
}
