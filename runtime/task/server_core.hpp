// A server's inside: the task that accepts, and the list of the connections that are served.
//
// Each connection comes with a place (accept_loop.hpp), which goes into the task that serves it and
// comes back when that has ended.
//
// The invariant: whoever is served is in the list from the moment it was accepted to the end of its
// task; and `gone_` is set once the server is closed and the list is empty.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "runtime/base/callback.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/intrusive_list.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/net/address.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/sync/semaphore.hpp"
#include "runtime/task/accept_loop.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/stream.hpp"
#include "runtime/task/task.hpp"

namespace simul {

/// What a server does with a connection.
using StreamHandler = Callback<Task<>(Stream&)>;

struct ServerOptions {
  std::size_t max_connections = 10'000;  ///< at the same time; the others wait to be accepted
  int backlog = SOMAXCONN;               ///< how many the kernel lets wait
  /// How long a peer may take to receive the rest when the handler has returned; then TimedOut is
  /// reported and the connection aborted.
  Duration close_timeout = std::chrono::seconds(30);
  StreamOptions stream{};
};

namespace detail {

/// Thread: the reactor's.
class ServerCore {
 public:
  ServerCore(StreamHandler handler, const net::Address& address, const ServerOptions& options);
  ServerCore(const ServerCore&) = delete;
  ServerCore& operator=(const ServerCore&) = delete;

  /// Begins to accept. The task that does so keeps a reference until it ends.
  void start();

  void close() noexcept;
  void cancel() noexcept;
  Event::SetWait wait_closed() noexcept { return gone_.wait(); }

  const net::Address& address() const noexcept { return address_; }
  std::size_t connections() const noexcept { return open_; }

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }

 private:
  /// One connection that is served; goes with the frame of its task.
  struct Served : ListNode<Served> {
    explicit Served(Ref<ServerCore> its_server) noexcept;
    ~Served();
    Ref<ServerCore> server;
    TaskCore* task = nullptr;
  };

  ~ServerCore() = default;

  static Task<> accept(Ref<ServerCore> self);
  static Task<> serve(std::unique_ptr<Served> served, Semaphore::Guard place, UniqueFd socket,
                      net::Address peer);
  void begin(net::Accepted accepted, Semaphore::Guard place);
  void report(const net::Address& peer, std::exception_ptr error) noexcept;
  void note_if_gone() noexcept;

  StreamHandler handler_;
  const ServerOptions options_;
  Descriptor listener_;
  net::Address address_;
  Semaphore places_;
  BeginConnection begin_ = [this](net::Accepted accepted, Semaphore::Guard place) {
    begin(std::move(accepted), std::move(place));
  };
  std::optional<TaskHandle<>> acceptor_;
  List<Served, Served> served_;
  std::size_t open_ = 0;
  bool closed_ = false;
  Event gone_;
  std::uint32_t references_ = 0;
};

}  // namespace detail
}  // namespace simul
