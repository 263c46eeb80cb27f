// start_server: for each connection that comes in, a task that runs the handler.
//
//     auto echo = [](Stream& stream) -> Task<> {
//       while (!stream.at_end()) {
//         stream.write(co_await stream.read(1000));
//         co_await stream.drain();
//       }
//     };
//     Server server = start_server(echo, 8888);
//     co_await server.wait_closed();                  // serves until somebody calls server.close()
//
// The handler gets a stream that lives until it returns. When it has returned, what it wrote is
// sent and the connection closed. If it throws, that is reported with the peer's address and costs
// this connection alone: it is aborted. So it is if the handler is cancelled.
//
// The server owns these tasks. When it has as many as it may, it accepts no more until one ends:
// the others wait in the kernel's queue. If there are no descriptors left, it tries again ten times
// a second, and says so once. The invariant: when `wait_closed` goes on, every connection is closed
// and nothing of the server runs any more. (asyncio.start_server)
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "runtime/base/callback.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/net/address.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/server_core.hpp"
#include "runtime/task/stream.hpp"
#include "runtime/task/task.hpp"

namespace simul {

/// A listening server. Move-only. Thread: the reactor's. If it is dropped open, it is cancelled.
class [[nodiscard]] Server {
 public:
  explicit Server(Ref<detail::ServerCore> core) noexcept : core_(std::move(core)) {}
  Server(Server&&) noexcept = default;
  Server& operator=(Server other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~Server() {
    if (core_) core_->cancel();
  }

  /// Where it listens: with the port that the system chose if none was given.
  const net::Address& address() const noexcept { return core_->address(); }

  /// How many connections it has at the moment.
  std::size_t connections() const noexcept { return core_->connections(); }

  /// Accepts no more connections: the port is free at once. Those that are open go on.
  void close() noexcept { core_->close(); }

  /// The same, and cancels the handlers of all that are open.
  void cancel() noexcept { core_->cancel(); }

  /// Waits until it is closed, by whomever, and the last connection is over. The server must live
  /// so long. A wait: `co_await` in a task, `await(...)` in a fiber or in plain code.
  Event::SetWait wait_closed() noexcept { return core_->wait_closed(); }

 private:
  Ref<detail::ServerCore> core_;
};

/// Listens at `address`; the handler is called with each connection, as long as there are any. It
/// may be a lambda with captures: the server keeps it. A Unix socket's file is removed by nobody.
/// Throws std::system_error: "listen 127.0.0.1:80: Address already in use".
Server start_server(StreamHandler handler, const net::Address& address, ServerOptions options = {});

/// The same at a port of 127.0.0.1, where only this machine can reach it; 0: the system chooses.
Server start_server(StreamHandler handler, std::uint16_t port, ServerOptions options = {});

}  // namespace simul
