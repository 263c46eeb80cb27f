// poll, ppoll, select, pselect: one wait for all their descriptors and a timer.
//
// The kernel is asked first, with a timeout of zero, and asked again after every wait: so the
// answer is always its own. The wait only has to end in time.
#include <cstring>
#include <new>
#include <vector>

#include "runtime/fiber/patched.hpp"
#include "runtime/fiber/patched_io.hpp"

namespace simul::patched {
namespace {

constexpr timespec kNow{0, 0};

TimePoint deadline_of(const timespec* limit) noexcept {
  if (limit == nullptr) return kNever;
  const auto seconds = saturate(std::chrono::duration<long double>(limit->tv_sec));
  return after(after(Clock::now(), seconds), Duration(limit->tv_nsec));
}

bool is_valid(const timespec* limit) noexcept {
  return limit == nullptr ||
         (limit->tv_sec >= 0 && limit->tv_nsec >= 0 && limit->tv_nsec < 1'000'000'000);
}

// What a poller can tell of the events that `entry` is about.
Interest interest_in(const pollfd& entry) noexcept {
  constexpr short kRead = POLLIN | POLLRDNORM | POLLRDBAND;
  constexpr short kWrite = POLLOUT | POLLWRNORM | POLLWRBAND;
  return ((entry.events & kRead) != 0 ? Interest::read : Interest::none) |
         ((entry.events & kWrite) != 0 ? Interest::write : Interest::none);
}

/// What a call waits for, between two questions to the kernel.
class Set {
 public:
  /// Throws std::bad_alloc.
  void add(const pollfd& entry) {
    const Interest interest = entry.fd < 0 ? Interest::none : interest_in(entry);
    if (interest != Interest::none)
      awaited_.push_back({entry.fd, interest});
    else if (entry.fd >= 0)
      needs_glances_ = true;  // urgent data alone, a hang-up alone
  }
  void look_again_often() noexcept { needs_glances_ = true; }

  /// Waits for the first of them. Nothing but a glance at the others is waited for if need be.
  Woken wait(PatchedCall& call, TimePoint deadline) noexcept {
    for (Awaited& awaited : awaited_) awaited.closed = false;
    if (!needs_glances_) return call.wait(awaited_, deadline);
    const Woken woken = call.wait(awaited_, std::min(deadline, PatchedCall::next_glance()));
    return woken == Woken::late && Clock::now() < deadline ? Woken::maybe : woken;
  }

  bool closed(int fd) const noexcept {
    for (const Awaited& awaited : awaited_) {
      if (awaited.fd == fd && awaited.closed) return true;
    }
    return false;
  }

 private:
  std::vector<Awaited> awaited_;
  bool needs_glances_ = false;
};

// `ask` asks the kernel and does not wait; it gives 0 when nothing is ready. When a descriptor was
// closed under the call, `on_closed` has the last word.
template <class Ask, class OnClosed>
int ask_until(PatchedCall& call, Set& set, TimePoint deadline, Ask ask, OnClosed on_closed) {
  for (bool late = false;;) {
    const int result = ask();
    if (result != 0 || late) return result;
    if (deadline != kNever && Clock::now() >= deadline) return 0;
    switch (set.wait(call, deadline)) {
      case Woken::maybe:
        break;
      case Woken::late:
        late = true;
        break;
      case Woken::closed:
        return on_closed();
      case Woken::killed:
        return failed(ECANCELED);
    }
  }
}

template <class Ask>
int poll_until(PatchedCall& call, pollfd* fds, nfds_t count, TimePoint deadline, bool glances,
               Ask ask) {
  // Also finds out what is wrong with the arguments, before anybody relies on them.
  if (const int result = ask(); result != 0) return result;
  try {
    Set set;
    if (glances) set.look_again_often();
    for (nfds_t i = 0; i < count; ++i) set.add(fds[i]);
    return ask_until(call, set, deadline, ask, [&] {
      int closed = 0;
      for (nfds_t i = 0; i < count; ++i) {
        fds[i].revents = fds[i].fd >= 0 && set.closed(fds[i].fd) ? POLLNVAL : 0;
        closed += fds[i].revents != 0;
      }
      return closed;
    });
  } catch (const std::bad_alloc&) {
    return failed(ENOMEM);
  }
}

/// The three sets of a select, and what they were when it was called: each question changes them.
class Sets {
 public:
  Sets(fd_set* readable, fd_set* writable, fd_set* exceptional) noexcept
      : places_{readable, writable, exceptional} {
    for (int i = 0; i < 3; ++i) {
      if (places_[i] != nullptr) wanted_[i] = *places_[i];
    }
  }

  void restore() noexcept {
    for (int i = 0; i < 3; ++i) {
      if (places_[i] != nullptr) *places_[i] = wanted_[i];
    }
  }

  pollfd entry(int fd) const noexcept {
    constexpr short kEvents[] = {POLLIN, POLLOUT, POLLPRI};
    pollfd entry{-1, 0, 0};
    for (int i = 0; i < 3; ++i) {
      if (places_[i] == nullptr || !FD_ISSET(fd, &wanted_[i])) continue;
      entry.fd = fd;
      entry.events = static_cast<short>(entry.events | kEvents[i]);
    }
    return entry;
  }

 private:
  fd_set* places_[3];
  fd_set wanted_[3];
};

template <class Ask>
int select_until(PatchedCall& call, int count, Sets& sets, TimePoint deadline, bool glances,
                 Ask ask) {
  const auto ask_anew = [&] {
    sets.restore();
    return ask();
  };
  if (const int result = ask_anew(); result != 0) return result;
  try {
    Set set;
    if (glances) set.look_again_often();
    for (int fd = 0; fd < count; ++fd) set.add(sets.entry(fd));
    return ask_until(call, set, deadline, ask_anew, [] { return failed(EBADF); });
  } catch (const std::bad_alloc&) {
    return failed(ENOMEM);
  }
}

}  // namespace

int poll(pollfd* fds, nfds_t count, int milliseconds) {
  PatchedCall call;
  if (call.is_libcs()) return libc().poll(fds, count, milliseconds);
  if (call.killed()) return failed(ECANCELED);
  if (milliseconds == 0) return libc().poll(fds, count, 0);
  const TimePoint deadline =
      milliseconds < 0 ? kNever : after(Clock::now(), std::chrono::milliseconds(milliseconds));
  return poll_until(call, fds, count, deadline, false, [=] { return libc().poll(fds, count, 0); });
}

int ppoll(pollfd* fds, nfds_t count, const timespec* limit, const sigset_t* mask) {
  PatchedCall call;
  if (call.is_libcs() || !is_valid(limit)) return libc().ppoll(fds, count, limit, mask);
  if (call.killed()) return failed(ECANCELED);
  // The mask is the thread's, so it must not stay while other fibers run.
  return poll_until(call, fds, count, deadline_of(limit), mask != nullptr,
                    [=] { return libc().ppoll(fds, count, &kNow, mask); });
}

int select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* limit) {
  PatchedCall call;
  if (call.is_libcs() || count > FD_SETSIZE ||
      (limit != nullptr && (limit->tv_sec < 0 || limit->tv_usec < 0))) {
    return libc().select(count, readable, writable, exceptional, limit);
  }
  if (call.killed()) return failed(ECANCELED);
  TimePoint deadline = kNever;
  if (limit != nullptr) {
    const timespec seconds{limit->tv_sec, 0};
    deadline = after(deadline_of(&seconds), std::chrono::microseconds(limit->tv_usec));
  }
  Sets sets(readable, writable, exceptional);
  const int result = select_until(call, count, sets, deadline, false, [=] {
    timeval now{0, 0};
    return libc().select(count, readable, writable, exceptional, &now);
  });
#if defined(__linux__)
  // Here, and nowhere else, select tells how much time was left.
  if (limit != nullptr) {
    const Duration left = std::max(deadline - Clock::now(), Duration::zero());
    limit->tv_sec = static_cast<time_t>(left.count() / 1'000'000'000);
    limit->tv_usec = static_cast<suseconds_t>(left.count() % 1'000'000'000 / 1000);
  }
#endif
  return result;
}

int pselect(int count, fd_set* readable, fd_set* writable, fd_set* exceptional,
            const timespec* limit, const sigset_t* mask) {
  PatchedCall call;
  if (call.is_libcs() || count > FD_SETSIZE || !is_valid(limit)) {
    return libc().pselect(count, readable, writable, exceptional, limit, mask);
  }
  if (call.killed()) return failed(ECANCELED);
  Sets sets(readable, writable, exceptional);
  return select_until(call, count, sets, deadline_of(limit), mask != nullptr, [=] {
    return libc().pselect(count, readable, writable, exceptional, &kNow, mask);
  });
}

}  // namespace simul::patched
