// The three ways to serve, by their names; and each of them as a process of its own.
//
// The server that is measured and the clients that measure it must not share a process: they would
// share its descriptors, its memory and its scheduler. So this program starts itself once more, and
// the other one does nothing but serve:
//
//     19-web-server --serve threads --query 0.1        prints http://127.0.0.1:PORT and serves
//
// SIGTERM ends it in good order.
#pragma once

#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "lessons/19-web-server/event_loop.hpp"
#include "lessons/19-web-server/one_at_a_time.hpp"
#include "lessons/19-web-server/thread_each.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/net/address.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/thread/process.hpp"

namespace simul {

/// A way to serve, by its names.
struct Way {
  const char* word;   ///< on the command line
  const char* title;  ///< in the tables
};

inline constexpr Way kWays[] = {
    {"one", "one at a time"}, {"threads", "a thread each"}, {"loop", "an event loop"}};

/// Serves until it is told to end. Throws WrongUsage if there is no such way.
inline void serve(const std::string& way, const net::Address& address, Duration query) {
  const auto ready = [](const net::Address& where) { say("http://", where.to_string()); };
  if (way == "one") {
    serve_one_at_a_time(address, query, ready);
  } else if (way == "threads") {
    serve_by_threads(address, query, ready);
  } else if (way == "loop") {
    run(serve_on_a_loop(address, query, ready), {.handle_interrupt = false});
  } else {
    throw WrongUsage{"--serve " + way + ": one, threads or loop"};
  }
}

/// A server that runs; it ends when this does. Thread: the reactor's.
class ServerProcess {
 public:
  /// `program`: the file that this program is. `address()` is there after `started()`.
  ServerProcess(const std::string& program, const Way& way, double query)
      : process_({program, "--serve", way.word, "--query", std::to_string(query)},
                 {.in = Stdio::null(), .out = Stdio::pipe()}) {}

  /// Waits until it listens. Throws std::runtime_error if it does not.
  Task<> started() {
    std::string line;
    char byte = 0;
    while (line.find('\n') == std::string::npos) {
      const ssize_t got = ::read(process_.out().fd(), &byte, 1);
      if (got > 0) {
        line += byte;
      } else if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        co_await process_.out().readable();
      } else {
        throw std::runtime_error("the server did not start");
      }
    }
    const std::string before = "http://";
    address_ = net::Address::parse(line.substr(before.size(), line.size() - before.size() - 1));
  }

  /// Tells it to end, and waits until it has. What it is in the middle of for long is cut short.
  Task<> stop() { co_await process_.stop(std::chrono::seconds(1)); }

  const net::Address& address() const noexcept { return address_; }

  /// Seconds that it has computed so far, the kernel's work for it included. 0 where the system
  /// has no such clock.
  double cpu_seconds() const {
    timespec time{};
#if defined(_POSIX_CPUTIME) && _POSIX_CPUTIME >= 0
    clockid_t clock;
    if (const int error = ::clock_getcpuclockid(process_.pid(), &clock); error != 0) {
      throw_errno("clock_getcpuclockid", error);
    }
    check(::clock_gettime(clock, &time), "clock_gettime");
#endif
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }

  /// Bytes of memory that are its own: what it has touched and no file stands behind. 0 where the
  /// system does not tell (it is asked in Linux's way).
  std::size_t memory() const {
    const std::string path = "/proc/" + std::to_string(process_.pid()) + "/status";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "r"),
                                                               std::fclose);
    char line[256];
    std::size_t kilobytes = 0;
    while (file != nullptr && std::fgets(line, sizeof line, file.get()) != nullptr) {
      if (std::sscanf(line, "RssAnon: %zu", &kilobytes) == 1) break;
    }
    return kilobytes * 1024;
  }

 private:
  Process process_;
  net::Address address_;
};

}  // namespace simul
