// What a server writes down about each request.
//
//     options.access_log = web::log_to(stderr);
//     127.0.0.1:51234 [21/Nov/2026:19:05:12 +0000] "GET /index.html HTTP/1.1" 200 5120 0.001
//
// One line each, written when the answer has gone out or the connection broke: who, when, what was
// asked, the status, the bytes of the body that were sent, and the seconds since the head of the
// request was there. Whatever the client sent stands in quotes with its quotes escaped, and a line
// break cannot get that far, so nobody writes a line of his own.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "runtime/base/callback.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/net/address.hpp"

namespace simul::web {

/// One request and its answer. The views are good during the call.
struct AccessEntry {
  net::Address peer;        ///< no address if the client had gone already
  std::string_view method;  ///< empty if the request could not be read
  std::string_view target;
  int minor_version = 1;
  int status = 0;           ///< 0: nothing was answered
  std::uint64_t bytes = 0;  ///< of the body, as sent
  Duration took{};
  bool complete = true;  ///< false: the connection broke, or was cut
};

/// Called in the loop's thread; must not wait, and what it throws is reported.
using AccessLog = Callback<void(const AccessEntry&)>;

/// The line of an entry, without a line break. `now` is the wall clock's, in seconds since 1970.
std::string access_line(const AccessEntry& entry, std::int64_t now);

/// Writes the lines to `file`, which must stay open. Writing may block: a pipe that nobody reads
/// holds up the server.
AccessLog log_to(std::FILE* file);

}  // namespace simul::web
