// WebSocket: messages in both directions over one connection, at a server and at a client.
//
//     router.get("/echo", [](web::Request& request) -> Task<web::Response> {
//       co_return web::websocket(request, [](web::WebSocket& socket) -> Task<> {
//         while (auto message = co_await socket.receive()) co_await socket.send(*message);
//       });
//     });
//
//     web::WebSocket socket = co_await web::connect_websocket("ws://127.0.0.1:8080/echo");
//     co_await socket.send_text("hello");
//     std::optional<web::Message> answer = co_await socket.receive();
//     co_await socket.close();
//
// Somebody should always be in `receive`, also where nothing is to be received: that is where pings
// are answered, where pongs arrive, and where it is heard that the peer closes or is gone. Others
// may `send` meanwhile. A fiber writes `await(socket.receive())` (with task/bridges.hpp).
//
// A peer that does not read, or reads slowly, costs a queue of `max_queued` bytes and no more; then
// senders wait, messages are dropped, or the connection is cut (`slow_reader`). One that has
// vanished is found out by pings. Closing has a time limit.
//
// The invariant: whatever a task is cancelled at, the stream stays whole: a message has gone into
// the queue, or not, and what was received is still there for the next `receive`.
//
// Not here: wss, extensions (compression), and connecting again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/ref.hpp"
#include "runtime/http/headers.hpp"
#include "runtime/http/websocket_handshake.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/async_function.hpp"
#include "runtime/web/request.hpp"
#include "runtime/web/response.hpp"
#include "runtime/web/websocket_core.hpp"

namespace simul::web {

/// One end of a connection. Move-only; destroyed while it is open, it cuts the connection, and
/// whoever still waits on it gets WebSocketClosed. Thread: the reactor's.
class WebSocket {
 public:
  WebSocket(Ref<WebSocketCore> core, std::string subprotocol) noexcept
      : core_(std::move(core)), subprotocol_(std::move(subprotocol)) {}
  WebSocket(WebSocket&&) noexcept = default;
  WebSocket& operator=(WebSocket&& other) noexcept {
    std::swap(core_, other.core_);
    std::swap(subprotocol_, other.subprotocol_);
    return *this;
  }
  ~WebSocket() {
    if (core_) core_->abandon();
  }

  /// The next message. Nothing: the connection was closed as it should be, by either side
  /// (`close_code`, `close_reason`). Throws WebSocketClosed if it was lost, if the peer broke the
  /// protocol or a limit (it has been told), or did not answer a ping. Several may call it; each
  /// message goes to one of them, in the order in which they called.
  Task<std::optional<Message>> receive() { return WebSocketCore::receive(core_); }

  /// Sends a message: returns when it is in the queue, which mostly means in the kernel. False: it
  /// was dropped (SlowReader::drop). Throws WebSocketClosed if the connection is over, is being
  /// closed, or was cut for this (SlowReader::disconnect); std::invalid_argument for a text that is
  /// no UTF-8.
  Task<bool> send_text(std::string text) {
    return WebSocketCore::send(core_, std::move(text), true);
  }
  Task<bool> send_binary(std::string bytes) {
    return WebSocketCore::send(core_, std::move(bytes), false);
  }
  Task<bool> send(Message message) {
    return WebSocketCore::send(core_, std::move(message.data), message.text);
  }

  /// The same without waiting, for who tells many: false if there is no room, or the connection is
  /// over. With SlowReader::disconnect, one without room is cut.
  bool offer_text(std::string_view text) { return core_->offer(text, true); }
  bool offer_binary(std::string_view bytes) { return core_->offer(bytes, false); }

  /// Sends a ping and waits for its pong, which somebody must receive: how long that took. Throws
  /// WebSocketClosed if the connection ends first.
  Task<Duration> ping() { return WebSocketCore::ping(core_); }

  /// Says goodbye, and waits until the peer has done so, too, and the connection is over; messages
  /// that come meanwhile are dropped. After `close_timeout` the connection is cut. Never throws
  /// because of the peer; std::invalid_argument for a code or a reason that may not be sent. No
  /// effect if it is over.
  Task<> close(std::uint16_t code = http::websocket::normal, std::string reason = {}) {
    return WebSocketCore::close(core_, code, std::move(reason));
  }

  /// Only begins that: says goodbye and does not wait. Whoever is in `receive` comes to its end.
  void start_close(std::uint16_t code = http::websocket::normal, std::string_view reason = {}) {
    core_->begin_close(code, reason);
  }

  /// May messages be sent?
  bool is_open() const noexcept { return core_->open(); }

  /// Which code the peer closed with: 1005 if it gave none, 1006 if it has not closed.
  std::uint16_t close_code() const noexcept { return core_->close_code(); }
  const std::string& close_reason() const noexcept { return core_->close_reason(); }

  /// What both sides have agreed to speak, or "".
  const std::string& subprotocol() const noexcept { return subprotocol_; }

  /// Bytes that wait for the kernel to take them; messages that were not sent for want of room.
  std::size_t queued() const noexcept { return core_->queued(); }
  std::uint64_t dropped() const noexcept { return core_->dropped(); }

 private:
  Ref<WebSocketCore> core_;
  std::string subprotocol_;
};

/// The handler of a WebSocket: a task or a fiber, for as long as the connection shall be there.
using WebSocketHandler = AsyncFunction<void, WebSocket&>;

/// At a server: the answer to a request that asks for a WebSocket, or a refusal that says why (426,
/// 400, 403). When `talk` returns, the connection is closed with 1000, with 1011 if it throws; a
/// WebSocketClosed that it lets pass is no error of the server's. When the server shuts down, the
/// peer is told so (1001), and `receive` comes to its end.
Response websocket(Request& request, WebSocketHandler talk, WebSocketOptions options = {},
                   const http::websocket::Acceptance& acceptance = {});

/// What a client may choose.
struct WebSocketCall {
  WebSocketCall() {}  // NOLINT(modernize-use-equals-default): see http::RequestOptions

  WebSocketOptions options;
  http::Headers headers;  ///< sent with the handshake: Origin, Cookie, Authorization
  std::vector<std::string> subprotocols;
  Duration open_timeout = std::chrono::seconds(10);  ///< connecting and handshake
  Peer peer = Peer::outside;  ///< `here`: the server is on this loop; for tests in virtual time
};

/// At a client: connects and shakes hands. Throws http::InvalidUrl, UnsupportedScheme (wss),
/// net::ResolveError, std::system_error, TimedOut, and http::ProtocolError if the server will not:
/// "get http://127.0.0.1:80/chat: the server answers 403 and opens no WebSocket".
Task<WebSocket> connect_websocket(std::string url, WebSocketCall call = {});

}  // namespace simul::web
