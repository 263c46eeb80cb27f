// defer_to_fiber: code that waits plainly, for callers that want callbacks.
//
//     auto page = defer_to_fiber([url] { return http::get(url).body; });     // Deferred<string>
#pragma once

#include <utility>

#include "runtime/deferred/deferred_from.hpp"
#include "runtime/fiber/fiber.hpp"

namespace simul {

/// Spawns a fiber that calls `function(arguments...)`, and gives the Deferred of its result.
/// (twisted.internet.threads.deferToThread, without the thread)
template <class F, class... Args>
auto defer_to_fiber(F&& function, Args&&... arguments) {
  return deferred_from(spawn(std::forward<F>(function), std::forward<Args>(arguments)...));
}

}  // namespace simul
