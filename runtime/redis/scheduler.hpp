// Delayed jobs: moved to their queues when they are due.
//
// A job that was enqueued for later, or that failed and is to be tried again after a while, stands
// in its queue's scheduled registry, and the score is the time when it is due. Somebody has to look
// there once a second. Of all the workers and schedulers of a queue, RQ's included, one does: who
// has set `rq:scheduler-lock:<q>`, and refreshes it. When that one dies the lock expires, and the
// next who asks gets it.
//
// The lock only saves work. If two look at once, each job is still moved once, since moving it is a
// transaction that watches the job. (rq.scheduler.RQScheduler)
#pragma once

#include <set>
#include <string>

#include "runtime/redis/worker_context.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

class Scheduler {
 public:
  explicit Scheduler(WorkerContext& worker) : worker_(worker) {}

  /// One look at each queue whose lock we have or get.
  Task<> run();

  /// Lets others have the locks.
  Task<> release();

 private:
  Task<bool> lock(std::string queue);
  Task<> enqueue_due(std::string queue);
  Task<> enqueue_one(std::string queue, std::string id);

  WorkerContext& worker_;
  std::set<std::string> locked_;
};

}  // namespace simul::redis
