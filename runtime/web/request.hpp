// What a handler is asked: the head of a request, and its body as it comes.
//
//     Task<web::Response> rename(web::Request& request) {
//       const std::string name = co_await request.read_all();
//       store(request.param("id"), name);
//       co_return web::Response(204);
//     }
//
// The body is received when the handler asks for it and no sooner: a large one that nobody reads
// fast enough waits in the client. It belongs to the connection, and is good until the handler has
// returned. Thread: the reactor's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/http/message.hpp"
#include "runtime/net/address.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/task.hpp"

namespace simul::web {

class Connection;

/// The parts of a path that a route named, decoded: {"id", "42"}.
using PathParams = std::vector<std::pair<std::string, std::string>>;

class Request {
 public:
  explicit Request(http::IncomingRequest& head) noexcept : head_(head) {}
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  const std::string& method() const noexcept { return head_.method; }

  /// As it was sent, up to "?", not decoded. Begins with "/", or is "*".
  std::string_view path() const noexcept { return head_.path(); }
  /// What stands behind "?", not decoded; empty if there is none.
  std::string_view query() const noexcept { return head_.query(); }
  const std::string& target() const noexcept { return head_.target; }
  const http::Headers& headers() const noexcept { return head_.headers; }

  /// What the path has in place of `{name}`, decoded. Throws std::out_of_range if the route has no
  /// such part.
  const std::string& param(std::string_view name) const;

  /// The next piece of the body, at most 64 KiB; good until the next call. Empty at the end. Throws
  /// http::ProtocolError, http::TooLarge or TimedOut if the client breaks the rules, and
  /// std::system_error if it has gone; let them pass, for the server knows the answer.
  Task<std::string_view> read();

  /// What is left of the body. The server's limit on bodies holds (`limits.body`).
  Task<std::string> read_all();

  /// The other end. Throws std::system_error if it has gone. One system call.
  net::Address peer() const;

  /// Waits until the server shuts down: for a handler that would otherwise wait for long.
  Event::SetWait closing();

  /// The head as the parser made it; its body is empty.
  http::IncomingRequest& head() noexcept { return head_; }

  PathParams params;  ///< filled in by the router

 private:
  friend class Connection;

  http::IncomingRequest& head_;
  Connection* connection_ = nullptr;
};

}  // namespace simul::web
