// What the tests of the server share: a server and its clients on one loop, in virtual time, and a
// client that sends exactly the bytes that a test writes.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/net/socket.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/task/run.hpp"
#include "runtime/web/server.hpp"
#include "tests/task/task_fixture.hpp"

namespace simul::web {

/// A client. Its waits are on this loop, so virtual time goes on while it waits.
class Talk {
 public:
  explicit Talk(const net::Address& address) {
    net::Connecting connecting = net::start_connect(address);
    pollfd entry{connecting.socket.get(), POLLOUT, 0};
    EXPECT_EQ(::poll(&entry, 1, 20'000), 1);
    // Or the kernel would hold back bytes, for a moment of real time that virtual time leaps over.
    net::set_no_delay(connecting.socket.get());
    socket_ = Descriptor(std::move(connecting.socket), Peer::here);
  }

  /// As far as the server takes it; what it does not want is forgotten.
  Task<> send(std::string bytes) {
    for (std::string_view left = bytes; !left.empty();) {
      const net::Transfer sent = net::try_send(socket_.fd(), left);
      if (sent.outcome == net::Outcome::failed) co_return;
      left.remove_prefix(sent.bytes);
      if (sent.outcome == net::Outcome::would_block) {
        co_await socket_.readable_or_writable();
        char byte;
        if (::recv(socket_.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0) co_return;
      }
    }
  }

  void end() { ::shutdown(socket_.fd(), SHUT_WR); }
  void close() { socket_.close(); }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    socket_.close();
  }

  /// Everything until the server closes, or until `enough` bytes are there. A reset is "(reset)".
  Task<std::string> receive(std::size_t enough = static_cast<std::size_t>(-1)) {
    std::string all;
    char buffer[65536];
    while (all.size() < enough) {
      const net::Transfer got =
          net::try_receive(socket_.fd(), {buffer, std::min(sizeof buffer, enough - all.size())});
      if (got.outcome == net::Outcome::would_block) {
        co_await socket_.readable();
      } else if (got.outcome == net::Outcome::done) {
        all.append(buffer, got.bytes);
      } else {
        if (got.outcome == net::Outcome::failed) all += "(reset)";
        break;
      }
    }
    co_return all;
  }

  /// The head of one answer, byte by byte so that what follows stays.
  Task<std::string> head() {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const std::string next = co_await receive(1);
      if (next.size() != 1) co_return head + next + "(cut)";
      head += next;
    }
    co_return head;
  }

  /// One answer with a Content-Length: its status line and its body.
  Task<std::string> answer() {
    const std::string text = co_await head();
    std::size_t length = 0;
    if (const auto at = text.find("Content-Length: "); at != std::string::npos) {
      length = std::stoul(text.substr(at + 16));
    }
    const std::string body = co_await receive(length);
    co_return text.substr(0, text.find("\r\n")) + "|" + body;
  }

 private:
  Descriptor socket_;
};

inline std::string get(std::string_view path, std::string_view fields = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

inline std::string body_of(const std::string& answer) {
  const auto end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "(no body)" : answer.substr(end + 4);
}

class ServerFixture : public TaskFixture {
 public:
  ServerFixture() { options.peer = Peer::here; }

  /// Serves `router` while `body` runs, and waits for its end.
  template <class Body>
  void with_server(Body body) {
    auto main = [&]() -> Task<> {
      server.emplace(std::move(router), std::move(options));
      co_await body();
      co_await server->shutdown(std::chrono::seconds(5));
      server.reset();
    };
    run(main());
  }

  /// What the server answers to `bytes`, up to the end of the connection.
  Task<std::string> ask(std::string bytes) {
    Talk talk(server->address());
    co_await talk.send(std::move(bytes));
    co_return co_await talk.receive();
  }

  Router router;
  ServerOptions options;
  std::optional<Server> server;
};

}  // namespace simul::web
