// A queue of jobs in Redis.
#include "runtime/redis/job_queue.hpp"

#include <algorithm>
#include <stdexcept>

#include "runtime/redis/change.hpp"
#include "runtime/redis/job_dependents.hpp"
#include "runtime/redis/job_keys.hpp"
#include "runtime/redis/job_steps.hpp"

namespace simul::redis {

Job JobQueue::make(const JobCall& call, const JobOptions& options) const {
  Job job;
  job.id = options.id.empty() ? new_job_id() : options.id;
  job.origin = name_;
  job.description = options.description.empty() ? call.text() : options.description;
  job.data = pack(call.to_json());
  job.created_at = wall_now();
  job.timeout = options.timeout.value_or(Job::kDefaultTimeout);
  job.result_ttl = options.result_ttl;
  job.failure_ttl = options.failure_ttl;
  job.ttl = options.ttl;
  job.meta = options.meta;
  const Retry& retry = options.retry;
  if (retry.max < 0) throw std::invalid_argument("enqueue: a negative number of retries");
  if (retry.max > 0) {
    job.retries_left = retry.max;
    job.retry_intervals = retry.intervals;
    if (retry.intervals.empty()) job.retry_intervals.push_back(0);  // as RQ writes it
    for (const std::int64_t interval : retry.intervals) {
      if (interval < 0) throw std::invalid_argument("enqueue: a negative retry interval");
    }
  }
  if (!options.depends_on.empty()) {
    job.dependency_ids = options.depends_on;
    job.allow_dependency_failures = options.allow_dependency_failures;
    job.enqueue_at_front = options.at_front;
  }
  return job;
}

Task<Job> JobQueue::enqueue(JobCall call, JobOptions options) {
  Job job = make(call, options);
  if (job.dependency_ids.empty()) {
    Transaction out;
    steps::enqueue(out, job, options.at_front, wall_now());
    co_await client().execute(std::move(out));
    co_return job;
  }
  auto plan = [&](Watched& now) -> Task<Transaction> {
    Transaction out;
    if (co_await must_wait(now, job)) {
      steps::defer(out, job, wall_now());
    } else {
      steps::enqueue(out, job, options.at_front, wall_now());
    }
    co_return out;
  };
  co_await change(client(), keys::dependencies(job.id), plan);
  co_return job;
}

Task<std::vector<Job>> JobQueue::enqueue_many(std::vector<JobCall> calls, JobOptions options) {
  if (!options.depends_on.empty() || (calls.size() > 1 && !options.id.empty())) {
    throw std::invalid_argument("enqueue_many: no dependencies, and no id for several jobs");
  }
  std::vector<Job> jobs;
  jobs.reserve(calls.size());
  Transaction out;
  for (const JobCall& call : calls) {
    jobs.push_back(make(call, options));
    steps::enqueue(out, jobs.back(), options.at_front, wall_now());
  }
  if (!jobs.empty()) co_await client().execute(std::move(out));
  co_return jobs;
}

Task<Job> JobQueue::enqueue_at(WallTime due, JobCall call, JobOptions options) {
  if (!options.depends_on.empty()) {
    throw std::invalid_argument("enqueue_at: a job waits for a time or for jobs, not for both");
  }
  Job job = make(call, options);
  if (options.at_front) job.enqueue_at_front = true;
  Transaction out;
  steps::schedule(out, job, due);
  co_await client().execute(std::move(out));
  co_return job;
}

Task<std::size_t> JobQueue::size() {
  const Reply size = co_await client().call("LLEN", keys::queue(name_));
  co_return static_cast<std::size_t>(size.as_integer());
}

Task<std::vector<std::string>> JobQueue::job_ids(std::size_t count) {
  if (count == 0) co_return std::vector<std::string>();
  const Reply ids = co_await client().call("LRANGE", keys::queue(name_), 0, count - 1);
  co_return ids.texts();
}

Task<std::size_t> JobQueue::size(Registry registry) {
  const Reply size = co_await client().call("ZCARD", keys::registry(registry, name_));
  co_return static_cast<std::size_t>(size.as_integer());
}

Task<std::vector<std::string>> JobQueue::job_ids(Registry registry, std::size_t count) {
  if (count == 0) co_return std::vector<std::string>();
  const std::string key = keys::registry(registry, name_);
  const Reply ids = co_await client().call("ZRANGE", key, 0, count - 1);
  co_return ids.texts();
}

Task<bool> JobQueue::take_out(std::string id) {
  const Reply taken = co_await client().call("LREM", keys::queue(name_), 1, id);
  co_return taken.as_integer() > 0;
}

Task<std::size_t> JobQueue::empty() {
  const std::string key = keys::queue(name_);
  std::size_t count = 0;
  auto plan = [&](Watched& now) -> Task<Transaction> {
    Transaction out;
    const Reply ids = co_await now.call("LRANGE", key, 0, -1);
    count = ids.size();
    if (count == 0) co_return out;
    for (const std::string& id : ids.texts()) {
      out.add("DEL", keys::job(id), keys::dependents(id), keys::dependencies(id));
    }
    out.add("DEL", key);
    co_return out;
  };
  co_await change(client(), key, plan);
  co_return count;
}

Task<> JobQueue::remove() {
  constexpr std::size_t kAll = 1'000'000'000;
  std::vector<std::string> ids = co_await job_ids(kAll);
  for (const Registry registry : kRegistries) {
    const std::vector<std::string> more = co_await job_ids(registry, kAll);
    ids.insert(ids.end(), more.begin(), more.end());
  }
  for (const std::string& id : ids) co_await jobs_.remove(id);
  co_await client().call("SREM", keys::kQueues, keys::queue(name_));
  co_await client().call("DEL", keys::workers_of(name_));
}

Task<std::vector<std::string>> JobQueue::names(Client& client) {
  const Reply queues = co_await client.call("SMEMBERS", keys::kQueues);
  std::vector<std::string> names;
  for (const std::string& key : queues.texts()) {
    if (key.starts_with(keys::kQueuePrefix)) names.push_back(key.substr(keys::kQueuePrefix.size()));
  }
  std::sort(names.begin(), names.end());
  co_return names;
}

}  // namespace simul::redis
