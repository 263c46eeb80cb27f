// to_thread: a call that blocks, made on another thread, awaited here.
//
//     std::string text = co_await to_thread(read_whole_file, path);
//
// The function and copies of its arguments belong to the job (thread/run_in_executor.hpp), never to
// the frame that waits. So a task that is cancelled in the wait goes on at once; the thread
// finishes the call for nobody, since a call that blocks cannot be called back.
//
// Name a lambda with captures first: g++ 12 mishandles one inside a co_await expression.
#pragma once

#include <utility>

#include "runtime/thread/run_in_executor.hpp"

namespace simul {

/// Calls `function(arguments...)`, copied or moved as std::thread does, on a thread of the
/// process's pool; gives what it returns or throws what it throws. (asyncio.to_thread)
template <class F, class... Args>
auto to_thread(F&& function, Args&&... arguments) {
  return run_in_executor(ThreadPool::shared(), std::forward<F>(function),
                         std::forward<Args>(arguments)...);
}

}  // namespace simul
