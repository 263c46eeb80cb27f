// One request of a session on its way: the exchange, driven by a task.
//
//     advance(head)      advance(piece) ...     advance(end)
//        connect, send, receive until there is what was asked for, or all of it
//
// The blocking client's loop (http/blocking_client.cpp) with `co_await` at the places where that
// one stands still. The invariant: the connection is given back at the one place where the exchange
// says that it came to a clean end (`land`); every other way out of here closes it.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/intrusive_list.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/http/content_coding.hpp"
#include "runtime/http/exchange.hpp"
#include "runtime/http/request_options.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/connection_pool.hpp"
#include "runtime/web/session.hpp"

namespace simul::web {

/// What the requests of a session share; it lives as long as the session or one of them.
class SessionCore {
 public:
  explicit SessionCore(SessionOptions options);

  /// See Session::close.
  void close() noexcept;
  bool closed() const noexcept { return closed_; }

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }

  /// What is sent with a request that brings no headers of its own: the session's, and what every
  /// client says. `coded`: it is to be asked for a compressed body, too.
  const http::Headers& headers(bool coded) const noexcept {
    return coded ? coded_headers_ : headers_;
  }

  const SessionOptions options;
  ConnectionPool pool;

 private:
  friend class Flight;

  http::Headers headers_;
  http::Headers coded_headers_;
  List<Flight> flights_;
  std::size_t references_ = 0;
  bool closed_ = false;
};

/// How one request is to go.
struct FlightPlan {
  http::Timeouts timeouts;
  bool follow_redirects = true;
  bool decode = true;
  bool streamed = false;  ///< the body is taken piece by piece, else collected
};

/// See above. Thread: the reactor's. Counted, for whoever reads and whoever owns the response.
class Flight : public ListNode<> {
 public:
  enum class Until { head, piece, end };

  Flight(Ref<SessionCore> core, http::Request&& request, const FlightPlan& plan);

  /// Moves on until the response's head is here, a piece of its body can be taken, or all has come.
  /// Throws as Session::request; and then again, whenever it is called.
  Task<> advance(Until until);

  /// Status, headers and URL, after `head`.
  const http::Response& head() const noexcept { return head_; }

  /// Streamed: see StreamedResponse::read.
  Task<std::string_view> read();

  /// Has all of it come?
  bool arrived() const noexcept { return exchange_.step() == http::Exchange::Step::done; }

  /// Collected: the whole response, at the end.
  http::Response take_response();

  /// Closes the connection; a task in `advance` gets SessionClosed.
  void close() noexcept;

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }

 private:
  using Step = http::Exchange::Step;

  http::ExchangeOptions exchange_options(const FlightPlan& plan);
  void on_head(const http::Response& response);
  void on_body(std::string_view bytes);
  void add_to_body(std::string_view piece);
  bool reached(Until until) const noexcept;
  bool take_idle();
  Task<> connect();
  void connected();
  Task<Descriptor> dial();
  bool receive();
  void land();
  void fail() noexcept;
  SessionClosed closed_error() const;
  std::string_view take_piece();

  Ref<SessionCore> core_;
  http::Deadlines deadlines_;
  http::Exchange exchange_;
  ConnectionPool::Lease lease_;
  Waiter* dialing_ = nullptr;  // the wait for a name or a connection, if it is in one
  bool drained_ = false;       // what had come was taken: wait before the next try
  bool decode_;
  bool streamed_;
  bool has_head_ = false;
  bool closed_ = false;
  http::Response head_;  // its body: what has been collected
  std::optional<http::ContentDecoder> decoder_;
  std::string received_;        // streamed: of the body, as it came
  std::string_view not_taken_;  // of that
  std::exception_ptr error_;
  std::size_t references_ = 0;
};

}  // namespace simul::web
