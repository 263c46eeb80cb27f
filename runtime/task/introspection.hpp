// Introspection: which tasks there are. (What they wait for, `dump_tasks` prints.)
#pragma once

#include <vector>

#include "runtime/base/ref.hpp"
#include "runtime/reactor/dump_tasks.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/task/task_core.hpp"

namespace simul {

/// The task that runs in this thread, or null in any other code. (asyncio.current_task)
inline TaskCore* current_task() noexcept {
  return TaskCore::current();
}

/// Every task of this thread's reactor that has not ended, the oldest first, the running one among
/// them. What holds them keeps their results, too. (asyncio.all_tasks)
inline std::vector<Ref<TaskCore>> all_tasks() {
  std::vector<Ref<TaskCore>> tasks;
  Reactor::current().for_each_owned([&tasks](Reactor::Owned& owned) {
    if (owned.kind() == Routine::Kind::task) tasks.emplace_back(static_cast<TaskCore*>(&owned));
  });
  return tasks;
}

}  // namespace simul
