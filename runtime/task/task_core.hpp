// What the loop knows of a task: which frame to go on with.
//
// A task is a call of a coroutine that runs beside its caller. While it runs, it may call further
// coroutines: each has a frame of its own on the heap, and together they are the task's stack.
//
//      [ main ] <--awaited_by-- [ fetch ] <--awaited_by-- [ read ]     <- frame_: resumed next
//
// `step` is a trampoline. A coroutine that waits, or returns to a caller that has waited for it,
// does not jump anywhere: it notes whose turn it is in `frame_` and returns to `step`, which
// resumes that one. So the thread's own stack stays as it is, however deep the calls are and
// however many follow one another. Only the first few calls inside a step are made directly, on
// that stack: most return without waiting, and save the way by the trampoline. (A compiler can do
// without one, by symmetric transfer, a jump from frame to frame; g++ only makes it a jump when it
// optimises and no sanitizer is at work.)
//
// The invariant: a task's frames are resumed from its `step` and nowhere else, and `frame_` is the
// innermost one.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>

#include "runtime/base/block_pool.hpp"
#include "runtime/reactor/spawned.hpp"

namespace simul {

class TaskCore;

namespace detail {

class PromiseBase;

/// A coroutine's frame, without the type of its result. (All promises begin with a PromiseBase.)
using Frame = std::coroutine_handle<PromiseBase>;

/// Where a called coroutine returns to; lives in the caller's frame.
struct CallSite {
  Frame caller;
  Frame* callee = nullptr;  // the caller's handle of the callee, which it will destroy
};

/// The wait of a new task for its first turn; goes with it.
struct TaskStart final : Waiter {
  explicit TaskStart(Frame frame) noexcept : Waiter(kSort), root(frame) {}
  void begin_and_wake(Routine& who) noexcept {
    begin(who);
    wake();
  }
  static void* operator new(std::size_t bytes) { return BlockPool::take(bytes); }
  static void operator delete(void* wait, std::size_t bytes) noexcept {
    BlockPool::give(wait, bytes);
  }

  Frame root;

 private:
  static constexpr Sort kSort = {"start", nullptr};
};

}  // namespace detail

/// One task, without the type of its result. Thread: the reactor's.
class TaskCore : public Spawned {
 public:
  /// The task that runs in this thread, or null. (asyncio.current_task)
  static TaskCore* current() noexcept { return current_; }

  /// Puts it on the ready queue for the first time. The reactor owns it from now on.
  void start();

  /// Asks it to end: `Cancelled` is thrown where it waits, or at its next wait if it is ready or
  /// running. One that has not begun never will. A task that waits for a task, or for several,
  /// passes the request on to them, and goes on when they have ended. No effect after its end.
  /// (asyncio: Task.cancel)
  void cancel() override;

  /// How often it was asked, less what was taken back. A scope that cancels the task it is in, as
  /// a timeout does, tells by this number whether somebody else did, too. (asyncio: cancelling)
  unsigned cancels_requested() const noexcept { return cancels_requested_; }

  /// Takes a request back, and returns how many are left. (asyncio: uncancel)
  unsigned uncancel() noexcept;

  /// Throws Cancelled if a request has not been answered yet. For waits.
  void throw_if_cancelled() {
    if (cancel_due_) [[unlikely]]
      throw_cancelled();
  }

  /// "task-3" unless it was named.
  std::string name() const override;

  void step() override;
  std::string describe() const override { return "task '" + name() + "'"; }
  void abandon() noexcept override;
  std::size_t depth() const noexcept override;

  // --- For coroutines of this task --------------------------------------------------------------

  /// Calls a coroutine. False: it has returned already, and `caller` goes on at once. True: it
  /// waits, or is too deep down; `caller` returns to the trampoline.
  bool call(detail::Frame callee, detail::Frame caller) noexcept {
    frame_ = callee;
    if (nested_ == kNested) return true;
    ++nested_;
    callee.resume();
    --nested_;
    return frame_ != caller;
  }

  /// The innermost coroutine has ended.
  void returned(detail::CallSite* site) noexcept {
    if (site != nullptr) {
      frame_ = site->caller;
    } else {
      returned_ = true;
    }
  }

  static void* operator new(std::size_t bytes) { return BlockPool::take(bytes); }
  static void operator delete(void* task, std::size_t bytes) noexcept {
    BlockPool::give(task, bytes);
  }

 protected:
  TaskCore(Reactor& reactor, detail::Frame root);
  ~TaskCore() override;

  /// Moves the result out of the outermost frame; returns what ended it, or null.
  virtual std::exception_ptr collect(detail::Frame root) = 0;

 private:
  Routine* cancel_this();
  void cancel_here() noexcept;
  [[noreturn]] void throw_cancelled();
  void end(std::exception_ptr error) noexcept;
  void destroy_frames() noexcept;

  static inline constinit thread_local TaskCore* current_ = nullptr;
  static constexpr unsigned kNested = 16;                     // direct calls on the thread's stack
  static inline constinit thread_local unsigned nested_ = 0;  // how many there are

  bool started_ = false;
  bool returned_ = false;    // the outermost coroutine has ended
  bool cancel_due_ = false;  // and Cancelled has not been thrown yet
  std::uint16_t cancels_requested_ = 0;
  std::uint32_t number_;
  union {
    detail::TaskStart* start_;  // until `started_`
    detail::Frame frame_;
  };
};

}  // namespace simul
