// Who works, and at what.
#include "runtime/redis/worker_info.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "runtime/redis/job_keys.hpp"

namespace simul::redis {
namespace {

std::vector<std::string> split(const std::string& names) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin < names.size()) {
    const std::size_t end = std::min(names.find(',', begin), names.size());
    parts.push_back(names.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

WorkerInfo WorkerInfo::from_fields(std::string name, const Fields& fields) {
  WorkerInfo info;
  info.name = std::move(name);
  for (const auto& [field, value] : fields) {
    if (field == "queues") info.queues = split(value);
    if (field == "state") info.state = value;
    if (field == "current_job") info.current_job = value;
    if (field == "hostname") info.hostname = value;
    if (field == "pid") info.pid = std::atoll(value.c_str());
    if (field == "version") info.version = value;
    if (field == "birth") info.birth = parse_wall_time(value);
    if (field == "last_heartbeat") info.last_heartbeat = parse_wall_time(value);
    if (field == "successful_job_count") info.successful_jobs = std::atoll(value.c_str());
    if (field == "failed_job_count") info.failed_jobs = std::atoll(value.c_str());
    if (field == "total_working_time") info.working_time = std::atof(value.c_str());
  }
  return info;
}

Task<std::vector<WorkerInfo>> WorkerInfo::all(Client& client) {
  const Reply members = co_await client.call("SMEMBERS", keys::kWorkers);
  std::vector<std::string> names = members.texts();
  std::sort(names.begin(), names.end());
  Pipeline pipeline;
  for (const std::string& key : names) pipeline.add("HGETALL", key);
  const std::vector<Reply> replies = co_await client.execute(std::move(pipeline));
  std::vector<WorkerInfo> workers;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (replies[i].size() == 0 || !names[i].starts_with(keys::kWorkerPrefix)) continue;  // dead
    workers.push_back(from_fields(names[i].substr(keys::kWorkerPrefix.size()), replies[i].pairs()));
  }
  co_return workers;
}

}  // namespace simul::redis
