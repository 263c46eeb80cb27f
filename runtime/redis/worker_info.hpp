// Who works, and at what: the workers of all queues, ours and RQ's, as `rq info` shows them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/redis/client.hpp"
#include "runtime/redis/job.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

/// A worker's entry in the books. What is not there is empty or 0. (rq.Worker.refresh)
struct WorkerInfo {
  std::string name{};
  std::vector<std::string> queues{};  ///< the most important one first
  std::string state{};                ///< "started", "idle", "busy", "suspended"
  std::string current_job{};          ///< one of those that it is at
  std::string hostname{};
  std::int64_t pid = 0;
  std::string version{};  ///< of RQ, or of its layout
  std::optional<WallTime> birth{};
  std::optional<WallTime> last_heartbeat{};
  std::int64_t successful_jobs = 0;
  std::int64_t failed_jobs = 0;  ///< failed runs, retries included
  double working_time = 0;       ///< seconds

  /// From what HGETALL returned.
  static WorkerInfo from_fields(std::string name, const Fields& fields);

  /// All that live, sorted by name. (Worker.all)
  static Task<std::vector<WorkerInfo>> all(Client& client);
};

}  // namespace simul::redis
