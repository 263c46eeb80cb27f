#include "runtime/fiber/scheduler.hpp"

#include <pthread.h>

#include <cstdio>
#include <utility>

namespace simul {

FiberCore::FiberCore(Reactor& reactor)
    : Routine(reactor, Kind::fiber),
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

FiberCore::~FiberCore() {
  if (error_ == nullptr || error_collected_) return;
  // The handle may have outlived the loop.
  if (Reactor* reactor = Reactor::current_or_null()) {
    reactor->report(describe(), error_);
  } else {
    std::fprintf(stderr, "%s failed: %s\n", describe().c_str(), message_of(error_).c_str());
  }
}

void FiberCore::set_name(std::string name) {
  name_ = std::move(name);
  if (stack_) stack_->set_owner(name_.c_str());
}

void FiberCore::start() {
  if (Observer* o = observer()) {
    set_id(next_id());
    o->created(id(), "fiber", name_);
  }
  add_reference();  // the reactor's; `FiberHub::bury` drops it
  reactor().own(*this);
  start_.begin_and_wake(*this);
}

void FiberCore::kill() {
  if (done_) return;
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
  try {
    fiber.throw_if_killed();
    fiber.run();
  } catch (const Cancelled&) {
    fiber.ended_by_kill_ = true;
  } catch (...) {
    fiber.error_ = std::current_exception();
  }
  fiber.finish();
  return fiber.hub_.next();
}

void FiberCore::finish() noexcept {
  done_ = true;
  while (DoneLink* link = watchers_.pop_front()) link->fired(*link);
  if (Observer* o = observer(); o != nullptr && id() != 0) o->ended(id());
  hub_.ended_ = this;
}

void FiberHub::bury() noexcept {
  FiberCore& fiber = *std::exchange(ended_, nullptr);
  fiber.stack_.reset();
  static_cast<Reactor::Owned&>(fiber).unlink();
  fiber.drop_reference();
}

}  // namespace simul
