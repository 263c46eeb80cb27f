// Jobs by their ids, whatever queue they belong to: look at them, cancel, run again, remove.
//
//     JobStore jobs(client);
//     if (co_await jobs.status(id) == JobStatus::finished)
//       say(json::write((co_await jobs.latest_result(id))->value()));
//
// Everything here sees and does what `rq` would; a job that a Python worker has in its hands may be
// canceled here, and the other way round. What changes a job reads it first and is not done if
// somebody else changes it at the same moment: then it is decided again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/json/json.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/redis/job.hpp"
#include "runtime/redis/job_result.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

/// See above. It is a reference to a client, which must outlive it. Every member throws what
/// `Client::call` throws. Thread: the client's.
class JobStore {
 public:
  explicit JobStore(Client& client) noexcept : client_(client) {}

  /// The job, or nothing if there is none. (Job.fetch)
  Task<std::optional<Job>> fetch(std::string id);

  /// Several at once, in one round trip; those that do not exist are left out. (Job.fetch_many)
  Task<std::vector<Job>> fetch_many(std::vector<std::string> ids);

  /// Nothing if there is no such job. (Job.get_status)
  Task<std::optional<JobStatus>> status(std::string id);

  /// What its last run came to; nothing if it has not ended, or its result has been forgotten.
  /// (Job.latest_result)
  Task<std::optional<JobResult>> latest_result(std::string id);

  /// The newest first. (Job.results)
  Task<std::vector<JobResult>> results(std::string id);

  /// Replaces what its owner has noted about it. (Job.save_meta)
  Task<> set_meta(std::string id, json::Value meta);

  /// It shall not be run. One that runs already goes on, but what comes of it is dropped. With
  /// `release`, jobs that wait for it need not any more. False if there is no such job or it is
  /// canceled. (Job.cancel)
  Task<bool> cancel(std::string id, bool release = false);

  /// Back to its queue, at its end or its front: a job that failed, was stopped or canceled. False
  /// if it is no such job. (Job.requeue)
  Task<bool> requeue(std::string id, bool at_front = false);

  /// Forgets it, and its results: out of its queue, every registry, and Redis. Jobs that wait for
  /// it wait on. False if there is no such job. (Job.delete)
  Task<bool> remove(std::string id);

  Client& client() const noexcept { return client_; }

 private:
  Client& client_;
};

}  // namespace simul::redis
