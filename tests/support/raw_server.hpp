// A server that does exactly what a test tells it, right or wrong, for tests of clients.
//
// It knows no HTTP: the test's function gets each connection on a thread of its own and sends
// whatever bytes it likes, when it likes. The destructor wakes every function that still waits and
// joins all threads, so nothing is left behind, whatever the client did.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/net/address.hpp"
#include "runtime/net/socket.hpp"

namespace simul::testing {

/// One connection, seen from the server. Used by its own thread only.
class RawPeer {
 public:
  RawPeer(UniqueFd fd, int stop, int number) : fd_(std::move(fd)), stop_(stop), number_(number) {}

  /// 1 for the server's first connection, 2 for the second.
  int number() const { return number_; }

  /// A request up to its empty line, or with `body_bytes` after it; "" once the client has gone.
  std::string read_request(std::size_t body_bytes = 0) {
    for (;;) {
      const std::size_t end = received_.find("\r\n\r\n");
      if (end != std::string::npos && received_.size() >= end + 4 + body_bytes) {
        std::string request = received_.substr(0, end + 4 + body_bytes);
        received_.erase(0, request.size());
        return request;
      }
      if (!receive()) return "";
    }
  }

  /// Whatever has come since the last call, at least a byte; "" once the client has gone.
  std::string read_some() {
    if (received_.empty()) receive();
    return std::exchange(received_, {});
  }

  /// Sends all of it; false if the client has gone or the server stops.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const net::Transfer sent = net::try_send(fd_.get(), bytes);
      if (sent.outcome == net::Outcome::failed) return false;
      bytes.remove_prefix(sent.bytes);
      if (!bytes.empty() && !wait(POLLOUT, -1)) return false;
    }
    return true;
  }

  /// Waits until the client closes or the server stops.
  void wait_until_closed() {
    while (receive()) {
    }
  }

  /// Lets real time pass, for drips; false if the server stops meanwhile.
  bool pause(std::chrono::milliseconds time) {
    pollfd stop{stop_, POLLIN, 0};
    return ::poll(&stop, 1, static_cast<int>(time.count())) == 0;
  }

  /// Ends the connection with RST instead of FIN.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_.reset();
  }

  void close() { fd_.reset(); }

 private:
  bool wait(short events, int milliseconds) {
    pollfd entries[] = {{fd_.get(), events, 0}, {stop_, POLLIN, 0}};
    return ::poll(entries, 2, milliseconds) > 0 && entries[1].revents == 0;
  }

  bool receive() {
    for (;;) {
      char buffer[4096];
      const net::Transfer got = net::try_receive(fd_.get(), buffer);
      if (got.outcome == net::Outcome::done) {
        received_.append(buffer, got.bytes);
        return true;
      }
      if (got.outcome != net::Outcome::would_block || !wait(POLLIN, -1)) return false;
    }
  }

  UniqueFd fd_;
  int stop_;
  int number_;
  std::string received_;
};

/// Listens on a loopback port of its own from construction to destruction.
class RawServer {
 public:
  using Function = std::function<void(RawPeer&)>;

  explicit RawServer(Function function, const net::Address& where = net::Address::loopback(0))
      : function_(std::move(function)),
        listener_(net::listen_on(where)),
        address_(net::local_address(listener_.get())) {
    int fds[2];
    check(::pipe(fds), "pipe");
    stop_read_.reset(fds[0]);
    stop_write_.reset(fds[1]);
    acceptor_ = std::thread([this] { accept_all(); });
  }

  ~RawServer() {
    stop_write_.reset();  // every poll that watches the other end returns
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
  }

  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  const net::Address& address() const { return address_; }

  /// `http://127.0.0.1:<port><path>`
  std::string url(const std::string& path = "/") const {
    return "http://" + address_.to_string() + path;
  }

  /// How many connections it has accepted so far.
  int connections() const { return connections_; }

 private:
  void accept_all() {
    for (;;) {
      pollfd entries[] = {{listener_.get(), POLLIN, 0}, {stop_read_.get(), POLLIN, 0}};
      if (::poll(entries, 2, -1) < 0 && errno != EINTR) return;
      if (entries[1].revents != 0) return;
      net::Accepted accepted = net::accept_from(listener_.get());
      if (accepted.outcome != net::Outcome::done) continue;
      const int number = ++connections_;
      threads_.emplace_back([this, number, fd = std::move(accepted.socket)]() mutable {
        RawPeer peer(std::move(fd), stop_read_.get(), number);
        function_(peer);
      });
    }
  }

  Function function_;
  UniqueFd listener_;
  net::Address address_;
  UniqueFd stop_read_;
  UniqueFd stop_write_;
  std::atomic<int> connections_{0};
  std::vector<std::thread> threads_;  // of the acceptor thread until it is joined
  std::thread acceptor_;
};

}  // namespace simul::testing
