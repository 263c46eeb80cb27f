// When the next call is due, and what happens after each.
#include "runtime/deferred/looping_call.hpp"

#include <utility>

#include "runtime/base/observer.hpp"

namespace simul {

LoopingCall::~LoopingCall() {
  note_end();
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
  if (Observer* o = observer()) {
    id_ = next_id();
    o->created(id_, "callback", "looping call");
  }
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
    note_waits("its turn");
    return;
  }
  // From the start, not from now: so a late call does not move the next one.
  const TimePoint last = start_ + interval_ * ticks_passed();
  timer_ = reactor_->call_at(after(last, interval_), again);
  note_waits("timer");
}

void LoopingCall::call() {
  const std::int64_t passed = ticks_passed();
  const std::int64_t ticks = passed - std::exchange(counted_, passed);
  calling_ = true;
  if (Observer* o = observer(); o != nullptr && id_ != 0) o->runs(id_);
  const std::shared_ptr<Life> held = life_;  // the function may destroy us
  function_(ticks).add_both([life = life_](Outcome<void> outcome) {
    if (life->self != nullptr) life->self->called(outcome.error());
  });
  if (held->self != nullptr && calling_) note_waits("deferred");
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
  note_end();
  const Deferred<void> done = *std::exchange(done_, std::nullopt);
  if (done.called()) return;  // it was cancelled
  if (error == nullptr)
    done.callback();
  else
    done.errback(std::move(error));
}

void LoopingCall::note_waits(const char* label) const noexcept {
  if (Observer* o = observer(); o != nullptr && id_ != 0) o->waits(id_, label);
}

void LoopingCall::note_end() noexcept {
  const std::uint64_t id = std::exchange(id_, 0);
  if (Observer* o = observer(); o != nullptr && id != 0) o->ended(id);
}

}  // namespace simul
