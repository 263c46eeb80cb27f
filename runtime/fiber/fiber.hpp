// Fibers: functions that run side by side in one thread and wait as if they had it alone.
//
//     Fiber<int> answer = spawn([] { this_fiber::sleep_for(1s); return 42; });
//     answer.result();                                        // waits for it: 42
//
// `spawn` only queues the fiber; it first runs when whoever called `spawn` waits. From then on it
// runs until it waits itself: no other fiber touches anything in between, so what two fibers share
// needs no lock unless one waits in the middle of changing it.
//
// The handle is a reference to the result, no more: dropping it neither stops the fiber nor waits.
// (gevent's greenlets: gevent.spawn, joinall, Greenlet.get, Greenlet.kill.)
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/first_text.hpp"
#include "runtime/base/observer.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/fiber/await.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/reactor/spawned.hpp"

namespace simul {

namespace detail {

/// A fiber with its result of type T (which may be void or a reference).
template <class T>
class FiberResult : public FiberCore {
 public:
  using FiberCore::FiberCore;
  using Stored = std::conditional_t<
      std::is_void_v<T>, std::monostate,
      std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>>;
  std::optional<Stored> value;
};

/// A fiber with its function and arguments, which go when it has run.
template <class T, class F, class... Args>
class FiberFunction final : public FiberResult<T> {
 public:
  template <class G, class... A>
  explicit FiberFunction(Reactor& reactor, G&& function, A&&... arguments)
      : FiberResult<T>(reactor),
        call_(std::in_place, std::forward<G>(function), std::forward<A>(arguments)...) {}

 private:
  void run() override {
    // Destroyed here, on the fiber's own stack, also when the function throws.
    struct Clear {
      std::optional<std::tuple<F, Args...>>& call;
      ~Clear() { call.reset(); }
    } clear{call_};
    auto invoke = [](F& function, Args&... arguments) -> T {
      return std::invoke(std::move(function), std::move(arguments)...);
    };
    if constexpr (std::is_void_v<T>) {
      std::apply(invoke, *call_);
      this->value.emplace();
    } else if constexpr (std::is_reference_v<T>) {
      this->value.emplace(&std::apply(invoke, *call_));
    } else {
      this->value.emplace(std::apply(invoke, *call_));
    }
  }

  std::optional<std::tuple<F, Args...>> call_;
};

}  // namespace detail

/// A handle of a fiber whose function returns T. Copies refer to the same fiber. Thread: that of
/// the fiber. An exception that ended the fiber and was collected by nobody (`result`, `error`,
/// `join_all` with `raise_error`) is reported on stderr when the last handle goes.
template <class T = void>
class Fiber {
 public:
  explicit Fiber(detail::FiberResult<T>* core) noexcept : core_(core) {}

  /// Waits until the fiber has ended, in whichever way.
  void join() const { await(Join(*core_)); }

  /// The same for at most `limit`. False if it still runs then.
  template <class Rep, class Period>
  bool join_for(std::chrono::duration<Rep, Period> limit) const {
    return await(Join(*core_, after(Clock::now(), saturate(limit))));
  }

  /// Waits for the end and returns what the function returned. Throws what it threw, and Cancelled
  /// if it was killed.
  std::add_lvalue_reference_t<T> result() const {
    join();
    if (std::exception_ptr error = core_->collect_error()) std::rethrow_exception(error);
    if (!core_->value) throw Cancelled{};
    if constexpr (std::is_reference_v<T>)
      return **core_->value;
    else if constexpr (!std::is_void_v<T>)
      return *core_->value;
  }

  /// Asks it to end, and does not wait: Cancelled is thrown where it waits, and destructors run.
  /// One that has not started never will. No effect after its end.
  void kill() const { core_->kill(); }

  bool done() const noexcept { return core_->done(); }

  /// Has it ended by Cancelled?
  bool cancelled() const noexcept { return core_->cancelled(); }

  /// Has it ended by another exception?
  bool failed() const noexcept { return core_->failed(); }

  /// That exception, or null.
  std::exception_ptr error() const noexcept { return core_->collect_error(); }

  /// For reports and traces; "fiber-N" unless set.
  std::string name() const { return core_->name(); }
  const Fiber& named(std::string name) const {
    core_->set_name(std::move(name));
    return *this;
  }

  FiberCore& core() const noexcept { return *core_; }

  friend bool operator==(const Fiber&, const Fiber&) = default;

 private:
  Ref<detail::FiberResult<T>> core_;
};

/// Queues a fiber that calls `function(arguments...)`, both moved or copied into it, as std::thread
/// does. Throws std::system_error when there is no memory for its stack.
template <class F, class... Args>
auto spawn(F&& function, Args&&... arguments) {
  using T = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;
  using Core = detail::FiberFunction<T, std::decay_t<F>, std::decay_t<Args>...>;
  // For a trace; the argument itself may have moved by then.
  const std::string called(observer() != nullptr ? first_text(arguments...) : std::string_view());
  Fiber<T> fiber(
      new Core(Reactor::current(), std::forward<F>(function), std::forward<Args>(arguments)...));
  fiber.core().start(called);
  return fiber;
}

/// What the running fiber does with itself. Outside any fiber these run the loop, see await.hpp.
namespace this_fiber {

/// Waits; the others run. Never shorter than `delay`. (gevent.sleep)
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> delay) {
  await(sleep(delay));
}
inline void sleep_until(TimePoint deadline) {
  await(simul::sleep_until(deadline));
}

/// Lets everybody else who is ready go first. (gevent.sleep(0))
inline void yield() {
  await(Yield());
}

}  // namespace this_fiber

struct JoinOptions {
  Duration timeout = Duration::max();  ///< give up after this long
  bool raise_error = false;            ///< throw the first failure at once; the others run on
};

namespace detail {

/// The wait for several fibers. Notes the order in which they end.
class JoinAll final : public Wait<JoinAll> {
 public:
  JoinAll(std::vector<Spawned*> fibers, JoinOptions options);

  bool await_ready() const noexcept { return complete(); }
  void start() noexcept;
  /// Indices of those that have ended, in the order in which they did; those that had ended before
  /// come first, in the order of the list.
  const std::vector<std::size_t>& await_resume();

 private:
  struct Link : DoneLink {
    JoinAll* wait = nullptr;
    std::size_t index = 0;
  };
  bool complete() const noexcept {
    return ended_.size() == fibers_.size() || first_failed_ != nullptr;
  }
  void note(std::size_t index) noexcept;
  static void leave(Waiter& waiter) noexcept;
  static constexpr Sort kSort = {"join_all", leave};

  std::vector<Spawned*> fibers_;
  std::vector<Link> links_;
  std::vector<std::size_t> ended_;
  Spawned* first_failed_ = nullptr;  // only with raise_error
  bool raise_error_;
  TimePoint deadline_;
  Timer timer_{this};
};

}  // namespace detail

/// Waits until all have ended and returns them in the order in which they did; with a timeout,
/// those that made it. A fiber that fails does not disturb the others, nor, without `raise_error`,
/// the caller. (gevent.joinall)
template <class T>
std::vector<Fiber<T>> join_all(const std::vector<Fiber<T>>& fibers, JoinOptions options = {}) {
  std::vector<Spawned*> cores;
  cores.reserve(fibers.size());
  for (const Fiber<T>& fiber : fibers) cores.push_back(&fiber.core());
  detail::JoinAll wait(std::move(cores), options);
  std::vector<Fiber<T>> ended;
  for (std::size_t index : await(wait)) ended.push_back(fibers[index]);
  return ended;
}

}  // namespace simul
