// A worker's inside: its parts, and what holds them together.
//
// Each part knows one thing: the intake takes jobs, the runs do them, the record says that the
// worker lives, recovery and scheduler serve all workers. The core owns them, gives each its task,
// and decides when to begin and when to end. Not for users: worker.hpp is.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "runtime/reactor/reactor.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/redis/job_intake.hpp"
#include "runtime/redis/job_runs.hpp"
#include "runtime/redis/recovery.hpp"
#include "runtime/redis/scheduler.hpp"
#include "runtime/redis/worker.hpp"
#include "runtime/redis/worker_commands.hpp"
#include "runtime/redis/worker_context.hpp"
#include "runtime/redis/worker_record.hpp"
#include "runtime/sync/semaphore.hpp"
#include "runtime/task/task_group.hpp"

namespace simul::redis {

/// See above. Thread: the reactor's.
class Worker::Core {
 public:
  Core(Url url, std::vector<std::string> queues, WorkerOptions options, ClientOptions client);

  Task<std::size_t> work();
  void stop();
  void stop_now();
  JobRuns& runs() noexcept { return runs_; }
  const std::string& name() const noexcept { return worker_.name; }

 private:
  Task<> take_and_run(TaskGroup& group);
  Task<> perform(TakenJob job, Semaphore::Guard place);
  Task<bool> suspended();
  Task<> beat_for_ever();
  Task<> recover_for_ever();
  Task<> schedule_for_ever();
  Task<> leave();
  Task<> do_duties_and_jobs(TaskGroup& group);
  bool stopping() const noexcept { return worker_.stopping.is_set(); }
  void handle_signals();
  void ignore_signals();
  void command(const WorkerCommand& command);

  Client client_;
  std::string name_;
  WorkerContext worker_;
  WorkerRecord record_{worker_};
  JobIntake intake_{worker_};
  JobRuns runs_{worker_, record_, intake_};
  Scheduler scheduler_{worker_};
  Recovery recovery_{worker_};
  Semaphore places_{worker_.options.concurrency};
  TimePoint suspension_checked_{};
  Reactor* signals_of_ = nullptr;
};

}  // namespace simul::redis
