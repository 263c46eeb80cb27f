// Jobs by their ids.
#include "runtime/redis/job_store.hpp"

#include "runtime/redis/change.hpp"
#include "runtime/redis/job_dependents.hpp"
#include "runtime/redis/job_keys.hpp"
#include "runtime/redis/job_steps.hpp"

namespace simul::redis {
namespace {

// The registry that a job of that status stands in; nothing for one that waits in its queue.
std::optional<Registry> registry_of(std::optional<JobStatus> status) {
  if (!status) return {};
  switch (*status) {
    case JobStatus::started:
      return Registry::started;
    case JobStatus::finished:
      return Registry::finished;
    case JobStatus::failed:
    case JobStatus::stopped:
      return Registry::failed;
    case JobStatus::deferred:
      return Registry::deferred;
    case JobStatus::scheduled:
      return Registry::scheduled;
    case JobStatus::canceled:
      return Registry::canceled;
    case JobStatus::queued:
      break;
  }
  return {};
}

Task<std::optional<Job>> read(Watched& now, const std::string& id) {
  const Reply fields = co_await now.call("HGETALL", keys::job(id));
  co_return Job::from_fields(id, fields.pairs());
}

}  // namespace

Task<std::optional<Job>> JobStore::fetch(std::string id) {
  const Reply fields = co_await client_.call("HGETALL", keys::job(id));
  co_return Job::from_fields(std::move(id), fields.pairs());
}

Task<std::vector<Job>> JobStore::fetch_many(std::vector<std::string> ids) {
  std::vector<Job> jobs;
  if (ids.empty()) co_return jobs;
  Pipeline pipeline;
  for (const std::string& id : ids) pipeline.add("HGETALL", keys::job(id));
  const std::vector<Reply> replies = co_await client_.execute(std::move(pipeline));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (auto job = Job::from_fields(ids[i], replies[i].pairs())) jobs.push_back(*std::move(job));
  }
  co_return jobs;
}

Task<std::optional<JobStatus>> JobStore::status(std::string id) {
  const Reply status = co_await client_.call("HGET", keys::job(id), "status");
  if (status.is_nil()) co_return std::nullopt;
  co_return parse_job_status(status.as_text());
}

Task<std::optional<JobResult>> JobStore::latest_result(std::string id) {
  const Reply entries = co_await client_.call("XREVRANGE", keys::results(id), "+", "-", "COUNT", 1);
  if (entries.size() == 0) co_return std::nullopt;
  co_return JobResult::from_entry(entries[0]);
}

Task<std::vector<JobResult>> JobStore::results(std::string id) {
  const Reply entries =
      co_await client_.call("XREVRANGE", keys::results(id), "+", "-", "COUNT", 100);
  std::vector<JobResult> results;
  for (const Reply& entry : entries.as_array()) results.push_back(JobResult::from_entry(entry));
  co_return results;
}

Task<> JobStore::set_meta(std::string id, json::Value meta) {
  co_await client_.call("HSET", keys::job(id), "meta", json::write(meta));
}

Task<bool> JobStore::cancel(std::string id, bool release) {
  auto plan = [&](Watched& now) -> Task<Transaction> {
    Transaction out;
    std::optional<Job> job = co_await read(now, id);
    if (!job || job->status == JobStatus::canceled) co_return out;
    const std::optional<Registry> registry = registry_of(job->status);
    job->status = JobStatus::canceled;
    out.add("HSET", keys::job(id), "status", to_text(*job->status));
    out.add("LREM", keys::queue(job->origin), 1, id);
    if (registry) steps::leave(out, *job, *registry);
    out.add("ZADD", keys::registry(Registry::canceled, job->origin), unix_seconds(wall_now()), id);
    if (release) {
      job->status = JobStatus::finished;  // as far as those are concerned that wait for it
      co_await release_dependents(now, out, *job);
    }
    co_return out;
  };
  const auto done = co_await change(client_, keys::job(id), plan);
  co_return !done.empty();
}

Task<bool> JobStore::requeue(std::string id, bool at_front) {
  auto plan = [&](Watched& now) -> Task<Transaction> {
    Transaction out;
    std::optional<Job> job = co_await read(now, id);
    const std::optional<Registry> registry = job ? registry_of(job->status) : std::nullopt;
    if (registry != Registry::failed && registry != Registry::canceled) co_return out;
    steps::leave(out, *job, *registry);
    out.add("HDEL", keys::job(id), "simul:abandoned");
    job->started_at = job->ended_at = std::nullopt;
    job->abandoned = 0;
    steps::enqueue_again(out, *job, at_front, wall_now());
    co_return out;
  };
  const auto done = co_await change(client_, keys::job(id), plan);
  co_return !done.empty();
}

Task<bool> JobStore::remove(std::string id) {
  auto plan = [&](Watched& now) -> Task<Transaction> {
    Transaction out;
    const std::optional<Job> job = co_await read(now, id);
    if (!job) co_return out;
    out.add("LREM", keys::queue(job->origin), 1, id);
    for (const Registry registry : kRegistries) steps::leave(out, *job, registry);
    steps::remove(out, *job);
    out.add("DEL", keys::results(id));
    co_return out;
  };
  const auto done = co_await change(client_, keys::job(id), plan);
  co_return !done.empty();
}

}  // namespace simul::redis
