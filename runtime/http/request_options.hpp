// What may be chosen for one request, and how its time is kept: the same for every client.
//
// Two limits guard every wait: the one for this wait (connect, read) and the end of the whole
// request. Whichever comes first ends the wait. A peer that is always ready never makes us wait, so
// a driver also asks `check` between two steps.
#pragma once

#include <algorithm>
#include <chrono>

#include "runtime/base/clock.hpp"
#include "runtime/http/exchange.hpp"

namespace simul::http {

/// How long to be patient. Reaching one of them throws `TimedOut`, which names the URL and the
/// limit. `kForever` switches one off.
struct Timeouts {
  static constexpr Duration kForever = Duration::max();

  Duration connect = std::chrono::seconds(10);  ///< for each address of a name
  Duration read = std::chrono::seconds(30);     ///< without a single byte coming or going
  /// For it all, redirects included: it also holds against a peer that drips a byte a second. Only
  /// a name look-up that blocks its thread is not cut short.
  Duration total = std::chrono::seconds(300);
};

/// What may be chosen for one request. Move-only, for the callbacks in `exchange`. Its constructor
/// makes it no aggregate, of which g++ 12 destroys those twice that are made in braces within a
/// co_yield or a co_await.
struct RequestOptions {
  RequestOptions() {}  // NOLINT(modernize-use-equals-default): that would still be one

  Timeouts timeouts;
  ExchangeOptions exchange;  ///< limits, redirects, keep-alive, the body piece by piece
};

/// The time of one request, from its construction.
class Deadlines {
 public:
  explicit Deadlines(const Timeouts& timeouts) noexcept
      : timeouts_(timeouts), end_(after(Clock::now(), timeouts.total)) {}

  /// When it all must be done.
  TimePoint end() const noexcept { return end_; }

  /// When a wait for bytes that begins now is to be given up.
  TimePoint for_bytes() const noexcept {
    return std::min(after(Clock::now(), timeouts_.read), end_);
  }

  /// How long the connection to one address may take.
  Duration connect() const noexcept { return timeouts_.connect; }

  /// Throws TimedOut if the time for it all is over.
  void check(const Exchange& exchange) const;

  /// A wait that was to end `for_bytes` has ended without any: throws TimedOut. `sending`: it was
  /// for either direction.
  [[noreturn]] void throw_no_bytes(const Exchange& exchange, bool sending) const;

 private:
  Timeouts timeouts_;
  TimePoint end_;
};

}  // namespace simul::http
