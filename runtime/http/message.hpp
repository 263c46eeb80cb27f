// Requests and responses, and how they are written.
//
// The invariant: what is written here can be read back by a strict parser as exactly this message
// and nothing more. A method, target or header that would say more throws `InvalidMessage` before a
// byte is written, and the length of the body is always computed, never believed.
//
// Reading is message_parser.hpp; this file knows nothing of connections.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/http/headers.hpp"
#include "runtime/http/url.hpp"

namespace simul::http {

/// What a client asks for.
struct Request {
  std::string method = "GET";
  Url url;
  Headers headers;
  std::string body;
};

/// What a server was asked for.
struct IncomingRequest {
  std::string method;
  std::string target;     ///< as it stood in the request line: "/path?query", or "*", or a URL
  int minor_version = 1;  ///< HTTP/1.x
  Headers headers;
  std::string body;  ///< the parser leaves it empty; who reads the body may collect it here

  /// The target up to "?".
  std::string_view path() const noexcept;
  /// The target after "?"; empty when there is none.
  std::string_view query() const noexcept;
};

/// An answer, seen from either side. (Small: a server hands one on several times.)
struct Answer {
  int status = 200;
  std::string reason;     ///< as sent; when written and empty, the usual phrase takes its place
  int minor_version = 1;  ///< HTTP/1.x
  Headers headers;
  std::string body;

  bool ok() const noexcept { return status >= 200 && status < 300; }
};

/// What a client gets.
struct Response : Answer {
  Url url;  ///< where it came from, after redirects
};

/// How a response is to be framed.
struct ResponseFraming {
  bool keep_alive = true;     ///< false adds "Connection: close"
  bool without_body = false;  ///< the answer to HEAD: the length is stated, the body is not sent
  int minor_version = 1;  ///< the client's; with 0, keep_alive has to be said and nothing chunked
  /// The body follows in pieces: chunked (chunked.hpp), or up to the connection's end for
  /// HTTP/1.0. `Answer::body` is not looked at.
  bool streamed = false;
  /// Whole header lines, each with its CRLF, written as they are: what a server says with every
  /// answer, such as Date.
  std::string_view extra{};
};

/// Appends the request line and header fields to `out`, ready for the body to follow. Host comes
/// first: the caller's own, if there is one, else the URL's. Content-Length is added if there is a
/// body, or if the method is one that usually has one (POST, PUT, PATCH).
/// Throws `InvalidMessage`, and leaves `out` as it was, if the method is no token, the target holds
/// a byte that it may not, Host occurs twice, Transfer-Encoding is given, or Content-Length is
/// given and differs from the body's. With CONNECT the target is host:port (RFC 9110
/// section 9.3.6).
void write_request_head(std::string& out, const Request& request);

/// Appends the status line and header fields to `out`, and Content-Length, Transfer-Encoding and
/// Connection as `framing` has it; 1xx, 204 and 304 get no Content-Length of their own. Throws as
/// above, also when the headers contain a Connection field (except with 101).
void write_response_head(std::string& out, const Answer& response,
                         const ResponseFraming& framing = {});

/// Appends head and body, as `framing` has it: what a small server sends.
void write_response(std::string& out, const Answer& response, const ResponseFraming& framing = {});

/// RFC 9110's phrase for a status: "Not Found" for 404; "" for one it does not name.
std::string_view reason_phrase(int status) noexcept;

/// May the request be repeated without harm (RFC 9110 section 9.2.2)?
bool is_idempotent(std::string_view method) noexcept;

}  // namespace simul::http
