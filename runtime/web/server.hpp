// Server: answers HTTP requests, each connection a task, each handler a task or a fiber.
//
//     web::Router router;
//     router.get("/", [](web::Request&) -> Task<web::Response> {
//       co_return web::Response(200, "hello\n");
//     });
//     web::Server server(std::move(router), options);       // listens, and serves while the loop
//     runs co_await server.wait_closed();
//
// What a client may do is limited in bytes, in number and in time, and each limit has an answer of
// its own that says which it was. Nothing is read ahead and nothing is queued: a handler takes the
// body as it comes and gives the answer as the client takes it.
//
// To end it, `close`: nobody new is accepted, idle connections are closed, requests under way are
// answered, and the answer says that it was the last. `shutdown` waits for that, and cuts off what
// is not done in time.
//
// The invariant: when `wait_closed` goes on, every connection is closed, every handler has ended,
// and nothing of the server runs any more.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/clock.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/http/message_parser.hpp"
#include "runtime/net/address.hpp"
#include "runtime/reactor/watch.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/access_log.hpp"
#include "runtime/web/router.hpp"

namespace simul::web {

class ServerCore;

struct ServerOptions {
  /// Where; port 0: the system chooses. This machine alone, unless told otherwise.
  net::Address address = net::Address::loopback(0);
  bool share_port = false;  ///< SO_REUSEPORT: see net::listen_on
  int backlog = SOMAXCONN;  ///< how many the kernel lets wait

  /// At the same time; beyond, nobody is accepted until one ends: they wait in the kernel's queue.
  std::size_t max_connections = 10'000;
  http::Limits limits = http::Limits::for_server();

  /// From a request's first byte, or from the connection's beginning, to the end of its head. Then
  /// 408, or, if no byte has come, nothing.
  Duration header_timeout = std::chrono::seconds(15);
  Duration idle_timeout = std::chrono::seconds(60);  ///< between two requests
  /// In so much time of waiting, 64 KiB of a body must come, or all that is left of it (else 408);
  Duration body_timeout = std::chrono::seconds(60);
  /// and so much of an answer be taken. Else the connection is cut.
  Duration write_timeout = std::chrono::seconds(60);

  /// A handler is cancelled when its client resets the connection; and so long after the client has
  /// closed it, or its sending side, which looks the same. Duration::max(): never, in either case.
  Duration cancel_after_client_left = std::chrono::seconds(1);

  AccessLog access_log{};
  Peer peer = Peer::outside;  ///< `here`: the clients are on this loop; for tests in virtual time
};

/// How much it has done. Any thread may look.
struct ServerStatistics {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> answered{0};  ///< counted before the client can know
};

/// Move-only. Thread: the reactor's. If it is dropped open, it is cancelled.
class [[nodiscard]] Server {
 public:
  /// Listens. Throws std::system_error: "listen 127.0.0.1:80: Address already in use". A Unix
  /// socket's file is removed by nobody.
  explicit Server(Router router, ServerOptions options = {});
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  ~Server();

  /// Where it listens: with the port that the system chose if none was given.
  const net::Address& address() const noexcept;

  /// "http://127.0.0.1:<port><path>"
  std::string url(std::string_view path = "/") const;

  /// How many connections it has at the moment; how many of them wait for a request.
  std::size_t connections() const noexcept;
  std::size_t idle_connections() const noexcept;

  std::shared_ptr<const ServerStatistics> statistics() const noexcept;

  /// Accepts nobody any more, and ends each connection when its request is answered. The port is
  /// free at once.
  void close() noexcept;

  /// The same, and cancels every handler: all connections are cut.
  void cancel() noexcept;

  /// Closes it, waits until all is done, but for no longer than `grace`, and cancels what is left.
  Task<> shutdown(Duration grace);

  /// Waits until it is closed, by whomever, and the last connection is over. The server must live
  /// so long. A wait: `co_await` in a task, `await(...)` in a fiber or in plain code.
  Event::SetWait wait_closed() noexcept;

 private:
  Ref<ServerCore> core_;
};

}  // namespace simul::web
