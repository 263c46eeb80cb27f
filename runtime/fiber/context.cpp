// How a context begins and ends: the trampoline.
//
// The lowest frame of every stack is a loop that runs one entry after another. When an entry has
// returned, its frames are gone and the trampoline switches away from inside the loop; there it
// stays parked while the stack lies in the pool. The next context on this stack goes on from there,
// one switch away from its entry, and no first frame need be built again.
#include "runtime/fiber/context.hpp"

#include <utility>

namespace simul {

void Context::prepare(Stack& stack, Entry entry, void* argument) noexcept {
  ThreadState::find();
  annotation_.begin(stack.bottom(), stack.size());
  entry_ = entry;
  argument_ = argument;
  state_ = {};
  stack.resident_ = this;
  place_ = std::exchange(stack.parked_, nullptr);
  if (place_ == nullptr) place_ = detail::first_place(stack, trampoline);
}

// No frame of this function may be on a sanitizer's list of things to undo: it outlives all lives.
SIMUL_UNTRACED SIMUL_UNADDRESSED void Context::trampoline(Stack& stack) noexcept {
  for (;;) {
    Annotation::after_switch(stack.resident_->annotation_);
    Context& next = stack.resident_->entry_(stack.resident_->argument_);
    ThreadState::exchange(stack.resident_->state_, next.state_);
    Annotation::before_switch(stack.resident_->annotation_, next.annotation_, true);
    detail::switch_place(&stack.parked_, next.place_);
  }
}

}  // namespace simul
