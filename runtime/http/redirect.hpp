// What to ask for next when a server says "elsewhere": 301, 302, 303, 307 and 308.
//
//      301, 302   POST becomes GET without a body; every other method stays (RFC 9110 15.4.2, .3)
//      303        everything but HEAD becomes GET without a body (15.4.4)
//      307, 308   the same again, body and all (15.4.8, .9)
//
// The invariant: credentials never leave the origin (scheme, host and port) that they were given
// for. Pure functions on messages; who sends them is exchange.hpp's business.
#pragma once

#include "runtime/http/message.hpp"

namespace simul::http {

/// Is it one of the five statuses that name another place?
bool is_redirect(int status) noexcept;

/// Follows redirects up to a limit.
class Redirects {
 public:
  /// `limit` redirects are followed; one more is an error. 0 follows none.
  explicit Redirects(int limit = 20) noexcept : limit_(limit) {}

  /// Changes `request`, which got `response`, into the one that follows it. False, and nothing
  /// changed, if there is nothing to follow: another status, or no Location.
  ///
  /// The Location may be relative; without a fragment of its own it inherits the old one (RFC 9110
  /// section 10.2.2). To another origin go no Authorization, Proxy-Authorization, Cookie or Host; a
  /// body that is dropped takes the fields that describe it along.
  /// Throws `LimitExceeded` beyond the limit, `ProtocolError` if Location is no URL or occurs with
  /// different values, and `UnsupportedScheme` if it is https: this runtime speaks no TLS.
  bool follow(const Response& response, Request& request);

  /// How many were followed.
  int count() const noexcept { return count_; }

 private:
  int limit_;
  int count_ = 0;
};

}  // namespace simul::http
