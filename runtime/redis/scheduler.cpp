// Delayed jobs.
#include "runtime/redis/scheduler.hpp"

#include <algorithm>

#include "runtime/redis/change.hpp"
#include "runtime/redis/job_keys.hpp"
#include "runtime/redis/job_steps.hpp"

namespace simul::redis {

Task<> Scheduler::run() {
  for (const std::string& queue : worker_.queues) {
    if (co_await lock(queue)) co_await enqueue_due(queue);
  }
}

Task<bool> Scheduler::lock(std::string queue) {
  const std::string key = keys::scheduler_lock(queue);
  const auto seconds = std::max<std::int64_t>(
      std::chrono::ceil<std::chrono::seconds>(worker_.options.scheduler_lock).count(), 1);
  const Reply got = co_await worker_.client.call("SET", key, worker_.name, "EX", seconds, "NX");
  bool ours = !got.is_nil();
  if (!ours) {
    const Reply owner = co_await worker_.client.call("GET", key);
    ours = owner.text_or_nil() == worker_.name;
    if (ours) co_await worker_.client.call("EXPIRE", key, seconds);
  }
  if (ours) {
    locked_.insert(queue);
  } else {
    locked_.erase(queue);
  }
  co_return ours;
}

Task<> Scheduler::enqueue_due(std::string queue) {
  const std::string registry = keys::registry(Registry::scheduled, queue);
  const Reply ids = co_await worker_.client.call("ZRANGEBYSCORE", registry, 0,
                                                 unix_seconds(wall_now()), "LIMIT", 0, 1'000);
  for (const std::string& id : ids.texts()) co_await enqueue_one(queue, id);
}

Task<> Scheduler::enqueue_one(std::string queue, std::string id) {
  const std::string registry = keys::registry(Registry::scheduled, queue);
  auto plan = [&](Watched& now) -> Task<Transaction> {
    Transaction out;
    const Reply score = co_await now.call("ZSCORE", registry, id);
    if (score.is_nil()) co_return out;  // somebody else has just moved it
    const Reply fields = co_await now.call("HGETALL", keys::job(id));
    std::optional<Job> job = Job::from_fields(id, fields.pairs());
    out.add("ZREM", registry, id);
    if (!job || job->status != JobStatus::scheduled) co_return out;  // removed, or canceled
    job->origin = queue;
    steps::enqueue_again(out, *job, job->enqueue_at_front.value_or(false), wall_now());
    co_return out;
  };
  co_await change(worker_.client, keys::job(id), plan);
}

Task<> Scheduler::release() {
  for (const std::string& queue : locked_) {
    const std::string key = keys::scheduler_lock(queue);
    const Reply owner = co_await worker_.client.call("GET", key);
    if (owner.text_or_nil() == worker_.name) co_await worker_.client.call("DEL", key);
  }
  locked_.clear();
}

}  // namespace simul::redis
