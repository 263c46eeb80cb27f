// The poller on plain POSIX poll(2): an array of descriptors, handed to the kernel at every wait.
//
// The contract is in poller.hpp. Its work grows with everything that is watched, which is why epoll
// and kqueue were invented; but it runs everywhere and shows the idea without ceremony.
#pragma once

#include <poll.h>

#include <span>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/reactor/interest.hpp"

namespace simul {

class PollPoller {
 public:
  static constexpr bool kEdgeTriggered = false;
  static constexpr const char* kName = "poll";

  PollPoller();

  bool add(int fd, std::uint64_t token, Interest interest, Trigger trigger);
  void modify(int fd, std::uint64_t token, Interest interest);
  void remove(int fd) noexcept;
  std::span<const PollEvent> wait(Duration timeout);
  void wake() noexcept;
  void after_fork() noexcept;

 private:
  std::size_t place_of(int fd) const noexcept;  // kNowhere if it is not watched

  static constexpr std::size_t kNowhere = ~std::size_t{0};

  UniqueFd wake_reader_;
  UniqueFd wake_writer_;
  // Two arrays in step: what the kernel reads, and the token of each. Place 0 is the wake-up pipe.
  std::vector<pollfd> watched_;
  std::vector<std::uint64_t> tokens_;
  std::vector<std::size_t> places_;  // by descriptor number
  std::vector<PollEvent> events_;
};

}  // namespace simul
