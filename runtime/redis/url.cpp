#include "runtime/redis/url.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "runtime/http/uri.hpp"
#include "runtime/redis/error.hpp"

namespace simul::redis {

namespace {

constexpr std::string_view kTcp = "redis://";
constexpr std::string_view kUnix = "unix://";

[[noreturn]] void refuse(const std::string& why) {
  throw InvalidUrl("Redis URL: " + why);
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) refuse("a % without two hexadecimal digits after it");
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

int database_in(std::string_view text) {
  const std::optional<int> number = number_in<int>(text);
  if (!number) refuse("the database is a number, not " + http::quote(text));
  return *number;
}

// `user:password`, `:password` or `user`.
void read_credentials(Url& url, std::string_view text) {
  const std::size_t colon = text.find(':');
  url.user = decode(text.substr(0, colon));
  if (colon != text.npos) url.password = decode(text.substr(colon + 1));
}

void read_host(Url& url, std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {  // an IPv6 address, full of colons
    const std::size_t end = text.find(']');
    if (end == text.npos) refuse("no ] after the address " + http::quote(text));
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && port[0] != ':') refuse("after ] comes a port, not " + http::quote(port));
  } else if (const std::size_t colon = text.find(':'); colon != text.npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (!host.empty()) url.host = decode(host);
  if (port.size() <= 1) return;
  const std::optional<int> number = number_in<int>(port.substr(1));
  if (!number || *number < 1 || *number > 65535) {
    refuse("the port is a number from 1 to 65535, not " + http::quote(port.substr(1)));
  }
  url.port = static_cast<std::uint16_t>(*number);
}

void read_query(Url& url, std::string_view query) {
  while (!query.empty()) {
    const std::string_view field = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(field.size() + 1, query.size()));
    if (field.empty()) continue;
    const std::size_t equals = std::min(field.find('='), field.size());
    const std::string_view name = field.substr(0, equals);
    const std::string value = decode(field.substr(std::min(equals + 1, field.size())));
    if (name == "db") {
      url.database = database_in(value);
    } else if (name == "username") {
      url.user = value;
    } else if (name == "password") {
      url.password = value;
    } else if (name == "client_name") {
      url.client_name = value;
    } else {
      refuse("an option that is not known: " + http::quote(name));
    }
  }
}

}  // namespace

Url Url::parse(std::string_view text) {
  const bool tcp = text.starts_with(kTcp);
  if (!tcp && !text.starts_with(kUnix)) {
    // Not quoted: where it went wrong is unknown, and there may be a password in it.
    if (text.starts_with("rediss://")) refuse("rediss:// needs TLS, which is not spoken here");
    refuse("it begins with redis:// or unix://");
  }
  Url url;
  std::string_view rest = text.substr(tcp ? kTcp.size() : kUnix.size());
  rest = rest.substr(0, rest.find('#'));
  const std::size_t question = std::min(rest.find('?'), rest.size());
  const std::string_view query = rest.substr(std::min(question + 1, rest.size()));
  rest = rest.substr(0, question);
  std::string_view authority = rest.substr(0, rest.find('/'));
  const std::string_view path = rest.substr(authority.size());
  if (const std::size_t at = authority.rfind('@'); at != authority.npos) {
    read_credentials(url, authority.substr(0, at));
    authority.remove_prefix(at + 1);
  }
  if (tcp) {
    read_host(url, authority);
    if (path.size() > 1) url.database = database_in(decode(path.substr(1)));
  } else {
    if (!authority.empty()) refuse("a socket's path is absolute: unix:///run/redis.sock");
    url.host.clear();
    url.port = 0;
    url.path = decode(path);
    if (url.path.empty()) refuse("unix:// needs the path of a socket: unix:///run/redis.sock");
  }
  read_query(url, query);
  if (!url.user.empty() && url.password.empty()) refuse("a user without a password");
  return url;
}

Url Url::from_environment() {
  const char* text = std::getenv("REDIS_URL");
  return text == nullptr || *text == '\0' ? Url() : parse(text);
}

std::string Url::to_string() const {
  if (!path.empty()) return "unix://" + path + "?db=" + std::to_string(database);
  const bool v6 = host.find(':') != host.npos;
  return "redis://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port) + "/" +
         std::to_string(database);
}

}  // namespace simul::redis
