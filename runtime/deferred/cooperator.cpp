// The round, the tick, and what ends an iterator.
#include "runtime/deferred/cooperator.hpp"

#include <algorithm>

#include "runtime/deferred/succeed.hpp"

namespace simul {

// --- One iterator -------------------------------------------------------------------------------

namespace detail {

void Cooperation::step() {
  const std::shared_ptr<Cooperation> held = shared_from_this();  // it may drop its own task
  CooperativeStep* yielded = nullptr;
  std::exception_ptr error;
  stepping_ = true;
  try {
    yielded = iterator_.next();
  } catch (...) {
    error = std::current_exception();
  }
  stepping_ = false;
  if (finished_ != nullptr) {  // it stopped itself
    if (error != nullptr) Reactor::current().report("a stopped iterator", error);
    drop_iterator();
  } else if (error != nullptr) {
    failed(error);
  } else if (yielded == nullptr) {
    complete(std::make_exception_ptr(TaskDone()), nullptr);
  } else if (const auto deferred = yielded->take()) {
    if (Observer* o = observer(); o != nullptr && iterator_.id() != 0) {
      o->waits(iterator_.id(), "deferred");
    }
    wait_for(*deferred);
  }
}

void Cooperation::wait_for(const Deferred<void>& deferred) {
  pause();
  deferred.add_both([self = shared_from_this()](Outcome<void> outcome) {
    if (outcome.ok()) return self->resume();
    if (self->finished_ != nullptr) outcome.take();  // too late: reported as unhandled
    self->failed(outcome.error());
  });
}

void Cooperation::check_not_finished() const {
  if (finished_ != nullptr) std::rethrow_exception(finished_);
}

void Cooperation::pause() {
  check_not_finished();
  if (++pauses_ == 1) cooperator_->remove(*this);
}

void Cooperation::resume() {
  if (pauses_ == 0) throw NotPaused();
  if (--pauses_ == 0 && finished_ == nullptr) cooperator_->add(shared_from_this());
}

void Cooperation::stop() {
  check_not_finished();
  const std::exception_ptr stopped = std::make_exception_ptr(TaskStopped());
  complete(stopped, stopped);
}

Deferred<void> Cooperation::when_done(std::source_location where) {
  if (unclaimed_) return *std::exchange(unclaimed_, std::nullopt);
  Deferred<void> done(where);
  if (finished_ == nullptr)
    done_.push_back(done);
  else if (error_ != nullptr)
    done.errback(error_);
  else
    done.callback();
  return done;
}

void Cooperation::failed(const std::exception_ptr& error) {
  if (done_.empty()) unclaimed_ = fail(error, where_);
  complete(std::make_exception_ptr(TaskFailed()), error);
}

void Cooperation::complete(std::exception_ptr finished, std::exception_ptr error) {
  const std::shared_ptr<Cooperation> held = shared_from_this();
  finished_ = std::move(finished);
  error_ = std::move(error);
  if (pauses_ == 0) cooperator_->remove(*this);
  if (!stepping_) drop_iterator();
  // Last, for a callback may do anything with this task and with all others.
  for (const Deferred<void>& done : std::exchange(done_, {})) {
    if (error_ != nullptr)
      done.errback(error_);
    else
      done.callback();
  }
}

void Cooperation::abandon() noexcept {
  unlink();
  cooperator_ = nullptr;
  if (finished_ == nullptr) finished_ = std::make_exception_ptr(SchedulerStopped());
  done_.clear();
  drop_iterator();
}

void Cooperation::drop_iterator() noexcept {
  const CooperativeIterator ended = std::move(iterator_);  // its variables may come back to us
}

}  // namespace detail

// --- All of them --------------------------------------------------------------------------------

Cooperator::Cooperator(Reactor& reactor, Duration slice) : reactor_(reactor), slice_(slice) {}

Cooperator::~Cooperator() {
  *life_ = nullptr;
  while (detail::Cooperation* core = all_.front()) {
    const std::shared_ptr<detail::Cooperation> held = core->shared_from_this();
    core->abandon();
  }
}

CooperativeTask Cooperator::cooperate(CooperativeIterator iterator, std::source_location where) {
  auto core = std::make_shared<detail::Cooperation>(std::move(iterator), *this, where);
  all_.push_back(*core);
  add(core);
  return CooperativeTask(std::move(core));
}

void Cooperator::add(std::shared_ptr<detail::Cooperation> core) {
  if (running_) {
    round_.push_back(std::move(core));
    return schedule();
  }
  const std::exception_ptr stopped = std::make_exception_ptr(SchedulerStopped());
  core->complete(stopped, stopped);
}

void Cooperator::remove(const detail::Cooperation& core) {
  // `next_` stays, although whoever came after `core` moves up one place: if that was before
  // `next_`, the one after it is passed over in this round. So three that all leave at their first
  // step go A, C, B. It is what Python's list iterators do under Twisted's Cooperator, and the
  // order that its programs print.
  std::erase_if(round_, [&core](const auto& other) { return other.get() == &core; });
}

void Cooperator::schedule() {
  if (std::exchange(scheduled_, true)) return;
  reactor_.call_soon([life = life_] {
    if (*life != nullptr) (*life)->tick();
  });
}

void Cooperator::tick() {
  scheduled_ = false;
  const auto end = std::chrono::steady_clock::now() + slice_;
  do {
    if (next_ >= round_.size()) next_ = 0;
    if (round_.empty()) return;
    round_[next_++]->step();
  } while (std::chrono::steady_clock::now() < end);
  if (!round_.empty()) schedule();
}

void Cooperator::stop() {
  running_ = false;
  const std::exception_ptr stopped = std::make_exception_ptr(SchedulerStopped());
  while (!round_.empty()) round_.front()->complete(stopped, stopped);
}

CooperativeTask cooperate(CooperativeIterator iterator, std::source_location where) {
  return Reactor::current().part<Cooperator>().cooperate(std::move(iterator), where);
}

Deferred<void> coiterate(CooperativeIterator iterator, std::source_location where) {
  return Reactor::current().part<Cooperator>().coiterate(std::move(iterator), where);
}

}  // namespace simul
