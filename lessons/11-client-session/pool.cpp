// Watching the pool of a session: connections that are used again, who waits for one and how long,
// and what becomes of the connection of a request that was given up.
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/timeout.hpp"
#include "runtime/web/session.hpp"

namespace web = simul::web;
using namespace std::chrono_literals;
using simul::complain;
using simul::gather;
using simul::Options;
using simul::run;
using simul::say;
using simul::Stopwatch;
using simul::Task;
using simul::TimedOut;
using simul::timeout;

void say_pool(const web::Session& session) {
  say("  idle connections: ", session.pool().idle(), ", in use: ", session.pool().in_use());
}

Task<> page(web::Session& session, std::string url, Stopwatch since) {
  try {
    co_await session.get(url);
    say("  ", since.rounded(), " s  ", url);
  } catch (const std::exception& error) {
    complain(error);
  }
}

Task<> async_main(std::vector<std::string> urls) {
  web::SessionOptions limits;
  limits.connections.per_origin = 2;
  web::Session session(limits);

  say("All at once, over at most two connections to a host:");
  std::vector<Task<>> pages;
  for (const std::string& url : urls) pages.push_back(page(session, url, Stopwatch()));
  co_await gather(std::move(pages));
  say_pool(session);

  say("One more, with no patience:");
  const Stopwatch since;
  const auto impatient = [&]() -> Task<> { co_await session.get(urls.front()); };
  try {
    co_await timeout(100ms, impatient);
    say("  ", since.rounded(), " s  it came in time");
  } catch (const TimedOut&) {
    say("  ", since.rounded(), " s  given up");
  } catch (const std::exception& error) {
    complain(error);
  }
  say_pool(session);
}

void example(const Options& options) {
  run(async_main(options.urls.empty() ? std::vector<std::string>(6, "http://google.com")
                                      : options.urls));
}

int main(int argc, char** argv) {
  return simul::lesson(
      argc, argv,
      {.about = "A session with room for two connections to a host: who waits for\n"
                "one, which are kept, and which are closed.",
       .fetches = true},
      example);
}
