// Cooperator: many iterators, stepped in turn, a little at a time.
//
//     CooperativeIterator count(std::string name, int limit) {
//       for (int i = 0; i < limit; ++i) {
//         compute(name, i);
//         co_yield {};                              // the next iterator's turn
//         co_yield save(i).add_callback(print);     // and out of the round until that is done
//       }
//     }
//     coiterate(count("One", 10)).add_callback(report);
//
// One tick steps the iterators round and round until its time slice is over; the next tick comes in
// the next turn of the loop, so that timers and sockets have theirs in between. An iterator that
// yields a Deferred leaves the round, and comes back at its end when that has fired.
//
// The invariant: an iterator is in the round exactly while it is neither paused nor finished; it is
// never stepped from two places. What it waits for owns an iterator that is out of the round (or
// whoever holds its CooperativeTask); so it goes with a Deferred that never fires, and with the
// Cooperator in any case. The traps of coroutines: see inline_callbacks.hpp.
// (twisted.internet.task: Cooperator, CooperativeTask)
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/intrusive_list.hpp"
#include "runtime/deferred/deferred.hpp"
#include "runtime/generator/generator.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul {

/// What an iterator yields at the end of a step: nothing, `co_yield {}`, or a Deferred of any type.
/// Its value counts for nothing; its error ends the iterator.
class CooperativeStep {
 public:
  CooperativeStep() = default;
  template <class T>
  CooperativeStep(  // NOLINT(google-explicit-constructor): `co_yield d`
      const Deferred<T>& deferred, std::source_location where = std::source_location::current())
      : CooperativeStep(Deferred<T>(deferred), where) {}
  // Leaves an empty handle behind: what the iterator waits for should own it, not it that.
  template <class T>
  CooperativeStep(  // NOLINT(google-explicit-constructor): `co_yield get_page(url)`
      Deferred<T>&& deferred, std::source_location where = std::source_location::current())
      : deferred_(Deferred<T>(std::move(deferred)).add_callback([](auto&&...) {}, where)) {}

  /// The Deferred, if there is one, and if it was not taken before.
  std::optional<Deferred<void>> take() { return std::exchange(deferred_, std::nullopt); }

 private:
  std::optional<Deferred<void>> deferred_;
};

/// What a Cooperator steps.
using CooperativeIterator = Generator<CooperativeStep>;

/// Something was asked of a Cooperator, or of a task, that is not in the state for it.
class SchedulerError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};
/// The Cooperator is stopped, or gone.
class SchedulerStopped : public SchedulerError {
 public:
  SchedulerStopped() : SchedulerError("the cooperator has stopped") {}
};
/// `resume` of a task that is not paused.
class NotPaused : public SchedulerError {
 public:
  NotPaused() : SchedulerError("resume: the task is not paused") {}
};
/// The task is over, and why.
class TaskFinished : public SchedulerError {
 public:
  using SchedulerError::SchedulerError;
};
/// Its iterator came to its end.
class TaskDone : public TaskFinished {
 public:
  TaskDone() : TaskFinished("the task is done") {}
};
/// Its iterator threw, or a Deferred that it yielded failed.
class TaskFailed : public TaskFinished {
 public:
  TaskFailed() : TaskFinished("the task has failed") {}
};
/// Its `stop` was called.
class TaskStopped : public TaskFinished {
 public:
  TaskStopped() : TaskFinished("the task was stopped") {}
};

class Cooperator;

namespace detail {

/// An iterator with its state.
class Cooperation : public std::enable_shared_from_this<Cooperation>, public ListNode<Cooperation> {
 public:
  Cooperation(CooperativeIterator iterator, Cooperator& cooperator,
              const std::source_location& where)
      : iterator_(std::move(iterator)), cooperator_(&cooperator), where_(where) {}

  void step();
  void pause();
  void resume();
  void stop();
  Deferred<void> when_done(std::source_location where);

  /// Ends it: who asks anything of it gets the exception `finished`; its Deferreds fire, with
  /// `error` unless that is null.
  void complete(std::exception_ptr finished, std::exception_ptr error);

  /// The Cooperator goes: nothing fires any more.
  void abandon() noexcept;

 private:
  void check_not_finished() const;
  void failed(const std::exception_ptr& error);
  void wait_for(const Deferred<void>& deferred);
  void drop_iterator() noexcept;

