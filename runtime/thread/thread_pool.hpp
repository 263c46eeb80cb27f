// Threads for calls that block and know no other way, such as a name lookup in the C library.
//
// A loop must not block, so it sends the call elsewhere and waits for the answer as for anything
// else: `await(offload([] { return slow(); }))`. The job owns the function and its result; the
// waiting side holds only a reference to the job. So a wait that is cancelled simply goes, and the
// thread that is still at it finishes for nobody.
//
// Threads are started when there is work for them and end when there has been none for a while.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "runtime/base/callback.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul {

/// A queue of jobs and at most so many threads that take from it. Any thread may use it.
class ThreadPool {
 public:
  /// `linger`: how long an idle thread waits for another job before it ends.
  explicit ThreadPool(std::size_t max_threads, Duration linger = std::chrono::milliseconds(100));

  /// Waits for the jobs that run; those that have not begun are destroyed unrun.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// The process's own pool of 16 threads. A forked child has a fresh one.
  static ThreadPool& shared();

  /// Runs `job` on one of the threads, first come, first served. A job must not throw. Throws
  /// std::system_error if not even one thread can be started.
  void submit(Callback<void()> job);

 private:
  struct State;
  static void work(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

/// The wait for a function that runs on another thread. Gives what the function returned or throws
/// what it threw. Destroying the wait abandons the job, which runs to its end all the same.
template <class F>
class [[nodiscard]] Offload final : public Wait<Offload<F>> {
 public:
  using Result = std::invoke_result_t<F&>;

  Offload(ThreadPool& pool, F function)
      : Wait<Offload>(kSort), pool_(pool), job_(std::make_shared<Job>(std::move(function))) {}
  ~Offload() { job_->wait = nullptr; }

  bool await_ready() const noexcept { return false; }

  void start() {
    job_->wait = this;
    pool_.submit([job = job_, remote = this->who()->reactor().remote()]() mutable {
      job->run();
      // The message lets go of the job in the loop's thread, where its result is used.
      remote.call_soon_threadsafe([job = std::move(job)] {
        if (job->wait != nullptr) job->wait->wake();
      });
    });
  }

  Result await_resume() {
    if (job_->error) std::rethrow_exception(job_->error);
    if constexpr (!std::is_void_v<Result>) return std::move(*job_->result);
  }

 private:
  struct Job {
    explicit Job(F f) : function(std::move(f)) {}
    void run() noexcept {
      try {
        if constexpr (std::is_void_v<Result>)
          function();
        else
          result.emplace(function());
      } catch (...) {
        error = std::current_exception();
      }
    }
    F function;
    std::optional<std::conditional_t<std::is_void_v<Result>, std::monostate, Result>> result;
    std::exception_ptr error;
    Offload* wait = nullptr;  // the loop's thread only; null: nobody waits any more
  };

  static constexpr Waiter::Sort kSort = {"a thread", nullptr};

  ThreadPool& pool_;
  std::shared_ptr<Job> job_;
};

/// Runs `function` on a thread of `pool`. (asyncio.to_thread, gevent's threadpool)
template <class F>
Offload<std::decay_t<F>> offload(F&& function, ThreadPool& pool = ThreadPool::shared()) {
  return Offload<std::decay_t<F>>(pool, std::forward<F>(function));
}

}  // namespace simul
