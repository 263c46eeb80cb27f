// The way into a loop from another thread.
//
// A loop belongs to one thread and has no locks. Other threads hold a Remote: a slot in the wall
// through which they pass callbacks. The mailbox behind it outlives the loop, so a thread that is
// late finds a closed mailbox and no dangling pointer.
//
// A wake-up costs a system call, so it happens only when the loop sleeps, and once. Both sides
// raise their own flag before they look at the other's (the loop: "I sleep"; the sender: "there is
// something"), so at least one of them sees the other.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "runtime/base/callback.hpp"
#include "runtime/reactor/poller.hpp"

namespace simul {

/// What a reactor shares with other threads and with signal handlers: its poller, to be woken, and
/// the messages for it.
class Mailbox {
 public:
  Poller poller;

  /// Any thread. False, and the message stays where it is, if the loop is gone.
  bool post(Callback<void()>&& message) {
    {
      std::lock_guard lock(mutex_);
      if (closed_) return false;
      messages_.push_back(std::move(message));
      if (messages_.size() > 1) return true;  // whoever sent the first one wakes the loop
      has_messages_.store(true);
    }
    wake_if_asleep();
    return true;
  }

  /// The loop: swaps the messages into `empty`.
  void take(std::vector<Callback<void()>>& empty) {
    std::lock_guard lock(mutex_);
    messages_.swap(empty);
    has_messages_.store(false, std::memory_order_relaxed);
  }
  bool has_messages() const noexcept { return has_messages_.load(); }

  /// The loop, before it asks the kernel: false if it must not sleep, for there are messages.
  bool may_sleep() noexcept {
    asleep_.store(true);
    return !has_messages();
  }
  void awake() noexcept { asleep_.store(false, std::memory_order_relaxed); }

  /// The loop is gone. The messages that are left are destroyed, outside the lock.
  void close() {
    std::vector<Callback<void()>> dropped;
    std::lock_guard lock(mutex_);
    closed_ = true;
    messages_.swap(dropped);
    // `dropped` is older than `lock`, so it goes last, with the mutex free again.
  }

  void wake_if_asleep() noexcept {
    if (asleep_.load() && asleep_.exchange(false)) poller.wake();
  }

  /// In a forked child, whose copy of this mailbox nobody empties: it is closed. The thread that
  /// held the mutex at that moment, if any, does not exist here, so the mutex is made anew.
  void after_fork() noexcept {
    poller.after_fork();
    ::new (static_cast<void*>(&mutex_)) std::mutex;
    closed_ = true;
  }

  std::atomic<int> remotes{0};                 ///< how many may still post
  std::atomic<std::uint64_t> signals[2] = {};  ///< bit n: signal n has arrived (see signals.cpp)

 private:
  std::mutex mutex_;
  std::vector<Callback<void()>> messages_;
  std::atomic<bool> has_messages_{false};
  std::atomic<bool> asleep_{false};
  bool closed_ = false;
};

/// A reactor as seen from any thread. While one exists, the reactor counts on being woken from
/// outside: it reports no deadlock, and virtual time waits for it.
class Remote {
 public:
  Remote() = default;
  explicit Remote(std::shared_ptr<Mailbox> mailbox) noexcept : mailbox_(std::move(mailbox)) {
    if (mailbox_) mailbox_->remotes.fetch_add(1);
  }
  Remote(const Remote& other) noexcept : Remote(other.mailbox_) {}
  Remote(Remote&&) noexcept = default;
  Remote& operator=(Remote other) noexcept {
    mailbox_.swap(other.mailbox_);
    return *this;
  }
  ~Remote() {
    // The last to go wakes the loop: it may now be waiting for nobody.
    if (mailbox_ && mailbox_->remotes.fetch_sub(1) == 1) mailbox_->wake_if_asleep();
  }

  /// Runs `callback` in the loop's thread, in a later turn; callbacks of one thread stay in order.
  /// False if the loop is gone (or this Remote is empty): then the callback is destroyed unrun.
  bool call_soon_threadsafe(Callback<void()> callback) const {
    return mailbox_ && mailbox_->post(std::move(callback));
  }

 private:
  std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace simul
