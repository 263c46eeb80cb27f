// A small HTTP server of our own on this machine, on a thread of its own.
//
// The lessons download from it, so that they run anywhere and always take the same time; the tests
// use it as the well-behaved peer. Its thread runs a reactor with one fiber for each connection:
// ten thousand of them that all think for half a second are done after half a second.
//
//   accept fiber --spawn--> connection fiber: (read a request, ask the handler, write the answer)*
//
// The client is not trusted: what it may send, how many connections there may be, and how long
// anything may take is limited. The destructor stops the thread at once, whatever the clients are
// doing, and leaves no descriptor behind.
//
// It is meant for answers that fit in memory; a server proper is another lesson's subject.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "runtime/base/clock.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/http/message.hpp"
#include "runtime/http/message_parser.hpp"
#include "runtime/net/address.hpp"
#include "runtime/reactor/remote.hpp"

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
    std::size_t connections = 15'000;             ///< beyond, new ones wait in the kernel's queue
    Duration header = std::chrono::seconds(15);   ///< from a request's first byte to its empty line
    Duration request = std::chrono::seconds(60);  ///< the same to the end of its body
    Duration idle = std::chrono::seconds(60);     ///< between two requests
    Duration send = std::chrono::seconds(60);     ///< for one answer
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
  std::uint64_t accepted() const noexcept { return accepted_.load(); }
  std::uint64_t answered() const noexcept { return answered_.load(); }

 private:
  class Connection;

  void run(UniqueFd listener, std::promise<Remote> started);
  void accept_all(UniqueFd socket);
  void serve(UniqueFd socket);

  Handler handler_;
  Options options_;
  net::Address address_;
  std::size_t open_ = 0;  // the server's thread alone
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> answered_{0};
  Remote remote_;
  std::thread thread_;
};

}  // namespace simul
