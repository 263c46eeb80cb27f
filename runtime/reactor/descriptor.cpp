#include "runtime/reactor/descriptor.hpp"

#include "runtime/base/error.hpp"

namespace simul {

bool Readiness::await_resume() const {
  if (link_.error() != 0) throw_errno("wait for a descriptor", link_.error());
  return await_ready() || link_.fired();
}

Watch& Descriptor::watch(Interest first) {
  if (watch_ == nullptr) {
    if (!fd_) throw_errno("wait for a descriptor", EBADF);
    watch_ = &reactor_->watches().open(fd_.get(), trigger_, peer_, first);
  }
  return *watch_;
}

void Descriptor::close() noexcept {
  if (watch_ != nullptr) reactor_->watches().close(*std::exchange(watch_, nullptr));
  fd_.reset();
}

UniqueFd Descriptor::release() noexcept {
  if (watch_ != nullptr) reactor_->watches().close(*std::exchange(watch_, nullptr));
  return std::move(fd_);
}

void Descriptor::swap(Descriptor& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(reactor_, other.reactor_);
  std::swap(watch_, other.watch_);
  std::swap(peer_, other.peer_);
  std::swap(trigger_, other.trigger_);
}

Readiness borrowed_ready(int fd, Interest direction, TimePoint deadline) {
  return Readiness(Reactor::current().watches().borrow(fd, direction), direction, deadline);
}

}  // namespace simul
