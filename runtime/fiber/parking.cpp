#include "runtime/fiber/parking.hpp"

#include <fcntl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "runtime/reactor/watch.hpp"

namespace simul {
namespace {

// For what no poller can report, the fiber looks again this often.
constexpr Duration kGlance = std::chrono::milliseconds(10);

/// The wait for the first of several descriptors and a moment.
class DescriptorsWait final : public Wait<DescriptorsWait> {
 public:
  DescriptorsWait(std::span<Awaited> awaited, TimePoint deadline)
      : Wait(sort_for(awaited)), awaited_(awaited), deadline_(deadline), links_(few_) {
    if (awaited.size() * 2 <= std::size(few_)) return;
    many_ = std::make_unique<std::optional<WatchLink>[]>(awaited.size() * 2);
    links_ = {many_.get(), awaited.size() * 2};
  }

  bool await_ready() const noexcept { return false; }

  void start() {
    WatchTable& watches = who()->reactor().watches();
    for (std::size_t i = 0; i < awaited_.size(); ++i) {
      for (const Interest direction : {Interest::read, Interest::write}) {
        if ((awaited_[i].interest & direction) == Interest::none) continue;
        Watch& watch = watches.borrow(awaited_[i].fd, direction);
        link(i, direction).emplace(*this).join(watch, direction);
      }
    }
    if (deadline_ == TimePoint::min())
      wake();
    else if (deadline_ != kNever)
      who()->reactor().set_timer(timer_, deadline_);
  }

  void await_resume() const noexcept {}

  /// Notes which descriptors were closed; is there one?
  bool note_closed() noexcept {
    bool any = false;
    for (std::size_t i = 0; i < awaited_.size(); ++i) {
      for (const Interest direction : {Interest::read, Interest::write}) {
        const auto& place = link(i, direction);
        if (place && place->error() != 0) any = awaited_[i].closed = true;
      }
    }
    return any;
  }

 private:
  std::optional<WatchLink>& link(std::size_t i, Interest direction) noexcept {
    return links_[2 * i + (direction == Interest::write)];
  }
  static void leave(Waiter& waiter) noexcept {
    auto& self = static_cast<DescriptorsWait&>(waiter);
    for (auto& place : self.links_) {
      if (place) place->leave();
    }
    self.timer_.unlink();
  }
  static const Sort& sort_for(std::span<const Awaited> awaited) noexcept {
    if (awaited.empty()) return kSleep;
    if (awaited.size() > 1) return kPoll;
    return awaited[0].interest == Interest::write ? kWritable : kReadable;
  }
  static constexpr Sort kSleep = {"sleep (patched)", leave};
  static constexpr Sort kReadable = {"readable (patched)", leave};
  static constexpr Sort kWritable = {"writable (patched)", leave};
  static constexpr Sort kPoll = {"poll (patched)", leave};

  std::span<Awaited> awaited_;
  TimePoint deadline_;
  std::optional<WatchLink> few_[4];
  std::unique_ptr<std::optional<WatchLink>[]> many_;
  std::span<std::optional<WatchLink>> links_;
  Timer timer_{this};
};

}  // namespace

FiberCore* PatchedCall::find_fiber(const void* frame) noexcept {
  FiberCore* fiber = FiberCore::current();
  if (fiber == nullptr || inside_ || !fiber->owns(frame)) return nullptr;
  inside_ = true;
  return fiber;
}

bool PatchedCall::is_libcs(int fd) const noexcept {
  return fiber_ == nullptr || (killed() && is_nonblocking(fd));
}

Woken PatchedCall::wait(std::span<Awaited> awaited, TimePoint deadline) noexcept {
  try {
    DescriptorsWait wait(awaited, deadline);
    if (!wait_for(wait)) return Woken::killed;
    if (wait.note_closed()) return Woken::closed;
    return deadline != kNever && Clock::now() >= deadline ? Woken::late : Woken::maybe;
  } catch (const std::system_error& error) {
    if (error.code().value() == EBADF) return Woken::maybe;  // the call itself will say so
  } catch (const std::exception&) {
    // No memory, as below.
  }
  // It cannot be watched: the poller has it already, for a Descriptor, or has reached a limit.
  return glance(deadline);
}

Woken PatchedCall::glance(TimePoint deadline) noexcept {
  DescriptorsWait nap({}, std::min(deadline, next_glance()));
  if (!wait_for(nap)) return Woken::killed;
  return Clock::now() >= deadline ? Woken::late : Woken::maybe;
}

TimePoint PatchedCall::next_glance() noexcept {
  return after(Clock::now(), kGlance);
}

Woken PatchedCall::wait(int fd, Interest interest, TimePoint deadline) noexcept {
  Awaited awaited{fd, interest};
  return wait({&awaited, 1}, deadline);
}

void PatchedCall::forget(int fd) noexcept {
  fiber_->reactor().watches().forget(fd, EBADF);
}

bool is_nonblocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags < 0 || (flags & O_NONBLOCK) != 0;
}

}  // namespace simul
