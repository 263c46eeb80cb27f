// HTTP without HTTP: a client and a server that are epoll loops and nothing else, as the floors of
// what is measured.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/net/socket.hpp"
#include "tests/bench/http_client.hpp"

namespace simul::bench {

/// Sends `request` on each of `at_once` connections, again whenever an answer of `answer_size`
/// bytes has come, kRequests times in all.
inline Round bare_client(const net::Address& address, std::string_view request,
                         std::size_t answer_size, int at_once) {
  const UniqueFd poller(check(::epoll_create1(0), "epoll_create1"));
  struct Connection {
    UniqueFd socket;
    std::size_t received = 0;
  };
  std::vector<Connection> connections(static_cast<std::size_t>(at_once));
  for (Connection& connection : connections) {
    connection.socket.reset(check(::socket(AF_INET, SOCK_STREAM, 0), "socket"));
    check(::connect(connection.socket.get(), address.data(), address.size()), "connect");
    net::set_no_delay(connection.socket.get());
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.ptr = &connection;
    check(::epoll_ctl(poller.get(), EPOLL_CTL_ADD, connection.socket.get(), &event), "epoll_ctl");
  }
  std::size_t sent = 0;
  std::size_t done = 0;
  const auto ask = [&](Connection& connection) {
    if (sent == kRequests) return;
    ++sent;
    check(::send(connection.socket.get(), request.data(), request.size(), MSG_NOSIGNAL), "send");
  };
  return measure_requests([&] {
    for (Connection& connection : connections) ask(connection);
    while (done < kRequests) {
      epoll_event events[64];
      const int count = check(::epoll_wait(poller.get(), events, 64, -1), "epoll_wait");
      for (int i = 0; i < count; ++i) {
        auto& connection = *static_cast<Connection*>(events[i].data.ptr);
        char buffer[16 * 1024];
        const ssize_t got =
            check(::recv(connection.socket.get(), buffer, sizeof buffer, MSG_DONTWAIT), "recv");
        if (got == 0) throw std::runtime_error("the server hung up");
        connection.received += static_cast<std::size_t>(got);
        if (connection.received < answer_size) continue;
        connection.received = 0;
        ++done;
        ask(connection);
      }
    }
  });
}

/// Answers each request with the same text, and looks at nothing but its last bytes. A child
/// process.
class BareServer {
 public:
  explicit BareServer(std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
      : answer_(answer), listener_(net::listen_on(net::Address::loopback(0))) {
    address_ = net::local_address(listener_.get());
    pid_ = check(::fork(), "fork");
    if (pid_ == 0) serve();
  }
  ~BareServer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  BareServer(const BareServer&) = delete;
  BareServer& operator=(const BareServer&) = delete;

  const net::Address& address() const { return address_; }
  pid_t pid() const { return pid_; }

 private:
  [[noreturn]] void serve() {
    const int poller = ::epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = listener_.get();
    ::epoll_ctl(poller, EPOLL_CTL_ADD, listener_.get(), &event);
    for (;;) {
      epoll_event events[64];
      const int count = ::epoll_wait(poller, events, 64, -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[i].data.fd;
        if (fd == listener_.get()) {
          event.data.fd = net::accept_from(fd).socket.release();
          net::set_no_delay(event.data.fd);
          ::epoll_ctl(poller, EPOLL_CTL_ADD, event.data.fd, &event);
          continue;
        }
        char buffer[4096];
        const ssize_t got = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (got <= 0)
          ::close(fd);
        else if (std::string_view(buffer, static_cast<std::size_t>(got)).ends_with("\r\n\r\n"))
          net::try_send(fd, answer_);
      }
    }
  }

  std::string answer_;
  UniqueFd listener_;
  net::Address address_;
  pid_t pid_ = -1;
};

}  // namespace simul::bench
