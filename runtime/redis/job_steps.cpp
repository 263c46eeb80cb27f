// The steps of a job's life: what `rq` sends at the same moments (expected from its MONITOR logs).
#include "runtime/redis/job_steps.hpp"

#include <stdexcept>

#include "runtime/base/base64.hpp"
#include "runtime/redis/job_keys.hpp"

namespace simul::redis::steps {
namespace {

void set_fields(Transaction& out, const std::string& key, const Fields& fields) {
  Command command("HSET", key);
  for (const auto& [name, value] : fields) command.add(name).add(value);
  out.add(command);
}

void expire(Transaction& out, const std::string& id, std::int64_t ttl) {
  if (ttl <= 0) return;
  out.add("EXPIRE", keys::job(id), ttl);
  out.add("EXPIRE", keys::dependents(id), ttl);
  out.add("EXPIRE", keys::dependencies(id), ttl);
}

void set_time(Fields& fields, const char* name, const std::optional<WallTime>& time) {
  fields.emplace_back(name, time ? to_text(*time) : std::string());
}

Fields status_of(const Job& job) {
  return {{"status", std::string(to_text(*job.status))}};
}

void push(Transaction& out, const Job& job, bool at_front) {
  out.add(at_front ? "LPUSH" : "RPUSH", keys::queue(job.origin), job.id);
}

// What both ends of a run write about it.
Fields ended(Job& job, JobStatus status, WallTime now) {
  job.status = status;
  job.ended_at = now;
  Fields fields;
  set_time(fields, "started_at", job.started_at);
  set_time(fields, "ended_at", job.ended_at);
  set_time(fields, "last_heartbeat", job.last_heartbeat);
  fields.emplace_back("worker_name", job.worker_name);
  fields.emplace_back("status", to_text(status));
  return fields;
}

void add_result(Transaction& out, const Job& job, const char* type, const char* name,
                const std::string& value, std::optional<std::int64_t> ttl) {
  const std::string key = keys::results(job.id);
  Command command("XADD", key, "MAXLEN", "~", 10, "*", "type", type);
  if (!value.empty()) command.add(name).add(base64_encode(value));
  out.add(command);
  if (!ttl) return;
  if (*ttl == -1) {
    out.add("PERSIST", key);
  } else {
    out.add("EXPIRE", key, *ttl);
  }
}

void put_on_schedule(Transaction& out, const Job& job, WallTime due) {
  // Rounded up: a job is never early.
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(due.time_since_epoch()).count();
  out.add("ZADD", keys::registry(Registry::scheduled, job.origin), seconds, job.id);
}

}  // namespace

void enqueue(Transaction& out, Job& job, bool at_front, WallTime now) {
  job.status = JobStatus::queued;
  job.enqueued_at = now;
  out.add("SADD", keys::kQueues, keys::queue(job.origin));
  set_fields(out, keys::job(job.id), job.fields());
  expire(out, job.id, job.ttl.value_or(0));
  push(out, job, at_front);
}

void schedule(Transaction& out, Job& job, WallTime due) {
  job.status = JobStatus::scheduled;
  out.add("SADD", keys::kQueues, keys::queue(job.origin));
  set_fields(out, keys::job(job.id), job.fields());
  put_on_schedule(out, job, due);
}

void defer(Transaction& out, Job& job, WallTime now) {
  job.status = JobStatus::deferred;
  out.add("SADD", keys::kQueues, keys::queue(job.origin));
  out.add("ZADD", keys::registry(Registry::deferred, job.origin), unix_seconds(now), job.id);
  for (const std::string& dependency : job.dependency_ids) {
    out.add("SADD", keys::dependents(dependency), job.id);
    out.add("SADD", keys::dependencies(job.id), dependency);
  }
  set_fields(out, keys::job(job.id), job.fields());
  expire(out, job.id, job.ttl.value_or(0));
}

void enqueue_again(Transaction& out, Job& job, bool at_front, WallTime now) {
  job.status = JobStatus::queued;
  job.enqueued_at = now;
  Fields fields = status_of(job);
  set_time(fields, "enqueued_at", job.enqueued_at);
  set_time(fields, "started_at", job.started_at);
  set_time(fields, "ended_at", job.ended_at);
  fields.emplace_back("origin", job.origin);
  if (job.retries_left) fields.emplace_back("retries_left", std::to_string(*job.retries_left));
  if (job.abandoned > 0) fields.emplace_back("simul:abandoned", std::to_string(job.abandoned));
  out.add("SADD", keys::kQueues, keys::queue(job.origin));
  set_fields(out, keys::job(job.id), fields);
  expire(out, job.id, job.ttl.value_or(0));
  push(out, job, at_front);
}

void leave(Transaction& out, const Job& job, Registry registry) {
  out.add("ZREM", keys::registry(registry, job.origin), job.id);
}

std::size_t start(Transaction& out, Job& job, std::string_view queue, std::string_view worker,
                  WallTime now, std::int64_t expires) {
  job.status = JobStatus::started;
  job.started_at = job.last_heartbeat = now;
  job.worker_name = worker;
  const std::string key = keys::job(job.id);
  const std::size_t there = out.size();
  out.add("EXISTS", key);
  out.add("LREM", keys::taken(worker, queue), 1, job.id);
  out.add("ZADD", keys::registry(Registry::started, job.origin), expires, job.id);
  Fields fields = status_of(job);
  set_time(fields, "last_heartbeat", job.last_heartbeat);
  set_time(fields, "started_at", job.started_at);
  fields.emplace_back("worker_name", job.worker_name);
  set_fields(out, key, fields);
  out.add("PERSIST", key);
  return there;
}

void finish(Transaction& out, Job& job, const json::Value& result, WallTime now) {
  const Fields fields = ended(job, JobStatus::finished, now);
  const std::int64_t ttl = job.result_ttl.value_or(Job::kDefaultResultTtl);
  if (ttl == 0) {
    remove(out, job);
  } else {
    set_fields(out, keys::job(job.id), fields);
    add_result(out, job, "1", "return_value", result.is_null() ? "" : json::write(result), ttl);
    const std::string until = ttl < 0 ? "+inf" : std::to_string(unix_seconds(now) + ttl);
    out.add("ZADD", keys::registry(Registry::finished, job.origin), until, job.id);
    expire(out, job.id, ttl);
  }
  leave(out, job, Registry::started);
}

void fail(Transaction& out, Job& job, std::string_view exception, WallTime now, JobStatus status) {
  const Fields fields = ended(job, status, now);
  const std::int64_t ttl = job.failure_ttl.value_or(Job::kDefaultFailureTtl);
  leave(out, job, Registry::started);
  if (ttl == 0) {
    remove(out, job);
    return;
  }
  set_fields(out, keys::job(job.id), fields);
  expire(out, job.id, ttl);
  out.add("ZADD", keys::registry(Registry::failed, job.origin),
          ttl < 0 ? ttl : unix_seconds(now) + ttl, job.id);
  add_result(out, job, "2", "exc_string", pack(exception), job.failure_ttl);
}

void retry(Transaction& out, Job& job, WallTime now) {
  if (job.retries_left.value_or(0) <= 0) throw std::logic_error("retry: no retries are left");
  const std::int64_t interval = job.retry_interval();
  job.retries_left = *job.retries_left - 1;
  job.ended_at = now;
  leave(out, job, Registry::started);
  if (interval == 0) return enqueue_again(out, job, /*at_front=*/false, now);
  job.status = JobStatus::scheduled;
  Fields fields = status_of(job);
  set_time(fields, "ended_at", job.ended_at);
  fields.emplace_back("retries_left", std::to_string(*job.retries_left));
  out.add("SADD", keys::kQueues, keys::queue(job.origin));
  set_fields(out, keys::job(job.id), fields);
  put_on_schedule(out, job, now + std::chrono::seconds(interval));
}

void remove(Transaction& out, const Job& job) {
  out.add("DEL", keys::job(job.id), keys::dependents(job.id), keys::dependencies(job.id));
}

}  // namespace simul::redis::steps
