// run_in_executor: a call that blocks, made on a thread of a pool of one's choice.
//
//     await(run_in_executor(pool, read_whole_file, path));                    // a fiber
//     co_await run_in_executor(pool, read_whole_file, path);                  // a task
//     run_in_executor(pool, read_whole_file, path).then([](auto text) {       // a callback
//       show(text.get());
//     });
//
// The function and copies of its arguments belong to the job (thread_pool.hpp), never to whoever
// waits for it.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>

#include "runtime/thread/thread_pool.hpp"

namespace simul {

/// Calls `function(arguments...)`, copied or moved as std::thread does, on a thread of `pool`; the
/// wait gives what it returns or throws what it throws. (loop.run_in_executor)
template <class F, class... Args>
auto run_in_executor(ThreadPool& pool, F&& function, Args&&... arguments) {
  return offload(
      [function = std::decay_t<F>(std::forward<F>(function)),
       all = std::tuple<std::decay_t<Args>...>(std::forward<Args>(arguments)...)]() mutable
      -> decltype(auto) { return std::apply(std::move(function), std::move(all)); },
      pool);
}

}  // namespace simul
