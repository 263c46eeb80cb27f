// The steps of a job's life, each as the commands that make it.
//
// Each of these must be sent as one transaction: a job is in exactly one place (its queue's list,
// one registry, or the list of what a worker has taken) before a step and after it, whoever dies in
// between. What the steps change, they also change in the `Job` that they are given, so that it
// says what Redis will say.
//
// The commands are those of RQ 1.13 in RQ's order, with two differences that no reader can tell:
// RQ writes all fields of a job again at every step, here it is those that change; and the status
// is written once, with them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/redis/command.hpp"
#include "runtime/redis/job.hpp"
#include "runtime/redis/registry.hpp"

namespace simul::redis::steps {

/// A new job, written down whole, at the end or at the front of its queue (`job.origin`).
void enqueue(Transaction& out, Job& job, bool at_front, WallTime now);

/// A new job that waits in the scheduled registry until `due`.
void schedule(Transaction& out, Job& job, WallTime due);

/// A new job that waits for others (`job.dependency_ids`).
void defer(Transaction& out, Job& job, WallTime now);

/// A job that is there already goes back to its queue; whoever calls takes it out of where it is.
void enqueue_again(Transaction& out, Job& job, bool at_front, WallTime now);

/// Takes a job out of a registry of its queue.
void leave(Transaction& out, const Job& job, Registry registry);

/// A worker that has taken it from `queue` begins. `expires`: when it is to be taken for abandoned
/// unless a heartbeat comes. Returns the place of the reply to EXISTS: 0 if the job is gone, and
/// then what this has written is to be removed.
std::size_t start(Transaction& out, Job& job, std::string_view queue, std::string_view worker,
                  WallTime now, std::int64_t expires);

/// It has returned `result`; null is Python's None and is not stored.
void finish(Transaction& out, Job& job, const json::Value& result, WallTime now);

/// It has failed for good; `exception` is the text to be kept. `status`: failed, or stopped if
/// somebody asked for that.
void fail(Transaction& out, Job& job, std::string_view exception, WallTime now,
          JobStatus status = JobStatus::failed);

/// It has failed and has retries left: to its queue, or to the scheduled registry. Throws
/// std::logic_error if it has none.
void retry(Transaction& out, Job& job, WallTime now);

/// The job and all that hangs on it but its results, which expire. (Job.delete)
void remove(Transaction& out, const Job& job);

}  // namespace simul::redis::steps
