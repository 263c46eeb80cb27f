// The server: what a small answer costs it, and what an idle connection does.
//
//   http.server.N       requests a second, N clients at once, each with a connection that is kept
//   http.server.N.cpu   CPU time of the server for each, system calls included: where the clients
//                       share the processor with it, that is the figure that says something
//   http.server.fiber.cpu   the same with a handler in a fiber, 64 clients
//   http.server.idle    memory of the server's process for a connection that has been answered and
//                       waits: the kernel's part does not count
//
// Both servers are processes of their own, and the clients are a bare epoll loop in this one. The
// floor is an epoll loop that answers the same bytes and parses nothing.
#include <sys/resource.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tests/bench/bare_http.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/http_server.hpp"

namespace simul::bench {
namespace {

const std::string kRequest = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
Round measure(const net::Address& address, pid_t pid, std::string_view request, int at_once) {
  const double before = cpu_of(pid);
  Round round = bare_client(address, request, kAnswer.size(), at_once);
  round.microseconds = (cpu_of(pid) - before) / kRequests;
  return round;
}

// Anonymous memory that a process has touched.
double memory_of(pid_t pid) {
  std::FILE* const file = std::fopen(("/proc/" + std::to_string(pid) + "/status").c_str(), "r");
  if (file == nullptr) throw_errno("open /proc");
  char line[256];
  long kilobytes = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::sscanf(line, "RssAnon: %ld", &kilobytes) == 1) break;
  }
  std::fclose(file);
  return 1024.0 * static_cast<double>(kilobytes);
}

// Each has asked once and had its answer.
std::vector<UniqueFd> idle_connections(const net::Address& address, std::size_t count) {
  std::vector<UniqueFd> sockets;
  for (std::size_t i = 0; i < count; ++i) {
    sockets.emplace_back(check(::socket(AF_INET, SOCK_STREAM, 0), "socket"));
    check(::connect(sockets.back().get(), address.data(), address.size()), "connect");
    check(::send(sockets.back().get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL), "send");
    char buffer[4096];
    check(::recv(sockets.back().get(), buffer, sizeof buffer, 0), "recv");
  }
  return sockets;
}

template <class Bottom, class Top>
void compare(Bench& bench, const std::string& name, Bottom bottom, Top top, bool rates) {
  std::vector<double> rate, bare_rate, cpu, bare_cpu;
  for (int round = -1; round < bench.rounds(); ++round) {
    const Round floor = bottom();
    const Round subject = top();
    if (round < 0) continue;  // the first pair warms up
    rate.push_back(subject.rate);
    bare_rate.push_back(floor.rate);
    cpu.push_back(subject.microseconds);
    bare_cpu.push_back(floor.microseconds);
  }
  if (rates) bench.report(name, rate, bare_rate, "1/s");
  bench.report(name + ".cpu", cpu, bare_cpu, "us");
}

void measure_all(Bench& bench) {
  const OurServer ours;
  const BareServer bare(kAnswer);
  for (const int at_once : {1, 64}) {
    const std::string name = "http.server." + std::to_string(at_once);
    if (!bench.wants(name)) continue;
    compare(
        bench, name, [&] { return measure(bare.address(), bare.pid(), kRequest, at_once); },
        [&] { return measure(ours.address(), ours.pid(), kRequest, at_once); }, /*rates=*/true);
  }
  if (bench.wants("http.server.fiber")) {
    const std::string request = "GET /fiber HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
    compare(
        bench, "http.server.fiber",
        [&] { return measure(bare.address(), bare.pid(), kRequest, 64); },
        [&] { return measure(ours.address(), ours.pid(), request, 64); }, /*rates=*/false);
  }
  if (bench.wants("http.server.idle")) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const std::size_t count = std::min<std::size_t>(10'000, limit.rlim_cur - 100);
    { const auto warm = idle_connections(ours.address(), 100); }
    const double before = memory_of(ours.pid());
    const auto sockets = idle_connections(ours.address(), count);
    bench.report("http.server.idle", (memory_of(ours.pid()) - before) / static_cast<double>(count),
                 "B");
  }
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  using namespace simul;
  return bench::run(argc, argv, [](bench::Bench& bench) {
    bool wanted = false;
    for (const char* name : {"1", "64", "fiber", "idle"}) {
      wanted = wanted || bench.wants(std::string("http.server.") + name);
    }
    if (!wanted) return;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    bench::measure_all(bench);
  });
}
