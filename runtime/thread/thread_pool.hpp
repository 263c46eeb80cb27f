// Threads for calls that block and know no other way, such as a name lookup in the C library.
//
// A loop must not block, so it sends the call elsewhere and waits for the answer as for anything
// else: `await(offload([] { return slow(); }))`. The job owns the function and its result; the
// waiting side holds only a reference to the job. So a wait that is cancelled simply goes: a job
// that has not begun is taken out of the queue, and a thread that is at it finishes for nobody.
//
// Threads are started when there is work for them and end when there has been none for a while.
//
// The queue is bounded where it must be. Whoever waits for his job makes no second one meanwhile,
// so there are never more of those than there are routines that wait; he simply waits longer. What
// is handed over without waiting could come without end: for that there is a limit, and beyond it
// an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "runtime/base/callback.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul {

/// A queue of jobs and at most so many threads that take from it. Any thread may use it.
class ThreadPool {
 private:
  struct State;

 public:
  /// How many jobs may stand in the queue for which nobody waits.
  static constexpr std::size_t kQueueLimit = 100'000;

  /// `linger`: how long an idle thread waits for another job before it ends.
  explicit ThreadPool(std::size_t max_threads, Duration linger = std::chrono::milliseconds(100),
                      std::size_t queue_limit = kQueueLimit);

  /// As `shutdown`.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// The process's own pool of 16 threads. A forked child has a fresh one.
  static ThreadPool& shared();

  /// A job that was handed over. Dropping it changes nothing. Any thread.
  class Ticket {
   public:
    Ticket() = default;

    /// Takes the job out of the queue and destroys it; false if it has begun (or was withdrawn).
    bool withdraw() const noexcept;

   private:
    friend class ThreadPool;
    Ticket(std::weak_ptr<State> state, std::uint64_t number) noexcept
        : state_(std::move(state)), number_(number) {}

    std::weak_ptr<State> state_;
    std::uint64_t number_ = 0;
  };

  /// Does anybody wait for the job?
  enum class Awaited : bool { no, yes };

  /// Runs `job` on one of the threads, first come, first served. A job must not throw. Throws
  /// LimitExceeded if the queue is full and nobody waits for the job, std::logic_error after
  /// `shutdown`, std::system_error if not even one thread can be started.
  Ticket submit(Callback<void()> job, Awaited awaited = Awaited::no);

  /// Takes no more jobs, destroys those that have not begun (who waits for one gets an error),
  /// and blocks until those that run, and all threads, have ended. Not from one of its own threads.
  void shutdown();

  /// How many jobs stand in the queue, and how many threads there are, at this moment.
  std::size_t queued() const;
  std::size_t threads() const;

 private:
  static void work(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

/// What a job came to: it is handed to the callback of `Offload::then`.
template <class T>
class Offloaded {
 public:
  /// What the function returned; throws what it threw. Once.
  T get() {
    if (error) std::rethrow_exception(error);
    if constexpr (!std::is_void_v<T>) return std::move(*value);
  }

  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> value;
  std::exception_ptr error;
};

/// The wait for a function that runs on another thread. Gives what the function returned or throws
/// what it threw. Destroying the wait abandons the job: one that has begun runs to its end all the
/// same. If the pool ends before the job has begun: Cancelled.
template <class F>
class [[nodiscard]] Offload final : public Wait<Offload<F>> {
 public:
  using Result = std::invoke_result_t<F&>;

  Offload(ThreadPool& pool, F function)
      : Wait<Offload>(kSort), pool_(pool), job_(std::make_shared<Job>(std::move(function))) {}
  ~Offload() {
    job_->wait = nullptr;
    if (!job_->over) ticket_.withdraw();
  }

  bool await_ready() const noexcept { return false; }

  void start() {
    job_->wait = this;
    ticket_ = pool_.submit(Errand(job_, this->who()->reactor()), ThreadPool::Awaited::yes);
  }

  Result await_resume() { return job_->outcome.get(); }

  /// For code that cannot wait: hands the job over now, and `callback(Offloaded<Result>)` is called
  /// in the loop's thread when it is done, or when it is withdrawn (then its error is Cancelled).
  /// What the callback throws is reported as any callback's. Call it once, and do not wait then.
  /// Throws LimitExceeded if the pool's queue is full.
  template <class Then>
  ThreadPool::Ticket then(Then callback) {
    job_->then = std::move(callback);
    try {
      return pool_.submit(Errand(job_, Reactor::current()), ThreadPool::Awaited::no);
    } catch (...) {
      job_->then.reset();  // the caller hears it from here
      throw;
    }
  }

 private:
  struct Job {
    explicit Job(F f) : function(std::move(f)) {}
    void run() noexcept {
      outcome.error = nullptr;
      try {
        if constexpr (std::is_void_v<Result>)
          function();
        else
          outcome.value.emplace(function());
      } catch (...) {
        outcome.error = std::current_exception();
      }
    }
    void finish() {
      over = true;
      if (wait != nullptr) wait->wake();
      if (then) std::exchange(then, {})(std::move(outcome));
    }
    F function;
    Offloaded<Result> outcome{{}, std::make_exception_ptr(Cancelled{})};  // until it has run
    // Of the loop's thread alone:
    Offload* wait = nullptr;  // null: nobody waits any more
    Callback<void(Offloaded<Result>)> then;
    bool over = false;
  };

  /// What lies in the pool's queue. Run or not, it reports back when it goes.
  class Errand {
   public:
    Errand(std::shared_ptr<Job> job, Reactor& reactor)
        : job_(std::move(job)), remote_(reactor.remote()) {}
    Errand(Errand&&) noexcept = default;
    Errand& operator=(Errand&&) = delete;
    ~Errand() {
      // The message lets go of the job in the loop's thread, where its result is used.
      if (job_) remote_.call_soon_threadsafe([job = std::move(job_)] { job->finish(); });
    }
    void operator()() { job_->run(); }

   private:
    std::shared_ptr<Job> job_;
    Remote remote_;
  };

  static constexpr Waiter::Sort kSort = {"a thread", nullptr};

  ThreadPool& pool_;
  std::shared_ptr<Job> job_;
  ThreadPool::Ticket ticket_;
};

/// Runs `function` on a thread of `pool`. (asyncio.to_thread, gevent's threadpool)
template <class F>
Offload<std::decay_t<F>> offload(F&& function, ThreadPool& pool = ThreadPool::shared()) {
  return Offload<std::decay_t<F>>(pool, std::forward<F>(function));
}

}  // namespace simul
