// A worker: takes jobs off queues and does them, until it is told to stop.
//
//     Worker worker(Url::from_environment(), {"high", "default"});
//     worker.function("mymodule.count_words_at_url", count_words_at_url);
//     run(worker.work());
//
// What it listens to is in the order of importance: the second queue is asked only while the first
// is empty. As many jobs run at once as `concurrency` says, on this one thread; what computes for
// long, or may crash, runs in a process of its own (job_function.hpp).
//
//     +-- duties: heartbeat, recovery, scheduler, commands       each a task of its own
//     |
//   work() --> take --> run, run, run ...  --> settle            job_intake, job_runs
//     |         ^                                |
//     |         +---- a place is free -----------+
//     +-- stop: no more jobs, those that run end;  stop_now: they go back to their queues
//
// At least once. A job is, at every moment and whoever dies, either in a queue, in a registry, or
// in a list that other workers look after (job_intake.hpp, recovery.hpp); so a worker that is
// killed, with whatever signal and at whatever instruction, loses nothing. What it was at is begun
// again by another one. That is why a job should be idempotent: job_queue.hpp says what that means.
// Two runs of one job may even overlap, when a worker was not dead but only too busy or too far
// away to say that it was alive for `heartbeat + grace`; only one of them gets to write its
// outcome.
//
// All this is worth as much as the server's memory: for jobs to survive its crash, it must write
// them to disk before it answers (`appendonly yes`, `appendfsync always`). When the server goes
// away, the worker waits for it to come back and goes on.
//
// Workers of RQ and these may serve the same queues, and `rq info` shows both.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/redis/client.hpp"
#include "runtime/redis/job_function.hpp"
#include "runtime/redis/url.hpp"
#include "runtime/redis/worker_options.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

/// Thread: that of the reactor that was current when it was made, which must outlive it.
/// (rq.Worker)
class Worker {
 public:
  /// Connects to nothing yet. Throws std::invalid_argument without a queue, and for a name that is
  /// not one (empty parts, a colon, a line break).
  Worker(Url url, std::vector<std::string> queues, WorkerOptions options = {},
         ClientOptions client = {});
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Under `name`, do this. A coroutine with C++ types, or a JobFunction; see job_function.hpp.
  void function(std::string name, JobFunction function);
  template <class R, class... P>
  void function(std::string name, Task<R> (*coroutine)(P...)) {
    function(std::move(name), job_function(coroutine));
  }

  /// Works until it is stopped, or in a burst until nothing is left to do; once. Returns how many
  /// jobs it has settled. Throws NameTaken; what Client::call throws if there is no server to begin
  /// with; ServerError for an error that will not pass, such as a key of another type.
  Task<std::size_t> work();

  /// Takes no more jobs; `work` returns when those at hand have ended. (rq: warm shutdown)
  void stop();

  /// The jobs at hand are cancelled and go back to the front of their queues. (rq: cold shutdown,
  /// which leaves them for the clean-up to find)
  void stop_now();

  const std::string& name() const noexcept;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace simul::redis
