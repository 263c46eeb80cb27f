// Two tasks download six pages at the same time: lesson 05's task, less the line in which it gave
// way. http::get is the same blocking client, not a line of it changed. But here each task is a
// fiber, and the calls in which the client blocks have been patched to park the fiber.
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/fiber/monkey.hpp"
#include "runtime/http/blocking_client.hpp"

namespace http = simul::http;
namespace monkey = simul::monkey;
using simul::complain;
using simul::join_all;
using simul::Options;
using simul::say;
using simul::spawn;
using simul::Stopwatch;

void task(std::string name, std::queue<std::string>& work) {
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
  }
}

void example(const Options& options) {
  std::vector<std::string> urls = {"http://google.com",      "http://yahoo.com",
                                   "http://linkedin.com",    "http://shutterfly.com",
                                   "http://mypublisher.com", "http://facebook.com"};
  if (!options.urls.empty()) urls = options.urls;

  std::queue<std::string> work;
  for (const std::string& url : urls) work.push(url);

  Stopwatch elapsed;
  join_all<void>({
      spawn(task, "One", std::ref(work)),
      spawn(task, "Two", std::ref(work)),
  });
  say();
  say("Total elapsed time: ", elapsed.rounded());
}

int main(int argc, char** argv) {
  monkey::patch_all();
  return simul::lesson(
      argc, argv,
      {.about = "Two fibers download pages with a client that blocks, and yet at the same time.",
       .fetches = true},
      example);
}
