#include "runtime/reactor/watch.hpp"

#include <poll.h>

#include <cassert>
#include <cerrno>
#include <exception>
#include <system_error>

#include "runtime/reactor/reactor.hpp"  // Waiter::wake needs the ready queue

namespace simul {

void WatchLink::join(Watch& watch, Interest direction) {
  assert(watch_ == nullptr);
  watch.table_->want(watch, direction);  // may throw: nothing has changed then
  watch_ = &watch;
  direction_ = direction;
  error_ = 0;
  fired_ = false;
  watch.links(direction).push_back(*this);
  if (watch.peer_ == Peer::outside) ++watch.table_->outside_;
}

void WatchLink::leave() noexcept {
  if (watch_ == nullptr) return;
  Watch& watch = *watch_;
  watch_ = nullptr;
  unlink();
  if (watch.peer_ == Peer::outside) --watch.table_->outside_;
  watch.table_->left(watch);
}

void Watch::wake(Interest direction, int error) noexcept {
  List<WatchLink>& waiting = links(direction);
  while (WatchLink* link = waiting.front()) {
    link->fired_ = true;
    link->error_ = error;
    Waiter& waiter = *link->waiter_;
    link->leave();  // the waiter would do that too, but only if it is its first wake-up
    waiter.wake();
  }
}

bool Watch::kernel_says_ready(Interest direction) const noexcept {
  pollfd question = {fd_, direction == Interest::read ? short{POLLIN} : short{POLLOUT}, 0};
  return ::poll(&question, 1, 0) != 0;  // if it cannot be asked, the call itself will tell
}

void Watch::let_go() noexcept {
  if (owner_ != nullptr) *std::exchange(owner_, nullptr) = nullptr;
  for (List<WatchLink>* waiting : {&readers_, &writers_}) {
    while (WatchLink* link = waiting->pop_front()) link->watch_ = nullptr;
  }
}

Watch& WatchTable::allocate(int fd, Trigger trigger, Peer peer) {
  if (free_.empty()) {
    const auto index = static_cast<std::uint32_t>(watches_.size());
    watches_.emplace_back().index_ = index;
    watches_.back().table_ = this;
    free_.reserve(watches_.size());  // so that `release` need not allocate
    free_.push_back(watches_.back().index_);
  }
  Watch& watch = watches_[free_.back()];
  free_.pop_back();
  watch.fd_ = fd;
  watch.trigger_ = Poller::kEdgeTriggered ? trigger : Trigger::level;
  watch.peer_ = peer;
  watch.armed_ = watch.missed_ = Interest::none;
  watch.borrowed_ = watch.always_ready_ = watch.hung_up_ = false;
  return watch;
}

void WatchTable::release(Watch& watch) noexcept {
  if (!watch.always_ready_) --registered_;
  ++watch.generation_;
  watch.fd_ = -1;
  watch.owner_ = nullptr;
  free_.push_back(watch.index_);
}

Watch& WatchTable::open(int fd, Trigger trigger, Peer peer, Interest first) {
  Watch& watch = allocate(fd, trigger, peer);
  ++registered_;
  try {
    if (watch.trigger_ == Trigger::level)
      watch.armed_ = first;
    else
      first = Interest::both;
    if (!poller_.add(fd, token_of(watch), first, watch.trigger_)) {
      watch.always_ready_ = true;
      --registered_;
    }
  } catch (...) {
    release(watch);
    throw;
  }
  return watch;
}

Watch& WatchTable::borrow(int fd, Interest first) {
  if (const auto found = borrowed_.find(fd); found != borrowed_.end()) {
    Watch& present = *found->second;
    try {
      poller_.modify(fd, token_of(present), present.armed_);
      return present;
    } catch (const std::system_error&) {
      // Its owner has closed it without a word, and the number means another descriptor now.
      close(present, EBADF);
    }
  }
  Watch& watch = open(fd, Trigger::level, Peer::outside, first);
  if (watch.always_ready_) {
    release(watch);
    return always_;
  }
  try {
    borrowed_.emplace(fd, &watch);
  } catch (...) {
    close(watch);
    throw;
  }
  watch.borrowed_ = true;
  return watch;
}

void WatchTable::close(Watch& watch, int error) noexcept {
  if (!watch.always_ready_) poller_.remove(watch.fd_);
  if (watch.borrowed_) borrowed_.erase(watch.fd_);
  watch.borrowed_ = false;  // so that the last link to leave does not close it a second time
  watch.wake(Interest::read, error);
  watch.wake(Interest::write, error);
  release(watch);
}

void WatchTable::forget(int fd, int error) noexcept {
  if (const auto found = borrowed_.find(fd); found != borrowed_.end()) close(*found->second, error);
}

void WatchTable::let_go() noexcept {
  for (Watch& watch : watches_) watch.let_go();
  borrowed_.clear();
  outside_ = 0;
}

void WatchTable::want(Watch& watch, Interest direction) {
  if (watch.trigger_ == Trigger::edge || watch.always_ready_) return;
  if ((watch.armed_ & direction) != Interest::none) return;
  poller_.modify(watch.fd_, token_of(watch), watch.armed_ | direction);
  watch.armed_ = watch.armed_ | direction;
}

void WatchTable::left(Watch& watch) noexcept {
  if (watch.borrowed_ && watch.wanted() == Interest::none) close(watch);
}

void WatchTable::dispatch(const PollEvent& event) noexcept {
  const auto index = static_cast<std::uint32_t>(event.token);
  const auto generation = static_cast<std::uint32_t>(event.token >> 32);
  if (index >= watches_.size()) return;
  Watch& watch = watches_[index];
  if (watch.generation_ != generation || watch.fd_ < 0) return;
  if (watch.trigger_ == Trigger::level) {
    // Reported, but nobody waits: stop asking, or the kernel would report it at every turn.
    const Interest idle = without(event.ready, watch.wanted()) & watch.armed_;
    if (idle != Interest::none) {
      try {
        poller_.modify(watch.fd_, event.token, without(watch.armed_, idle));
        watch.armed_ = without(watch.armed_, idle);
      } catch (const std::exception&) {
        // A borrowed descriptor that another thread has closed just now: nothing more will come.
      }
    }
  } else {
    watch.hung_up_ = watch.hung_up_ || event.hung_up;
    watch.missed_ = watch.missed_ | without(event.ready, watch.wanted());
  }
  if ((event.ready & Interest::read) != Interest::none) watch.wake(Interest::read, 0);
  if (watch.generation_ != generation) return;  // borrowed, and the reader was the last to wait
  if ((event.ready & Interest::write) != Interest::none) watch.wake(Interest::write, 0);
}

}  // namespace simul
