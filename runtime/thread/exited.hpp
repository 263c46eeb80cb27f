// The waits for the end of a process: for its own end, and for one that is brought about.
#pragma once

#include <optional>
#include <string>

#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/reactor/outside.hpp"
#include "runtime/reactor/waiter.hpp"
#include "runtime/thread/child_process.hpp"

namespace simul {

/// Wakes a wait at the end of a process.
struct WakingExitLink : ExitLink {
  explicit WakingExitLink(Waiter& w) noexcept : waiter(w) {
    fired = [](ExitLink& link) noexcept { static_cast<WakingExitLink&>(link).waiter.wake(); };
  }
  Waiter& waiter;
};

/// The wait for the end of a process: see Process::wait. The loop counts on it meanwhile: a process
/// that somebody waits for is no deadlock, and holds virtual time.
class [[nodiscard]] Exited final : public Wait<Exited> {
 public:
  Exited(Ref<ChildProcess> child, TimePoint deadline) noexcept
      : Wait(kSort), child_(std::move(child)), deadline_(deadline) {}

  bool await_ready() const noexcept { return child_->ended(); }
  void start() {
    outside_.emplace(who()->reactor());
    child_->notify(link_);
    if (deadline_ != kNever) who()->reactor().set_timer(timer_, deadline_);
  }
  ExitStatus await_resume() const {
    if (!child_->ended()) throw TimedOut("wait for process " + child_->name() + ": it still runs");
    return child_->status();
  }

 private:
  static void leave(Waiter& waiter) noexcept {
    auto& self = static_cast<Exited&>(waiter);
    self.link_.unlink();
    self.timer_.unlink();
    self.outside_.reset();
  }
  static constexpr Sort kSort = {"process", leave};

  Ref<ChildProcess> child_;
  TimePoint deadline_;
  WakingExitLink link_{*this};
  Timer timer_{this};
  std::optional<Outside> outside_;
};

/// Ends a process and waits for that: see Process::stop.
class [[nodiscard]] Stopped final : public Wait<Stopped> {
 public:
  Stopped(Ref<ChildProcess> child, Duration grace) noexcept
      : Wait(kSort), child_(std::move(child)), grace_(grace) {}
  ~Stopped() { last_resort_.cancel(); }

  bool await_ready() const noexcept { return child_->ended(); }
  void start() {
    // The grace is a timer's business; only then is there nothing left but to wait for the kernel.
    last_resort_ = who()->reactor().call_later(grace_, [this] {
      outside_.emplace(child_->reactor());
      child_->send_signal(SIGKILL);
    });
    child_->notify(link_);
    child_->send_signal(SIGTERM);
  }
  ExitStatus await_resume() const {
    if (!child_->ended()) throw Cancelled{};
    return child_->status();
  }

 private:
  static void leave(Waiter& waiter) noexcept {
    auto& self = static_cast<Stopped&>(waiter);
    self.link_.unlink();
    self.last_resort_.cancel();
    self.outside_.reset();
  }
  static constexpr Sort kSort = {"process to stop", leave};

  Ref<ChildProcess> child_;
  Duration grace_;
  WakingExitLink link_{*this};
  Handle last_resort_;
  std::optional<Outside> outside_;
};

}  // namespace simul
