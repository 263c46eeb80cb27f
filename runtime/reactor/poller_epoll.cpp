#include "runtime/reactor/poller_epoll.hpp"

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

#include "runtime/base/error.hpp"
#include "runtime/reactor/poller.hpp"

namespace simul {
namespace {

static_assert(PollerBackend<EpollPoller>);

// Events asked for at a time. The events of one batch and what they touch should stay in the cache
// together: with thousands ready, batches of 1,024 were some per cent slower than batches of 64.
constexpr std::size_t kBatch = 64;

// No registration has this token: a slot index of 2^32 - 1 is never reached.
constexpr std::uint64_t kWakeToken = ~std::uint64_t{0};

std::uint32_t bits_of(Interest interest) {
  std::uint32_t bits = 0;
  if ((interest & Interest::read) != Interest::none) bits |= EPOLLIN | EPOLLRDHUP;
  if ((interest & Interest::write) != Interest::none) bits |= EPOLLOUT;
  return bits;
}

}  // namespace

EpollPoller::EpollPoller()
    : epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      raw_(kBatch) {
  events_.reserve(kBatch);
  // Edge-triggered, so that it need never be read: each write is a new edge.
  add(wake_.get(), kWakeToken, Interest::read, Trigger::edge);
}

bool EpollPoller::add(int fd, std::uint64_t token, Interest interest, Trigger trigger) {
  epoll_event event{};
  event.events = bits_of(interest) | (trigger == Trigger::edge ? EPOLLET : 0u);
  event.data.u64 = token;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return true;
  if (errno == EPERM) return false;
  throw_errno("watch descriptor " + std::to_string(fd));
}

void EpollPoller::modify(int fd, std::uint64_t token, Interest interest) {
  epoll_event event{};
  // Hang-ups are reported whether they are asked for or not: with no interest left, at most once.
  event.events = interest == Interest::none ? EPOLLET : bits_of(interest);
  event.data.u64 = token;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) {
    throw_errno("watch descriptor " + std::to_string(fd));
  }
}

void EpollPoller::remove(int fd) noexcept {
  epoll_event unused{};  // kernels before 2.6.9 insist on one
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &unused);
}

int EpollPoller::wait_for(Duration timeout) noexcept {
  const int room = static_cast<int>(raw_.size());
  if (timeout <= Duration::zero()) {
    return ::epoll_wait(epoll_.get(), raw_.data(), room, timeout < Duration::zero() ? -1 : 0);
  }
#if defined(SYS_epoll_pwait2)
  static std::atomic<bool> has_nanoseconds{true};  // Linux 5.11 and later
  if (has_nanoseconds.load(std::memory_order_relaxed)) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
    const timespec limit{static_cast<time_t>(seconds.count()),
                         static_cast<long>((timeout - seconds).count())};
    const long count = ::syscall(SYS_epoll_pwait2, epoll_.get(), raw_.data(), room, &limit, nullptr,
                                 std::size_t{0});
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(count);
    has_nanoseconds.store(false, std::memory_order_relaxed);
  }
#endif
  // Whole milliseconds, rounded up: late is allowed, early is not.
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  const int limit = milliseconds > 86'400'000 ? 86'400'000 : static_cast<int>(milliseconds);
  return ::epoll_wait(epoll_.get(), raw_.data(), room, limit);
}

std::span<const PollEvent> EpollPoller::wait(Duration timeout) {
  events_.clear();
  const int count = wait_for(timeout);
  if (count < 0) {
    if (errno == EINTR) return {};
    throw_errno("epoll_wait");
  }
  for (int i = 0; i < count; ++i) {
    const epoll_event& raw = raw_[static_cast<std::size_t>(i)];
    if (raw.data.u64 == kWakeToken) continue;
    Interest ready = Interest::none;
    if (raw.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) ready = ready | Interest::read;
    if (raw.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) ready = ready | Interest::write;
    events_.push_back({raw.data.u64, ready, (raw.events & (EPOLLRDHUP | EPOLLHUP)) != 0});
  }
  return events_;
}

void EpollPoller::wake() noexcept {
  const std::uint64_t one = 1;
  const int saved = errno;  // a signal handler may be calling
  // It fails only when 2^64 - 2 wake-ups are pending, and then one more adds nothing.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
  errno = saved;
}

void EpollPoller::after_fork() noexcept {
  // The child shares the parent's epoll object: closing our copy is safe, removing from it is not.
  epoll_.reset();
  wake_.reset();
}

}  // namespace simul
