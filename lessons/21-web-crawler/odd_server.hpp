// A server that keeps no rules: each of its addresses is another way to treat a client badly.
//
// It stands on bare streams, for the runtime's own server would not let it do any of this. A
// connection is for one request. Its front page and what is well formed come from the plan.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <map>
#include <string>
#include <string_view>

#include "lessons/21-web-crawler/site_plan.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/server.hpp"
#include "runtime/task/stream.hpp"
#include "runtime/task/task.hpp"

namespace simul::crawl {

class OddServer {
 public:
  /// `origin`: what its addresses begin with in `plan`, which must live as long.
  OddServer(const SitePlan& plan, std::string origin, std::uint16_t port, Peer peer)
      : plan_(plan), origin_(std::move(origin)), server_(start(port, peer)) {}
  OddServer(const OddServer&) = delete;
  OddServer& operator=(const OddServer&) = delete;

  const net::Address& address() const { return server_.address(); }

 private:
  Server start(std::uint16_t port, Peer peer) {
    ServerOptions options;
    options.stream.peer = peer;
    const auto serve = [this](Stream& stream) { return answer(stream); };
    return start_server(serve, port, options);
  }

  Task<> answer(Stream& stream) {
    try {
      const std::string request = co_await stream.read_until("\r\n\r\n");
      const std::size_t start = request.find(' ') + 1;
      co_await answer(stream, request.substr(start, request.find(' ', start) - start));
    } catch (const std::exception&) {
      stream.abort();  // the client has had enough: so it should be
    }
  }

  Task<> answer(Stream& stream, std::string path) {
    const std::optional<Resource> resource = plan_.find(origin_ + path);
    if (!resource) {
      send(stream, {.status = 404, .type = "text/plain", .body = "404\n"}, 4);
      co_return;
    }
    switch (resource->trouble) {
      case Trouble::none:
        send(stream, *resource, resource->body.size());
        break;
      case Trouble::garbage:
        stream.write("SSH-2.0-OddServer\r\n\x01\x02\x03 this is no HTTP\r\n\r\n");
        break;
      case Trouble::truncated:
        send(stream, *resource, resource->body.size() + 1'000);
        break;
      case Trouble::reset_once:
        if (++visits_[path] > 1) {
          send(stream, *resource, resource->body.size());
          break;
        }
        [[fallthrough]];
      case Trouble::reset:
        send(stream, *resource, resource->body.size() + 1'000);
        co_await stream.drain();
        reset(stream);
        break;
      case Trouble::silence:
        co_await stream.read(1);  // until the client goes away
        break;
      case Trouble::drip:
        stream.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000000\r\n\r\n");
        co_await for_ever(stream, "x", std::chrono::milliseconds(50));
        break;
      case Trouble::endless_head:
        stream.write("HTTP/1.1 200 OK\r\n");
        co_await for_ever(stream, "X-Field: and another one\r\n", Duration::zero());
        break;
      case Trouble::wrong_length:
        send(stream, *resource, resource->body.size());
        stream.write("These were not announced.");
        break;
    }
  }

  static void send(Stream& stream, const Resource& resource, std::size_t announced) {
    stream.write("HTTP/1.1 " + std::to_string(resource.status) + " Odd\r\nContent-Type: " +
                 resource.type + "\r\nContent-Length: " + std::to_string(announced) +
                 "\r\nConnection: close\r\n\r\n" + resource.body);
  }

  static Task<> for_ever(Stream& stream, std::string text, Duration pause) {
    for (;;) {
      stream.write(text);
      co_await stream.drain();
      co_await sleep(pause);
    }
  }

  static void reset(Stream& stream) {
    const linger now{1, 0};  // close by RST
    ::setsockopt(stream.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    stream.abort();
  }

  const SitePlan& plan_;
  std::string origin_;
  std::map<std::string, int> visits_;
  Server server_;
};

}  // namespace simul::crawl
