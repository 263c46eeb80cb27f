// A worker's entry in the books, field by field as RQ has it.
#include "runtime/redis/worker_record.hpp"

#include <unistd.h>

#include <cstdio>

#include "runtime/redis/job_keys.hpp"

namespace simul::redis {
namespace {

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

}  // namespace

WorkerRecord::WorkerRecord(WorkerContext& worker)
    : worker_(worker), key_(keys::worker(worker.name)) {}

void WorkerRecord::enter(Transaction& out) const {
  out.add("HSET", key_, "birth", to_text(birth_), "last_heartbeat", to_text(wall_now()), "queues",
          joined(worker_.queues), "pid", ::getpid(), "hostname", host_name(), "ip_address", "",
          "version", kRqVersion, "python_version", "C++", "state", "started");
  enlist(out);
  out.add("EXPIRE", key_, worker_.ttl());
}

Task<> WorkerRecord::be_born() {
  Pipeline asked;
  asked.add("EXISTS", key_).add("HGET", key_, "death");
  const std::vector<Reply> replies = co_await worker_.client.execute(std::move(asked));
  if (replies[0].as_bool() && replies[1].is_nil()) {
    throw NameTaken("there is a worker named " + worker_.name + " already");
  }
  Transaction out;
  out.add("DEL", key_);  // of somebody long dead
  enter(out);
  co_await worker_.client.execute(std::move(out));
}

Task<> WorkerRecord::be_born_again() {
  Transaction out;
  enter(out);
  co_await worker_.client.execute(std::move(out));
}

Task<> WorkerRecord::die() {
  Transaction out;
  out.add("SREM", keys::kWorkers, key_);
  for (const std::string& queue : worker_.queues) {
    out.add("SREM", keys::workers_of(queue), key_);
    out.add("SREM", keys::kTaken, keys::taken(worker_.name, queue));
  }
  out.add("HDEL", key_, "current_job");
  out.add("HSET", key_, "death", to_text(wall_now()));
  out.add("EXPIRE", key_, 60);
  co_await worker_.client.execute(std::move(out));
}

Task<> WorkerRecord::set_state(std::string state) {
  Transaction out;
  out.add("HSET", key_, "state", state);
  beat(out);
  co_await worker_.client.execute(std::move(out));
}

void WorkerRecord::beat(Transaction& out) const {
  out.add("HSET", key_, "last_heartbeat", to_text(wall_now()));
  out.add("EXPIRE", key_, worker_.ttl());
}

void WorkerRecord::enlist(Transaction& out) const {
  out.add("SADD", keys::kWorkers, key_);
  for (const std::string& queue : worker_.queues) out.add("SADD", keys::workers_of(queue), key_);
}

void WorkerRecord::beat(Transaction& out, const std::string& current) const {
  enlist(out);  // somebody may have struck us off while the server was away
  if (current.empty()) {
    out.add("HDEL", key_, "current_job");
  } else {
    out.add("HSET", key_, "current_job", current);
  }
  beat(out);
}

void WorkerRecord::begin(Transaction& out, const std::string& id) const {
  out.add("HSET", key_, "state", "busy", "current_job", id, "current_job_working_time", 0);
  beat(out);
}

void WorkerRecord::end(Transaction& out, const std::string& next, std::optional<bool> success,
                       double seconds) const {
  if (next.empty()) {
    out.add("HDEL", key_, "current_job");
    out.add("HSET", key_, "state", "idle", "current_job_working_time", 0);
  } else {
    out.add("HSET", key_, "current_job", next);
  }
  if (success) out.add("HINCRBY", key_, *success ? "successful_job_count" : "failed_job_count", 1);
  char time[32];
  std::snprintf(time, sizeof time, "%.6f", seconds);
  out.add("HINCRBYFLOAT", key_, "total_working_time", time);
  beat(out);
}

}  // namespace simul::redis
