// A queue of jobs in Redis: what one program writes down, another one does.
//
//     Client client(Url::from_environment());
//     JobQueue queue(client, "default");
//     Job job = co_await queue.enqueue("mymodule.count_words_at_url", "http://nvie.com");
//     ...                                         // a worker (worker.hpp), here or elsewhere
//     auto result = co_await queue.jobs().latest_result(job.id);
//
//     JobOptions options{.timeout = 60, .retry = {.max = 3}};
//     job = co_await queue.enqueue(JobCall::of("mymodule.add", 2, 3), options);
//
// The function is named, not sent: whoever works knows what to do under that name. The other side
// may as well be Python's RQ, with its JSON serializer, on either end of the queue.
//
// What is promised: a job that `enqueue` returned is in Redis, and is run at least once by workers
// of ours, whoever dies on the way. At least once is not exactly once: a worker that dies after the
// work and before it could say so leaves a job that looks unfinished, and somebody does it again.
// No queue can do better, for the work happens outside of it. So let the work be idempotent: done
// twice, it should leave the world as if done once. Write the result under the job's id instead of
// adding to a total; ask "has this invoice been sent?" before sending it.
//
// If `enqueue` throws FateUnknown, the job may be in the queue or not. To be safe against that,
// give the job an id of its own making (an order's number, say) and look whether it is there.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/json/json.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/redis/job.hpp"
#include "runtime/redis/job_store.hpp"
#include "runtime/redis/registry.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

/// What may be said of a job beside the call. Lifetimes as in `Job`.
struct JobOptions {
  std::string id{};                           ///< "": a random one; an existing one is replaced
  std::string description{};                  ///< "": the call as text
  std::optional<std::int64_t> timeout{};      ///< seconds; none: 180; -1: no limit
  std::optional<std::int64_t> result_ttl{};   ///< none: 500
  std::optional<std::int64_t> failure_ttl{};  ///< none: a year
  std::optional<std::int64_t> ttl{};          ///< none: it waits for ever
  Retry retry{};
  std::vector<std::string> depends_on{};  ///< ids of jobs that must finish first
  bool allow_dependency_failures = false;
  bool at_front = false;
  json::Value meta{};
};

/// A reference to a client, which must outlive it, and a name. Every member throws what
/// `Client::call` throws. Thread: the client's. (rq.Queue)
class JobQueue {
 public:
  explicit JobQueue(Client& client, std::string name = "default")
      : jobs_(client), name_(std::move(name)) {}

  const std::string& name() const noexcept { return name_; }

  /// Its jobs, and all others, by id.
  JobStore& jobs() noexcept { return jobs_; }

  /// Writes a job down at the end of the queue. Throws json::InvalidValue if an argument is no
  /// UTF-8 or not finite, std::invalid_argument for a negative number of retries or interval.
  /// (Name the options before the co_await: g++ 12 mishandles a braced list inside of it.)
  Task<Job> enqueue(JobCall call, JobOptions options);
  Task<Job> enqueue(JobCall call) { return enqueue(std::move(call), JobOptions()); }
  template <std::convertible_to<json::Value>... A>
  Task<Job> enqueue(std::string function, A&&... arguments) {
    return enqueue(JobCall::of(std::move(function), std::forward<A>(arguments)...));
  }

  /// Many at once in one transaction, with the same options (an id, too, only if it is one call;
  /// no dependencies). (Queue.enqueue_many)
  Task<std::vector<Job>> enqueue_many(std::vector<JobCall> calls, JobOptions options);
  Task<std::vector<Job>> enqueue_many(std::vector<JobCall> calls) {
    return enqueue_many(std::move(calls), JobOptions());
  }

  /// Written down now, put into the queue when it is due, by a worker with a scheduler; up to a
  /// second late and never early. Cannot have dependencies (std::invalid_argument).
  Task<Job> enqueue_at(WallTime due, JobCall call, JobOptions options);
  Task<Job> enqueue_at(WallTime due, JobCall call) {
    return enqueue_at(due, std::move(call), JobOptions());
  }
  Task<Job> enqueue_in(std::chrono::microseconds delay, JobCall call, JobOptions options) {
    return enqueue_at(wall_now() + delay, std::move(call), std::move(options));
  }
  Task<Job> enqueue_in(std::chrono::microseconds delay, JobCall call) {
    return enqueue_in(delay, std::move(call), JobOptions());
  }

  /// How many wait.
  Task<std::size_t> size();

  /// The ids of those that wait, the next one first; `count` of them at most.
  Task<std::vector<std::string>> job_ids(std::size_t count = 1'000);

  /// Of a registry: how many, and their ids in the order of their scores.
  Task<std::size_t> size(Registry registry);
  Task<std::vector<std::string>> job_ids(Registry registry, std::size_t count = 1'000);

  /// Takes a job out of the list of those that wait; the job itself stays. False if it was not
  /// there. (Queue.remove)
  Task<bool> take_out(std::string id);

  /// Removes all jobs that wait; returns how many. (Queue.empty)
  Task<std::size_t> empty();

  /// Removes every job of the queue, those that have ended or are under way, too, and its name. A
  /// worker that is at one of them does it for nothing. (Queue.delete with delete_jobs)
  Task<> remove();

  /// The names of all queues that were ever used, sorted. (Queue.all)
  static Task<std::vector<std::string>> names(Client& client);

 private:
  Client& client() const noexcept { return jobs_.client(); }
  Job make(const JobCall& call, const JobOptions& options) const;

  JobStore jobs_;
  std::string name_;
};

}  // namespace simul::redis
