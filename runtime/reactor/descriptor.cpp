#include "runtime/reactor/descriptor.hpp"

#include "runtime/base/error.hpp"

namespace simul {

void Readiness::start() {
  if (watch_ != nullptr && watch_->generation() != generation_) {
    throw_errno("wait for a descriptor", ECANCELED);  // closed since this object was made
  }
  waited_ = false;
  Reactor& reactor = who()->reactor();
  Watch& watch = watch_ != nullptr ? *watch_ : reactor.watches().borrow(fd_, direction_);
  if (watch.always_ready()) return wake();
  waited_ = true;
  link_.join(watch, direction_);
  if (deadline_ != kNever) reactor.set_timer(timer_, deadline_);
}

bool Readiness::await_resume() const {
  if (link_.error() != 0) throw_errno("wait for a descriptor", link_.error());
  return !waited_ || link_.fired();
}

// Both are asked, for asking uses an edge up, and the caller is going to try both calls.
bool EitherReady::await_ready() const noexcept {
  if (watch_.generation() != generation_) return false;
  const bool readable = watch_.take_answer(Interest::read);
  const bool writable = watch_.take_answer(Interest::write);
  return readable || writable;
}

void EitherReady::start() {
  if (watch_.generation() != generation_) throw_errno("wait for a descriptor", ECANCELED);
  waited_ = false;
  if (watch_.always_ready()) return wake();
  waited_ = true;
  reading_.join(watch_, Interest::read);
  writing_.join(watch_, Interest::write);
  if (deadline_ != kNever) who()->reactor().set_timer(timer_, deadline_);
}

bool EitherReady::await_resume() const {
  const int error = reading_.error() != 0 ? reading_.error() : writing_.error();
  if (error != 0) throw_errno("wait for a descriptor", error);
  return !waited_ || reading_.fired() || writing_.fired();
}

Watch& Descriptor::watch(Interest first) {
  if (watch_ == nullptr) {
    if (!fd_) throw_errno("wait for a descriptor", EBADF);
    WatchTable& table = Reactor::current().watches();
    watch_ = &table.open(fd_.get(), trigger_, peer_, first);
    table.set_owner(*watch_, &watch_);
  }
  return *watch_;
}

void Descriptor::unwatch() noexcept {
  if (Watch* watch = std::exchange(watch_, nullptr)) watch->table().close(*watch);
}

void Descriptor::close() noexcept {
  unwatch();
  fd_.reset();
}

UniqueFd Descriptor::release() noexcept {
  unwatch();
  return std::move(fd_);
}

void Descriptor::swap(Descriptor& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(watch_, other.watch_);
  std::swap(peer_, other.peer_);
  std::swap(trigger_, other.trigger_);
  for (Descriptor* each : {this, &other}) {
    if (each->watch_ != nullptr) each->watch_->table().set_owner(*each->watch_, &each->watch_);
  }
}

}  // namespace simul
