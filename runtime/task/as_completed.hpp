// as_completed: the results of several tasks, the earliest first.
//
//     auto pages = as_completed(std::move(downloads));
//     while (pages.more()) {
//       std::string page = co_await pages.next();    // or throws what that one threw
//     }
//
// Tasks are started by the call; handles stand for tasks that run already. `next` gives each result
// once, in the order in which the tasks end. With a limit, `next` throws TimedOut when it is over
// and nothing has ended that was not given yet. Whoever stops asking leaves the rest running.
//
// The invariant: a task is on one of two lists, that of links which have not fired or that of those
// which have and were not given, and the object may be neither copied nor moved. (asyncio's
// as_completed, an iterator there: a range-based for cannot co_await.)
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/in_seconds.hpp"
#include "runtime/reactor/waiter.hpp"
#include "runtime/task/gather.hpp"

namespace simul {

/// See `as_completed`. `C`: detail::Child. Thread: that of the tasks. One waits at a time.
template <class C>
class [[nodiscard]] AsCompleted {
 public:
  class Next;

  AsCompleted(std::vector<C> children, Duration limit)
      : limit_(limit), deadline_(detail::deadline_after(limit)), entries_(children.size()) {
    for (std::size_t i = 0; i < children.size(); ++i) {
      Entry& entry = entries_[i];
      entry.all = this;
      entry.child.emplace(std::move(children[i]));
      entry.fired = [](DoneLink& link) noexcept {
        auto& ended = static_cast<Entry&>(link);
        ended.all->ended_.push_back(ended);
        if (ended.all->waiter_ != nullptr) ended.all->waiter_->wake();
      };
      TaskCore& core = entry.child->handle.core();
      core.done() ? ended_.push_back(entry) : core.notify(entry);
    }
  }
  AsCompleted(const AsCompleted&) = delete;
  AsCompleted& operator=(const AsCompleted&) = delete;

  /// Is there a result that has not been given?
  bool more() const noexcept { return given_ < entries_.size(); }

  /// Waits for the next end: gives its result, or throws what ended it. Throws TimedOut if the
  /// limit comes first, and std::logic_error if all results have been given.
  Next next() { return Next(*this); }

 private:
  struct Entry : DoneLink {
    AsCompleted* all = nullptr;
    std::optional<C> child;
  };

  Duration limit_;
  TimePoint deadline_;
  std::vector<Entry> entries_;
  List<Entry, void> ended_;
  std::size_t given_ = 0;
  Waiter* waiter_ = nullptr;
};

/// The wait for the next one.
template <class C>
class [[nodiscard]] AsCompleted<C>::Next final : public Wait<Next> {
 public:
  explicit Next(AsCompleted& all) : Wait<Next>(kSort), all_(all) {
    if (!all.more()) throw std::logic_error("as_completed: every result has been given");
  }

  bool await_ready() const noexcept { return !all_.ended_.empty(); }
  void start() {
    if (all_.waiter_ != nullptr) throw std::logic_error("as_completed: two wait at the same time");
    all_.waiter_ = this;
    if (all_.deadline_ != kNever) this->who()->reactor().set_timer(timer_, all_.deadline_);
  }
  typename C::Result await_resume() {
    Entry* const entry = all_.ended_.pop_front();
    if (entry == nullptr)
      throw TimedOut("as_completed: timed out after " + in_seconds(all_.limit_));
    ++all_.given_;
    const C child = *std::exchange(entry->child, std::nullopt);
    if constexpr (std::is_void_v<typename C::Result>) {
      child.take();
    } else {
      return child.take();
    }
  }

 private:
  static void leave(Waiter& waiter) noexcept {
    auto& self = static_cast<Next&>(waiter);
    if (self.all_.waiter_ == &waiter) self.all_.waiter_ = nullptr;
    self.timer_.unlink();
  }
  static constexpr Waiter::Sort kSort = {"as_completed", leave};

  AsCompleted& all_;
  Timer timer_{this};
};

/// The results of `tasks` in the order in which they end. `limit` counts from this call.
/// (asyncio.as_completed)
template <class T>
auto as_completed(std::vector<Task<T>> tasks, Duration limit = Duration::max()) {
  auto children = detail::children_of(tasks);
  return AsCompleted<detail::Child<T, true>>(std::move(children), limit);
}
template <class T>
auto as_completed(std::vector<TaskHandle<T>> tasks, Duration limit = Duration::max()) {
  auto children = detail::children_of(tasks);
  return AsCompleted<detail::Child<T, false>>(std::move(children), limit);
}

}  // namespace simul
