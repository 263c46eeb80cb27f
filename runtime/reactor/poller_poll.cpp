#include "runtime/reactor/poller_poll.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "runtime/base/error.hpp"
#include "runtime/reactor/poller.hpp"

namespace simul {
namespace {

static_assert(PollerBackend<PollPoller>);

short bits_of(Interest interest) {
  short bits = 0;
  if ((interest & Interest::read) != Interest::none) bits |= POLLIN;
  if ((interest & Interest::write) != Interest::none) bits |= POLLOUT;
  return bits;
}

}  // namespace

PollPoller::PollPoller() {
  int ends[2];
  check(::pipe(ends), "pipe");
  wake_reader_.reset(ends[0]);
  wake_writer_.reset(ends[1]);
  for (int end : ends) {
    check(::fcntl(end, F_SETFD, FD_CLOEXEC), "fcntl");
    check(::fcntl(end, F_SETFL, O_NONBLOCK), "fcntl");
  }
  watched_.push_back({ends[0], POLLIN, 0});
  tokens_.push_back(0);
}

std::size_t PollPoller::place_of(int fd) const noexcept {
  const auto number = static_cast<std::size_t>(fd);
  return number < places_.size() ? places_[number] : kNowhere;
}

bool PollPoller::add(int fd, std::uint64_t token, Interest interest, Trigger) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw_errno("watch descriptor " + std::to_string(fd));
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return false;
  if (place_of(fd) != kNowhere) throw_errno("watch descriptor " + std::to_string(fd), EEXIST);
  const auto number = static_cast<std::size_t>(fd);
  if (number >= places_.size()) places_.resize(number + 1, kNowhere);
  places_[number] = watched_.size();
  watched_.push_back({fd, bits_of(interest), 0});
  tokens_.push_back(token);
  return true;
}

void PollPoller::modify(int fd, std::uint64_t token, Interest interest) {
  const std::size_t place = place_of(fd);
  if (place == kNowhere) throw_errno("watch descriptor " + std::to_string(fd), ENOENT);
  // Nothing of interest: a negative number makes poll(2) skip the entry. With an empty event mask
  // it would still report a hang-up, again and again.
  watched_[place].fd = interest == Interest::none ? -1 - fd : fd;
  watched_[place].events = bits_of(interest);
  tokens_[place] = token;
}

void PollPoller::remove(int fd) noexcept {
  const std::size_t place = place_of(fd);
  if (place == kNowhere) return;
  // The last entry fills the hole.
  watched_[place] = watched_.back();
  tokens_[place] = tokens_.back();
  const int moved = watched_[place].fd < 0 ? -1 - watched_[place].fd : watched_[place].fd;
  places_[static_cast<std::size_t>(moved)] = place;
  places_[static_cast<std::size_t>(fd)] = kNowhere;
  watched_.pop_back();
  tokens_.pop_back();
}

std::span<const PollEvent> PollPoller::wait(Duration timeout) {
  events_.clear();
  const auto number = static_cast<nfds_t>(watched_.size());
#if defined(__APPLE__)
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  const int limit = timeout < Duration::zero() ? -1
                    : rounded > 86'400'000     ? 86'400'000
                                               : static_cast<int>(rounded);
  const int count = ::poll(watched_.data(), number, limit);
#else
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const timespec limit{static_cast<time_t>(seconds.count()),
                       static_cast<long>((timeout - seconds).count())};
  const int count =
      ::ppoll(watched_.data(), number, timeout < Duration::zero() ? nullptr : &limit, nullptr);
#endif
  if (count < 0) {
    if (errno == EINTR) return {};
    throw_errno("poll");
  }
  if (count == 0) return {};
  if (watched_[0].revents != 0) {
    char drain[256];
    while (::read(wake_reader_.get(), drain, sizeof drain) > 0) {
    }
  }
  for (std::size_t place = 1; place < watched_.size(); ++place) {
    const short bits = watched_[place].revents;
    if (bits == 0) continue;
    Interest ready = Interest::none;
    if (bits & (POLLIN | POLLHUP | POLLERR | POLLNVAL)) ready = ready | Interest::read;
    if (bits & (POLLOUT | POLLHUP | POLLERR | POLLNVAL)) ready = ready | Interest::write;
    events_.push_back({tokens_[place], ready, (bits & POLLHUP) != 0});
  }
  return events_;
}

void PollPoller::wake() noexcept {
  const int saved = errno;  // a signal handler may be calling
  // It fails only when the pipe is full, and then the next wait returns anyway.
  [[maybe_unused]] const ssize_t written = ::write(wake_writer_.get(), "", 1);
  errno = saved;
}

void PollPoller::after_fork() noexcept {
  wake_reader_.reset();
  wake_writer_.reset();
}

}  // namespace simul
