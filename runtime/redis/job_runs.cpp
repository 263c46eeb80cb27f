// The jobs that a worker is at: the books. What the functions do is in job_call_run.cpp.
#include "runtime/redis/job_runs.hpp"

#include <utility>

#include "runtime/redis/change.hpp"
#include "runtime/redis/job_dependents.hpp"
#include "runtime/redis/job_keys.hpp"
#include "runtime/redis/job_steps.hpp"

namespace simul::redis {
namespace {

// Counts a run as long as it lasts.
template <class Map>
struct Entry {
  Map& map;
  typename Map::iterator place;
  ~Entry() { map.erase(place); }
};

double seconds_of(const Job& job) {
  if (!job.started_at || !job.ended_at) return 0;
  return std::chrono::duration<double>(*job.ended_at - *job.started_at).count();
}

}  // namespace

Task<> JobRuns::perform(TakenJob taken) {
  std::optional<Job> job = co_await read(taken);
  const bool begun = job && co_await begin(*job, taken);
  intake_.settled(taken);
  if (!begun) co_return;
  Run run{*std::move(job)};
  const Entry<decltype(runs_)> entry{runs_, runs_.emplace(run.job.id, &run)};
  worker_.info(taken.queue + ": " + run.job.description + " (" + run.job.id + ")");
  const Outcome outcome = co_await call(run);
  if (co_await settle(run, outcome)) {
    ++done_;
    report(run, outcome);
  } else {
    worker_.log(LogLevel::warning, "[Job " + run.job.id +
                                       "]: it is not ours any more (canceled, removed or given to "
                                       "another worker): its outcome is dropped");
  }
}

// The job, if there is something to do.
Task<std::optional<Job>> JobRuns::read(const TakenJob& taken) {
  std::optional<Job> job;
  auto step = [&]() -> Task<> {
    const Reply fields = co_await worker_.client.call("HGETALL", keys::job(taken.id));
    job = Job::from_fields(taken.id, fields.pairs());
    if (job && job->status == JobStatus::canceled) job.reset();
    if (!job) {  // removed, forgotten or canceled while it waited: RQ says nothing either
      co_await worker_.client.call("LREM", keys::taken(worker_.name, taken.queue), 1, taken.id);
    }
  };
  co_await persist(worker_, step);
  if (job && job->origin.empty()) job->origin = taken.queue;
  co_return job;
}

Task<bool> JobRuns::begin(Job& job, const TakenJob& taken) {
  bool there = true;
  auto step = [&]() -> Task<> {
    Transaction out;
    const WallTime now = wall_now();
    const std::size_t place =
        steps::start(out, job, taken.queue, worker_.name, now, worker_.expires(now));
    record_.begin(out, job.id);
    const auto replies = (co_await worker_.client.execute(std::move(out))).value();
    there = replies[place].as_integer() > 0;
    if (there) co_return;
    Transaction undo;  // it was removed since we have read it, and our fields made half of it again
    steps::leave(undo, job, Registry::started);
    undo.add("DEL", keys::job(job.id));
    co_await worker_.client.execute(std::move(undo));
  };
  co_await persist(worker_, step);
  co_return there;
}

// False if the outcome is not ours to write.
Task<bool> JobRuns::settle(Run& run, const Outcome& outcome) {
  run.settling = true;
  const WallTime ended = wall_now();
  const std::string key = keys::job(run.job.id);
  bool ours = true;
  bool tried = false;
  auto plan = [&](Watched& now) -> Task<Transaction> {
    Transaction out;
    const Reply state = co_await now.call("HMGET", key, "status", "worker_name");
    ours = state[0].text_or_nil() == "started" && state[1].text_or_nil() == worker_.name;
    if (!ours) co_return out;
    Job job = run.job;  // a copy, for the plan may be made several times
    const bool success = !outcome.exception;
    const bool retry =
        !success && run.ending != Ending::stopped && job.retries_left.value_or(0) > 0;
    if (run.ending == Ending::given_back) {
      steps::leave(out, job, Registry::started);
      steps::enqueue_again(out, job, /*at_front=*/true, ended);
    } else if (retry) {
      steps::retry(out, job, ended);
    } else {
      if (success) {
        steps::finish(out, job, outcome.value, ended);
      } else {
        steps::fail(out, job, *outcome.exception, ended,
                    run.ending == Ending::stopped ? JobStatus::stopped : JobStatus::failed);
      }
      co_await release_dependents(now, out, job);
    }
    job.ended_at = ended;
    const bool given_back = run.ending == Ending::given_back;
    record_.end(out, another_than(job.id), given_back ? std::nullopt : std::optional(success),
                seconds_of(job));
    co_return out;
  };
  auto step = [&]() -> Task<> {
    const bool before = std::exchange(tried, true);
    co_await change(worker_.client, key, plan);
    // If an earlier try was carried out and only its reply was lost, the job is not "started" any
    // more, and all is well.
    ours = ours || before;
  };
  co_await persist(worker_, step);
  co_return ours;
}

Task<> JobRuns::beat(WorkerRecord& record) {
  Transaction out;
  const WallTime now = wall_now();
  out.add("HGET", record.key(), "birth");  // is it the whole hash, or what others made since?
  record.beat(out, another_than(""));
  std::vector<std::pair<std::size_t, std::string>> touched;
  for (auto& [id, run] : runs_) {
    run->job.last_heartbeat = now;
    touched.emplace_back(out.size(), keys::job(id));
    out.add("HSET", keys::job(id), "last_heartbeat", to_text(now));
    out.add("ZADD", keys::registry(Registry::started, run->job.origin), "XX", worker_.expires(now),
            id);
    const double seconds = std::chrono::duration<double>(now - *run->job.started_at).count();
    out.add("HSET", record.key(), "current_job_working_time", seconds);
  }
  const auto replies = (co_await worker_.client.execute(std::move(out))).value();
  if (replies[0].is_nil()) co_await record.be_born_again();
  for (const auto& [place, key] : touched) {
    // A new field of a job's: the job was removed, and this made a hash with nothing else in it.
    if (replies[place].as_integer() > 0) {
      const Reply data = co_await worker_.client.call("HGET", key, "data");
      if (data.is_nil()) co_await worker_.client.call("DEL", key);
    }
  }
}

bool JobRuns::stop(const std::string& id) {
  const auto [first, last] = runs_.equal_range(id);
  for (auto run = first; run != last; ++run) {
    if (run->second->ending == Ending::none) run->second->ending = Ending::stopped;
    if (run->second->handle) run->second->handle->cancel();
  }
  return first != last;
}

void JobRuns::end_all(Ending ending) {
  for (auto& [id, run] : runs_) {
    if (run->ending == Ending::none) run->ending = ending;
    if (run->handle) run->handle->cancel();
  }
}

std::string JobRuns::another_than(const std::string& id) const {
  for (const auto& [other, run] : runs_) {
    if (other != id && !run->settling) return other;
  }
  return "";
}

}  // namespace simul::redis
