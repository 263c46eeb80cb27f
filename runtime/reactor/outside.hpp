// A promise that somebody outside will wake the loop.
//
// A loop that has nothing ready and no timer asks itself whether it waits in vain: who waits for
// descriptors, signals or other threads is known to it. Whatever else may wake it, such as a child
// process, holds one of these meanwhile. While there is one, the loop reports no deadlock, and
// virtual time stands still.
#pragma once

#include <utility>

#include "runtime/reactor/reactor.hpp"

namespace simul {

/// While it lives, this reactor counts on being woken by somebody it cannot see. Reactor's thread.
class Outside {
 public:
  explicit Outside(Reactor& reactor = Reactor::current()) : reactor_(&reactor) {
    reactor.add_outside(1);
  }
  Outside(Outside&& other) noexcept : reactor_(std::exchange(other.reactor_, nullptr)) {}
  Outside& operator=(Outside&&) = delete;
  ~Outside() {
    if (reactor_ != nullptr) reactor_->add_outside(-1);
  }

 private:
  Reactor* reactor_;
};

}  // namespace simul
