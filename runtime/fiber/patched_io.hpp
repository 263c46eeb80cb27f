// What the patched calls on one descriptor share: try, wait, try again.
#pragma once

#include <poll.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "runtime/fiber/libc.hpp"
#include "runtime/fiber/parking.hpp"

namespace simul::patched {

inline bool would_block(int error) noexcept {
  return error == EAGAIN || error == EWOULDBLOCK;
}

/// When a call on `fd` that starts now has to give up: SO_RCVTIMEO or SO_SNDTIMEO from now, else
/// never.
TimePoint give_up_at(int fd, Interest direction) noexcept;

/// Is there an answer to be had at once (`events`: POLLIN or POLLOUT), be it an error?
inline bool has_answer(int fd, short events) noexcept {
  pollfd entry{fd, events, 0};
  int count;
  do count = libc().poll(&entry, 1, 0);
  while (count < 0 && errno == EINTR);  // a signal is no reason to go on and wait in the call
  return count != 0;
}

/// Runs `attempt`, which must fail with EAGAIN rather than wait, until it says something else, the
/// descriptor's timeout is over or the fiber is killed. Returns what `attempt` returned, or fails
/// as patched.hpp says. `pollable` is false where no poller can tell when it is worth trying again.
template <class Attempt>
ssize_t retry(PatchedCall& call, int fd, Interest direction, Attempt attempt,
              bool pollable = true) {
  if (call.killed()) return failed(ECANCELED);
  TimePoint end = kNever;
  for (bool first = true;; first = false) {
    const ssize_t result = attempt();
    if (result >= 0 || !would_block(errno)) return result;
    if (first) {
      if (is_nonblocking(fd)) return failed(EAGAIN);
      end = give_up_at(fd, direction);
    }
    switch (pollable ? call.wait(fd, direction, end) : call.glance(end)) {
      case Woken::maybe:
        break;
      case Woken::late:
        return attempt();
      case Woken::closed:
        return failed(EBADF);
      case Woken::killed:
        return failed(ECANCELED);
    }
  }
}

/// How far a transfer of several pieces has come.
class Progress {
 public:
  Progress(const iovec* pieces, std::size_t count) noexcept : piece_(pieces), end_(pieces + count) {
    skip_empty();
  }

  bool finished() const noexcept { return piece_ == end_; }
  std::size_t done() const noexcept { return done_; }

  /// What is left of the present piece.
  char* data() const noexcept { return static_cast<char*>(piece_->iov_base) + offset_; }
  std::size_t size() const noexcept { return piece_->iov_len - offset_; }

  void advance(std::size_t bytes) noexcept {
    done_ += bytes;
    while (piece_ != end_ && bytes >= size()) {
      bytes -= size();
      offset_ = 0;
      ++piece_;
    }
    offset_ += bytes;
  }

  /// The result of the whole transfer, whose last attempt gave `result`: after an error in the
  /// middle libc tells how much was moved before. But a killed fiber must hear that it was killed.
  ssize_t outcome(ssize_t result) const noexcept {
    return result < 0 && done_ > 0 && errno != ECANCELED ? static_cast<ssize_t>(done_) : result;
  }

 private:
  void skip_empty() noexcept { advance(0); }

  const iovec* piece_;
  const iovec* end_;
  std::size_t offset_ = 0;
  std::size_t done_ = 0;
};

/// The bytes of all pieces; 0 too for arguments that libc is to refuse.
inline std::size_t total_size(const iovec* pieces, int count) noexcept {
  if (pieces == nullptr) return 0;
  std::size_t sum = 0;
  for (int i = 0; i < count; ++i) sum += pieces[i].iov_len;
  return sum;
}

}  // namespace simul::patched
