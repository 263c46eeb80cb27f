// A file descriptor that a reactor waits for.
//
// The rule of use: try the call first, and wait only when it says EAGAIN; when the wait ends, try
// again. Everybody who waits for one direction is woken together, and whoever comes too late waits
// once more. Nothing is registered until the first wait, and then once and for all: a connection
// that is read and written a million times costs one epoll_ctl.
#pragma once

#include <utility>

#include "runtime/base/unique_fd.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul {

/// The wait for one direction of one descriptor. `await_resume` says whether it is ready: false
/// means that the deadline came first. Throws std::system_error ECANCELED when the descriptor was
/// closed meanwhile.
class [[nodiscard]] Readiness final : public Wait<Readiness> {
 public:
  Readiness(Watch& watch, Interest direction, TimePoint deadline) noexcept
      : Wait(direction == Interest::read ? kReadable : kWritable),
        watch_(&watch),
        direction_(direction),
        deadline_(deadline) {}

  /// After a hang-up there is always an answer to be had: the rest of the data, an end, an error.
  /// For a reader, that is: a peer that has sent everything may still be slow to read.
  bool await_ready() const noexcept {
    return watch_->always_ready() || (direction_ == Interest::read && watch_->hung_up());
  }
  void start() {
    link_.join(*watch_, direction_);
    if (deadline_ != kNever) who()->reactor().set_timer(timer_, deadline_);
  }
  bool await_resume() const;

 private:
  static void leave(Waiter& waiter) noexcept {
    auto& self = static_cast<Readiness&>(waiter);
    self.link_.leave();
    self.timer_.unlink();
  }
  static constexpr Sort kReadable = {"readable", leave};
  static constexpr Sort kWritable = {"writable", leave};

  Watch* watch_;
  Interest direction_;
  TimePoint deadline_;
  WatchLink link_{*this};
  Timer timer_{this};
};

/// Owns a non-blocking descriptor and its registration. Move-only; not while somebody waits.
/// Thread: that of its reactor, which must outlive it.
class Descriptor {
 public:
  Descriptor() = default;

  /// `fd` must be non-blocking. `peer`: see Peer in watch.hpp. `trigger`: level for listening
  /// sockets, of which a woken accept loop may leave connections in the queue; else edge.
  explicit Descriptor(UniqueFd fd, Peer peer = Peer::outside, Trigger trigger = Trigger::edge,
                      Reactor& reactor = Reactor::current()) noexcept
      : fd_(std::move(fd)), reactor_(&reactor), peer_(peer), trigger_(trigger) {}

  Descriptor(Descriptor&& other) noexcept { swap(other); }
  Descriptor& operator=(Descriptor other) noexcept {
    swap(other);
    return *this;
  }
  ~Descriptor() { close(); }

  int fd() const noexcept { return fd_.get(); }
  explicit operator bool() const noexcept { return static_cast<bool>(fd_); }

  /// Waits until a read (an accept) has an answer, or until `deadline`.
  Readiness readable(TimePoint deadline = kNever) {
    return Readiness(watch(Interest::read), Interest::read, deadline);
  }
  /// The same for a write (a connect).
  Readiness writable(TimePoint deadline = kNever) {
    return Readiness(watch(Interest::write), Interest::write, deadline);
  }

  /// Was the end of the stream reported? Then a short read does not mean that nothing is left.
  bool hung_up() const noexcept { return watch_ != nullptr && watch_->hung_up(); }

  /// Wakes whoever waits (ECANCELED), deregisters, closes. No effect if it is closed.
  void close() noexcept;

  /// Deregisters and gives the descriptor away.
  [[nodiscard]] UniqueFd release() noexcept;

 private:
  Watch& watch(Interest first);
  void swap(Descriptor& other) noexcept;

  UniqueFd fd_;
  Reactor* reactor_ = nullptr;
  Watch* watch_ = nullptr;  // made by the first wait
  Peer peer_ = Peer::outside;
  Trigger trigger_ = Trigger::edge;
};

/// The wait for a descriptor that somebody else owns: registered for this wait only.
Readiness borrowed_ready(int fd, Interest direction, TimePoint deadline = kNever);

}  // namespace simul
