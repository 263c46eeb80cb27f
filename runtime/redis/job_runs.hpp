// The jobs that a worker is at: each from the moment it was taken to the moment it is settled.
//
//     taken -> read -> begun -> the function runs -> settled: finished, failed, to be tried again,
//                        |                           stopped, or given back
//                        +-- heartbeats: "it still runs"
//
// The invariant: a job's outcome is written only by the worker that the job's hash names, while its
// status is "started". If others have taken this worker for dead, or somebody has canceled the job,
// the books belong to them, and what comes of the run here is dropped with a line in the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "runtime/redis/command.hpp"
#include "runtime/redis/job.hpp"
#include "runtime/redis/job_function.hpp"
#include "runtime/redis/job_intake.hpp"
#include "runtime/redis/worker_context.hpp"
#include "runtime/redis/worker_record.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

/// See above. Thread: the reactor's.
class JobRuns {
 public:
  JobRuns(WorkerContext& worker, const WorkerRecord& record, JobIntake& intake)
      : worker_(worker), record_(record), intake_(intake) {}

  /// What can be done. To be filled before the first job.
  std::map<std::string, JobFunction, std::less<>>& functions() noexcept { return functions_; }

  /// All of one job. Throws only what will not pass.
  Task<> perform(TakenJob taken);

  /// Says of all that run that they do, and of the worker that it lives.
  Task<> beat(WorkerRecord& record);

  /// Ends a run, whose job then is among the failed ones as "stopped". False if it is not here.
  bool stop(const std::string& id);

  /// Ends all runs: their jobs go back to the front of their queues, or they fail ("kill-horse").
  void give_all_back() { end_all(Ending::given_back); }
  void kill_all() { end_all(Ending::killed); }

  std::size_t running() const noexcept { return runs_.size(); }

  /// How many have been settled.
  std::size_t done() const noexcept { return done_; }

 private:
  // Why a run was ended from outside.
  enum class Ending : std::uint8_t { none, stopped, given_back, killed };
  struct Run {
    Job job;
    Ending ending = Ending::none;
    bool settling = false;  // the function has ended
    std::optional<TaskHandle<json::Value>> handle{};
  };
  // What came of the function: a value, or the text of an exception.
  struct Outcome {
    json::Value value{};
    std::optional<std::string> exception{};
  };

  Task<std::optional<Job>> read(const TakenJob& taken);
  Task<bool> begin(Job& job, const TakenJob& taken);
  Task<Outcome> call(Run& run);
  Task<Outcome> call_function(Run& run);
  Task<bool> settle(Run& run, const Outcome& outcome);
  void report(const Run& run, const Outcome& outcome);
  std::string another_than(const std::string& id) const;
  void end_all(Ending ending);

  WorkerContext& worker_;
  const WorkerRecord& record_;
  JobIntake& intake_;
  std::map<std::string, JobFunction, std::less<>> functions_;
  std::multimap<std::string, Run*> runs_;  // by the job's id; the same job may be here twice
  std::size_t done_ = 0;
};

}  // namespace simul::redis
