// What became of one address: the answer's status, or why there was none.
//
// The invariant: nothing in it depends on when it was fetched or on what else was under way, but
// the seconds and the number of tries. All that a report says of a site is made of these.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace simul::crawl {

/// How asking for an address ended.
enum class Outcome : std::uint8_t {
  answered,       ///< with a status, whichever
  disallowed,     ///< robots.txt asks us not to: nothing was sent
  no_host,        ///< its name has no address
  no_connection,  ///< nobody listens there
  timed_out,      ///< it took too long
  broken_off,     ///< the connection ended before the answer did
  no_http,        ///< what came is no answer by HTTP's rules
};

/// In the words of the report and of the state file, in the order of the enumerators.
inline constexpr std::array<std::string_view, 7> kOutcomeNames = {
    "answered",  "disallowed", "no such host", "no connection",
    "timed out", "broken off", "no HTTP"};

inline std::string_view name_of(Outcome outcome) {
  return kOutcomeNames[static_cast<std::size_t>(outcome)];
}

/// The outcome of that name; nothing if there is none.
inline std::optional<Outcome> outcome_of(std::string_view name) {
  for (std::size_t i = 0; i < kOutcomeNames.size(); ++i) {
    if (kOutcomeNames[i] == name) return static_cast<Outcome>(i);
  }
  return std::nullopt;
}

/// What one address came to.
struct Page {
  Outcome outcome = Outcome::answered;
  int status = 0;           ///< of the last answer; 0 unless `answered`
  std::uint64_t bytes = 0;  ///< of the body, decoded, as far as it was read
  bool cut = false;         ///< it was longer than we read
  std::string digest{};     ///< of a body of status 200 that was read whole: 40 hexadecimal digits
  int tries = 1;            ///< how often it was asked for
  double seconds = 0;       ///< how long the last of them took

  /// "200", "404", "timed out": what a person wants to know first.
  std::string what() const {
    return outcome == Outcome::answered ? std::to_string(status) : std::string(name_of(outcome));
  }

  /// Whoever follows a link to it will be disappointed. (Not if it is only we who may not.)
  bool broken() const {
    return outcome == Outcome::answered ? status >= 400 : outcome != Outcome::disallowed;
  }
};

}  // namespace simul::crawl
