// What a tracer or a test may watch.
//
// Whatever runs in pieces (a generator, a callback, a fiber, a task) says so at the same five
// moments. There is one observer for the whole process; when there is none, each moment costs one
// load and one branch that the processor predicts.
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
  /// `id` is unique in the process; `kind` is "generator", "callback", "fiber" or "task".
  virtual void created(std::uint64_t id, const char* kind, std::string_view name) = 0;
  /// `id` was put on the ready queue by `by`; 0 is the loop itself: a timer, a descriptor, a
  /// signal.
  virtual void ready(std::uint64_t id, std::uint64_t by) = 0;
  /// `id` starts or goes on.
  virtual void runs(std::uint64_t id) = 0;
  /// `id` stops running and waits for `label`, a static text such as "sleep" or "readable".
  virtual void waits(std::uint64_t id, const char* label) = 0;
  /// `id` is over; nothing further is said of it.
  virtual void ended(std::uint64_t id) = 0;

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
