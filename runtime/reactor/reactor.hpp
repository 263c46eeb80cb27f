// The reactor: one loop, one thread, one way to wait.
//
// It asks the kernel what is ready, finds out which timers are due, and lets everybody who waited
// for that go on, one after another. Whatever a program does through simul, in whichever style, is
// run from `turn`, and from nowhere else. The order of a turn:
//
//     1. poll      which descriptors are ready (does not wait if something is ready already)
//     2. clock     read once
//     3. I/O       wake who waited for a descriptor; callbacks sent by other threads
//     4. timers    wake who is due, in the order of deadlines
//     5. signals   last, so that what a child wrote is read before we hear that it has ended
//     6. run       exactly those entries that are on the ready queue now; whatever they make
//                  ready has its turn in the next turn, so I/O and timers never starve
//
// Waking is only ever putting a Waiter (waiter.hpp) on the ready queue. Nothing is run from inside
// a wake-up, so nobody's code is entered twice and the stack does not grow.
#pragma once

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/base/activity.hpp"
#include "runtime/base/callback.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/observer.hpp"
#include "runtime/reactor/call_slot.hpp"
#include "runtime/reactor/remote.hpp"
#include "runtime/reactor/timer_wheel.hpp"
#include "runtime/reactor/waiter.hpp"
#include "runtime/reactor/watch.hpp"

namespace simul {

class SignalHandlers;

/// Nothing is ready, no timer is set and nobody outside can wake this loop: it would wait for ever.
/// The message lists who waits for what.
class Deadlock : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The event loop of one thread. All members are for that thread alone; others use `remote()`.
class Reactor {
 public:
  /// Takes the place of the thread's reactor until it is destroyed.
  Reactor();

  /// Cancels every fiber and task that has not ended, runs until they have, and drops what
  /// callbacks are left.
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// This thread's reactor; made at first use, and then it lives until the thread ends. A forked
  /// child starts without one: what its copy of the parent's reactor would have run does not run,
  /// and nothing that it does reaches the parent. It may make a loop of its own, but if it was
  /// forked inside a callback or a fiber, it must end (or exec) there: going back into the parent's
  /// loop throws std::logic_error.
  static Reactor& current();
  static Reactor* current_or_null() noexcept { return current_; }

  // --- Callbacks ------------------------------------------------------------------------------

  /// Runs `callback` in the next turn, after those that were registered before it.
  /// (asyncio: loop.call_soon)
  Handle call_soon(Callback<void()> callback);

  /// Runs `callback` once `delay` has passed; never earlier. Equal deadlines: in the order set.
  /// At `kNever`, as after any delay beyond 292 years: never.
  Handle call_later(Duration delay, Callback<void()> callback);
  template <class Rep, class Period>
  Handle call_later(std::chrono::duration<Rep, Period> delay, Callback<void()> callback) {
    return call_later(saturate(delay), std::move(callback));
  }
  Handle call_at(TimePoint deadline, Callback<void()> callback);

  /// The way in for other threads.
  Remote remote() { return Remote(mailbox_); }

  /// Runs `callback` in the loop whenever `signal` arrives (several arrivals may count as one, as
  /// always with signals). Replaces this reactor's earlier handler. Throws std::system_error for
  /// signals that cannot be caught, std::logic_error if another thread's reactor handles it.
  /// `awaited`: does the loop wait for it? If not, as with a Ctrl-C that may never come, it neither
  /// hides a deadlock nor keeps virtual time from moving on.
  void add_signal_handler(int signal, Callback<void()> callback, bool awaited = true);

  /// Restores what the process did with `signal` before. No effect if there is no handler.
  void remove_signal_handler(int signal) noexcept;

  /// What is done with an exception that leaves a callback. By default it is reported on stderr;
  /// the loop goes on in any case. (asyncio: loop.set_exception_handler)
  void set_exception_handler(Callback<void(const std::string& where, std::exception_ptr)> handler);

