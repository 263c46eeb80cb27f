// A file descriptor that a reactor waits for.
//
// The rule of use: try the call first, and wait only when it says EAGAIN; when the wait ends, try
// again. Everybody who waits for one direction is woken together, and whoever comes too late waits
// once more. Nothing is registered until the first wait, and then once and for all: a connection
// that is read and written a million times costs one epoll_ctl.
#pragma once

#include <cstdint>
#include <utility>

#include "runtime/base/unique_fd.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul {

/// The wait for one direction of one descriptor. `await_resume` says whether it is ready: false
/// means that the deadline came first. Throws std::system_error ECANCELED when the descriptor was
/// closed meanwhile. Ready means: try the call. It may still say EAGAIN, when somebody else was
/// quicker or when the readiness was of before.
class [[nodiscard]] Readiness final : public Wait<Readiness> {
 public:
  /// For a descriptor that has a watch.
  Readiness(Watch& watch, Interest direction, TimePoint deadline) noexcept
      : Readiness(watch.fd(), direction, deadline) {
    watch_ = &watch;
    generation_ = watch.generation();
  }

  /// For a borrowed one, which is registered from `start` to the end of the wait.
  Readiness(int fd, Interest direction, TimePoint deadline) noexcept
      : Wait(direction == Interest::read ? kReadable : kWritable),
        fd_(fd),
        direction_(direction),
        deadline_(deadline) {}

  bool await_ready() const noexcept {
    return watch_ != nullptr && watch_->generation() == generation_ &&
           watch_->take_answer(direction_);
  }
  void start();
  bool await_resume() const;

 private:
  static void leave(Waiter& waiter) noexcept {
    auto& self = static_cast<Readiness&>(waiter);
    self.link_.leave();
    self.timer_.unlink();
  }
  static constexpr Sort kReadable = {"readable", leave};
  static constexpr Sort kWritable = {"writable", leave};

  Watch* watch_ = nullptr;  // null: borrowed
  std::uint32_t generation_ = 0;
  int fd_;
  Interest direction_;
  bool waited_ = false;
  TimePoint deadline_;
  WatchLink link_{*this};
  Timer timer_{this};
};

/// The same for both directions at once: it is over when one of them is ready, and then both calls
/// are to be tried before the next wait. For who sends a lot and must hear when the peer answers
/// before it has read everything.
class [[nodiscard]] EitherReady final : public Wait<EitherReady> {
 public:
  EitherReady(Watch& watch, TimePoint deadline) noexcept
      : Wait(kSort), watch_(watch), generation_(watch.generation()), deadline_(deadline) {}

  bool await_ready() const noexcept;
  void start();
  bool await_resume() const;

 private:
  static void leave(Waiter& waiter) noexcept {
    auto& self = static_cast<EitherReady&>(waiter);
    self.reading_.leave();
    self.writing_.leave();
    self.timer_.unlink();
  }
  static constexpr Sort kSort = {"readable or writable", leave};

  Watch& watch_;
  std::uint32_t generation_;
  bool waited_ = false;
  TimePoint deadline_;
  WatchLink reading_{*this};
  WatchLink writing_{*this};
  Timer timer_{this};
};

/// Owns a non-blocking descriptor and its registration. Move-only. Thread: that of the reactor that
/// is current at its first wait. If that reactor goes first, or if this is a forked child, the next
/// wait is the first one again, at the reactor that is current then.
class Descriptor {
 public:
  Descriptor() = default;

  /// `fd` must be non-blocking. `peer`: see Peer in watch.hpp. `trigger`: level for listening
  /// sockets, of which a woken accept loop may leave connections in the queue; else edge.
  explicit Descriptor(UniqueFd fd, Peer peer = Peer::outside,
                      Trigger trigger = Trigger::edge) noexcept
      : fd_(std::move(fd)), peer_(peer), trigger_(trigger) {}

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
  /// The same for whichever comes first.
  EitherReady readable_or_writable(TimePoint deadline = kNever) {
    return EitherReady(watch(Interest::write), deadline);
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
  void unwatch() noexcept;

  UniqueFd fd_;
  Watch* watch_ = nullptr;  // made by the first wait; it knows this pointer (WatchTable::set_owner)
  Peer peer_ = Peer::outside;
  Trigger trigger_ = Trigger::edge;
};

/// The wait for a descriptor that somebody else owns: registered for this wait only. The wait
/// throws std::system_error if the kernel does not know `fd`. One that a Descriptor owns: EEXIST.
inline Readiness borrowed_ready(int fd, Interest direction, TimePoint deadline = kNever) noexcept {
  return Readiness(fd, direction, deadline);
}

}  // namespace simul
