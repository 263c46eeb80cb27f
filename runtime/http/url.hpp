// An http or https URL: where to connect, and what to ask for there.
//
// The invariant: a Url that `parse` returned can be written into a request as it is. Its host is
// one that a Host header may carry, its port is between 1 and 65535, and no part holds a byte that
// could end the request line. The parts stay percent-encoded: decoding is for who knows what they
// mean.
//
// It does not clean up: the path is what was written ("/a/../b" stays); only `resolve` removes
// dots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/http/uri.hpp"

namespace simul::http {

/// Who answers: scheme, host and port (RFC 6454, RFC 9110 section 4.3.1). Secrets stay within an
/// origin, and kept-alive connections are shared within one.
struct Origin {
  std::string scheme;      ///< "http" or "https"
  std::string host;        ///< lower case; an IPv6 address without its brackets
  std::uint16_t port = 0;  ///< never 0 once parsed

  /// "host:port", with brackets round an IPv6 address: a key for a pool, or a name for a message.
  std::string to_string() const;

  bool operator==(const Origin&) const = default;
};

/// The parts of an absolute http(s) URL.
struct Url {
  std::string scheme;                   ///< "http" or "https", lower case
  std::string userinfo;                 ///< "user:password" as written; empty when absent
  std::string host;                     ///< lower case; an IPv6 address without its brackets
  std::uint16_t port = 0;               ///< the scheme's default (80, 443) filled in
  std::string path;                     ///< empty or beginning with "/"
  std::optional<std::string> query;     ///< without "?"
  std::optional<std::string> fragment;  ///< without "#"; never sent to a server

  /// Throws `InvalidUrl`, saying why, unless `text` is an absolute http or https URL with a host.
  /// Refused beyond RFC 3986's grammar: an empty port, port 0, percent-encoding in the host.
  static Url parse(std::string_view text, std::size_t max_length = kMaxUrlLength);

  /// The URL that `reference` means on a page with this URL. Throws `InvalidUrl` if the result is
  /// no http(s) URL.
  Url resolve(std::string_view reference) const;

  Origin origin() const { return {scheme, host, port}; }

  /// Is `port` the one that the scheme implies?
  bool has_default_port() const noexcept;

  /// What stands in the request line: the path, at least "/", and the query (RFC 9112
  /// section 3.2.1).
  std::string target() const;
  void append_target(std::string& out) const;

  /// The value of the Host header: brackets round IPv6, the port unless it is the scheme's.
  std::string host_header() const;
  void append_host_header(std::string& out) const;

  /// The whole URL, its userinfo included.
  std::string to_string() const;

  /// The URL without userinfo and fragment: for messages, where passwords have no place.
  std::string to_display() const;

  bool operator==(const Url&) const = default;
};

}  // namespace simul::http
