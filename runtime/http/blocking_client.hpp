// HTTP as a plain function call: `http::get(url)` returns when the whole answer is here.
//
// It is the first driver of exchange.hpp: it moves bytes between that machine and a socket, keeps
// connections and watches the time; every rule of HTTP lies below. While it waits, its thread
// stands still. That is lesson 05, and its flaw. Lesson 06 calls this very file again, in fibers
// and under the monkey patch, and there the same calls let the others run.
//
// For that to work, only two calls in here may ever block: poll(2) and, in the resolver,
// getaddrinfo(3). The sockets themselves are non-blocking. When one of the two says ECANCELED, for
// the patch's C functions cannot throw, `Cancelled` is thrown here.
//
// What it does not do: TLS. `https://` is refused and says so.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/http/message.hpp"
#include "runtime/http/request_options.hpp"
#include "runtime/http/url.hpp"

namespace simul::http {

/// How many idle connections a client keeps, and for how long.
struct PoolLimits {
  std::size_t per_origin = 8;
  std::size_t in_all = 64;
  Duration idle = std::chrono::seconds(15);  ///< many servers hang up after 60 s or 75 s, some at 5
};

/// Requests that share connections. For one thread; several fibers of it may use it at once, each
/// request then has a connection to itself. Mirrors requests.Session, without cookies.
class Client {
 public:
  explicit Client(PoolLimits limits = {}) noexcept : limits_(limits) {}

  /// The answer to GET, whatever its status. Throws as `request`, and `InvalidUrl`.
  Response get(std::string_view url, RequestOptions options = {});

  /// The answer to `request`, once it is here whole. Every error names the request's URL:
  /// `std::system_error` ("get http://127.0.0.1:81/: connect 127.0.0.1:81: Connection refused";
  /// with several addresses the error of each), `net::ResolveError`, `TimedOut`, `LimitExceeded`,
  /// `ProtocolError`, `UnsupportedScheme`, `InvalidMessage`; and `Cancelled`, which has no text.
  Response request(Request request, RequestOptions options = {});

  /// How many connections wait for their next request.
  std::size_t idle() const noexcept { return idle_.size(); }

 private:
  struct Connection {
    UniqueFd socket;
    Origin origin;
    bool reused = false;
    TimePoint idle_since{};
  };
  class Drive;

  Connection take(const Origin& origin);
  void keep(Connection connection);

  PoolLimits limits_;
  std::vector<Connection> idle_;  // the longest idle first; never more than a handful
};

/// The same with connections that end with the call. Mirrors requests.get and requests.request.
Response get(std::string_view url, RequestOptions options = {});
Response request(Request request, RequestOptions options = {});

}  // namespace simul::http
