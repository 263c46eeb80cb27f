#include "runtime/reactor/spawned.hpp"

#include <cstdio>
#include <utility>

namespace simul {

void Spawned::begin_life(const char* kind, std::string_view called) {
  if (Observer* o = observer()) {
    set_id(next_id());
    o->created(id(), kind, called.empty() ? name() : called);
  }
  add_reference();  // the reactor's
  reactor().own(*this);
}

void Spawned::finish(std::exception_ptr error) noexcept {
  done_ = true;
  if (is_cancelled(error)) {
    cancelled_ = true;
  } else {
    error_ = std::move(error);
  }
  while (DoneLink* link = watchers_.pop_front()) link->fired(*link);
  if (Observer* o = observer(); o != nullptr && id() != 0) o->ended(id());
}

void Spawned::end_life() noexcept {
  ListNode<Owned>::unlink();
  drop_reference();
}

void Spawned::die() noexcept {
  if (error_ != nullptr && !error_collected_) {
    // The handle may have outlived the loop.
    if (Reactor* reactor = Reactor::current_or_null()) {
      reactor->report(describe(), error_);
    } else {
      std::fprintf(stderr, "%s failed: %s\n", describe().c_str(), message_of(error_).c_str());
    }
  }
  delete this;
}

}  // namespace simul
