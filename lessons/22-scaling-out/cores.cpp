// A server with a reactor for each core, beside one that has a single loop.
//
// A loop is one thread, and a thread is at most one core. To use all of them, run more loops: not
// by sharing connections among threads, but by having several servers that know nothing of each
// other listen at one port (SO_REUSEPORT). The kernel deals the connections out.
//
// Without --port the two are measured side by side, with a handler that only answers and with one
// that computes a little. With --port they serve until Ctrl-C, which lets all of them finish.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lessons/22-scaling-out/load.hpp"
#include "lessons/22-scaling-out/loops.hpp"
#include "lessons/22-scaling-out/table.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/to_thread.hpp"
#include "runtime/web/server.hpp"

using namespace std::chrono_literals;
using namespace simul;

struct Wanted {
  int port = -1;
  int loops = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::string only{};
  Load load{};
};

// ---- The handlers ----

Task<web::Response> answer(web::Request&) {
  co_return web::Response(200, "hello\n");
}

// A little: some tens of microseconds.
Task<web::Response> compute(web::Request&) {
  int primes = 0;
  for (int n = 2; n < 5'000; ++n) {
    int d = 2;
    while (d * d <= n && n % d != 0) ++d;
    if (d * d > n) ++primes;
  }
  co_return web::Response(200, std::to_string(primes) + "\n");
}

web::Router routes() {
  web::Router router;
  router.get("/", answer);
  router.get("/compute", compute);
  return router;
}

// ---- Measuring ----

std::string listed(const std::vector<std::uint64_t>& numbers) {
  std::string text;
  for (const std::uint64_t number : numbers) {
    text += (text.empty() ? "" : " ") + grouped(static_cast<double>(number));
  }
  return text;
}

Task<double> measure(const Wanted& wanted, std::string path, std::string name, int count) {
  Loops loops(count, routes);
  Load load = wanted.load;
  load.url = loops.url() + path;
  const double rate = co_await rate_of(std::move(load));
  char line[160];
  std::snprintf(line, sizeof line, "%-36s %14s   %-16s %s", name.c_str(), grouped(rate).c_str(),
                listed(loops.connections()).c_str(), listed(loops.answers()).c_str());
  say(line);
  co_return rate;
}

Task<> measure_all(const Wanted& wanted) {
  const std::string per_core = "a loop per core: " + std::to_string(wanted.loops);
  say(wanted.load.clients, " clients in ", wanted.load.processes, " processes, on the same ",
      std::thread::hardware_concurrency(), " cores as the servers.\n");
  char head[160];
  std::snprintf(head, sizeof head, "%-36s %14s   %-16s %s", "", "answers/s", "connections",
                "answers, of each loop");
  say(head);
  for (const auto& [path, does] : {std::pair("", "only answers"), {"compute", "computes"}}) {
    if (!wanted.only.empty() && wanted.only != "/" + std::string(path)) continue;
    const std::string one_loop = std::string(does) + ", one loop";
    const std::string more_loops = std::string(does) + ", " + per_core;
    const double one = co_await measure(wanted, path, one_loop, 1);
    const double all = co_await measure(wanted, path, more_loops, wanted.loops);
    char line[80];
    std::snprintf(line, sizeof line, "%-36s %12.2f x", "", all / one);
    say(line);
  }
}

// ---- Serving ----

Task<> serve(const Wanted& wanted) {
  Event told;
  Reactor& loop = Reactor::current();
  for (const int signal : {SIGINT, SIGTERM}) {
    loop.add_signal_handler(signal, [&] { told.set(); });
  }
  Loops loops(wanted.loops, routes, static_cast<std::uint16_t>(wanted.port));
  say(loops.url(), " on ", wanted.loops, " loops");
  co_await told.wait();
  for (const int signal : {SIGINT, SIGTERM}) loop.remove_signal_handler(signal);
  auto end = [&] { loops.end(5s); };
  co_await to_thread(end);
  say("connections of each loop: ", listed(loops.connections()));
  say("answers of each loop: ", listed(loops.answers()));
}

int main(int argc, char** argv) {
  Wanted wanted;
  return lesson(
      argc, argv,
      {.about = "A server with one loop, and one with a loop for each core, at one port.\n"
                "GET / only answers, GET /compute computes a little.",
       .flags = {number("--port", "P",
                        "serve there until Ctrl-C, and measure nothing; 0: any that is free",
                        wanted.port, 0, 65'535),
                 number("--loops", "N", "so many loops (default: one for each core)", wanted.loops,
                        1, 1'000),
                 number("--clients", "N", "so many connections (default: 64)", wanted.load.clients,
                        1, 10'000),
                 amount("--seconds", "S", "each measurement lasts so long (default: 0.5)",
                        wanted.load.seconds, 0.01, 3'600),
                 text("--only", "PATH", "measure that one alone: / or /compute", wanted.only)}},
      [&] {
        if (!wanted.only.empty() && wanted.only != "/" && wanted.only != "/compute")
          throw WrongUsage{"--only wants / or /compute, not '" + wanted.only + "'"};
        if (wanted.port >= 0) return run(serve(wanted), {.handle_interrupt = false});
        const std::filesystem::path beside = std::filesystem::path(argv[0]).parent_path();
        wanted.load.program = (beside / "19-web-server.load").string();
        wanted.load.processes = wanted.loops;
        run(measure_all(wanted));
      });
}
