#include "runtime/http/start_line.hpp"

#include <string>

#include "runtime/http/error.hpp"
#include "runtime/http/headers.hpp"
#include "runtime/http/uri.hpp"

namespace simul::http {
namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "HTTP/1.x" to x.
int parse_version(std::string_view version) {
  const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") &&
                           is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
  if (!well_formed) throw ProtocolError(quote(version) + " is no version of HTTP");
  if (version[5] != '1') throw ProtocolError("HTTP/1 expected, not " + quote(version), 505);
  return version[7] - '0';
}

bool has_known_form(std::string_view method, std::string_view target) {
  if (method == "CONNECT") return target.find_first_of("/?") == target.npos;
  if (target == "*") return method == "OPTIONS";
  return target[0] == '/' || target.find("://") != target.npos;
}

}  // namespace

bool is_request_target(std::string_view target) noexcept {
  for (char c : target) {
    if (c <= ' ' || c > '~') return false;  // char may be signed: bytes above 127 are refused too
  }
  return !target.empty();
}

RequestLine parse_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto second = first == line.npos ? line.npos : line.find(' ', first + 1);
  if (second == line.npos) {
    throw ProtocolError("request line " + quote(line) + " has not three parts");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, second - first - 1);
  if (!is_token(method)) throw ProtocolError("method " + quote(method) + " is no token");
  if (!is_request_target(target) || !has_known_form(method, target)) {
    throw ProtocolError("request target " + quote(target) + " is malformed");
  }
  return {method, target, parse_version(line.substr(second + 1))};
}

StatusLine parse_status_line(std::string_view line) {
  const bool well_formed = line.size() >= 12 && line[8] == ' ' && line[9] >= '1' &&
                           is_digit(line[9]) && is_digit(line[10]) && is_digit(line[11]) &&
                           (line.size() == 12 || line[12] == ' ');
  if (!well_formed || !is_field_value(line)) {
    throw ProtocolError("status line " + quote(line) + " is malformed");
  }
  const int status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  return {parse_version(line.substr(0, 8)), status, line.size() > 13 ? line.substr(13) : ""};
}

}  // namespace simul::http
