// Which descriptors are ready? The kernel is asked here, and nowhere else.
//
// The contract of a backend. Each defines one class with these members; there are no virtual calls,
// because a program has one backend, chosen when it is built.
//
//   static constexpr bool kEdgeTriggered
//       Can it report changes? Then a descriptor is registered once for both directions, and told
//       of by `modify` never again. A backend that cannot reports, at every wait, whatever is ready
//       and of interest; the reactor then narrows the interest to what somebody waits for.
//   bool add(fd, token, Interest, Trigger)
//       Registers `fd`. False if the kernel does not watch this kind of file because it is always
//       ready (regular files, directories). Throws std::system_error.
//   void modify(fd, token, Interest)
//       Changes what a level-triggered registration is of interest for. With no interest left it
//       is told of at most once more, whatever happens: no hang-up keeps the loop busy.
//   void remove(fd) noexcept
//       Forgets it. Comes before the descriptor is closed: the kernel's own clean-up waits until
//       the last copy of the open file is gone, in this process or a child.
//   std::span<const Event> wait(Duration timeout)
//       Waits until something is ready or `timeout` is over; negative means without end. A signal
//       or a wake-up ends it too, with nothing; rounding does not: the kernel is given nanoseconds,
//       or else a coarser time rounded up. A span that is empty after a `timeout` of zero means
//       that nothing is ready, one that is not may be a part of what is. `token` comes back as it
//       was registered: it carries a generation, by which the reactor knows an event that is meant
//       for a predecessor.
//   void wake() noexcept
//       Makes the current or the next `wait` return. Any thread, and signal handlers.
//   void after_fork() noexcept
//       Called in a forked child: closes what would act on the parent's registrations.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>

#include "runtime/base/clock.hpp"
#include "runtime/reactor/interest.hpp"

namespace simul {

template <class P>
concept PollerBackend = requires(P p, int fd, std::uint64_t token, Interest interest,
                                 Trigger trigger, Duration timeout) {
  { P::kEdgeTriggered } -> std::convertible_to<bool>;
  { P::kName } -> std::convertible_to<const char*>;
  { p.add(fd, token, interest, trigger) } -> std::same_as<bool>;
  { p.modify(fd, token, interest) } -> std::same_as<void>;
  { p.remove(fd) }
  noexcept->std::same_as<void>;
  { p.wait(timeout) } -> std::same_as<std::span<const PollEvent>>;
  { p.wake() }
  noexcept->std::same_as<void>;
  { p.after_fork() }
  noexcept->std::same_as<void>;
};

}  // namespace simul

// The one place where the platform is looked at; `make POLLER=poll` overrides it.
#if !defined(SIMUL_POLLER_EPOLL) && !defined(SIMUL_POLLER_KQUEUE) && !defined(SIMUL_POLLER_POLL)
#if defined(__linux__)
#define SIMUL_POLLER_EPOLL
#else
#define SIMUL_POLLER_POLL
#endif
#endif

#if defined(SIMUL_POLLER_EPOLL)
#include "runtime/reactor/poller_epoll.hpp"
namespace simul {
using Poller = EpollPoller;
}
#elif defined(SIMUL_POLLER_KQUEUE)
#include "runtime/reactor/poller_kqueue.hpp"
namespace simul {
using Poller = KqueuePoller;
}
#else
#include "runtime/reactor/poller_poll.hpp"
namespace simul {
using Poller = PollPoller;
}
#endif

static_assert(simul::PollerBackend<simul::Poller>);
