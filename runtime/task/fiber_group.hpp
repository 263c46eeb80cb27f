// fiber_group: fibers that end before the scope does.
//
//     fiber_group([&](FiberGroup& group) {
//       group.spawn(download, a);
//       group.spawn(download, b);
//     });                                     // both downloads have ended when this goes on
//
// The same promise as task_group's: the first failure kills the body and all other fibers of the
// group, and is thrown when all have ended; further failures are reported. If the calling fiber is
// killed, so is everybody in the group, and Cancelled is thrown when all have ended.
//
// The body runs in a fiber of its own, as one more child. A fiber that was killed cannot live on,
// so the caller's must not be killed to end the body. May also be called from plain code, where it
// runs the loop.
#pragma once

#include <exception>
#include <type_traits>
#include <utility>

#include "runtime/fiber/fiber.hpp"
#include "runtime/task/children.hpp"

namespace simul {

/// What a body adds its fibers to; it lives as long as `fiber_group` runs.
class FiberGroup {
 public:
  /// Spawns a fiber that belongs to the group, see simul::spawn. Throws std::runtime_error if the
  /// group shuts down.
  template <class F, class... Args>
  auto spawn(F&& function, Args&&... arguments) {
    children_.check_open();
    auto fiber = simul::spawn(std::forward<F>(function), std::forward<Args>(arguments)...);
    children_.add(fiber.core());
    return fiber;
  }

 private:
  template <class Body>
  friend auto fiber_group(Body&& body) -> std::invoke_result_t<Body&, FiberGroup&>;

  FiberGroup() : children_([] {}) {}

  /// Waits until all have ended and throws what is to be thrown.
  void finish();

  detail::Children children_;
};

/// Calls `body(group)`, waits for it and for all fibers of the group, and gives what it returned.
template <class Body>
auto fiber_group(Body&& body) -> std::invoke_result_t<Body&, FiberGroup&> {
  using T = std::invoke_result_t<Body&, FiberGroup&>;
  FiberGroup group;
  const Fiber<T> main = group.spawn([&body, &group]() -> T { return body(group); });
  group.finish();
  if constexpr (std::is_object_v<T>) {
    return std::move(main.result());
  } else {
    return main.result();
  }
}

}  // namespace simul
