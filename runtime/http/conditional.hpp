// Requests with an "if": is it still what the client has, or what it thinks it is?
//
// RFC 9110 section 13: what a cache asks (If-None-Match, If-Modified-Since) is answered by 304,
// what a writer asks (If-Match, If-Unmodified-Since) by 412, and a download that goes on (If-Range)
// by the part or by the whole. A tag counts for more than a date: a date is a second wide.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/http/headers.hpp"

namespace simul::http {

/// What tells one version of a resource from another.
struct Validators {
  std::string_view etag;      ///< with its quotes; strong: "W/" is not for us to write
  std::int64_t modified = 0;  ///< seconds since 1970
};

enum class Condition {
  go_on,
  not_modified,  ///< 304
  failed,        ///< 412
};

/// In the order of section 13.2.2. `method`: 304 is for GET and HEAD.
Condition check_conditions(const Headers& request, std::string_view method,
                           const Validators& current);

/// May a Range be answered by a part? Yes, unless there is an If-Range with another version.
bool range_is_current(const Headers& request, const Validators& current);

}  // namespace simul::http
