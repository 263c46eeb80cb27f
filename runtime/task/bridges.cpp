#include "runtime/task/bridges.hpp"

#include <stdexcept>

namespace simul::detail {

void check_can_await_task() {
  if (FiberCore* fiber = FiberCore::current()) return fiber->throw_if_killed();
  if (TaskCore* task = TaskCore::current()) {
    throw std::logic_error(task->describe() + " waits with await: a task waits with co_await");
  }
  if (Reactor::current().running()) {
    throw std::logic_error("wait for a task: a callback cannot wait; create_task does not wait");
  }
}

void await_end(TaskCore& task) {
  if (FiberCore* fiber = FiberCore::current()) {
    while (!task.done()) {
      Join end(task);
      fiber->suspend_until(end);
      if (fiber->killed()) task.cancel();
    }
    return fiber->throw_if_killed();
  }
  try {
    await(Join(task));
  } catch (...) {  // a deadlock, or somebody stopped the loop
    task.cancel();
    try {
      await(Join(task));
    } catch (...) {
      task.abandon();
    }
    throw;
  }
}

}  // namespace simul::detail
