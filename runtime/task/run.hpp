// run: the way from plain code into tasks, and back.
//
// `run(main())` makes a task of main, runs this thread's loop until that has ended, and returns its
// result. What main leaves behind (tasks and fibers that have not ended) is cancelled and waited
// for before `run` returns. So a program that is one `run` ends with nothing running. (asyncio.run)
#pragma once

#include <csignal>
#include <stdexcept>
#include <string>
#include <utility>

#include "runtime/task/create_task.hpp"

namespace simul {

/// Ctrl-C ended the main task. It is no std::exception, as Cancelled is none. A program that lets
/// nothing else know of it exits with status 130. (Python's KeyboardInterrupt)
struct Interrupted {};

struct RunOptions {
  std::string name = "main";
  /// Does the first Ctrl-C cancel the main task? (A second one ends the process at once.) It is
  /// left alone in any case where the program has a handler of its own or ignores it.
  bool handle_interrupt = true;
};

namespace detail {

/// While it lives, Ctrl-C cancels a task.
class InterruptHandler {
 public:
  InterruptHandler(Reactor& reactor, TaskCore& task, bool wanted);
  ~InterruptHandler();
  InterruptHandler(const InterruptHandler&) = delete;
  InterruptHandler& operator=(const InterruptHandler&) = delete;

  bool interrupted() const noexcept { return interrupted_; }

 private:
  Reactor& reactor_;
  bool installed_ = false;
  bool interrupted_ = false;
};

/// Runs this thread's loop until `main` has ended. Throws Deadlock, or Cancelled if somebody
/// stopped the loop, or Interrupted. In any case nothing is left running.
void run_to_end(TaskCore& main, const RunOptions& options);

}  // namespace detail

/// Runs `main` and returns what it returns, or throws what it throws: Interrupted if Ctrl-C ended
/// it, Deadlock if nothing can ever wake it. Not to be called where this thread's loop runs already
/// (std::logic_error): there, `co_await` the task.
template <class T>
T run(Task<T> main, RunOptions options = {}) {
  if (Reactor::current().running()) {
    throw std::logic_error("run: this thread's loop runs already; co_await the task instead");
  }
  TaskHandle<T> handle = create_task(std::move(main), options.name);
  detail::run_to_end(handle.core(), options);
  if constexpr (std::is_void_v<T>) {
    handle.result();
  } else {
    return std::move(handle.result());
  }
}

}  // namespace simul
