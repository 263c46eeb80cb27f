// One page, served in three ways, under the same load.
//
// One at a time, as the articles' simplistic web server does it; with a thread for each client; and
// on an event loop. First twenty clients come at once for a page that waits 0.1 s for a query. Then
// more and more clients ask as fast as they are answered, and a table says what each of them got.
// In the end many connections are kept on one loop that want nothing, and their memory is counted.
//
// The servers are this very program, started once more (ways.hpp); the clients are tasks of this
// one (load.hpp).
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lessons/19-web-server/descriptors.hpp"
#include "lessons/19-web-server/figures.hpp"
#include "lessons/19-web-server/load.hpp"
#include "lessons/19-web-server/plot.hpp"
#include "lessons/19-web-server/ways.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"

using namespace std::chrono_literals;
using namespace simul;

struct Choices {
  std::string program;
  bool full = false;
  std::string only;
  std::string plot;
  int at_once = 20;
  int up_to = 0;       // 0: 100, or with --full 10,000
  double query = 0.1;  // seconds
  double seconds = 0;  // 0: 0.1, or with --full 2
  std::string serve;
  int port = 0;

  bool wants(const char* part) const { return only.empty() || only == part; }
  std::size_t most_clients() const {
    return static_cast<std::size_t>(up_to > 0 ? up_to : full ? 10'000 : 100);
  }
  Duration window() const { return from_seconds(seconds > 0 ? seconds : full ? 2.0 : 0.1); }
};

// What goes on, for a person who waits: a line that is written over, and gone in the end.
void progress(const std::string& what) {
  static const bool terminal = ::isatty(STDERR_FILENO) != 0;
  if (terminal) std::fprintf(stderr, "\r\033[K%s", what.c_str());
}

// What a server got to do, and what that cost its process.
struct Measured {
  LoadReport report;
  double cpu = 0;          // microseconds of the processor for each answer
  std::size_t memory = 0;  // bytes, while all the clients are there
};

Task<Measured> measure(const ServerProcess& server, LoadOptions options) {
  options.server = server.address();
  options.host = server.address().to_string();
  const double before = server.cpu_seconds();
  Load load(std::move(options));
  Measured measured;
  measured.report = co_await load.run();
  measured.memory = server.memory();
  measured.cpu = 1e6 * (server.cpu_seconds() - before) /
                 static_cast<double>(std::max<std::uint64_t>(measured.report.answered, 1));
  co_return measured;
}

// ---- Twenty clients at once ----

Task<LoadReport> visit(const Choices& choices, const Way& way) {
  ServerProcess server(choices.program, way, choices.query);
  co_await server.started();
  LoadOptions options;
  options.target = "/query";
  options.clients = static_cast<std::size_t>(choices.at_once);
  options.each = 1;
  options.window = 1h;
  options.name = way.title;
  LoadReport report = (co_await measure(server, std::move(options))).report;
  co_await server.stop();
  if (report.failed > 0) throw std::runtime_error(report.failures.begin()->first);
  co_return report;
}

// Side by side, for they only wait.
Task<> scene(const Choices& choices) {
  say(choices.at_once, " clients at once; the page waits ", one_decimal(choices.query),
      " s for a query. Answers after, in s:\n");
  say("                   first   median     last");
  std::vector<TaskHandle<LoadReport>> visits;
  for (const Way& way : kWays) visits.push_back(create_task(visit(choices, way), way.title));
  const std::vector<LoadReport> reports = co_await gather(std::move(visits));
  for (std::size_t i = 0; i < reports.size(); ++i) {
    char line[100];
    std::snprintf(line, sizeof line, "%-16s %7.1f %8.1f %8.1f", kWays[i].title,
                  reports[i].times.front().seconds, reports[i].quantile(0.5).seconds,
                  reports[i].times.back().seconds);
    say(line);
  }
}

// ---- More and more of them ----

void print_row(const char* way, const std::string (&columns)[7]) {
  static constexpr int kWidths[] = {7, 11, 9, 9, 8, 6, 8};
  std::string line = way;
  line.resize(16, ' ');
  for (int i = 0; i < 7; ++i) {
    const std::size_t width = static_cast<std::size_t>(kWidths[i]);
    line += " " + std::string(width - std::min(width, columns[i].size()), ' ') + columns[i];
  }
  say(line);
}

// One row of the table: a server of its own, and so many clients.
Task<Measured> measure_row(const Choices& choices, const Way& way, const std::string& target,
                           std::size_t clients) {
  progress("GET " + target + ": " + way.title + ", clients: " + with_commas(clients));
  ServerProcess server(choices.program, way, choices.query);
  co_await server.started();
  LoadOptions options;
  options.target = target;
  options.clients = clients;
  options.window = choices.window();
  options.patience = std::max(choices.window(), Duration(300ms));
  options.name = way.title;
  Measured measured = co_await measure(server, std::move(options));
  co_await server.stop();
  progress("");
  co_return measured;
}

Task<> table(const Choices& choices, const std::string& target, std::vector<Curve>& curves) {
  print_row("", {"clients", "requests/s", "median ms", "99 % ms", "CPU us", "MiB", "failed"});
  std::vector<std::string> notes;
  for (const Way& way : kWays) {
    curves.push_back({way.title, target, {}});
    for (std::size_t clients = 1; clients <= choices.most_clients(); clients *= 10) {
      const Measured row = co_await measure_row(choices, way, target, clients);
      const LoadReport& report = row.report;
      const Curve::Point point{clients, report.rate(), report.quantile(0.5), report.quantile(0.99)};
      curves.back().points.push_back(point);
      print_row(
          clients == 1 ? way.title : "",
          {with_commas(clients), with_commas(static_cast<std::uint64_t>(std::llround(point.rate))),
           milliseconds(point.median), milliseconds(point.slow),
           row.cpu > 0 ? one_decimal(row.cpu) : "-",
           row.memory > 0 ? one_decimal(static_cast<double>(row.memory) / (1 << 20)) : "-",
           with_commas(report.failed)});
      for (const auto& [why, count] : report.failures) {
        notes.push_back(std::string(way.title) + ", " + with_commas(clients) + " clients, " +
                        with_commas(count) + " times: " + why);
      }
    }
  }
  for (const std::string& note : notes) say(note);
}

// ---- Those that want nothing ----

Task<> idle(const Choices& choices, std::size_t descriptors) {
  ServerProcess server(choices.program, kWays[2], choices.query);
  co_await server.started();
  LoadOptions options;
  options.clients = 100;
  options.each = 1;
  options.window = 1h;
  co_await measure(server, options);  // what is made once, is made now
  const std::size_t before = server.memory();
  const std::size_t wanted = choices.full ? 10'000 : 1'000;
  options.clients = descriptors > 200 ? std::min(wanted, descriptors - 100) : descriptors / 2;
  options.server = server.address();
  options.host = server.address().to_string();
  Load load(options);
  const LoadReport report = co_await load.run();
  const std::size_t after = server.memory();
  say(with_commas(report.answered), " connections are kept, and idle, on one loop.");
  if (before == 0 || after < before || report.answered == 0) {
    say("Their memory cannot be told here.");
  } else {
    say("The server's process needs ", with_commas((after - before) / report.answered),
        " bytes for each. (The kernel's sockets are not in it.)");
  }
  co_await server.stop();
}

// ---- All of it ----

Task<> async_main(const Choices& choices) {
  const std::size_t descriptors = raise_descriptor_limit();
  std::vector<Curve> curves;
  if (!choices.plot.empty()) write_plot(choices.plot, curves);
  if (choices.wants("scene")) co_await scene(choices);
  if (choices.wants("table")) {
    if (choices.wants("scene")) say();
    say("The page waits for nothing, and everybody asks again at once:\n");
    co_await table(choices, "/", curves);
    if (choices.full) {
      say("\nThe page waits ", one_decimal(choices.query), " s for a query:\n");
      co_await table(choices, "/query", curves);
    }
    if (!choices.plot.empty()) write_plot(choices.plot, curves);
  }
  if (choices.wants("idle")) {
    if (choices.wants("table")) say();
    co_await idle(choices, descriptors);
  }
}

int main(int argc, char** argv) {
  Choices choices;
  choices.program = argv[0];
  const Lesson about{
      .about =
          "A page is served in three ways (one client at a time, a thread for each, an event\n"
          "loop), and under the same load each time.",
      .flags = {
          on("--full", "up to 10,000 clients, 2 s each, and the page with the query, too",
             choices.full),
          text("--only", "PART", "scene, table or idle", choices.only),
          text("--plot", "FILE.svg", "draw the table", choices.plot),
          number("--at-once", "N", "clients of the scene (20)", choices.at_once, 1, 1000),
          number("--up-to", "N", "clients of the table's last row (100)", choices.up_to, 1,
                 1000000),
          amount("--query", "S", "seconds that a query takes (0.1)", choices.query, 0, 60),
          amount("--seconds", "S", "how long each row of the table asks (0.1)", choices.seconds,
                 0.01, 3600),
          text("--serve", "WAY", "only serve: one, threads or loop; until Ctrl-C", choices.serve),
          number("--port", "P", "where; 0: any that is free", choices.port, 0, 65535)}};
  return simul::lesson(argc, argv, about, [&choices] {
    if (!choices.serve.empty()) {
      raise_descriptor_limit();
      return serve(choices.serve, net::Address::loopback(static_cast<std::uint16_t>(choices.port)),
                   from_seconds(choices.query));
    }
    for (const char* part : {"", "scene", "table", "idle"}) {
      if (choices.only == part) return run(async_main(choices));
    }
    throw WrongUsage{"--only " + choices.only + ": scene, table or idle"};
  });
}
