// Functions run by processes of their own: for work that needs a whole processor.
//
//     ProcessPool pool(4);
//     std::string result = await(pool.run("square", "7"));
//
// A thread would do as much in C++, unless the work may crash, leak or must be stopped: a process
// can be killed. So a job that nobody waits for any more is killed with its process, which a thread
// of ThreadPool could not be; and a process that dies takes its one job with it and no other.
//
//     run() --> line --> process: idle --> job over a pipe --> answer --> idle ...
//                           ^                          \--> died: the job fails, says how
//                           +-- started when there is work and all are busy, up to the limit
//
// The invariant: a process has at most one job, and a job stands in the line, is with one process,
// or has its answer. Functions are registered: process_function.hpp.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/base/intrusive_list.hpp"
#include "runtime/reactor/outside.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul {

class PoolWorker;
class ProcessPool;

/// A job of a ProcessPool failed: its function threw, or its process died. The message names the
/// function and says which: "square: no number", "square: its process [4711] was killed by signal
/// 9 (Killed)".
class JobFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The wait for a job: see ProcessPool::run. The pool may go first.
class [[nodiscard]] PoolJob final : public Wait<PoolJob>, public ListNode<PoolJob> {
 public:
  PoolJob(ProcessPool& pool, std::string name, std::string argument)
      : Wait(kSort), pool_(&pool), name_(std::move(name)), argument_(std::move(argument)) {}
  ~PoolJob();

  bool await_ready() const noexcept { return false; }
  void start();
  std::string await_resume();

 private:
  friend class PoolWorker;
  friend class ProcessPool;

  static void leave(Waiter& waiter) noexcept { static_cast<PoolJob&>(waiter).outside_.reset(); }
  static constexpr Sort kSort = {"a process", leave};

  void succeed(std::string result) noexcept;
  void fail(const std::string& why) noexcept;
  void end_with(std::exception_ptr error) noexcept;

  ProcessPool* pool_;
  std::string name_;
  std::string argument_;
  PoolWorker* worker_ = nullptr;  // that is at it; then the pool is there
  std::optional<std::string> result_;
  std::exception_ptr error_;
  std::optional<Outside> outside_;
};

/// What a pool may take.
struct ProcessPoolOptions {
  std::size_t processes = 0;                        ///< at most; 0: as many as there are processors
  std::size_t answer_limit = std::size_t{1} << 30;  ///< bytes of one answer; more fail the job
};

/// See above. Thread: that of the reactor that was current when it was made, and which it must not
/// outlive.
class ProcessPool {
 public:
  explicit ProcessPool(std::size_t processes = 0) : ProcessPool({.processes = processes}) {}
  explicit ProcessPool(ProcessPoolOptions options);

  /// Kills all its processes. Jobs that somebody waits for fail. The loop reaps the processes.
  ~ProcessPool();
  ProcessPool(const ProcessPool&) = delete;
  ProcessPool& operator=(const ProcessPool&) = delete;

  /// Runs a function by its name (process_function.hpp), first come, first served: gives its
  /// result. Throws JobFailed; std::system_error if a process is needed and cannot be started.
  /// Giving up the wait takes the job out of the line, or kills the process that is at it.
  PoolJob run(std::string name, std::string argument = {}) {
    return {*this, std::move(name), std::move(argument)};
  }

  /// How many processes there are.
  std::size_t processes() const noexcept { return workers_.size(); }

  /// The ids of those processes, in the order in which they were started.
  std::vector<int> process_ids() const;

 private:
  friend class PoolJob;
  friend class PoolWorker;

  void serve_line() noexcept;
  void dismiss(PoolWorker& worker) noexcept;
  PoolWorker* idle_worker() noexcept;
  PoolWorker* new_worker();

  Reactor& reactor_;
  std::size_t most_;
  std::size_t answer_limit_;
  List<PoolJob, PoolJob> line_;
  std::vector<std::unique_ptr<PoolWorker>> workers_;
};

}  // namespace simul
