// What dead workers have left.
#include "runtime/redis/recovery.hpp"

#include "runtime/redis/change.hpp"
#include "runtime/redis/job_dependents.hpp"
#include "runtime/redis/job_keys.hpp"
#include "runtime/redis/job_steps.hpp"

namespace simul::redis {
namespace {

constexpr int kCleaningLock = 899;  // seconds, as in RQ

}  // namespace

Task<> Recovery::run() {
  for (const std::string& queue : worker_.queues) {
    const Reply lock = co_await worker_.client.call("SET", keys::cleaning_lock(queue), "1", "EX",
                                                    kCleaningLock, "NX");
    if (!lock.is_nil()) co_await clean(queue);
    co_await give_back_abandoned(queue);
  }
  co_await give_back_taken();
}

Task<> Recovery::clean(std::string queue) {
  worker_.info("Cleaning registries for queue: " + queue);
  const std::int64_t now = unix_seconds(wall_now());
  for (const Registry registry : {Registry::finished, Registry::failed}) {
    co_await worker_.client.call("ZREMRANGEBYSCORE", keys::registry(registry, queue), 0, now);
  }
  co_await bury_workers(keys::workers_of(queue));
  co_await bury_workers(keys::kWorkers);
}

Task<> Recovery::bury_workers(std::string set) {
  const Reply workers = co_await worker_.client.call("SMEMBERS", set);
  for (const std::string& worker : workers.texts()) {
    const Reply there = co_await worker_.client.call("EXISTS", worker);
    if (!there.as_bool()) co_await worker_.client.call("SREM", set, worker);
  }
}

Task<> Recovery::give_back_abandoned(std::string queue) {
  const std::string registry = keys::registry(Registry::started, queue);
  const Reply ids = co_await worker_.client.call("ZRANGEBYSCORE", registry, 0,
                                                 unix_seconds(wall_now()), "LIMIT", 0, 1'000);
  for (const std::string& id : ids.texts()) co_await give_back_one(queue, id);
}

Task<> Recovery::give_back_one(std::string queue, std::string id) {
  const std::string registry = keys::registry(Registry::started, queue);
  std::string said;
  auto plan = [&](Watched& now) -> Task<Transaction> {
    Transaction out;
    said.clear();
    const Reply score = co_await now.call("ZSCORE", registry, id);
    const WallTime time = wall_now();
    // Settled, or alive after all: a heartbeat writes to the job, too, which is watched.
    if (score.is_nil() || std::stod(score.as_text()) > static_cast<double>(unix_seconds(time))) {
      co_return out;
    }
    const Reply fields = co_await now.call("HGETALL", keys::job(id));
    std::optional<Job> job = Job::from_fields(id, fields.pairs());
    out.add("ZREM", registry, id);
    if (!job || job->status != JobStatus::started) co_return out;
    job->origin = queue;
    ++job->abandoned;
    if (job->abandoned <= worker_.options.deaths) {
      said = queue + ": Job abandoned by worker " + job->worker_name + ", back to its queue (" +
             id + ")";
      steps::enqueue_again(out, *job, /*at_front=*/false, time);
      co_return out;
    }
    said = queue + ": Job abandoned too often, moving it to FailedJobRegistry (" + id + ")";
    steps::fail(out, *job,
                "rq.exceptions.AbandonedJobError: " + std::to_string(job->abandoned) +
                    " workers have died with this job in hand, the last one was " +
                    job->worker_name + "\n",
                time);
    co_await release_dependents(now, out, *job);
    co_return out;
  };
  const auto done = co_await change(worker_.client, keys::job(id), plan);
  if (!done.empty() && !said.empty()) worker_.log(LogLevel::warning, said);
}

Task<> Recovery::give_back_taken() {
  const Reply lists = co_await worker_.client.call("SMEMBERS", keys::kTaken);
  for (const std::string& list : lists.texts()) {
    const auto [name, queue] = keys::TakenKey::parse(list);
    if (name.empty() || name == worker_.name) continue;
    const Reply lives = co_await worker_.client.call("EXISTS", keys::worker(name));
    if (lives.as_bool()) continue;
    for (;;) {
      const Reply id =
          co_await worker_.client.call("LMOVE", list, keys::queue(queue), "RIGHT", "LEFT");
      if (id.is_nil()) break;
      worker_.log(LogLevel::warning, std::string(queue) + ": Job taken by worker " +
                                         std::string(name) + " and not begun, back to its queue (" +
                                         id.as_text() + ")");
    }
    // Not if the worker has come to life meanwhile and taken something.
    auto plan = [&](Watched& now) -> Task<Transaction> {
      Transaction out;
      const Reply left = co_await now.call("LLEN", list);
      if (left.as_integer() == 0) out.add("SREM", keys::kTaken, list);
      co_return out;
    };
    co_await change(worker_.client, list, plan);
  }
}

}  // namespace simul::redis
