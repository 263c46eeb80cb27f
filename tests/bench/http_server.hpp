// Our server as a process of its own, for the benches that measure it, and what a process costs.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/net/address.hpp"
#include "runtime/task/run.hpp"
#include "runtime/web/server.hpp"

namespace simul::bench {

/// What it answers to "GET /", but for the date.
inline constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello";

/// "/" says hello from a task, "/fiber" from a fiber. Make it before any thread is started.
class OurServer {
 public:
  OurServer() {
    int fds[2];
    check(::pipe(fds), "pipe");
    const UniqueFd in(fds[0]), out(fds[1]);
    pid_ = check(::fork(), "fork");
    if (pid_ == 0) serve(out.get());
    std::uint16_t port = 0;
    if (::read(in.get(), &port, sizeof port) != sizeof port) throw_errno("no server");
    address_ = net::Address::loopback(port);
  }
  ~OurServer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  OurServer(const OurServer&) = delete;
  OurServer& operator=(const OurServer&) = delete;

  const net::Address& address() const { return address_; }
  pid_t pid() const { return pid_; }

 private:
  [[noreturn]] static void serve(int out) {
    auto main = [out]() -> Task<> {
      web::Router router;
      router.get(
          "/", [](web::Request&) -> Task<web::Response> { co_return web::Response(200, "hello"); });
      router.get("/fiber", [](web::Request&) { return web::Response(200, "hello"); });
      web::ServerOptions options;
      options.max_connections = 100'000;
      web::Server server(std::move(router), std::move(options));
      const std::uint16_t port = server.address().port();
      if (::write(out, &port, sizeof port) != sizeof port) ::_exit(1);
      co_await server.wait_closed();
    };
    run(main());
    ::_exit(0);
  }

  net::Address address_;
  pid_t pid_ = -1;
};

/// Microseconds that a process has computed, system calls included.
inline double cpu_of(pid_t pid) {
  clockid_t clock;
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0) throw_errno("clock_getcpuclockid");
  check(::clock_gettime(clock, &time), "clock_gettime");
  return 1e6 * static_cast<double>(time.tv_sec) + 1e-3 * static_cast<double>(time.tv_nsec);
}

}  // namespace simul::bench
