// The server under wrk, which others measure their servers with, too.
//
//   http.server.wrk            requests a second, 64 connections, all kept
//   http.server.wrk.cpu        CPU time of the server for each, system calls included
//   http.server.wrk.nginx      nginx' requests a second, one worker, the same body
//   http.server.wrk.nginx.cpu  and its CPU time
//
// The floor is an epoll loop that answers the same bytes and parses nothing. wrk has one thread,
// and where there are as few processors as two it may be the limit: then the rates say little and
// the CPU time says it. Rounds take a second for each server, wrk knows no less. Without wrk
// nothing is measured, without nginx nothing about it.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "tests/bench/bare_http.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/http_server.hpp"
#include "tests/support/child.hpp"
#include "tests/support/nginx.hpp"

namespace simul::bench {
namespace {

using simul::testing::run_program;
using simul::testing::RunResult;

struct Served {
  std::vector<double> rate;
  std::vector<double> cpu;
};

bool has_wrk() {
  try {
    run_program({"wrk", "--version"});
    return true;
  } catch (const std::system_error&) {  // it cannot be executed
    return false;
  }
}

// The number that stands behind `name`, or in front of it.
double number_behind(const std::string& text, const std::string& name) {
  const std::size_t at = text.find(name);
  if (at == text.npos) throw std::runtime_error("wrk said: " + text);
  return std::stod(text.substr(at + name.size()));
}
double number_before(const std::string& text, const std::string& name) {
  const std::size_t end = text.find(name);
  if (end == text.npos) throw std::runtime_error("wrk said: " + text);
  return std::stod(text.substr(text.rfind('\n', end) + 1));
}

// A second of it.
void measure(Served& served, const std::string& url, pid_t pid) {
  const double before = cpu_of(pid);
  const RunResult result = run_program({"wrk", "-t1", "-c64", "-d1s", url});
  const double cpu = cpu_of(pid) - before;
  if (result.status != 0 || result.out.find("Non-2xx") != result.out.npos) {
    throw std::runtime_error("wrk said: " + result.out + result.err);
  }
  served.rate.push_back(number_behind(result.out, "Requests/sec:"));
  served.cpu.push_back(cpu / number_before(result.out, " requests in "));
}

void measure_all(Bench& bench) {
  const OurServer ours;
  const BareServer bare(kAnswer);
  const testing::Nginx nginx("location / { return 200 \"hello\"; }");
  Served by_ours, by_bare, by_nginx;
  for (int round = -1; round < bench.rounds(); ++round) {
    if (round == 0) by_ours = by_bare = by_nginx = {};  // the first one warms up
    measure(by_bare, "http://" + bare.address().to_string() + "/", bare.pid());
    measure(by_ours, "http://" + ours.address().to_string() + "/", ours.pid());
    if (!nginx.url().empty()) measure(by_nginx, nginx.url() + "/", nginx.pid());
  }
  bench.report("http.server.wrk", by_ours.rate, by_bare.rate, "1/s");
  bench.report("http.server.wrk.cpu", by_ours.cpu, by_bare.cpu, "us");
  if (nginx.url().empty()) return;
  bench.report("http.server.wrk.nginx", median(by_nginx.rate), "1/s");
  bench.report("http.server.wrk.nginx.cpu", median(by_nginx.cpu), "us");
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  using namespace simul;
  return bench::run(argc, argv, [](bench::Bench& bench) {
    if (!bench.wants("http.server.wrk") && !bench.wants("http.server.wrk.nginx.cpu")) return;
    if (!bench::has_wrk()) {
      std::fprintf(stderr, "http.server.wrk: wrk is not installed\n");
      return;
    }
    bench::measure_all(bench);
  });
}
