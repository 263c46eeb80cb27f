// How a context begins and ends.
//
// The lowest function on every stack is the trampoline. It runs the entry, and when that has
// returned, it leaves the stack for good: there is nobody below it to return to.
#include "runtime/fiber/context.hpp"

#include <cstdlib>

namespace simul {

void Context::prepare(Stack& stack, Entry entry, void* argument) noexcept {
  ThreadState::find();
  annotation_.begin(stack.bottom(), stack.size());
  state_ = {};
  entry_ = entry;
  argument_ = argument;
  place_ = detail::first_place(stack, trampoline, this);
}

// It never returns, so it must leave nothing that a sanitizer expects a return to clear.
SIMUL_UNTRACED SIMUL_UNADDRESSED void Context::trampoline(void* self) noexcept {
  Context& me = *static_cast<Context*>(self);
  Annotation::after_switch(me.annotation_);
  Context& next = me.entry_(me.argument_);
  ThreadState::exchange(me.state_, next.state_);
  Annotation::before_switch(me.annotation_, next.annotation_, true);
  detail::switch_place(&me.place_, next.place_);
  std::abort();  // somebody switched to a context whose entry had returned
}

}  // namespace simul
