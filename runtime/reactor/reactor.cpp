#include "runtime/reactor/reactor.hpp"

#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/reactor/dump_tasks.hpp"
#include "runtime/reactor/signals.hpp"

namespace simul {
namespace {

constexpr Duration kTick = std::chrono::microseconds(1);

thread_local std::unique_ptr<Reactor> default_reactor;

}  // namespace

// --- Life ---------------------------------------------------------------------------------------

Reactor::Reactor()
    : previous_(current_),
      mailbox_(std::make_shared<Mailbox>()),
      watches_(mailbox_->poller),
      // A whole number of ticks, so that virtual time (see VirtualTime) falls on ticks.
      origin_(std::chrono::floor<std::chrono::microseconds>(Clock::now().time_since_epoch())) {
  // A forked child must not touch what it shares with its parent: the parent's epoll registrations
  // and its loop. It forgets both and makes a fresh reactor when it needs one.
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] {
    for (Reactor* reactor = current_; reactor != nullptr; reactor = reactor->previous_) {
      reactor->after_fork();
    }
    current_ = nullptr;
    static_cast<void>(default_reactor.release());
  });
  static_cast<void>(registered);
  current_ = this;
  debug_if_asked();
}

Reactor::~Reactor() {
  if (abandoned_) return;
  end_owned();
  signals_.reset();
  mailbox_->close();
  drop_callbacks();
  while (!parts_.empty()) parts_.pop_back();  // the younger may use the older
  drop_callbacks();
  current_ = previous_;
}

void Reactor::after_fork() noexcept {
  abandoned_ = true;
  mailbox_->after_fork();
  watches_.let_go();
  ready_.clear();
  batch_.clear();
}

Reactor& Reactor::current() {
  if (current_ == nullptr) {
    // Constructed aside: the constructor sets `current_`.
    default_reactor = std::make_unique<Reactor>();
  }
  return *current_;
}

void Reactor::end_owned() {
  // Twice: a routine may swallow the first Cancelled and wait again.
  for (int round = 0; round < 2 && !owned_.empty(); ++round) {
    List<Owned, Owned> to_cancel;
    to_cancel.splice_back(owned_);
    while (Owned* owned = to_cancel.pop_front()) {
      owned_.push_back(*owned);  // first, for it may end at once
      owned->cancel();
    }
    try {
      Running running(*this, "the end of the loop");
      while (!owned_.empty()) turn(/*forever=*/false);  // `stop` must not leave them half ended
    } catch (const Deadlock&) {
      // The next round, or the report below, deals with it.
    }
  }
  while (Owned* owned = owned_.pop_front()) {
    const std::string state = debug() ? "; it " + describe_state(*owned) : "";
    std::fprintf(stderr, "simul: %s did not end when its loop did%s\n", owned->describe().c_str(),
                 state.c_str());
    owned->abandon();
  }
}

// --- Signals and errors -------------------------------------------------------------------------

void Reactor::add_signal_handler(int signal, Callback<void()> callback, bool awaited) {
  if (!signals_) signals_ = std::make_unique<SignalHandlers>(*this, mailbox_);
  signals_->add(signal, std::move(callback), awaited);
}

void Reactor::remove_signal_handler(int signal) noexcept {
  if (signals_) signals_->remove(signal);
}

void Reactor::set_exception_handler(
    Callback<void(const std::string&, std::exception_ptr)> handler) {
  exception_handler_ = handler ? std::make_shared<decltype(handler)>(std::move(handler)) : nullptr;
}

void Reactor::report(const std::string& where, std::exception_ptr error) noexcept {
  try {
    if (const auto handler = exception_handler_) return (*handler)(where, error);
  } catch (...) {
    // A handler that fails is no reason to lose the first error.
  }
  std::fprintf(stderr, "%s failed: %s\n", where.c_str(), message_of(error).c_str());
}

// --- The turn -----------------------------------------------------------------------------------

Reactor::Running::Running(Reactor& reactor, const char* label)
    : reactor_(reactor), giving_way_(label) {
  if (reactor.running_) {
    throw std::logic_error(
        "this loop runs already: a callback cannot wait; register another callback instead, or "
        "use a fiber or a task");
  }
  if (current_ != &reactor) {
    throw std::logic_error("this loop belongs to another thread, or another has taken its place");
  }
  reactor.running_ = true;
  // If a step of the last run has thrown, who came after it in its batch is still to run.
  reactor.batch_.splice_back(reactor.ready_);
  reactor.ready_.splice_back(reactor.batch_);
}

void Reactor::run_forever() {
  Running running(*this, "the loop");
  while (!stopping_) turn(/*forever=*/true);
}

// The order of a turn is the one described in reactor.hpp.
void Reactor::turn(bool forever) {
  if (abandoned_) throw std::logic_error("a forked child cannot go on in its parent's loop");
  const bool time_may_pass = poll(/*busy=*/!ready_.empty(), forever);
  if (mailbox_->has_messages()) take_messages();
  take_due_timers(time_may_pass);
  if (signals_) signals_->deliver();
  run_batch();
}

