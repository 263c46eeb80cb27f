// Session: the web for tasks and fibers, with connections that are kept for the next request.
//
//     Task<> example() {
//       web::Session session;
//       http::Response page = co_await session.get("http://example.org/");
//       std::printf("%d, %zu bytes\n", page.status, page.body.size());
//     }
//
// It is the third driver of http/exchange.hpp (flight.hpp), and reads like the first, the blocking
// one: with co_await, code that waits is written down in the order in which it happens. Its
// connections come from a pool (connection_pool.hpp).
//
// The invariant: an answer belongs to the request that it was sent for. A connection goes back to
// the pool only when its exchange has come to a clean end; if the request was cancelled, ran out of
// time, failed, or its body was left unread, the connection is closed.
//
// What it does not do: TLS, cookies, proxies, and bodies that are sent piece by piece.
// (aiohttp.ClientSession)
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "runtime/base/ref.hpp"
#include "runtime/http/expansion_guard.hpp"
#include "runtime/http/form.hpp"
#include "runtime/http/message.hpp"
#include "runtime/http/message_parser.hpp"
#include "runtime/http/request_options.hpp"
#include "runtime/reactor/watch.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/connection_pool.hpp"

namespace simul::web {

class Flight;
class SessionCore;

/// The session was closed before the answer was there: "get http://host/: the session is closed".
class SessionClosed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What holds for all requests of a session.
struct SessionOptions {
  http::Headers headers;  ///< sent with each request that does not bring its own of that name
  http::Timeouts timeouts;
  ConnectionLimits connections;
  bool follow_redirects = true;
  int max_redirects = 20;
  /// Ask for compressed bodies, and hand out what they hold (http/content_coding.hpp).
  bool decode = true;
  /// How much a compressed body may hold. A streamed body is limited by `ratio` alone.
  http::ExpansionLimits expansion;
  http::Limits limits;  ///< of a response; `body` does not count for a streamed one
  Peer peer = Peer::outside;  ///< `here`: the server is on this loop; for tests in virtual time
};

/// What may be chosen for one request, in addition to its URL or in place of what the session has.
///
///     web::CallOptions options;
///     options.params = {{"q", "chess"}, {"page", "2"}};
///     http::Response response = co_await session.get(url, options);
///
/// It has a name of its own before the `co_await` because g++ 12 mishandles an aggregate that is
/// made within one; having a constructor, this is none, and `{}` is safe.
struct CallOptions {
  CallOptions();

  http::Headers headers;    ///< replace the session's of the same names
  http::FormFields params;  ///< added to the URL's query, encoded
  std::string body;
  std::optional<http::FormFields> form;  ///< in place of `body`: fields of a form, encoded
  std::optional<http::Timeouts> timeouts;
  std::optional<bool> follow_redirects;
  std::optional<bool> decode;
};

/// An answer whose body has not been read. Move-only; destroying it closes the connection, unless
/// the body was read to its end. One reader at a time.
class StreamedResponse {
 public:
  explicit StreamedResponse(Ref<Flight> flight) noexcept;
  StreamedResponse(StreamedResponse&& other) noexcept;
  StreamedResponse& operator=(StreamedResponse&& other) noexcept;
  ~StreamedResponse();

  int status() const noexcept { return head().status; }
  const http::Headers& headers() const noexcept { return head().headers; }

  /// Status, headers and URL; the body is empty.
  const http::Response& head() const noexcept;

  /// The next piece of the body, decoded, at most 96 KiB; good until the next call. Empty at the
  /// end. Receives only when everything that was received has been handed out: who does not read
  /// leaves the bytes in the kernel's buffer, and when that is full the server has to wait.
  /// Throws as `Session::request`; after an error it throws the same again. Cancelled, it has lost
  /// nothing, and may be called again.
  Task<std::string_view> read();

  /// The rest of the body. As large as it may be: no limit but that on expansion.
  Task<std::string> read_all();

  /// The rest is not wanted: closes the connection, unless the end was reached. A read that waits
  /// throws SessionClosed.
  void close() noexcept;

 private:
  Ref<Flight> flight_;
};

/// Requests that share connections, limits and defaults. Thread: the reactor's. A task writes
/// `co_await session.get(url)`; a fiber, or plain code, `await(session.get(url))` (with
/// task/bridges.hpp). The call does nothing until it is awaited.
class Session {
 public:
  explicit Session(SessionOptions options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// Closes it.
  ~Session();

  /// The answer, whatever its status, once it is here whole. Throws as `request`.
  Task<http::Response> get(std::string url, CallOptions options = {});
  Task<http::Response> head(std::string url, CallOptions options = {});
  Task<http::Response> options(std::string url, CallOptions options = {});
  Task<http::Response> delete_(std::string url, CallOptions options = {});
  Task<http::Response> post(std::string url, CallOptions options = {});
  Task<http::Response> put(std::string url, CallOptions options = {});
  Task<http::Response> patch(std::string url, CallOptions options = {});

  /// With any method. Every error names the request's URL, in the words of the blocking client
  /// (http::Client::request): std::system_error ("get http://127.0.0.1:81/: connect 127.0.0.1:81:
  /// Connection refused"), net::ResolveError, TimedOut, LimitExceeded, ProtocolError,
  /// UnsupportedScheme; SessionClosed; and InvalidUrl and InvalidMessage, when nothing was sent.
  Task<http::Response> request(std::string method, std::string url, CallOptions options = {});

  /// The same as soon as status and headers are here; the body is read from what it returns.
  Task<StreamedResponse> stream(std::string method, std::string url, CallOptions options = {});

  /// Closes all connections. Requests in flight, and all later ones, throw SessionClosed.
  void close() noexcept;

  bool closed() const noexcept;

  /// Its connections: how many wait for a request, how many are in use.
  const ConnectionPool& pool() const noexcept;

 private:
  Ref<SessionCore> core_;
};

}  // namespace simul::web
