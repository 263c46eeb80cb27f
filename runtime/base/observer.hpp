// What a tracer or a test may watch.
//
// Whatever runs in pieces (a generator, a callback, a fiber, a task) says so at the same five
// moments, and a thread says when it stands still or lets others run. There is one observer for the
// whole process; when there is none, each moment costs one load and one branch that the processor
// predicts.
//
// Who runs may run others inside: a task that steps a generator runs, and so does the generator.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace simul {

/// The interface of a watcher. Its functions are called from every thread that runs something, so
/// an observer of a program with several loops must be ready for that. They must not throw, wait or
/// start anything observed.
class Observer {
 public:
  /// `id` is unique in the process; `kind` is "generator", "callback", "fiber" or "task", or
  /// "call" for a piece of plain code that was given a name (activity.hpp).
  virtual void created(std::uint64_t id, const char* kind, std::string_view name) = 0;
  /// `id` is called `name` from now on.
  virtual void named(std::uint64_t id, std::string_view name) {
    static_cast<void>(id), static_cast<void>(name);
  }
  /// `id` was put on the ready queue by `by`; 0 is the loop itself: a timer, a descriptor, a
  /// signal.
  virtual void ready(std::uint64_t id, std::uint64_t by) = 0;
  /// `id` starts or goes on.
  virtual void runs(std::uint64_t id) = 0;
  /// `id` stops running and waits for `label`, a static text such as "sleep" or "readable".
  virtual void waits(std::uint64_t id, const char* label) = 0;
  /// `id` is over; nothing further is said of it.
  virtual void ended(std::uint64_t id) = 0;

  /// This thread stands still until it says `goes_on`, and with it whoever runs on it, in a call
  /// that blocks; `label` is a static text as above.
  virtual void blocks(const char* label) { static_cast<void>(label); }
  /// Whoever runs on this thread, as a rule plain code, lets others have it until it says
  /// `goes_on`, such as the entries of a loop, and waits for `label`.
  virtual void gives_way(const char* label) { static_cast<void>(label); }
  /// The end of the last `blocks` or `gives_way` of this thread.
  virtual void goes_on() {}

 protected:
  ~Observer() = default;
};

namespace detail {
inline constinit std::atomic<Observer*> current_observer{nullptr};
inline constinit std::atomic<std::uint64_t> last_id{0};
}  // namespace detail

/// The observer, or null: `if (Observer* o = observer()) o->runs(id);`
inline Observer* observer() noexcept {
  return detail::current_observer.load(std::memory_order_relaxed);
}

/// Installs an observer (null removes it) and returns the one before. Install it before what it is
/// to watch is made, and remove it when that has ended.
inline Observer* set_observer(Observer* observer) noexcept {
  return detail::current_observer.exchange(observer, std::memory_order_relaxed);
}

/// An id for `Observer`: 1, 2, 3, ... in the whole process. Any thread.
inline std::uint64_t next_id() noexcept {
  return detail::last_id.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace simul