// Wakes who waited for a descriptor; sleeps until there is something to do unless `busy`. Returns
// whether timers may be due.
bool Reactor::poll(bool busy, bool forever) {
  Poller& poller = mailbox_->poller;
  follow_clock();
  const std::uint64_t next = timers_.next_deadline();
  const bool timer_set = next != TimerWheel::kNone;
  if (busy) {
    // Without a watch there is nothing that only the kernel knows.
    if (watches_.size() != 0) {
      for (const PollEvent& event : poller.wait(Duration::zero())) watches_.dispatch(event);
    }
    return timer_set;
  }

  Duration timeout = Duration(-1);  // without end
  if (timer_set && !Clock::is_virtual()) {
    timeout = time_of(next) - Clock::now();
    if (timeout < kTick) timeout = Duration::zero();  // going to sleep would take longer
  }
  // Before anything is asked that another thread may change: from here on it wakes the poller.
  if (!mailbox_->may_sleep()) timeout = Duration::zero();
  // Nobody outside means: if the kernel has nothing now, only time can bring something.
  const bool alone =
      nobody_outside() && (Clock::is_virtual() ? timer_set || !forever : !timer_set && !forever);
  if (alone) timeout = Duration::zero();
  const std::span<const PollEvent> events = poller.wait(timeout);
  for (const PollEvent& event : events) watches_.dispatch(event);
  mailbox_->awake();

  // An event that nobody waited for may hide others: the kernel reports so many at a time.
  if (alone && events.empty() && !mailbox_->has_messages() &&
      !(signals_ && signals_->arrived())) {
    if (!timer_set) throw_deadlock();
    Clock::advance_to(time_of(next));
  }
  return timer_set;
}

void Reactor::take_messages() {
  mailbox_->take(mail_.messages_);
  mail_.begin(mail_);
  mail_.wake();
}

void Reactor::take_due_timers(bool time_may_pass) {
  if (!time_may_pass) return;
  List<Timer> due;
  timers_.advance(tick_at_or_before(Clock::now()), due);
  while (Timer* timer = due.pop_front()) timer->waiter->wake();
}

void Reactor::run_batch() {
  batch_.splice_back(ready_);
  if (shuffling_) shuffle_batch();
  if (debug()) [[unlikely]]
    return run_watched_batch();
  while (Waiter* next = batch_.front()) take(*next).step();
  stepping_ = 0;
}

void Reactor::shuffle_batch() {
  std::vector<Waiter*> order;
  while (Waiter* next = batch_.pop_front()) order.push_back(next);
  std::shuffle(order.begin(), order.end(), shuffle_);
  for (Waiter* waiter : order) batch_.push_back(*waiter);
}

bool Reactor::nobody_outside() const noexcept {
  return outside_ == 0 && watches_.outside() == 0 && mailbox_->remotes.load() == 0 &&
         (!signals_ || !signals_->awaited());
}

void Reactor::note_ready(Observer& observer, Waiter& waiter) noexcept {
  if (waiter.who()->id() == 0) return;
  observer.ready(waiter.who()->id(), stepping_);
}

std::string Reactor::waiting_report() {
  std::string report;
  for_each_owned([&report](Owned& owned) {
    report += "\n  " + owned.describe() + " " + describe_state(owned);
  });
  return report;
}

void Reactor::throw_deadlock() {
  throw Deadlock(
      "deadlock: nothing is ready, no timer is set and nobody outside can wake this loop" +
      waiting_report());
}

// Whose place another reactor of this thread has taken is still of this thread. In a forked child
// the parent's reactor is nobody's: it does no harm to wake somebody there, and no good.
bool Reactor::is_mine(Waiter& waiter) const noexcept {
  for (const Reactor* mine = current_; mine != nullptr; mine = mine->previous_) {
    if (mine == this) return true;
  }
  if (abandoned_) return false;
  std::fprintf(stderr,
               "simul: %s, which waits for %s, was woken from another thread; use "
               "Remote::call_soon_threadsafe\n",
               (waiter.who() != nullptr ? waiter.who()->describe() : "callback").c_str(),
               waiter.label());
  std::abort();
}

// --- Time and ticks -----------------------------------------------------------------------------

std::uint64_t Reactor::tick_at_or_after(TimePoint time) noexcept {
  follow_clock();
  return time <= origin_ ? 0 : (nanoseconds_since_origin(time) - 1) / kTick.count() + 1;
}

std::uint64_t Reactor::tick_at_or_before(TimePoint time) noexcept {
  follow_clock();
  return time <= origin_ ? 0 : nanoseconds_since_origin(time) / kTick.count();
}

// The wheel never goes back. When the clock does, because a scope of virtual time has ended, the
// origin moves with it, and timers keep the distance they had.
void Reactor::rebase() noexcept {
  times_set_back_ = Clock::times_set_back();
  const TimePoint time = std::chrono::floor<std::chrono::microseconds>(Clock::now());
  const TimePoint latest = time_of(timers_.now());
  if (time < latest) origin_ -= latest - time;
}

TimePoint Reactor::time_of(std::uint64_t tick) const noexcept {
  const auto farthest = nanoseconds_since_origin(kNever) / kTick.count();
  if (tick >= farthest) return kNever;
  const auto origin = static_cast<std::uint64_t>(origin_.time_since_epoch().count());
  return TimePoint(Duration(static_cast<std::int64_t>(origin + tick * kTick.count())));
}

}  // namespace simul
