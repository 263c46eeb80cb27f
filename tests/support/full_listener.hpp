// Two things that never answer, for tests of those who wait: an address, and a name look-up.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/base/unique_fd.hpp"
#include "runtime/net/address.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/thread/thread_pool.hpp"

namespace simul::testing {

/// A listener on the loopback whose queue is full: the kernel lets further handshakes wait.
class FullListener {
 public:
  FullListener()
      : listener_(net::listen_on(net::Address::loopback(0), 0)),
        address_(net::local_address(listener_.get())) {
    for (int i = 0; i < 4; ++i) queued_.push_back(net::start_connect(address_).socket);
  }

  const net::Address& address() const { return address_; }

  /// From now on it answers. A handshake that waits is repeated by the kernel after a second.
  void make_room() {
    queued_.clear();
    while (net::accept_from(listener_.get()).outcome == net::Outcome::done) {
    }
  }

 private:
  UniqueFd listener_;
  net::Address address_;
  std::vector<UniqueFd> queued_;
};

/// While it lives, every thread of the shared pool is at work: no look-up gets an answer.
class OccupiedPool {
 public:
  OccupiedPool() {
    for (int i = 0; i < kThreads; ++i) {
      ThreadPool::shared().submit([state = state_] {
        std::unique_lock lock(state->mutex);
        ++state->busy;
        state->changed.notify_all();
        state->changed.wait(lock, [&] { return state->over; });
      });
    }
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [&] { return state_->busy == kThreads; });
  }
  ~OccupiedPool() {
    const std::lock_guard lock(state_->mutex);
    state_->over = true;
    state_->changed.notify_all();
  }
  OccupiedPool(const OccupiedPool&) = delete;
  OccupiedPool& operator=(const OccupiedPool&) = delete;

 private:
  static constexpr int kThreads = 16;  // as ThreadPool::shared() has
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    int busy = 0;
    bool over = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace simul::testing
