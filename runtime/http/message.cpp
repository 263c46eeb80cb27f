#include "runtime/http/message.hpp"

#include <charconv>

#include "runtime/http/body_reader.hpp"
#include "runtime/http/error.hpp"
#include "runtime/http/start_line.hpp"

namespace simul::http {
namespace {

void write_number(std::string& out, std::uint64_t number) {
  char digits[20];
  const char* const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

void write_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void write_content_length(std::string& out, std::uint64_t length) {
  out.append("Content-Length: ");
  write_number(out, length);
  out.append("\r\n");
}

// The caller's Content-Length, which has to be a number.
std::optional<std::uint64_t> stated_length(const Headers& headers) try {
  return content_length(headers);
} catch (const ProtocolError& error) {
  throw InvalidMessage(error.what());
}

// Headers validate themselves; what remains is that they may not contradict the framing. Returns
// the caller's Content-Length.
std::optional<std::uint64_t> check_framing(const Headers& headers,
                                           std::optional<std::uint64_t> body_length) {
  if (headers.contains("Transfer-Encoding")) {
    throw InvalidMessage("Transfer-Encoding is not the caller's to set");
  }
  const auto stated = stated_length(headers);
  if (stated && body_length && *stated != *body_length) {
    throw InvalidMessage("Content-Length " + std::to_string(*stated) + " for a body of " +
                         std::to_string(*body_length) + " bytes");
  }
  return stated;
}

bool is_framing_field(std::string_view name) {
  return equal_ignoring_case(name, "Content-Length") || equal_ignoring_case(name, "Host");
}

bool usually_has_body(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

// Before a byte is written: what is appended below says what the request says, and no more.
void check_request(const Request& request) {
  const Url& url = request.url;
  if (!is_token(request.method)) {
    throw InvalidMessage("method " + quote(request.method) + " is no token");
  }
  if ((!url.path.empty() && !is_request_target(url.path)) ||
      (url.query && !url.query->empty() && !is_request_target(*url.query))) {
    throw InvalidMessage("request target " + quote(url.target()) + " is malformed");
  }
  const auto own = request.headers.get("Host");
  if (own && request.headers.count("Host") > 1) throw InvalidMessage("Host twice");
  if (own && !is_request_target(*own)) {
    throw InvalidMessage("Host " + quote(*own) + " is malformed");
  }
  if ((!own || request.method == "CONNECT") && !is_request_target(url.host)) {
    throw InvalidMessage("Host " + quote(url.host) + " is malformed");
  }
  check_framing(request.headers, request.body.size());
}

}  // namespace

std::string_view IncomingRequest::path() const noexcept {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view IncomingRequest::query() const noexcept {
  const auto mark = target.find('?');
  return mark == target.npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

void write_request_head(std::string& out, const Request& request) {
  check_request(request);
  out.reserve(out.size() + 512);  // enough for most, and one allocation instead of several
  out.append(request.method).append(" ");
  if (request.method == "CONNECT")
    out.append(request.url.origin().to_string());
  else
    request.url.append_target(out);
  out.append(" HTTP/1.1\r\nHost: ");
  if (const auto own = request.headers.get("Host"))
    out.append(*own);
  else
    request.url.append_host_header(out);
  out.append("\r\n");
  for (const auto [name, value] : request.headers) {
    if (!is_framing_field(name)) write_field(out, name, value);
  }
  if (!request.body.empty() || usually_has_body(request.method)) {
    write_content_length(out, request.body.size());
  }
  out.append("\r\n");
}

void write_response_head(std::string& out, const Answer& response, const ResponseFraming& framing) {
  const int status = response.status;
  if (status < 100 || status > 999) {
    throw InvalidMessage("status " + std::to_string(status) + " has not three digits");
  }
  if (!is_field_value(response.reason)) {
    throw InvalidMessage("control byte in reason phrase " + quote(response.reason));
  }
  const bool bodiless = status < 200 || status == 204 || status == 304;
  if (bodiless && (framing.streamed || !response.body.empty())) {
    throw InvalidMessage("a response with status " + std::to_string(status) + " has no body");
  }
  // A length without the body is what HEAD and 304 are for: there the caller's word is good enough.
  const bool length_alone = (framing.without_body && response.body.empty()) || status == 304;
  std::optional<std::uint64_t> length;
  if (!framing.streamed && !length_alone) length = response.body.size();
  const auto stated = check_framing(response.headers, length);
  if (!length) length = stated;
  if (status != 101 && response.headers.contains("Connection")) {
    throw InvalidMessage("Connection is not the caller's to set");
  }

  out.append("HTTP/1.1 ");
  write_number(out, static_cast<std::uint64_t>(status));
  out.append(" ")
      .append(response.reason.empty() ? reason_phrase(status) : response.reason)
      .append("\r\n")
      .append(framing.extra);
  for (const auto [name, value] : response.headers) {
    if (!equal_ignoring_case(name, "Content-Length")) write_field(out, name, value);
  }
  const bool chunked = framing.streamed && !length && framing.minor_version >= 1;
  const bool until_close = framing.streamed && !length && !chunked;
  if (chunked) write_field(out, "Transfer-Encoding", "chunked");
  if (length && (!bodiless || status == 304)) write_content_length(out, *length);
  if (status >= 200) {
    if (!framing.keep_alive || until_close)
      write_field(out, "Connection", "close");
    else if (framing.minor_version == 0)
      write_field(out, "Connection", "keep-alive");
  }
  out.append("\r\n");
}

void write_response(std::string& out, const Answer& response, const ResponseFraming& framing) {
  write_response_head(out, response, framing);
  if (!framing.without_body && !framing.streamed) out.append(response.body);
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

bool is_idempotent(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS" || method == "TRACE";
}

}  // namespace simul::http
