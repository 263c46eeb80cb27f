// Connections that requests share: how many there may be, who is next, and which one is taken.
//
//                 line of the origin      line of them all
//     acquire --> [ C | B ] -- a permit --> [ A ] -- a permit --> Lease --> give_back --> idle
//                                                                   |                      |
//                                                        destroyed: closed        too long: closed
//
// A request needs two permits, one of its origin's and one of all there are (sync/permits), and
// stands in line for each: first come, first served at both doors, so nobody starves. What it gets
// is a Lease. The lease holds an idle connection if there is one, the one that was used last, which
// is the least likely to have been hung up meanwhile; else room for a new one.
//
// The invariants: leases and idle connections together never exceed the limits; a connection is
// idle, or it is in exactly one lease, and never on its way to somebody. So who is cancelled in
// line, or after his turn has come, has nothing to pass on but his permit, which sync/ does.
//
// The pool knows origins and sockets, not HTTP: whether a connection may be used again is for the
// lease's owner to say. Thread: the reactor's.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>

#include "runtime/base/clock.hpp"
#include "runtime/base/intrusive_list.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/http/url.hpp"
#include "runtime/reactor/current_wait.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/permits.hpp"
#include "runtime/task/task.hpp"

namespace simul::web {

/// How many connections there may be, idle ones included. (aiohttp.TCPConnector's limit,
/// limit_per_host and keepalive_timeout)
struct ConnectionLimits {
  std::size_t in_all = 100;    ///< at least 1
  std::size_t per_origin = 0;  ///< 0: as many as in all
  /// How long one may wait for its next request. (Many servers hang up after 60 s or 75 s.)
  Duration idle = std::chrono::seconds(15);
};

/// Somebody wanted a connection of a pool that was closed, before or meanwhile.
class PoolClosed : public std::runtime_error {
 public:
  PoolClosed() : runtime_error("the connection pool is closed") {}
};

class ConnectionPool {
 public:
  class Lease;

  /// Throws std::invalid_argument if `limits.in_all` is 0.
  explicit ConnectionPool(const ConnectionLimits& limits = {});
  ~ConnectionPool() { close(); }
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  /// A connection to `origin`, or room for one; waits for its turn. `fresh`: an idle one will not
  /// do. Empty if `deadline` came first. Throws PoolClosed.
  Task<Lease> acquire(http::Origin origin, bool fresh = false, TimePoint deadline = kNever);

  /// The same by a plain call, for when nobody has to wait; empty if one would have to. Throws
  /// PoolClosed.
  Lease try_acquire(const http::Origin& origin, bool fresh = false);

  /// Closes what is idle and turns away who waits. Connections on lease stay with their owners, and
  /// are closed when they come back.
  void close() noexcept;

  /// Connections that wait for their next request.
  std::size_t idle() const noexcept { return idle_count_; }

  /// Leases, those included whose owner is just getting his.
  std::size_t in_use() const noexcept { return state_ ? state_->permits.out() : 0; }

 private:
  struct InAll {};
  struct OfOrigin {};
  struct Host;

  struct Connection : ListNode<InAll>, ListNode<OfOrigin> {
    Descriptor socket;
    Host* host = nullptr;
    TimePoint idle_since{};
  };

  // Of one origin.
  struct Host {
    explicit Host(std::size_t limit) noexcept : permits(limit) {}
    const http::Origin* origin = nullptr;  // the key in the map
    std::size_t leases = 0;                // those in line included
    Permits permits;
    List<Connection, OfOrigin> idle;  // the one that was used last is the last
  };

  struct OriginHash {
    std::size_t operator()(const http::Origin& origin) const noexcept {
      return std::hash<std::string>()(origin.host) ^ (std::size_t{origin.port} << 1);
    }
  };

  // What ends when the pool is closed.
  struct State {
    explicit State(std::size_t limit) noexcept : permits(limit) {}
    Permits permits;
    std::unordered_map<http::Origin, Host, OriginHash> hosts;
  };

  // Outlives the pool for its leases, which learn here that it is closed.
  struct Life {
    explicit Life(ConnectionPool* the_pool) noexcept : pool(the_pool) {}
    void add_reference() noexcept { ++references; }
    void drop_reference() noexcept {
      if (--references == 0) delete this;
    }
    ConnectionPool* pool;  // null: closed
    std::size_t references = 0;
  };

  // Closes what has been idle too long.
  class Sweeper final : public Routine {
   public:
    Sweeper(Reactor& reactor, ConnectionPool& pool) noexcept
        : Routine(reactor, Kind::callback), pool_(pool) {}
    void step() override;
    std::string describe() const override { return "idle connections"; }
    void sleep_until(TimePoint time) {
      sleep_.set([&] { return simul::sleep_until(time); }).suspend(*this);
    }

   private:
    ConnectionPool& pool_;
    CurrentWait<Sleep> sleep_;
  };

  class Admission;

  Host& host_of(const http::Origin& origin);
  void serve(Lease& lease, bool fresh);
  std::unique_ptr<Connection> take_idle(Host& host);
  void put_idle(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> unlink(Connection& connection) noexcept;
  void close_idle(Connection& connection) noexcept;
  void close_expired();
  void forget_if_unused(Host& host) noexcept;

  ConnectionLimits limits_;
  std::unique_ptr<State> state_;  // null: closed
  Ref<Life> life_;
  List<Connection, InAll> idle_;  // owned; the longest idle first
  std::size_t idle_count_ = 0;
  std::unique_ptr<Sweeper> sweeper_;
  bool sweeping_ = false;  // its timer is set
};

/// One connection, or the right to open one; move-only. It may outlive its pool.
class ConnectionPool::Lease {
 public:
  Lease() = default;
  Lease(Lease&&) = default;
  Lease& operator=(Lease&& other) noexcept {
    if (this != &other) {
      release();
      life_ = std::move(other.life_);
      host_ = other.host_;
      of_host_ = std::move(other.of_host_);
      of_all_ = std::move(other.of_all_);
      connection_ = std::move(other.connection_);
      reused_ = other.reused_;
    }
    return *this;
  }
  /// Closes the connection: whoever knows that it is clean gives it back.
  ~Lease() { release(); }

  /// False if it is empty: default-made, moved from, released, or its pool was closed.
  explicit operator bool() const noexcept { return static_cast<bool>(of_all_); }

  /// Is there a connection, or only room for one?
  bool connected() const noexcept { return connection_ != nullptr; }

  /// Has the connection carried a request before?
  bool reused() const noexcept { return reused_; }

  /// The connection, to be used while `connected()`.
  Descriptor& socket() noexcept { return connection_->socket; }

  /// Puts a new connection into the room.
  void fill(Descriptor socket);

  /// The connection is as good as new: it becomes idle. The lease is empty afterwards.
  void give_back();

  /// Closes the connection and lets the next one have its place. Empty afterwards.
  void release() noexcept;

 private:
  friend class ConnectionPool;
  Lease(ConnectionPool& pool, Host& host) noexcept : life_(pool.life_), host_(&host) {
    ++host.leases;
  }

  Ref<Life> life_;        // null: empty
  Host* host_ = nullptr;  // good as long as the pool is
  Permit of_host_;
  Permit of_all_;
  std::unique_ptr<Connection> connection_;
  bool reused_ = false;
};

}  // namespace simul::web
