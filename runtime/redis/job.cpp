// A job's fields: as RQ writes them (rq.job.Job.to_dict) and reads them (Job.restore).
#include "runtime/redis/job.hpp"

#include <sys/random.h>  // where macOS has getentropy
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>

#include "runtime/base/error.hpp"

namespace simul::redis {
namespace {

constexpr std::string_view kStatus[] = {"queued",   "started",   "finished", "failed",
                                        "deferred", "scheduled", "stopped",  "canceled"};

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

// RQ also takes "1h" and the like for a timeout (rq.utils.parse_timeout).
std::optional<std::int64_t> seconds_of(std::string_view text) {
  if (text.empty()) return {};
  std::int64_t unit = 0;
  switch (text.back()) {
    case 'd':
      unit = 86400;
      break;
    case 'h':
      unit = 3600;
      break;
    case 'm':
      unit = 60;
      break;
    case 's':
      unit = 1;
      break;
    default:
      return whole_number(text);
  }
  const auto number = whole_number(text.substr(0, text.size() - 1));
  if (!number || *number > 1'000'000) return {};
  return *number * unit;
}

// What is no JSON array of that sort counts as empty: somebody else's mistake must not make a job
// that nobody can ever take.
template <class T, class Get>
std::vector<T> list_of(const std::string& text, Get get) {
  std::vector<T> list;
  try {
    const json::Value value = json::parse(text);
    for (const json::Value& element : value.as_array()) list.push_back(get(element));
  } catch (const std::runtime_error&) {
    return {};
  }
  return list;
}

std::string time_or_empty(const std::optional<WallTime>& time) {
  return time ? to_text(*time) : std::string();
}

}  // namespace

std::string_view to_text(JobStatus status) noexcept {
  return kStatus[static_cast<std::size_t>(status)];
}

std::optional<JobStatus> parse_job_status(std::string_view text) noexcept {
  const auto* const found = std::find(std::begin(kStatus), std::end(kStatus), text);
  if (found == std::end(kStatus)) return {};
  return static_cast<JobStatus>(found - std::begin(kStatus));
}

std::string Job::function_name() const {
  try {
    return call().function;
  } catch (const UnreadableJob&) {
    return "?";
  }
}

std::int64_t Job::retry_interval() const {
  if (retry_intervals.empty()) return 0;
  const auto count = static_cast<std::int64_t>(retry_intervals.size());
  const std::int64_t index =
      std::clamp<std::int64_t>(count - retries_left.value_or(0), 0, count - 1);
  return std::max<std::int64_t>(retry_intervals[static_cast<std::size_t>(index)], 0);
}

Fields Job::fields() const {
  Fields all{{"created_at", time_or_empty(created_at)},
             {"data", data},
             {"success_callback_name", ""},
             {"failure_callback_name", ""},
             {"started_at", time_or_empty(started_at)},
             {"ended_at", time_or_empty(ended_at)},
             {"last_heartbeat", time_or_empty(last_heartbeat)},
             {"worker_name", worker_name}};
  const auto add = [&all](const char* name, std::string value) {
    all.emplace_back(name, std::move(value));
  };
  const auto add_number = [&](const char* name, const std::optional<std::int64_t>& number) {
    if (number) add(name, std::to_string(*number));
  };
  add_number("retries_left", retries_left);
  if (!retry_intervals.empty()) {
    add("retry_intervals",
        json::write(json::Array(retry_intervals.begin(), retry_intervals.end())));
  }
  add("origin", origin);
  add("description", description);
  if (enqueued_at) add("enqueued_at", to_text(*enqueued_at));
  add("timeout", std::to_string(timeout.value_or(kDefaultTimeout)));
  add_number("result_ttl", result_ttl);
  add_number("failure_ttl", failure_ttl);
  if (status) add("status", std::string(to_text(*status)));
  if (!dependency_ids.empty()) {
    add("dependency_id", dependency_ids.front());
    add("dependency_ids", json::write(json::Array(dependency_ids.begin(), dependency_ids.end())));
  }
  if (!meta.is_null()) add("meta", json::write(meta));
  add_number("ttl", ttl);
  if (allow_dependency_failures) {
    add("allow_dependency_failures", *allow_dependency_failures ? "1" : "0");
  }
  if (enqueue_at_front) add("enqueue_at_front", *enqueue_at_front ? "1" : "0");
  return all;
}

std::optional<Job> Job::from_fields(std::string id, const Fields& fields) {
  const std::map<std::string_view, const std::string&> all(fields.begin(), fields.end());
  static const std::string kNone;
  const auto text = [&](const char* name) -> const std::string& {
    const auto found = all.find(name);
    return found == all.end() ? kNone : found->second;
  };
  const auto flag = [&](const char* name) -> std::optional<bool> {
    const auto number = whole_number(text(name));
    if (!number) return {};
    return *number != 0;
  };
  if (all.find("data") == all.end()) return {};
  Job job;
  job.id = std::move(id);
  job.origin = text("origin");
  job.description = text("description");
  job.status = parse_job_status(text("status"));
  job.data = text("data");
  job.created_at = parse_wall_time(text("created_at"));
  job.enqueued_at = parse_wall_time(text("enqueued_at"));
  job.started_at = parse_wall_time(text("started_at"));
  job.ended_at = parse_wall_time(text("ended_at"));
  job.last_heartbeat = parse_wall_time(text("last_heartbeat"));
  job.worker_name = text("worker_name");
  job.timeout = seconds_of(text("timeout"));
  job.result_ttl = whole_number(text("result_ttl"));
  job.failure_ttl = whole_number(text("failure_ttl"));
  job.ttl = whole_number(text("ttl"));
  job.retries_left = whole_number(text("retries_left"));
  job.retry_intervals = list_of<std::int64_t>(text("retry_intervals"),
                                              [](const json::Value& v) { return v.as_int(); });
  job.dependency_ids = list_of<std::string>(text("dependency_ids"),
                                            [](const json::Value& v) { return v.as_string(); });
  if (job.dependency_ids.empty() && !text("dependency_id").empty()) {
    job.dependency_ids.push_back(text("dependency_id"));
  }
  job.allow_dependency_failures = flag("allow_dependency_failures");
  job.enqueue_at_front = flag("enqueue_at_front");
  try {
    if (!text("meta").empty()) job.meta = json::parse(text("meta"));
  } catch (const std::runtime_error&) {  // pickled: not ours to read
  }
  job.abandoned = whole_number(text("simul:abandoned")).value_or(0);
  return job;
}

std::string new_worker_name() {
  static constexpr char kDigits[] = "0123456789abcdef";
  unsigned char bytes[16];
  check(::getentropy(bytes, sizeof bytes), "getentropy");
  std::string name;
  for (const unsigned char byte : bytes) {
    name += kDigits[byte >> 4];
    name += kDigits[byte & 15];
  }
  return name;
}

std::string new_job_id() {
  std::string id = new_worker_name();
  id[12] = '4';                                        // the version
  id[16] = "89ab"[static_cast<unsigned>(id[16]) & 3];  // the variant
  for (const std::size_t place : {20, 16, 12, 8}) id.insert(place, 1, '-');
  return id;
}

}  // namespace simul::redis
