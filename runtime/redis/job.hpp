// A job: what it is to do, what has become of it, and how that is written in Redis.
//
//            enqueue               a worker takes it          it returned
//     o---> queued ----------------> started ------------------> finished
//           ^  ^  ^                     |  \ threw, or too late
//           |  |  | due                 |   +---> failed -- requeue --> queued
//           |  |  +-- scheduled <-------+ with retries left
//           |  +-- deferred: waits for another job           canceled, stopped: by somebody
//           +---- the worker died (worker.hpp)
//
// A job is one hash, and its fields are RQ's. The invariant: a field that we do not know, or whose
// contents we cannot read (a pickled `meta`, say), is never written and so stays as it is.
//
// One field is ours: `simul:abandoned` counts how many workers have died with this job in hand.
//
// This is a value, and knows no connection: job_queue.hpp reads and writes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/json/json.hpp"
#include "runtime/redis/job_call.hpp"
#include "runtime/redis/wall_time.hpp"

namespace simul::redis {

/// What a job is at the moment. (rq.job.JobStatus)
enum class JobStatus { queued, started, finished, failed, deferred, scheduled, stopped, canceled };

/// As in the hash: "queued".
std::string_view to_text(JobStatus status) noexcept;
/// Nothing if it is none of these.
std::optional<JobStatus> parse_job_status(std::string_view text) noexcept;

/// The fields of a hash, in order.
using Fields = std::vector<std::pair<std::string, std::string>>;

/// How often, and after how long, a job that failed is run again. (rq.Retry)
struct Retry {
  std::int64_t max = 0;  ///< runs after the first; 0: none
  /// Seconds before each of them; where there are fewer than `max`, the first one counts for the
  /// first few. Empty: at once. Delays are kept by a worker with a scheduler.
  std::vector<std::int64_t> intervals{};
};

/// See above. Times are null until they have been. Lifetimes are in seconds: none stands for the
/// default, -1 for ever, 0 not at all.
struct Job {
  static constexpr std::int64_t kDefaultTimeout = 180;            ///< seconds a run may take
  static constexpr std::int64_t kDefaultResultTtl = 500;          ///< after success
  static constexpr std::int64_t kDefaultFailureTtl = 31'536'000;  ///< after failure: a year

  std::string id{};
  std::string origin{};  ///< its queue
  std::string description{};
  std::optional<JobStatus> status{};
  std::string data{};  ///< the call as it lies in Redis; see `call`

  std::optional<WallTime> created_at{};
  std::optional<WallTime> enqueued_at{};
  std::optional<WallTime> started_at{};
  std::optional<WallTime> ended_at{};
  std::optional<WallTime> last_heartbeat{};
  std::string worker_name{};  ///< who has it, or had it last

  std::optional<std::int64_t> timeout{};      ///< seconds; -1: no limit
  std::optional<std::int64_t> result_ttl{};   ///< how long it and its result are kept
  std::optional<std::int64_t> failure_ttl{};  ///< how long it is kept when it has failed
  std::optional<std::int64_t> ttl{};          ///< how long it may wait before it is forgotten
  std::optional<std::int64_t> retries_left{};
  std::vector<std::int64_t> retry_intervals{};
  std::vector<std::string> dependency_ids{};  ///< jobs that must finish first
  std::optional<bool> allow_dependency_failures{};
  std::optional<bool> enqueue_at_front{};  ///< when its time or its turn has come
  json::Value meta{};                      ///< anything its owner likes; null: none
  std::int64_t abandoned = 0;              ///< workers that died with it

  /// The call. Throws UnreadableJob.
  JobCall call() const { return JobCall::from_json(unpack(data)); }

  /// "mymodule.count_words", or "?" if the call cannot be read: for messages.
  std::string function_name() const;

  /// Seconds to wait before the next of the retries that are left. (Job.get_retry_interval)
  std::int64_t retry_interval() const;

  std::chrono::seconds time_limit() const {
    return std::chrono::seconds(timeout.value_or(kDefaultTimeout));
  }

  /// All that RQ writes when it enqueues a job. Throws json::InvalidValue for a `meta` without a
  /// text.
  Fields fields() const;

  /// From what HGETALL returned. Nothing if that is no job: RQ drops an id whose hash has no
  /// `data`.
  static std::optional<Job> from_fields(std::string id, const Fields& fields);
};

/// A random id, as RQ makes them: a UUID of version 4, with dashes.
std::string new_job_id();

/// 32 random hexadecimal digits, as RQ names its workers.
std::string new_worker_name();

}  // namespace simul::redis
