#include "runtime/web/connection_pool.hpp"

#include <limits>
#include <utility>

#include "runtime/net/socket.hpp"

namespace simul::web {

// The wait for a permit: that of sync/, with a deadline.
class [[nodiscard]] ConnectionPool::Admission final : public Wait<Admission> {
 public:
  Admission(Permits& permits, TimePoint deadline) noexcept
      : Wait(kSort), permits_(permits), deadline_(deadline) {}

  bool await_ready() noexcept {
    if (!permits_.try_take()) return false;
    request_.of = &permits_;
    request_.mark_served();
    return true;
  }
  void start() noexcept {
    permits_.request(request_);
    who()->reactor().set_timer(timer_, deadline_);
  }
  // Empty if the deadline came first.
  Permit await_resume() {
    if (request_.refused()) throw PoolClosed();
    if (!request_.served()) return {};
    request_.leave();
    return Permit(permits_);
  }

 private:
  static void leave(Waiter& waiter) noexcept {
    auto& self = static_cast<Admission&>(waiter);
    self.request_.unlink();
    self.timer_.unlink();
  }
  static constexpr Sort kSort = {"a connection", leave};

  Permits& permits_;
  TimePoint deadline_;
  Permits::Request request_{*this};
  Timer timer_{this};
};

ConnectionPool::ConnectionPool(const ConnectionLimits& limits) : limits_(limits) {
  if (limits_.in_all == 0) throw std::invalid_argument("a pool for no connection at all");
  if (limits_.per_origin == 0) limits_.per_origin = std::numeric_limits<std::size_t>::max();
  state_ = std::make_unique<State>(limits_.in_all);
  life_ = Ref<Life>(new Life(this));
}

Task<ConnectionPool::Lease> ConnectionPool::acquire(http::Origin origin, bool fresh,
                                                    TimePoint deadline) {
  if (!state_) throw PoolClosed();
  // After a wait that throws, the pool may be gone; then nothing but the lease is touched.
  Lease lease(*this, host_of(origin));
  Admission at_host(lease.host_->permits, deadline);
  lease.of_host_ = co_await at_host;
  if (!lease.of_host_) co_return Lease();
  Admission at_all(state_->permits, deadline);
  lease.of_all_ = co_await at_all;
  if (!lease.of_all_) co_return Lease();
  serve(lease, fresh);
  co_return lease;
}

ConnectionPool::Lease ConnectionPool::try_acquire(const http::Origin& origin, bool fresh) {
  if (!state_) throw PoolClosed();
  Lease lease(*this, host_of(origin));
  // Where a permit is free, nobody stands in line for it.
  if (!lease.host_->permits.try_take()) return {};
  lease.of_host_ = Permit(lease.host_->permits);
  if (!state_->permits.try_take()) return {};
  lease.of_all_ = Permit(state_->permits);
  serve(lease, fresh);
  return lease;
}

// It has both permits: a connection that is there already, or room for one.
void ConnectionPool::serve(Lease& lease, bool fresh) {
  Host& host = *lease.host_;
  if (!fresh) lease.connection_ = take_idle(host);
  lease.reused_ = lease.connected();
  if (!lease.reused_) {
    // Room for a new one. Of this origin there are idle ones left only if they are not good enough.
    if (!host.idle.empty()) close_idle(*host.idle.front());
    if (state_->permits.out() + idle_count_ > limits_.in_all && !idle_.empty()) {
      close_idle(*idle_.front());
    }
  }
}

void ConnectionPool::close() noexcept {
  life_->pool = nullptr;
  sweeper_.reset();
  sweeping_ = false;
  while (Connection* connection = idle_.front()) unlink(*connection);
  // Its lines tell whoever stands in them, and permits that are out become empty.
  const std::unique_ptr<State> old = std::move(state_);
}

ConnectionPool::Host& ConnectionPool::host_of(const http::Origin& origin) {
  const auto [place, added] = state_->hosts.try_emplace(origin, limits_.per_origin);
  if (added) place->second.origin = &place->first;
  return place->second;
}

// The one that was used last, of those that are still good.
std::unique_ptr<ConnectionPool::Connection> ConnectionPool::take_idle(Host& host) {
  const TimePoint now = Clock::now();
  while (Connection* last = host.idle.back()) {
    std::unique_ptr<Connection> connection = unlink(*last);
    // Who says something unasked, or has hung up, is not asked again.
    if (now - connection->idle_since < limits_.idle && net::is_quiet(connection->socket.fd())) {
      return connection;
    }
  }
  return nullptr;
}

void ConnectionPool::put_idle(std::unique_ptr<Connection> connection) {
  connection->idle_since = Clock::now();
  if (!sweeping_ && limits_.idle != Duration::max()) {
    Reactor& reactor = Reactor::current();
    if (!sweeper_ || &sweeper_->reactor() != &reactor) {
      sweeper_ = std::make_unique<Sweeper>(reactor, *this);
    }
    sweeper_->sleep_until(after(connection->idle_since, limits_.idle));
    sweeping_ = true;
  }
  Connection& idle = *connection.release();
  idle_.push_back(idle);
  idle.host->idle.push_back(idle);
  ++idle_count_;
}

std::unique_ptr<ConnectionPool::Connection> ConnectionPool::unlink(
    Connection& connection) noexcept {
  connection.ListNode<InAll>::unlink();
  connection.ListNode<OfOrigin>::unlink();
  --idle_count_;
  return std::unique_ptr<Connection>(&connection);
}

void ConnectionPool::close_idle(Connection& connection) noexcept {
  Host& host = *connection.host;
  unlink(connection);
  forget_if_unused(host);
}

void ConnectionPool::close_expired() {
  const TimePoint now = Clock::now();
  while (Connection* oldest = idle_.front()) {
    const TimePoint end = after(oldest->idle_since, limits_.idle);
    if (end > now) {
      sweeper_->sleep_until(end);
      sweeping_ = true;
      return;
    }
    close_idle(*oldest);
  }
}

void ConnectionPool::Sweeper::step() {
  sleep_.reset();
  pool_.sweeping_ = false;
  pool_.close_expired();
}

// A crawler meets many origins, and each of them once.
void ConnectionPool::forget_if_unused(Host& host) noexcept {
  if (host.leases != 0 || !host.idle.empty()) return;
  state_->hosts.erase(state_->hosts.find(*host.origin));
}

// --- Lease --------------------------------------------------------------------------------------

void ConnectionPool::Lease::fill(Descriptor socket) {
  connection_ = std::make_unique<Connection>();
  connection_->socket = std::move(socket);
  connection_->host = host_;
  reused_ = false;
}

void ConnectionPool::Lease::give_back() {
  if (*this && connected()) life_->pool->put_idle(std::move(connection_));
  release();
}

void ConnectionPool::Lease::release() noexcept {
  connection_.reset();
  of_all_.release();
  of_host_.release();
  if (const Ref<Life> life = std::move(life_); life && life->pool != nullptr) {
    --host_->leases;
    life->pool->forget_if_unused(*host_);
  }
}

}  // namespace simul::web
