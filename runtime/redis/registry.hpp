// Registries: which jobs of a queue are where.
//
// A queue's list holds the jobs that wait. Every other job stands in one registry of its queue, a
// sorted set of ids; the score is a time in unix seconds, and what it means depends:
//
//     started     when it is to be taken for abandoned, unless its worker says before that it lives
//     finished    when it may be forgotten; infinite: never
//     failed      the same; -1: never
//     deferred    when it was put there: it waits for other jobs
//     scheduled   when it is due
//     canceled    when it was canceled
//
// (rq.registry)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/redis/job_keys.hpp"

namespace simul::redis {

enum class Registry : std::uint8_t { started, finished, failed, deferred, scheduled, canceled };

/// All of them, for tables.
inline constexpr Registry kRegistries[] = {Registry::started,   Registry::finished,
                                           Registry::failed,    Registry::deferred,
                                           Registry::scheduled, Registry::canceled};

/// "started", "finished" and so on.
constexpr std::string_view to_text(Registry registry) noexcept {
  constexpr std::string_view kNames[] = {"started",  "finished",  "failed",
                                         "deferred", "scheduled", "canceled"};
  return kNames[static_cast<std::size_t>(registry)];
}

namespace keys {
/// "rq:failed:<queue>". Of the started jobs "rq:wip:<queue>": work in progress.
inline std::string registry(Registry registry, std::string_view queue) {
  const std::string_view name = registry == Registry::started ? "wip" : to_text(registry);
  return joined("rq:", name) + joined(":", queue);
}
}  // namespace keys

}  // namespace simul::redis