  /// Reports on stderr, by name, every callback and every step of a fiber or a task that holds the
  /// loop for longer than `slow_limit`, in real time; see debug.cpp. Off, unless the environment
  /// says SIMUL_DEBUG=1 when the reactor is made. (asyncio: loop.set_debug, slow_callback_duration)
  void set_debug(bool on, Duration slow_limit = std::chrono::milliseconds(100)) noexcept;
  bool debug() const noexcept { return slow_limit_ != Duration::zero(); }

  // --- Running --------------------------------------------------------------------------------

  /// Turns until `stop()`; with nothing to do it waits.
  void run_forever();

  /// Turns until `done()`, which is asked before every turn. Throws Deadlock when that can never
  /// come true, and std::logic_error inside a callback of the same loop. `label` is a static text
  /// for the observer: for what the caller waits.
  template <class Done>
  void run_until(Done done, const char* label = "the loop") {
    Running running(*this, label);
    while (!done() && !stopping_) turn(/*forever=*/false);
  }

  /// Ends `run_forever` or `run_until` after the turn in which it is called. Called while the loop
  /// does not run, it ends the next run before its first turn.
  void stop() noexcept { stopping_ = true; }

  /// Is the loop running? Then the caller is a callback, a fiber or a task.
  bool running() const noexcept { return running_; }

  /// Runs each batch in a random order that `seed` determines; 0 turns it off. For tests that want
  /// to find out who relies on the order.
  void shuffle(std::uint64_t seed) { shuffle_.seed(seed), shuffling_ = seed != 0; }

  // --- For wait objects, fibers and tasks -----------------------------------------------------

  /// Puts a waiter on the ready queue; `Waiter::wake` calls it. Aborts on another thread.
  void push_ready(Waiter& waiter) noexcept {
    if (this != current_ && !is_mine(waiter)) [[unlikely]]
      return;
    ready_.push_back(waiter);
    if (Observer* o = observer()) note_ready(*o, waiter);
  }

  /// Wakes `timer.waiter` at `deadline`; a deadline in the past: in the next turn; `kNever`: not.
  void set_timer(Timer& timer, TimePoint deadline) noexcept {
    if (deadline == kNever) return timer.unlink();
    timers_.insert(timer, tick_at_or_after(deadline));
  }

  WatchTable& watches() noexcept { return watches_; }

  /// The next entry of this turn's batch if `wanted` says yes to its routine, else null. The caller
  /// must step that routine at once. This is how one fiber hands over to the next without going
  /// back to the loop in between.
  template <class Wanted>
  Routine* take_next_if(Wanted wanted) noexcept {
    Waiter* next = batch_.front();
    return next != nullptr && wanted(*next->who()) ? &take(*next) : nullptr;
  }

  /// A routine that must end before this reactor does.
  class Owned : public Routine, public ListNode<Owned> {
   public:
    /// Asks it to end.
    virtual void cancel() = 0;

    /// It has been asked twice, and has not ended: what can be freed is to be freed.
    virtual void abandon() noexcept {}

    /// How many coroutines are in the middle of calling each other; 0: it is not made of them.
    virtual std::size_t depth() const noexcept { return 0; }

   protected:
    using Routine::Routine;
    ~Owned() = default;
  };
  void own(Owned& owned) noexcept { owned_.push_back(owned); }

  /// Cancels every fiber and task, and runs until they have ended. One that goes on regardless is
  /// cancelled once more, then reported on stderr and abandoned.
  void end_owned();

  /// Calls `visit(owned)` for each, the oldest first.
  template <class Visit>
  void for_each_owned(Visit visit) {
    for (Owned* owned = owned_.front(); owned != nullptr; owned = owned_.next(*owned)) {
      visit(*owned);
    }
  }

  /// Something from elsewhere (a thread, a child process) will wake this loop: see outside.hpp.
  void add_outside(int difference) noexcept { outside_ += difference; }

  /// The one object of type T that goes with this reactor, made at first use. A layer above keeps
  /// here what it has once per loop.
  template <class T>
  T& part();

  /// Reports an exception that nobody can catch; `where` says whose it was.
  void report(const std::string& where, std::exception_ptr error) noexcept;

  /// Who waits for what, a line each: the text of Deadlock, and for a person who asks.
  std::string waiting_report();

 private:
  friend class CallSlot;
  friend class Handle;
  friend class Mail;
  friend class SignalHandlers;

