// LoopingCall: the same function again and again, at a steady pace.
//
//     interval   0     1     2     3     4     5        ticks are counted from the start, so a late
//     calls      X     X=========--X     X     X        call does not move those after it; ticks
//                      (takes long)                     that pass meanwhile are counted, not made
//                      up
//
// The invariant: the function is never called while a Deferred that it returned has not fired.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "runtime/base/callback.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/deferred/deferred.hpp"
#include "runtime/deferred/succeed.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul {

/// Calls a function at an interval until it is stopped or the function fails. Destroying it stops
/// it, but not from inside its function. Thread: the reactor's. (twisted.internet.task.LoopingCall)
class LoopingCall {
 public:
  /// `function` is called with the number of ticks since the call before, 1 if none was missed, or
  /// with nothing (Twisted's withCount, and the plain form). It may return a Deferred: then the
  /// next call waits for that.
  template <class F>
  explicit LoopingCall(F function);
  LoopingCall(const LoopingCall&) = delete;
  LoopingCall& operator=(const LoopingCall&) = delete;
  ~LoopingCall();

  /// Starts it; the first call is made now, or, with `now` false, after one interval. Interval
  /// zero: once in every turn of the loop. What it returns fires after `stop`, or fails with what
  /// the function threw. Throws std::logic_error if it runs, std::invalid_argument for a negative
  /// one.
  template <class Rep, class Period>
  Deferred<void> start(std::chrono::duration<Rep, Period> interval, bool now = true,
                       std::source_location where = std::source_location::current()) {
    return start(saturate(interval), now, where);
  }
  Deferred<void> start(Duration interval, bool now = true,
                       std::source_location where = std::source_location::current());

  /// No further call is made. If one is under way, `start`'s Deferred fires after that.
  void stop();

  bool running() const noexcept { return running_; }

 private:
  // The part that Deferreds and timers refer to: it outlives a LoopingCall that is destroyed in the
  // middle of a call.
  struct Life {
    LoopingCall* self;
  };

  void schedule();
  void call();
  void called(std::exception_ptr error);
  void finish(std::exception_ptr error);
  std::int64_t ticks_passed() const;
  void note_waits(const char* label) const noexcept;
  void note_end() noexcept;

  Callback<Deferred<void>(std::int64_t)> function_;
  std::shared_ptr<Life> life_ = std::make_shared<Life>(Life{this});
  std::optional<Deferred<void>> done_;
  Reactor* reactor_ = nullptr;
  Handle timer_;
  TimePoint start_{};
  Duration interval_{};
  std::int64_t counted_ = 0;  // ticks that the function has been told of
  std::uint64_t id_ = 0;      // for the observer; 0: it is over, or nobody watches
  bool running_ = false;
  bool calling_ = false;
};

template <class F>
LoopingCall::LoopingCall(F function)
    : function_([f = std::move(function)](std::int64_t ticks) mutable -> Deferred<void> {
        const auto call = [&]() -> decltype(auto) {
          if constexpr (std::is_invocable_v<F&, std::int64_t>)
            return f(ticks);
          else
            return f();
        };
        auto result = maybe_deferred(call);
        if constexpr (std::is_same_v<decltype(result), Deferred<void>>)
          return result;
        else
          return result.add_callback([](auto&&) {});
      }) {}

}  // namespace simul
