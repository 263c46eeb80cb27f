// When to try again: later and later, and not when all the others do.
//
//     1st failure   somewhere within   0.05 s
//     2nd           somewhere within   0.1 s       each time twice as long, up to a limit
//     3rd           somewhere within   0.2 s
//
// A server that has too much to do gets no better by being asked again at once. And a hundred
// clients that it refused at the same moment must not come back at the same moment: so the pause is
// drawn from the whole range, from nothing to the full length ("full jitter", Marc Brooker, 2015).
//
// A server that says when (Retry-After) is taken at its word, if that is soon enough.
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>

#include "runtime/base/clock.hpp"
#include "runtime/http/date.hpp"

namespace simul::crawl {

/// What a Retry-After says: seconds, or a date (RFC 9110 section 10.2.3). `now`: seconds since the
/// beginning of 1970. Nothing if it says neither; zero if that moment is past.
inline std::optional<Duration> retry_after(std::string_view value, std::int64_t now) {
  std::int64_t seconds = 0;
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, seconds);
  if (error != std::errc() || stop != end) {
    const std::optional<std::int64_t> date = http::parse_date(value);
    if (!date) return std::nullopt;
    seconds = *date - now;
  }
  return saturate(std::chrono::seconds(std::max<std::int64_t>(seconds, 0)));
}

/// The pauses between tries. The same seed gives the same pauses.
class Backoff {
 public:
  Backoff(Duration first, Duration longest, std::uint64_t seed)
      : first_(first), longest_(longest), random_(seed) {}

  /// The pause after `failures` failures in a row, at least 1.
  Duration pause(int failures) {
    Duration range = std::min(first_, longest_);
    for (int i = 1; i < failures && range < longest_; ++i) range = std::min(range * 2, longest_);
    // By hand: the standard library's distributions give other numbers on other machines.
    const double part = static_cast<double>(random_() >> 11) * 0x1p-53;
    return from_seconds(to_seconds(range) * part);
  }

 private:
  Duration first_;
  Duration longest_;
  std::mt19937_64 random_;
};

}  // namespace simul::crawl
