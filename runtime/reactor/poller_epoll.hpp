// The poller on Linux's epoll: work per wait grows with what is ready, not with what is watched.
//
// The contract is in poller.hpp. Included from there.
#pragma once

#include <sys/epoll.h>

#include <span>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/reactor/interest.hpp"

namespace simul {

class EpollPoller {
 public:
  static constexpr bool kEdgeTriggered = true;
  static constexpr const char* kName = "epoll";

  EpollPoller();

  bool add(int fd, std::uint64_t token, Interest interest, Trigger trigger);
  void modify(int fd, std::uint64_t token, Interest interest);
  void remove(int fd) noexcept;
  std::span<const PollEvent> wait(Duration timeout);
  void wake() noexcept;
  void after_fork() noexcept;

 private:
  int wait_for(Duration timeout) noexcept;

  UniqueFd epoll_;
  UniqueFd wake_;  // an eventfd
  std::vector<epoll_event> raw_;
  std::vector<PollEvent> events_;
};

}  // namespace simul
