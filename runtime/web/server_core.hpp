// A server's inside: what its connections share.
//
// The routes, the options, one buffer for what is received and parsed at once, and the workspaces
// that are lent to those who have a request under way. So a connection that only waits for its next
// request holds a socket, a timer and a place in a list, and little more.
//
// The invariant: a connection is in the list from the moment it was accepted to the end of its
// task; and `gone` is set once the server is closed and the list is empty.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/intrusive_list.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/http/server_connection.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/sync/semaphore.hpp"
#include "runtime/task/accept_loop.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/web/pace.hpp"
#include "runtime/web/peer_watch.hpp"
#include "runtime/web/server.hpp"

namespace simul::web {

/// What a connection needs while a request is under way.
struct Workspace {
  explicit Workspace(const ServerOptions& options)
      : http(options.limits), reading(options.body_timeout), writing(options.write_timeout) {}

  /// Ready for the next request; what the last one left behind is destroyed.
  void clear(const ServerOptions& options);

  http::ServerConnection http;
  Request request{http.request()};
  Response response;
  std::string out;                 // what is to be sent in front of a body
  std::string rest;                // what was received and not parsed, while others use the buffer
  std::unique_ptr<char[]> buffer;  // for what is received of a body
  PeerWatch watch;

  struct Sending {
    iovec pieces[3];
    std::size_t next = 0;  // the first that has not gone out whole
  } sending;
  Pace reading;
  Pace writing;
  std::uint64_t body_sent = 0;
  TimePoint began{};           // the head was there; only if somebody logs it
  std::exception_ptr misdeed;  // the client broke a rule in its body
  bool refused = false;        // the request was wrong, and `response` says so
  bool broken = false;         // the socket is of no use any more
};

/// Thread: the reactor's.
class ServerCore {
 public:
  /// What is received at once, and so the size of the largest piece of a body.
  static constexpr std::size_t kBufferSize = 64 * 1024;

  ServerCore(Router&& router, ServerOptions&& options);
  ServerCore(const ServerCore&) = delete;
  ServerCore& operator=(const ServerCore&) = delete;

  /// Begins to accept. The task that does so keeps a reference until it ends.
  void start();
  void close() noexcept;
  void cancel() noexcept;

  /// For a workspace that is wanted now, and one that is not any more.
  std::unique_ptr<Workspace> lend();
  void give_back(std::unique_ptr<Workspace> workspace) noexcept;

  /// Valid until somebody waits.
  std::span<char> buffer() noexcept { return {buffer_.get(), kBufferSize}; }

  /// The Date header of this second, as a whole line.
  std::string_view date_line();

  /// Writes to the access log, if there is one.
  void log(const AccessEntry& entry) noexcept;

  /// "server 127.0.0.1:80: <what>", for a report.
  void report(std::string_view what, std::exception_ptr error) noexcept;

  void joined(Connection& connection) noexcept;
  void left(Connection& connection) noexcept;

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }

  std::size_t connections() const noexcept { return open_; }
  std::size_t idle_connections() const noexcept;
  const net::Address& address() const noexcept { return address_; }

  Router router;
  ServerOptions options;
  const std::shared_ptr<ServerStatistics> statistics = std::make_shared<ServerStatistics>();
  Event closing;
  Event gone;

 private:
  // More than these are freed. It is as many as can be ready in one turn of the loop, or so.
  static constexpr std::size_t kSpares = 64;

  ~ServerCore();

  static Task<> accept(Ref<ServerCore> self);
  void begin(net::Accepted accepted, Semaphore::Guard place);

  Descriptor listener_;
  net::Address address_;
  Semaphore places_;
  simul::detail::BeginConnection begin_ = [this](net::Accepted accepted, Semaphore::Guard place) {
    begin(std::move(accepted), std::move(place));
  };
  std::optional<TaskHandle<>> acceptor_;
  List<Connection> served_;
  std::size_t open_ = 0;
  std::unique_ptr<char[]> buffer_{new char[kBufferSize]};
  std::vector<std::unique_ptr<Workspace>> spares_;
  std::time_t date_ = -1;
  std::string date_line_;
  std::uint32_t references_ = 0;
};

}  // namespace simul::web