  class Running {
   public:
    Running(Reactor& reactor, const char* label);
    ~Running() { reactor_.running_ = reactor_.stopping_ = false; }

   private:
    Reactor& reactor_;
    GivingWay giving_way_;
  };

  struct Part {
    virtual ~Part() = default;
    const void* key = nullptr;
  };

  void turn(bool forever);
  bool poll(bool busy, bool forever);
  void take_messages();
  void take_due_timers(bool time_may_pass);
  void run_batch();
  void run_watched_batch();
  void debug_if_asked() noexcept;
  void shuffle_batch();
  void drop_callbacks();

  Routine& take(Waiter& waiter) noexcept {
    Routine& routine = *waiter.who();
    waiter.unlink();
    waiter.taken();
    if (Observer* o = observer(); o != nullptr && routine.id() != 0) o->runs(routine.id());
    stepping_ = routine.id();
    return routine;
  }

  void call(Callback<void()>& callback, std::uint64_t id) noexcept;
  CallSlot& allocate_call(Callback<void()>&& callback);
  Handle handle_of(CallSlot& slot) noexcept;
  void free_call(CallSlot& slot) noexcept;

  bool nobody_outside() const noexcept;
  [[noreturn]] void throw_deadlock();
  bool is_mine(Waiter& waiter) const noexcept;
  void after_fork() noexcept;
  void note_ready(Observer& observer, Waiter& waiter) noexcept;

  // One tick is a microsecond since `origin_`.
  std::uint64_t tick_at_or_after(TimePoint time) noexcept;
  std::uint64_t tick_at_or_before(TimePoint time) noexcept;
  TimePoint time_of(std::uint64_t tick) const noexcept;
  // Unsigned, for the origin may lie before the clock's start, and the difference be too large.
  std::uint64_t nanoseconds_since_origin(TimePoint time) const noexcept {
    return static_cast<std::uint64_t>(time.time_since_epoch().count()) -
           static_cast<std::uint64_t>(origin_.time_since_epoch().count());
  }
  void follow_clock() noexcept {
    if (times_set_back_ != Clock::times_set_back()) [[unlikely]]
      rebase();
  }
  void rebase() noexcept;

  static inline constinit thread_local Reactor* current_ = nullptr;

  Reactor* previous_;  // whose place this one takes
  std::shared_ptr<Mailbox> mailbox_;
  WatchTable watches_;
  TimerWheel timers_;
  TimePoint origin_;
  unsigned times_set_back_ = Clock::times_set_back();
  List<Waiter> ready_;          // what the next turn runs
  List<Waiter> batch_;          // what is left of the present one
  std::uint64_t stepping_ = 0;  // the id of who runs, for the observer; 0: the loop itself
  bool running_ = false;
  bool stopping_ = false;
  bool shuffling_ = false;
  bool abandoned_ = false;  // the copy in a forked child
  int outside_ = 0;
  Duration slow_limit_ = Duration::zero();  // zero: no step is timed
  List<Owned, Owned> owned_;
  std::deque<CallSlot> calls_;
  CallSlot* free_calls_ = nullptr;
  Mail mail_{*this};
  std::unique_ptr<SignalHandlers> signals_;
  // Shared, because the handler may replace itself while it runs.
  std::shared_ptr<Callback<void(const std::string&, std::exception_ptr)>> exception_handler_;
  std::minstd_rand shuffle_;
  std::vector<std::unique_ptr<Part>> parts_;
};

inline void Waiter::trigger() noexcept {
  state_ = State::triggered;
  if (sort_.unlink != nullptr) sort_.unlink(*this);
  who_->reactor().push_ready(*this);
}

template <class T>
T& Reactor::part() {
  struct Holder final : Part {
    explicit Holder(Reactor& reactor) : value(reactor) {}
    T value;
  };
  static const char key = 0;
  for (const auto& part : parts_) {
    if (part->key == &key) return static_cast<Holder&>(*part).value;
  }
  auto holder = std::make_unique<Holder>(*this);
  holder->key = &key;
  T& value = holder->value;
  parts_.push_back(std::move(holder));
  return value;
}

}  // namespace simul
