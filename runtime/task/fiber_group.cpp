#include "runtime/task/fiber_group.hpp"

#include "runtime/fiber/await.hpp"

namespace simul {

void FiberGroup::finish() {
  FiberCore* const fiber = FiberCore::current();
  while (!children_.empty()) {
    if (fiber != nullptr) {
      if (fiber->killed()) children_.shut_down();
      auto wait = children_.all_ended();
      fiber->suspend_until(wait);  // a kill ends it, too
      continue;
    }
    try {
      await(children_.all_ended());
    } catch (...) {  // a deadlock, or somebody stopped the loop
      children_.shut_down();
      await(children_.all_ended());
      throw;
    }
  }
  if (fiber != nullptr) fiber->throw_if_killed();
  if (Spawned* failed = children_.first_failed()) std::rethrow_exception(failed->collect_error());
}

}  // namespace simul
