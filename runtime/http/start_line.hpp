// The first line of a message: "GET /path HTTP/1.1" or "HTTP/1.1 200 OK" (RFC 9112 sections 3, 4).
//
// Pure functions from a line without its CRLF to its parts. Exactly one space separates the parts,
// and the bytes between are checked: a target never holds a space or a control byte. Two kindnesses
// to old servers: the reason phrase may be missing, and so may the space before it.
#pragma once

#include <string_view>

namespace simul::http {

struct RequestLine {
  std::string_view method;
  std::string_view target;
  int minor_version;
};

struct StatusLine {
  int minor_version;
  int status;  ///< 100 to 999
  std::string_view reason;
};

/// Throws `ProtocolError`: 400, or 505 for a version that is not 1.x.
RequestLine parse_request_line(std::string_view line);

/// Throws `ProtocolError`.
StatusLine parse_status_line(std::string_view line);

/// Is it one of the four forms of a request target (RFC 9112 section 3.2), as far as its bytes go:
/// not empty, visible ASCII only?
bool is_request_target(std::string_view target) noexcept;

}  // namespace simul::http
