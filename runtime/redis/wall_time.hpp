// The time of day, as RQ writes it: "2026-11-21T12:10:58.366529Z".
//
// The rest of the runtime asks the monotonic clock, which means nothing on another machine. What a
// job remembers of its life is read by other programs on other machines, so it is UTC; and when it
// is due is for the clock of whoever looks. Clocks of two machines differ: no promise of the queue
// depends on how much, but delayed jobs are late, and dead workers are noticed late, by as much.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace simul::redis {

/// A moment in UTC, in microseconds, which is as exact as RQ's times are.
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

/// Now, by this machine's clock. Virtual time does not move it.
inline WallTime wall_now() {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

/// Whole seconds since 1970, rounded down: what registries are sorted by.
inline std::int64_t unix_seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// "2026-11-21T12:10:58.366529Z"; years 0 to 9999. (rq.utils.utcformat)
std::string to_text(WallTime time);

/// The reverse; six digits of a second or none. Nothing if it is no such text.
/// (rq.utils.utcparse)
std::optional<WallTime> parse_wall_time(std::string_view text);

}  // namespace simul::redis
