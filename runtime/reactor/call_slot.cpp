// The callbacks of a reactor: registering, cancelling and running them.
//
// A slot is freed before its callback is called, so a callback may register itself again, and what
// it captured is destroyed last, for that may do anything.
#include "runtime/reactor/call_slot.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul {

CallSlot& Reactor::allocate_call(Callback<void()>&& callback) {
  if (free_calls_ == nullptr) {
    free_calls_ = &calls_.emplace_back(*this, static_cast<std::uint32_t>(calls_.size()));
  }
  CallSlot& slot = *free_calls_;
  if (this != current_) is_mine(slot);  // aborts on another thread
  free_calls_ = std::exchange(slot.next_free_, nullptr);
  slot.callback_ = std::move(callback);
  if (Observer* o = observer()) {
    slot.set_id(next_id());
    o->created(slot.id(), "callback", "");
  } else {
    slot.set_id(0);
  }
  slot.begin(slot);
  return slot;
}

void Reactor::free_call(CallSlot& slot) noexcept {
  ++slot.generation_;
  slot.next_free_ = free_calls_;
  free_calls_ = &slot;
}

Handle Reactor::handle_of(CallSlot& slot) noexcept {
  Handle handle;
  handle.reactor_ = this;
  handle.index_ = slot.index_;
  handle.generation_ = slot.generation_;
  return handle;
}

void CallSlot::step() {
  // Free before the call: the callback is no longer active, and it may register itself again.
  Callback<void()> callback = std::move(callback_);
  reactor().free_call(*this);
  reactor().call(callback, id());
}

std::string CallSlot::describe() const {
  if (!callback_) return "callback";
  const char* const mangled = callback_.target_type().name();
  const std::unique_ptr<char, void (*)(void*)> name(
      abi::__cxa_demangle(mangled, nullptr, nullptr, nullptr), std::free);
  return "callback '" + std::string(name != nullptr ? name.get() : mangled) + "'";
}

void Mail::step() {
  for (Callback<void()>& message : messages_) {
    std::uint64_t id = 0;
    if (Observer* o = observer()) {
      id = next_id();
      o->created(id, "callback", "");
      o->ready(id, 0);
      o->runs(id);
    }
    reactor().stepping_ = id;
    reactor().call(message, id);
    if (reactor().abandoned_) return;  // it was forked in this one: the rest is the parent's
    message.reset();
  }
  messages_.clear();
}

// What leaves a callback goes no further: nobody waits for it.
void Reactor::call(Callback<void()>& callback, std::uint64_t id) noexcept {
  try {
    callback();
  } catch (const Cancelled&) {
    // Nobody waits in a callback, so there is nobody to tell.
  } catch (...) {
    report("callback", std::current_exception());
  }
  if (Observer* o = observer(); o != nullptr && id != 0) o->ended(id);
}

Handle Reactor::call_soon(Callback<void()> callback) {
  CallSlot& slot = allocate_call(std::move(callback));
  slot.wake();
  return handle_of(slot);
}

Handle Reactor::call_later(Duration delay, Callback<void()> callback) {
  return call_at(after(Clock::now(), delay), std::move(callback));
}

Handle Reactor::call_at(TimePoint deadline, Callback<void()> callback) {
  CallSlot& slot = allocate_call(std::move(callback));
  if (Observer* o = observer(); o != nullptr && slot.id() != 0) o->waits(slot.id(), "timer");
  set_timer(slot.timer_, deadline);
  return handle_of(slot);
}

bool Handle::active() const noexcept {
  return reactor_ != nullptr && reactor_->calls_[index_].generation_ == generation_;
}

void Handle::cancel() noexcept {
  if (!active()) return;
  CallSlot& slot = reactor_->calls_[index_];
  slot.abandon();
  reactor_->free_call(slot);
  if (Observer* o = observer(); o != nullptr && slot.id() != 0) o->ended(slot.id());
  // Last, because what the callback captured may do anything when it is destroyed.
  Callback<void()> dropped = std::move(slot.callback_);
}

// While everything is still there, because what a callback captured may do anything when it is
// destroyed: cancel a handle, close a descriptor, register another callback.
void Reactor::drop_callbacks() {
  for (bool again = true; again;) {
    again = false;
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      if (!calls_[i].callback_) continue;
      handle_of(calls_[i]).cancel();
      again = true;
    }
  }
}

}  // namespace simul
