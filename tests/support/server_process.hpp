// The loopback server as a process of its own, for tests that open so many connections that both
// ends together would not fit the descriptor limit of one process.
//
// It is a fork without exec: the handler is a function of the test. Make it before the test starts
// a thread. The child ends when this object or the whole test does.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "lessons/common/loopback_server.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/net/address.hpp"

namespace simul::testing {

/// Lets this process open as many descriptors as it may at most; returns that number.
inline std::size_t raise_descriptor_limit() {
  rlimit limit{};
  check(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  check(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
  return limit.rlim_cur;
}

class ServerProcess {
 public:
  explicit ServerProcess(LoopbackServer::Handler handler, LoopbackServer::Options options = {}) {
    int port_pipe[2];
    int life_pipe[2];
    check(::pipe(port_pipe), "pipe");
    UniqueFd port_read(port_pipe[0]), port_write(port_pipe[1]);
    check(::pipe(life_pipe), "pipe");
    UniqueFd life_read(life_pipe[0]);
    life_.reset(life_pipe[1]);
    pid_ = check(::fork(), "fork");
    if (pid_ == 0) {
      life_.reset();
      serve(std::move(handler), std::move(options), port_write.get(), life_read.get());
    }
    port_write.reset();
    std::uint16_t port = 0;
    ssize_t count;
    do count = ::read(port_read.get(), &port, sizeof port);
    while (count < 0 && errno == EINTR);
    if (count != sizeof port) {
      end();
      throw std::runtime_error("the server process did not start");
    }
    address_ = net::Address::loopback(port);
  }

  ~ServerProcess() { end(); }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const net::Address& address() const { return address_; }
  std::string url(std::string_view path = "/") const {
    return "http://" + address_.to_string() + std::string(path);
  }
  pid_t pid() const { return pid_; }

 private:
  [[noreturn]] static void serve(LoopbackServer::Handler handler, LoopbackServer::Options options,
                                 int port_fd, int life_fd) {
    try {
      raise_descriptor_limit();
      const LoopbackServer server(std::move(handler), std::move(options));
      const std::uint16_t port = server.address().port();
      if (::write(port_fd, &port, sizeof port) == sizeof port) {
        char byte;  // none ever comes, but the end of the stream does
        while (::read(life_fd, &byte, 1) < 0 && errno == EINTR) {
        }
      }
    } catch (const std::exception&) {
    }
    ::_exit(0);
  }

  void end() {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  UniqueFd life_;
  pid_t pid_ = -1;
  net::Address address_;
};

}  // namespace simul::testing
