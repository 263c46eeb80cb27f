#include "runtime/fiber/scheduler.hpp"

#include <pthread.h>

#include <utility>

namespace simul {

FiberCore::FiberCore(Reactor& reactor)
    : Spawned(reactor, Kind::fiber),
      hub_(reactor.part<FiberHub>()),
      stack_(StackPool::current().take()) {
  // In a forked child only the running line of execution goes on, and as plain code: the hub it
  // would switch back to is its parent's.
  static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { FiberCore::current_ = nullptr; });
  static_cast<void>(registered);
  set_name("fiber-" + std::to_string(hub_.next_number()));
  context_.prepare(*stack_, entry, this);
}

void FiberCore::set_name(std::string name) {
  name_ = std::move(name);
  if (stack_) stack_->set_owner(name_.c_str());
  if (Observer* o = observer(); o != nullptr && id() != 0) o->named(id(), name_);
}

void FiberCore::start(std::string_view called) {
  begin_life("fiber", called);
  start_.begin_and_wake(*this);
}

void FiberCore::kill() {
  if (done()) return;
  killed_ = true;
  if (current_ == this) throw Cancelled{};
  interrupt();
}

void FiberCore::step() {
  current_ = this;
  // Not `hub_` afterwards: this fiber may have ended, and the one after it have buried it.
  FiberHub& hub = hub_;
  Context::switch_to(hub.loop_, context_);
  hub.reap();
}

Context& FiberCore::entry(void* self) {
  auto& fiber = *static_cast<FiberCore*>(self);
  fiber.hub_.reap();
  std::exception_ptr error;
  try {
    fiber.throw_if_killed();
    fiber.run();
  } catch (...) {
    error = std::current_exception();
  }
  fiber.finish(std::move(error));
  fiber.hub_.ended_ = &fiber;
  return fiber.hub_.next();
}

void FiberHub::bury() noexcept {
  FiberCore& fiber = *std::exchange(ended_, nullptr);
  fiber.stack_.reset();
  fiber.end_life();
}

}  // namespace simul
