// Dates as HTTP writes them: Sun, 06 Nov 1994 08:49:37 GMT.
//
// RFC 9110 section 5.6.7: one form is written, and three are read, since the two older ones are
// still about. No locale and no time zone of this machine has a part in it. Seconds count from the
// beginning of 1970.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace simul::http {

/// The form that is written, 29 characters. Years from 1970 to 9999; others are held at the ends.
std::string format_date(std::int64_t seconds);

/// 06/Nov/1994:08:49:37 +0000, as the logs of servers have it.
std::string log_date(std::int64_t seconds);

/// Any of the three; nothing if it is none of them or no day of the calendar. Two digits of a year
/// are taken for the one within fifty years of `now_year`.
std::optional<std::int64_t> parse_date(std::string_view text, int now_year = 2026);

}  // namespace simul::http
