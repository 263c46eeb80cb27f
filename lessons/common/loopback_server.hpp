// The runtime's server (web/server.hpp) on this machine, on a thread of its own.
//
// The lessons download from it, so that they run anywhere and always take the same time; the tests
// use it as the well-behaved peer. Its thread runs a reactor, each connection is a task, and each
// handler a fiber: ten thousand of them that all think for half a second are done after half a
// second.
//
// What is here is the thread, and a simpler kind of handler: it gets the whole request and returns
// the whole answer. The destructor stops the thread at once, whatever the clients are doing, and
// leaves no descriptor behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "runtime/base/clock.hpp"
#include "runtime/http/message.hpp"
#include "runtime/http/message_parser.hpp"
#include "runtime/net/address.hpp"
#include "runtime/reactor/remote.hpp"
#include "runtime/web/server.hpp"

namespace simul {

/// A response with a body of that type.
inline http::Response text_response(int status, std::string body,
                                    std::string_view type = "text/plain; charset=utf-8") {
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", type);
  response.body = std::move(body);
  return response;
}

/// The server. All members but the counters are for the thread that made it.
class LoopbackServer {
 public:
  /// Makes the answer to a request. Called in the server's thread, in a fiber of the connection, so
  /// it may wait (`this_fiber::sleep_for`) while other connections go on. A std::exception becomes
  /// status 500.
  using Handler = std::function<http::Response(const http::IncomingRequest&)>;

  struct Options {
    net::Address address = net::Address::loopback(0);  ///< port 0: any that is free
    http::Limits limits = http::Limits::for_server();
    std::size_t connections = 15'000;  ///< beyond, new ones wait in the kernel's queue
    // As in web::ServerOptions:
    Duration header = std::chrono::seconds(15);
    Duration body = std::chrono::seconds(60);
    Duration idle = std::chrono::seconds(60);
    Duration send = std::chrono::seconds(60);
  };

  /// Listens and starts the thread; on return, clients can connect. Throws std::system_error.
  explicit LoopbackServer(Handler handler, Options options);
  explicit LoopbackServer(Handler handler) : LoopbackServer(std::move(handler), Options()) {}

  /// Ends every connection, wherever it stands, and waits for the thread.
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  const net::Address& address() const noexcept { return address_; }

  /// "http://127.0.0.1:<port><path>"
  std::string url(std::string_view path = "/") const;

  /// How many connections it has accepted, and how many requests it has answered, the one that is
  /// being sent included. Any thread.
  std::uint64_t accepted() const noexcept { return statistics_->accepted.load(); }
  std::uint64_t answered() const noexcept { return statistics_->answered.load(); }

 private:
  void run(std::promise<Remote> started);
  web::Response answer(web::Request& request);

  Handler handler_;
  Options options_;
  net::Address address_;
  std::shared_ptr<const web::ServerStatistics> statistics_;
  Remote remote_;
  std::thread thread_;
};

}  // namespace simul
