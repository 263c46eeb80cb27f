// The blocking driver of an exchange, and the idle connections of a client; see
// blocking_client.hpp.
//
// Of the two limits that guard every wait (request_options.hpp), whichever comes first sets the
// time for poll; the end of the whole request is also looked at between waits.
#include "runtime/http/blocking_client.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "runtime/base/activity.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/in_seconds.hpp"
#include "runtime/http/exchange.hpp"
#include "runtime/http/exchange_io.hpp"
#include "runtime/net/resolver.hpp"
#include "runtime/net/socket.hpp"

namespace simul::http {
namespace {

constexpr std::size_t kBufferSize = 64 * 1024;

// poll counts in milliseconds: rounded up, or the last fraction would be a busy loop.
int milliseconds_until(TimePoint deadline) {
  if (deadline == kNever) return -1;
  const Duration left = std::max(deadline - Clock::now(), Duration::zero());
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::min<decltype(rounded)>(rounded, INT_MAX));
}

// For the observer: for what the thread stands still.
const char* label_of(short events) {
  if (events == POLLIN) return "readable";
  return events == POLLOUT ? "writable" : "readable or writable";
}

// True when something has happened to the socket, false once `deadline` has passed.
bool wait_until(TimePoint deadline, int fd, short events) {
  const Blocking blocking(label_of(events));
  for (;;) {
    pollfd entry{fd, events, 0};
    const int milliseconds = milliseconds_until(deadline);
    const int count = ::poll(&entry, 1, milliseconds);
    if (count > 0) return true;
    if (count == 0 && milliseconds != INT_MAX) return false;
    if (count < 0 && errno == ECANCELED) throw Cancelled{};
    if (count < 0 && errno != EINTR) throw_errno("poll");
  }
}

}  // namespace

// One request on its way: the exchange, the connection it uses now, and its time.
class Client::Drive {
 public:
  Drive(Client& client, Request request, RequestOptions options)
      : client_(client),
        deadlines_(options.timeouts),
        exchange_(std::move(request), std::move(options.exchange)),
        buffer_(std::make_unique_for_overwrite<char[]>(kBufferSize)) {}

  Response run() {
    using Step = Exchange::Step;
    for (;;) {
      deadlines_.check(exchange_);  // here, because a peer that is always ready never makes us wait
      switch (exchange_.step()) {
        case Step::connect:
          release();
          if (!exchange_.needs_fresh_connection()) connection_ = client_.take(exchange_.origin());
          if (!connection_.socket) dial();
          exchange_.connected(connection_.reused);
          break;
        case Step::send:
          send();
          break;
        case Step::receive:
          if (!receive()) wait(POLLIN);
          break;
        case Step::done:
          release();
          return exchange_.take_response();
      }
    }
  }

 private:
  // The connection has done what it was for: to the idle ones, or closed.
  void release() {
    if (connection_.socket && exchange_.can_keep_connection()) {
      client_.keep(std::move(connection_));
    }
    connection_ = Connection{};
  }

  void send() {
    if (send_some(connection_.socket.get(), exchange_)) return;
    // The server may answer before it has read all: "too large", and it stops reading.
    wait(POLLIN | POLLOUT);
    receive();
  }

  // False if nothing is there yet.
  bool receive() {
    const std::span<char> buffer(buffer_.get(), kBufferSize);
    return receive_some(connection_.socket.get(), buffer, exchange_).outcome !=
           net::Outcome::would_block;
  }

  // Opens a connection to the first address of the origin that takes one.
  void dial() {
    const Origin& origin = exchange_.origin();
    const std::vector<net::Address> addresses = look_up(origin);
    std::string failures = exchange_.context() + ": ";
    for (const net::Address& address : addresses) {
      const bool last = &address == &addresses.back();
      const std::string what = "connect " + address.to_string();
      try {
        connection_ = {connect(address), origin, false, {}};
        return;
      } catch (const std::system_error& error) {
        throw_if_cancelled(error.code().value());
        if (last) throw std::system_error(error.code(), failures + what);
        failures += what + ": " + error.code().message() + "; ";
      } catch (const TimedOut& error) {
        deadlines_.check(exchange_);  // if the time for it all is over, that is the error
        if (last) throw TimedOut(failures + error.what());
        failures += std::string(error.what()) + "; ";
      }
    }
  }

  std::vector<net::Address> look_up(const Origin& origin) {
    try {
      return net::resolve(origin.host, origin.port);
    } catch (const net::ResolveError& error) {
      throw net::ResolveError(exchange_.context() + ": " + error.what(), error.code());
    }
  }

  UniqueFd connect(const net::Address& address) {
    net::Connecting attempt = net::start_connect(address);
    if (!attempt.connected) {
      const TimePoint limit = after(Clock::now(), deadlines_.connect());
      if (!wait_until(std::min(limit, deadlines_.end()), attempt.socket.get(), POLLOUT)) {
        throw TimedOut("connect " + address.to_string() + ": timed out after " +
                       in_seconds(deadlines_.connect()));
      }
      net::finish_connect(attempt.socket.get(), address);
    }
    net::set_no_delay(attempt.socket.get());
    return std::move(attempt.socket);
  }

  void wait(short events) {
    if (!wait_until(deadlines_.for_bytes(), connection_.socket.get(), events)) {
      deadlines_.throw_no_bytes(exchange_, /*sending=*/events != POLLIN);
    }
  }

  static void throw_if_cancelled(int error) {
    if (error == ECANCELED) throw Cancelled{};
  }

  Client& client_;
  const Deadlines deadlines_;
  Exchange exchange_;
  Connection connection_;
  std::unique_ptr<char[]> buffer_;
};

Response Client::get(std::string_view url, RequestOptions options) {
  Request request;
  request.url = Url::parse(url);
  return this->request(std::move(request), std::move(options));
}

Response Client::request(Request request, RequestOptions options) {
  return Drive(*this, std::move(request), std::move(options)).run();
}

// The one that was used last, for it is the least likely to have been hung up meanwhile.
Client::Connection Client::take(const Origin& origin) {
  const TimePoint now = Clock::now();
  std::erase_if(idle_, [&](const Connection& idle) {
    return now - idle.idle_since >= limits_.idle ||
           (idle.origin == origin && !net::is_quiet(idle.socket.get()));
  });
  const auto found = std::ranges::find(idle_.rbegin(), idle_.rend(), origin, &Connection::origin);
  if (found == idle_.rend()) return {};
  Connection connection = std::move(*found);
  idle_.erase(std::next(found).base());
  connection.reused = true;
  return connection;
}

void Client::keep(Connection connection) {
  if (limits_.per_origin == 0 || limits_.in_all == 0) return;
  const auto same_origin = [&](const Connection& idle) { return idle.origin == connection.origin; };
  const auto of_origin = static_cast<std::size_t>(std::ranges::count_if(idle_, same_origin));
  if (of_origin >= limits_.per_origin) {
    idle_.erase(std::ranges::find_if(idle_, same_origin));
  } else if (idle_.size() >= limits_.in_all) {
    idle_.erase(idle_.begin());
  }
  connection.idle_since = Clock::now();
  idle_.push_back(std::move(connection));
}

Response get(std::string_view url, RequestOptions options) {
  return Client().get(url, std::move(options));
}

Response request(Request request, RequestOptions options) {
  return Client().request(std::move(request), std::move(options));
}

}  // namespace simul::http
