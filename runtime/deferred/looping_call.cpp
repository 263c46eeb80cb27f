// When the next call is due, and what happens after each.
#include "runtime/deferred/looping_call.hpp"

namespace simul {

LoopingCall::~LoopingCall() {
  life_->self = nullptr;
  running_ = false;
  if (reactor_ != nullptr && Reactor::current_or_null() == reactor_) timer_.cancel();
}

Deferred<void> LoopingCall::start(Duration interval, bool now, std::source_location where) {
  if (running_ || calling_) throw std::logic_error("LoopingCall::start: it runs already");
  if (interval < Duration::zero())
    throw std::invalid_argument("LoopingCall::start: a negative interval");
  reactor_ = &Reactor::current();
  interval_ = interval;
  start_ = Clock::now();
  running_ = true;
  // The first call made at once is a tick of its own, at the start.
  counted_ = now ? -1 : 0;
  Deferred<void> done(
      [life = life_](Deferred<void>&) {
        if (life->self != nullptr) life->self->stop();
      },
      where);
  done_ = done;
  if (now)
    call();
  else
    schedule();
  return done;
}

void LoopingCall::stop() {
  if (!running_) return;
  running_ = false;
  if (Reactor::current_or_null() == reactor_) timer_.cancel();
  if (!calling_) finish(nullptr);
}

std::int64_t LoopingCall::ticks_passed() const {
  if (interval_ == Duration::zero()) return counted_ + 1;
  return (Clock::now() - start_) / interval_;
}

void LoopingCall::schedule() {
  const auto again = [life = life_] {
    if (life->self != nullptr && life->self->running_) life->self->call();
  };
  if (interval_ == Duration::zero()) {
    timer_ = reactor_->call_soon(again);
    return;
  }
  // From the start, not from now: so a late call does not move the next one.
  const TimePoint last = start_ + interval_ * ticks_passed();
  timer_ = reactor_->call_at(after(last, interval_), again);
}

void LoopingCall::call() {
  const std::int64_t passed = ticks_passed();
  const std::int64_t ticks = passed - std::exchange(counted_, passed);
  calling_ = true;
  function_(ticks).add_both([life = life_](Outcome<void> outcome) {
    if (life->self != nullptr) life->self->called(outcome.error());
  });
}

void LoopingCall::called(std::exception_ptr error) {
  calling_ = false;
  if (error != nullptr || !running_) {
    running_ = false;
    finish(std::move(error));
  } else {
    schedule();
  }
}

void LoopingCall::finish(std::exception_ptr error) {
  const Deferred<void> done = *std::exchange(done_, std::nullopt);
  if (done.called()) return;  // it was cancelled
  if (error == nullptr)
    done.callback();
  else
    done.errback(std::move(error));
}

}  // namespace simul