  CooperativeIterator iterator_;
  Cooperator* cooperator_;  // null: it has gone
  std::source_location where_;
  std::vector<Deferred<void>> done_;
  std::exception_ptr finished_;  // null while it is not
  std::exception_ptr error_;
  std::optional<Deferred<void>> unclaimed_;  // a failure that nobody has asked for yet
  unsigned pauses_ = 0;
  bool stepping_ = false;  // its body runs
};

}  // namespace detail

/// A handle of an iterator that a Cooperator steps; copies mean the same one. Dropping it changes
/// nothing, unless the iterator is paused: then nobody else could resume it, and it is destroyed.
/// (twisted.internet.task.CooperativeTask)
class CooperativeTask {
 public:
  /// Takes it out of the round. Each `pause` needs a `resume` of its own. Throws TaskFinished, one
  /// of its kinds, or SchedulerStopped if it is over.
  void pause() const { core_->pause(); }

  /// Takes back one `pause`; after the last one the iterator is the last of the round. Throws
  /// NotPaused.
  void resume() const { core_->resume(); }

  /// Ends it: the iterator is destroyed where it stands. Throws as `pause` does.
  void stop() const { core_->stop(); }

  /// A new Deferred, which fires when the iterator has come to its end, or fails with what it
  /// threw, with the error of a Deferred that it yielded, with TaskStopped or SchedulerStopped.
  /// Cancelling it does not stop the iterator.
  Deferred<void> when_done(std::source_location where = std::source_location::current()) const {
    return core_->when_done(where);
  }

 private:
  friend class Cooperator;
  explicit CooperativeTask(std::shared_ptr<detail::Cooperation> core) : core_(std::move(core)) {}

  std::shared_ptr<detail::Cooperation> core_;
};

/// Steps iterators. When it is destroyed, so are those that have not ended, and their Deferreds
/// never fire. Not to be destroyed from inside a step. Thread: its reactor's.
class Cooperator {
 public:
  static constexpr Duration kSlice = std::chrono::milliseconds(10);

  /// `slice`: how long a tick may take, in real time whatever the thread's clock is; it ends with
  /// the first step that is over later. Zero: one step in each turn of the loop.
  explicit Cooperator(Duration slice = kSlice) : Cooperator(Reactor::current(), slice) {}
  explicit Cooperator(Reactor& reactor, Duration slice = kSlice);
  Cooperator(const Cooperator&) = delete;
  Cooperator& operator=(const Cooperator&) = delete;
  ~Cooperator();

  /// Steps `iterator` from the next turn of the loop on. If it fails and nobody asks when it is
  /// done, that is reported.
  CooperativeTask cooperate(CooperativeIterator iterator,
                            std::source_location where = std::source_location::current());

  /// The same, for who only wants to know when it is done: see CooperativeTask::when_done.
  Deferred<void> coiterate(CooperativeIterator iterator,
                           std::source_location where = std::source_location::current()) {
    return cooperate(std::move(iterator), where).when_done(where);
  }

  /// Ends all that are in the round, and at once whatever comes later: with SchedulerStopped.
  void stop();

  /// Lets it go on after `stop`, with what comes from now on.
  void start() noexcept { running_ = true; }

  bool running() const noexcept { return running_; }

 private:
  friend class detail::Cooperation;

  void add(std::shared_ptr<detail::Cooperation> core);
  void remove(const detail::Cooperation& core);
  void schedule();
  void tick();

  Reactor& reactor_;
  Duration slice_;
  std::vector<std::shared_ptr<detail::Cooperation>> round_;
  std::size_t next_ = 0;  // the place in the round of who is stepped next
  List<detail::Cooperation, detail::Cooperation> all_;                       // paused ones included
  std::shared_ptr<Cooperator*> life_ = std::make_shared<Cooperator*>(this);  // for the tick's call
  bool scheduled_ = false;
  bool running_ = true;
};

/// Steps `iterator` beside all others of this thread's reactor. (twisted.internet.task.cooperate)
CooperativeTask cooperate(CooperativeIterator iterator,
                          std::source_location where = std::source_location::current());

/// The same, for who only wants to know when it is done. (twisted.internet.task.coiterate)
Deferred<void> coiterate(CooperativeIterator iterator,
                         std::source_location where = std::source_location::current());

}  // namespace simul
