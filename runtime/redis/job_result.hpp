// What came of a job, once for each time it was run: a value, or the text of an exception.
//
// Results lie beside the job, in a stream `rq:results:<id>`, the newest last; RQ keeps about ten.
// A run that failed and is to be tried again leaves none. (rq.results.Result)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/json/json.hpp"
#include "runtime/redis/reply.hpp"
#include "runtime/redis/wall_time.hpp"

namespace simul::redis {

/// One entry of the stream.
struct JobResult {
  enum class Type : std::uint8_t { successful = 1, failed = 2, stopped = 3 };

  Type type = Type::successful;
  WallTime at{};            ///< by the server's clock, in milliseconds
  std::string exception{};  ///< of one that failed: its text, the traceback of a Python job

  /// What the function returned; null is also Python's None. Throws UnreadableJob if that is
  /// pickled, and std::logic_error if it returned nothing because it failed.
  json::Value value() const;

  std::optional<std::string> stored{};  ///< the value as it was written, if there was one

  /// From an entry of XREVRANGE. Throws UnexpectedReply if it is none, UnreadableJob if its
  /// contents make no sense.
  static JobResult from_entry(const Reply& entry);
};

}  // namespace simul::redis
