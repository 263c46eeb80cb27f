// One request's whole way, without a socket: connect, send, receive, follow, try again, done.
//
//        +---------+ connected  +------+  sent   +---------+  fed   +------+
//   o--> | connect | ---------> | send | ------> | receive | -----> | done |
//        +---------+            +------+         +---------+        +------+
//             ^                     |                 |
//             +---------------------+-----------------+   a redirect, or a kept-alive
//                                                         connection that had died
//
// All clients (blocking, fiber, Deferred, task) are drivers of this one machine: they wait and move
// bytes, it knows every rule. A driver in full, but for its timeouts:
//
//      Connection connection;                                       // none yet
//      for (;;) switch (exchange.step()) {
//        case Step::connect:
//          keep_or_close(connection, exchange.can_keep_connection());   // of the hop before
//          connection = exchange.needs_fresh_connection() ? dial(exchange.origin())
//                                                         : pool_or_dial(exchange.origin());
//          exchange.connected(connection.was_reused);
//          break;
//        case Step::send:
//          n = ::send(exchange.to_send());
//          n < 0 ? exchange.send_failed(errno) : exchange.sent(n);
//          break;
//        case Step::receive:
//          n = ::recv(buffer);
//          n < 0 ? exchange.receive_failed(errno) : n == 0 ? exchange.end_of_stream()
//                                                          : exchange.feed({buffer, n});
//          break;
//        case Step::done:
//          keep_or_close(connection, exchange.can_keep_connection());
//          return exchange.take_response();
//      }
//
// The invariant: `done` is reached only with a response that came whole. Every other end is an
// exception whose text begins with "get http://host/path: "; the connection must be closed then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/callback.hpp"
#include "runtime/http/error.hpp"
#include "runtime/http/message.hpp"
#include "runtime/http/message_parser.hpp"
#include "runtime/http/redirect.hpp"

namespace simul::http {

/// How an exchange is to go.
struct ExchangeOptions {
  Limits limits;  ///< of a response; `body` counts only while the body is collected in memory
  bool follow_redirects = true;
  int max_redirects = 20;
  bool keep_alive = true;  ///< false asks the server to close, with "Connection: close"
  /// Gets the body of the final response piece by piece; then `Response::body` stays empty and the
  /// limit on the body does not apply. What it throws comes out of `feed`, and ends the exchange.
  Callback<void(std::string_view)> on_body;
  /// Is told the final response's status and headers before its first body byte.
  Callback<void(const Response&)> on_head;
};

/// Adds "User-Agent: simul" and "Accept: */*" where they are missing.
void add_client_headers(Headers& headers);

class Exchange {
 public:
  /// What the driver must do next.
  enum class Step { connect, send, receive, done };

  /// Takes `request`, and sends the client's headers, too (`add_client_headers`). Throws
  /// `InvalidMessage` if the request cannot be written, and `UnsupportedScheme` for https: no TLS
  /// here.
  explicit Exchange(Request&& request, ExchangeOptions options = {});

  Step step() const noexcept { return step_; }

  // --- Step::connect ---

  /// Where to. It changes with a redirect.
  const Origin& origin() const noexcept { return origin_; }

  /// Must the connection be a new one, because a kept-alive one has just proved dead?
  bool needs_fresh_connection() const noexcept { return fresh_; }

  /// There is a connection to `origin()`; `reused`: it has carried an exchange before.
  void connected(bool reused);

  // --- Step::send; a driver that can wait for both directions also receives meanwhile ---

  /// The bytes to send next, not empty; good until the next call of a non-const function. A large
  /// body comes as a piece of its own, without a copy.
  std::string_view to_send() const noexcept;

  /// `bytes` of them are on their way.
  void sent(std::size_t bytes);

  /// Sending failed with this errno (EPIPE, ECONNRESET). A server may have answered before it
  /// stopped reading, so this leads to `receive`, to a retry, or throws.
  void send_failed(int error);

  // --- Step::receive, and Step::send ---

  /// Takes what was received and returns how many bytes of it belong to this response. Fewer than
  /// given: the response is over (`step()` is `done` or `connect`), and the rest is either another
  /// protocol's (after 101) or the connection cannot be kept.
  std::size_t feed(std::string_view bytes);

  /// The peer closed the stream. Completes a close-delimited body; retries or throws otherwise.
  void end_of_stream();

  /// Receiving failed with this errno. Retries or throws `std::system_error`.
  void receive_failed(int error);

  // --- Step::done, and Step::connect after a hop ---

  /// May the connection be used again, by anybody, for the same origin? Clean end, keep-alive on
  /// both sides, the request sent whole, nothing left over.
  bool can_keep_connection() const noexcept { return can_keep_; }

  /// The final response. Once, at `done`.
  Response take_response();

  // --- any time ---

  /// "get http://host/path": how a message about this exchange begins. No password, no fragment.
  std::string context() const;

  /// Runs `body` and puts `context()` in front of the errors of http/ that it may throw: for a
  /// driver that does something more with the bytes, such as taking a content coding off.
  template <class Body>
  auto with_context(Body body) const;

  /// The URL of the present hop.
  const Url& url() const noexcept { return request_.url; }

  /// How many redirects were followed.
  int redirects() const noexcept { return redirects_.count(); }

 private:
  static Limits limits_of(const ExchangeOptions& options);
  void start_hop();
  void start_attempt(bool fresh);
  void on_head();
  void on_body(std::string_view piece);
  void finish(bool clean);
  bool retry();
  std::size_t request_size() const noexcept;
  Request request_;
  ExchangeOptions options_;
  Redirects redirects_;
  Origin origin_;
  ResponseParser parser_;  // its response is ours, too: URL and body are added to it

  Step step_ = Step::connect;
  std::string head_;             // the request's head, and its body if that is small
  bool glued_ = false;           // it is
  std::size_t sent_ = 0;         // of the whole request
  int send_error_ = 0;           // sending failed; an answer may still be there
  bool reused_ = false;          // the connection had carried an exchange before
  bool fresh_ = false;           // the next one must not have
  bool retried_ = false;         // this hop has been tried again already
  bool following_ = false;       // the present response is a redirect to follow
  std::uint64_t discarded_ = 0;  // bytes of its body
  bool can_keep_ = false;
};

template <class Body>
auto Exchange::with_context(Body body) const {
  try {
    return body();
  } catch (const Truncated& error) {
    throw Truncated(context() + ": " + error.what(), error.status());
  } catch (const ProtocolError& error) {
    throw ProtocolError(context() + ": " + error.what(), error.status());
  } catch (const TooLarge& error) {
    throw TooLarge(context() + ": " + error.what(), error.status());
  } catch (const LimitExceeded& error) {
    throw LimitExceeded(context() + ": " + error.what());
  } catch (const UnsupportedScheme& error) {
    throw UnsupportedScheme(context() + ": " + error.what());
  }
}

}  // namespace simul::http
