#include "runtime/web/websocket.hpp"

#include <exception>
#include <optional>

#include "runtime/base/in_seconds.hpp"
#include "runtime/http/exchange.hpp"
#include "runtime/http/exchange_io.hpp"
#include "runtime/net/connect.hpp"
#include "runtime/net/lookup.hpp"

namespace simul::web {

using http::websocket::Role;

namespace {

// A refusal's body is of no use to anybody here.
constexpr std::size_t kMaxRefusal = 64 * 1024;

// The handler, and goodbye when it has ended, whichever way.
Task<> converse(WebSocket& socket, WebSocketHandler& talk) {
  std::exception_ptr error;
  try {
    co_await talk(socket);
  } catch (const WebSocketClosed&) {
  } catch (const std::exception&) {
    error = std::current_exception();
  }
  co_await socket.close(error != nullptr ? http::websocket::internal_error
                                         : http::websocket::normal);
  if (error != nullptr) std::rethrow_exception(error);
}

// The handshake's way over the network, with one limit on all of it.
class Opening {
 public:
  Opening(http::Exchange& exchange, const WebSocketCall& call)
      : exchange_(exchange), call_(call), end_(after(Clock::now(), call.open_timeout)) {}

  Task<> run() {
    using Step = http::Exchange::Step;
    while (exchange_.step() != Step::done) {
      if (Clock::now() >= end_) throw_timed_out();
      switch (exchange_.step()) {
        case Step::connect:
          co_await connect();
          break;
        case Step::send:
          if (!http::send_some(socket.fd(), exchange_)) {
            Readiness ready = socket.writable(end_);
            if (!co_await ready) throw_timed_out();
          }
          break;
        case Step::receive:
          if (!receive()) {
            Readiness ready = socket.readable(end_);
            if (!co_await ready) throw_timed_out();
          }
          break;
        case Step::done:
          break;
      }
    }
  }

  Descriptor socket;
  std::string rest;  // what came behind the answer: frames

 private:
  Task<> connect() {
    const http::Origin& origin = exchange_.origin();
    net::Lookup lookup = net::lookup(origin.host, origin.port, end_);
    std::vector<net::Address> addresses = co_await lookup;
    net::ConnectOptions options;
    options.deadline = end_;
    options.context = exchange_.context() + ": ";
    options.peer = call_.peer;
    net::Connect race = net::connect(std::move(addresses), std::move(options));
    socket = co_await race;
    exchange_.connected(/*reused=*/false);
  }

  bool receive() {
    char buffer[4096];
    const net::Transfer got = net::try_receive(socket.fd(), buffer);
    switch (got.outcome) {
      case net::Outcome::would_block:
        return false;
      case net::Outcome::end:
        exchange_.end_of_stream();
        break;
      case net::Outcome::failed:
        exchange_.receive_failed(got.error);
        break;
      case net::Outcome::done:
        rest.assign(buffer, got.bytes);
        rest.erase(0, exchange_.feed(rest));
        break;
    }
    return true;
  }

  [[noreturn]] void throw_timed_out() const {
    throw TimedOut(exchange_.context() + ": no WebSocket within " + in_seconds(call_.open_timeout));
  }

  http::Exchange& exchange_;
  const WebSocketCall& call_;
  TimePoint end_;
};

}  // namespace

Response websocket(Request& request, WebSocketHandler talk, WebSocketOptions options,
                   const http::websocket::Acceptance& acceptance) {
  Response response(http::websocket::answer_handshake(request.head(), acceptance));
  if (response.status != 101) return response;
  std::string subprotocol(response.headers.get("Sec-WebSocket-Protocol").value_or(""));
  response.upgrade = [talk = std::move(talk), options,
                      subprotocol = std::move(subprotocol)](Upgraded connection) mutable -> Task<> {
    WebSocket socket(Ref<WebSocketCore>(new WebSocketCore(
                         Role::server, std::move(connection.socket), std::move(connection.received),
                         &connection.closing, options)),
                     std::move(subprotocol));
    co_await converse(socket, talk);
  };
  return response;
}

Task<WebSocket> connect_websocket(std::string url, WebSocketCall call) {
  const std::string key = http::websocket::random_handshake_key();
  http::Request request = http::websocket::make_handshake(http::websocket::parse_url(url), key,
                                                          call.subprotocols, call.headers);
  http::ExchangeOptions options;
  options.follow_redirects = false;
  options.limits.body = kMaxRefusal;
  http::Exchange exchange(std::move(request), std::move(options));
  Opening opening(exchange, call);
  co_await opening.run();
  const http::Response response = exchange.take_response();
  std::string subprotocol = exchange.with_context(
      [&] { return http::websocket::check_handshake(response, key, call.subprotocols); });
  Ref<WebSocketCore> core(new WebSocketCore(Role::client, std::move(opening.socket),
                                            std::move(opening.rest), nullptr, call.options));
  co_return WebSocket(std::move(core), std::move(subprotocol));
}

}  // namespace simul::web
