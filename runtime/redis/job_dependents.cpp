// Who may run now? Asked with everything watched that the answer depends on.
#include "runtime/redis/job_dependents.hpp"

#include <optional>
#include <set>

#include "runtime/redis/job_keys.hpp"
#include "runtime/redis/job_steps.hpp"

namespace simul::redis {
namespace {

bool lets_go_on(std::optional<JobStatus> status, const Job& waiting) {
  if (status == JobStatus::finished) return true;
  return status == JobStatus::failed && waiting.allow_dependency_failures.value_or(false);
}

// Is there, among these jobs, one that `waiting` has to wait for?
Task<bool> any_in_the_way(Watched& now, const std::vector<std::string>& ids, const Job& waiting) {
  for (const std::string& id : ids) {
    co_await now.watch(keys::job(id));
    const Reply reply = co_await now.call("HGET", keys::job(id), "status");
    if (!reply.is_nil() && !lets_go_on(parse_job_status(reply.as_text()), waiting)) co_return true;
  }
  co_return false;
}

}  // namespace

Task<> release_dependents(Watched& now, Transaction& out, const Job& parent) {
  const std::string key = keys::dependents(parent.id);
  co_await now.watch(key);
  const Reply ids = co_await now.call("SMEMBERS", key);
  for (const std::string& id : ids.texts()) {
    co_await now.watch(keys::job(id));
    const Reply fields = co_await now.call("HGETALL", keys::job(id));
    std::optional<Job> job = Job::from_fields(id, fields.pairs());
    if (!job || job->status != JobStatus::deferred) {
      out.add("SREM", key, id);  // removed or canceled meanwhile
      continue;
    }
    if (!lets_go_on(parent.status, *job)) continue;
    const Reply others = co_await now.call("SMEMBERS", keys::dependencies(id));
    std::vector<std::string> left = others.texts();
    std::erase(left, parent.id);
    if (co_await any_in_the_way(now, left, *job)) continue;
    out.add("SREM", key, id);
    steps::leave(out, *job, Registry::deferred);
    steps::enqueue_again(out, *job, job->enqueue_at_front.value_or(false), wall_now());
  }
}

Task<bool> must_wait(Watched& now, const Job& job) {
  co_return co_await any_in_the_way(now, job.dependency_ids, job);
}

}  // namespace simul::redis
