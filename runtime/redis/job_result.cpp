// An entry of a result stream: [id, [name, value, name, value ...]], base64 inside.
#include "runtime/redis/job_result.hpp"

#include <charconv>
#include <stdexcept>

#include "runtime/base/base64.hpp"
#include "runtime/redis/job_call.hpp"

namespace simul::redis {
namespace {

std::string decoded(const std::string& text) {
  std::optional<std::string> bytes = base64_decode(text);
  if (!bytes) throw UnreadableJob("a result is no base64");
  return *std::move(bytes);
}

}  // namespace

json::Value JobResult::value() const {
  if (type != Type::successful) throw std::logic_error("the job failed: it has no value");
  if (!stored) return nullptr;
  try {
    return json::parse(*stored);
  } catch (const std::runtime_error& error) {
    throw UnreadableJob(stored->starts_with('\x80')
                            ? "the result is pickled: its worker did not use RQ's JSON serializer"
                            : std::string("the result is no JSON: ") + error.what());
  }
}

JobResult JobResult::from_entry(const Reply& entry) {
  JobResult result;
  const std::string& id = entry[0].as_text();
  std::int64_t milliseconds = 0;
  std::from_chars(id.data(), id.data() + id.size(), milliseconds);
  result.at = WallTime(std::chrono::milliseconds(milliseconds));
  for (const auto& [name, value] : entry[1].pairs()) {
    if (name == "type") {
      if (value != "1" && value != "2" && value != "3") throw UnreadableJob("a result of no type");
      result.type = static_cast<Type>(value[0] - '0');
    } else if (name == "return_value") {
      result.stored = decoded(value);
    } else if (name == "exc_string") {
      result.exception = unpack(decoded(value));
    }
  }
  return result;
}

}  // namespace simul::redis
