#include "runtime/fiber/fiber.hpp"

namespace simul::detail {

JoinAll::JoinAll(std::vector<Spawned*> fibers, JoinOptions options)
    : Wait(kSort),
      fibers_(std::move(fibers)),
      links_(fibers_.size()),
      raise_error_(options.raise_error),
      deadline_(options.timeout == Duration::max() ? kNever
                                                   : after(Clock::now(), options.timeout)) {
  ended_.reserve(fibers_.size());
  for (std::size_t i = 0; i < fibers_.size(); ++i) {
    if (fibers_[i]->done()) note(i);
  }
}

void JoinAll::start() noexcept {
  for (std::size_t i = 0; i < fibers_.size(); ++i) {
    if (fibers_[i]->done()) continue;
    links_[i].wait = this;
    links_[i].index = i;
    links_[i].fired = [](DoneLink& link) noexcept {
      auto& self = static_cast<Link&>(link);
      self.wait->note(self.index);
      if (self.wait->complete()) self.wait->wake();
    };
    fibers_[i]->notify(links_[i]);
  }
  if (deadline_ != kNever) who()->reactor().set_timer(timer_, deadline_);
}

void JoinAll::note(std::size_t index) noexcept {
  ended_.push_back(index);
  if (raise_error_ && first_failed_ == nullptr && fibers_[index]->failed()) {
    first_failed_ = fibers_[index];
  }
}

const std::vector<std::size_t>& JoinAll::await_resume() {
  if (first_failed_ != nullptr) std::rethrow_exception(first_failed_->collect_error());
  return ended_;
}

void JoinAll::leave(Waiter& waiter) noexcept {
  auto& self = static_cast<JoinAll&>(waiter);
  for (Link& link : self.links_) link.unlink();
  self.timer_.unlink();
}

}  // namespace simul::detail
