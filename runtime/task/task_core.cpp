#include "runtime/task/task_core.hpp"

#include <memory>
#include <utility>

#include "runtime/base/observer.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_name.hpp"

namespace simul {

using detail::CallSite;
using detail::Frame;
using detail::TaskStart;

TaskCore::TaskCore(Reactor& reactor, Frame root)
    : Spawned(reactor, Kind::task), start_(new TaskStart(root)) {
  static constinit thread_local std::uint32_t last_number = 0;
  number_ = ++last_number;
}

TaskCore::~TaskCore() {
  if (!done()) destroy_frames();  // it was never started
}

std::string TaskCore::name() const {
  return "task-" + std::to_string(number_);
}

void TaskCore::start() {
  std::string called;
  if (observer() != nullptr) {
    called = detail::take_name(&start_->root.promise());
    if (name() != TaskCore::name()) called.clear();  // it was given one
  }
  begin_life("task", called);
  start_->begin_and_wake(*this);
}

// --- Running ------------------------------------------------------------------------------------

void TaskCore::step() {
  TaskCore* const outer = std::exchange(current_, this);
  if (!started_) [[unlikely]] {
    const std::unique_ptr<TaskStart> start(start_);
    frame_ = start->root;
    started_ = true;
    if (cancel_due_) {
      end(std::make_exception_ptr(Cancelled{}));
      current_ = outer;
      return;
    }
  }
  while (waiting_on() == nullptr && !returned_) frame_.resume();
  if (returned_) {
    end(collect(frame_));
  } else if (Observer* o = observer(); o != nullptr && id() != 0) {
    o->waits(id(), waiting_on()->label());
  }
  current_ = outer;
}

// Whatever the outermost coroutine was given as arguments goes before anybody hears of the end.
void TaskCore::end(std::exception_ptr error) noexcept {
  destroy_frames();
  finish(std::move(error));
  end_life();
}

// From the innermost outwards, as the calls of a thread are unwound: what is inside may point to
// what is outside. A loop, for there may be a million of them.
void TaskCore::destroy_frames() noexcept {
  if (!started_) {
    const std::unique_ptr<TaskStart> start(start_);
    frame_ = start->root;
    started_ = true;
  }
  for (Frame frame = std::exchange(frame_, nullptr); frame;) {
    const CallSite* site = frame.promise().site();
    const Frame caller = site != nullptr ? site->caller : nullptr;
    if (site != nullptr) *site->callee = nullptr;
    frame.destroy();
    frame = caller;
  }
}

std::size_t TaskCore::depth() const noexcept {
  if (!started_) return 1;
  std::size_t frames = 0;
  for (Frame frame = frame_; frame; ++frames) {
    const CallSite* site = frame.promise().site();
    frame = site != nullptr ? site->caller : nullptr;
  }
  return frames;
}

void TaskCore::abandon() noexcept {
  end(std::make_exception_ptr(Cancelled{}));
}

// --- Cancelling ---------------------------------------------------------------------------------

void TaskCore::cancel() {
  // Tasks that wait for each other may do so in a ring. The mark stays where it is while the walk
  // goes on, each time for twice as long; on a ring, the walk meets it. (R. P. Brent, 1980)
  const TaskCore* mark = this;
  unsigned steps = 0;
  unsigned patience = 2;
  for (TaskCore* task = this;;) {
    Routine* const next = task->cancel_this();
    if (next == nullptr) return;
    task = static_cast<TaskCore*>(next);
    if (task == mark) return task->cancel_here();
    if (++steps == patience) {
      mark = task;
      steps = 0;
      patience *= 2;
    }
  }
}

// Returns whom to cancel instead, if anybody.
Routine* TaskCore::cancel_this() {
  if (done()) return nullptr;
  ++cancels_requested_;
  Waiter* const wait = waiting_on();
  if (wait != nullptr && wait->state() == Waiter::State::waiting &&
      wait->sort().cancel_instead != nullptr) {
    // The waiting routine itself means: it has been passed on, to something that is no task.
    if (Routine* other = wait->sort().cancel_instead(*wait)) return other != this ? other : nullptr;
  }
  cancel_here();
  return nullptr;
}

void TaskCore::cancel_here() noexcept {
  cancel_due_ = true;
  interrupt();
}

unsigned TaskCore::uncancel() noexcept {
  if (cancels_requested_ > 0 && --cancels_requested_ == 0) cancel_due_ = false;
  return cancels_requested_;
}

void TaskCore::throw_cancelled() {
  cancel_due_ = false;
  throw Cancelled{};
}

}  // namespace simul
