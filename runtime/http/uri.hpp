// The five parts of a URI, and how a relative one is read against a base: RFC 3986.
//
//      foo://user@example.com:8042/over/there?name=ferret#nose
//      \_/   \___________________/\_________/ \_________/ \__/
//     scheme       authority         path        query   fragment
//
// This is the RFC's algorithm for any scheme and nothing else. What an http URL needs on top (a
// host, a port, no tricks) is in url.hpp. The invariant: every byte kept here is one that RFC 3986
// allows, so a Uri never holds a space, a control byte or a line break.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace simul::http {

/// The longest URL that is accepted, in bytes.
inline constexpr std::size_t kMaxUrlLength = 16 * 1024;

/// Where the parts lie in a text that somebody else owns: what `Uri` holds, as views of it.
struct UriView {
  std::optional<std::string_view> scheme;
  std::optional<std::string_view> authority;
  std::string_view path;
  std::optional<std::string_view> query;
  std::optional<std::string_view> fragment;

  /// Finds the parts of `text` and copies none. Throws as `Uri::parse`.
  static UriView parse(std::string_view text, std::size_t max_length = kMaxUrlLength);
};

/// A URI or a relative reference, taken apart and not decoded. "Absent" and "empty" differ:
/// `http://a/?` has an empty query, `http://a/` has none (RFC 3986 section 5.2.2 depends on it).
struct Uri {
  std::optional<std::string> scheme;
  std::optional<std::string> authority;
  std::string path;
  std::optional<std::string> query;
  std::optional<std::string> fragment;

  /// Takes `text` apart. Throws `InvalidUrl` if it is longer than `max_length` bytes or breaks the
  /// grammar: a forbidden byte, or a `%` without two hexadecimal digits.
  static Uri parse(std::string_view text, std::size_t max_length = kMaxUrlLength);

  /// Puts the parts together again (RFC 3986 section 5.3).
  std::string to_string() const;

  bool operator==(const Uri&) const = default;
};

/// What `reference` means on a page whose address is `base` (RFC 3986 section 5.2.2, the strict
/// form). `base` must have a scheme.
Uri resolve(const Uri& base, const Uri& reference);

/// Removes "." and ".." from a path (RFC 3986 section 5.2.4). Linear in its length.
std::string remove_dot_segments(std::string_view path);

/// Percent-encodes what browsers encode in an address from the outside: spaces, bytes above 126,
/// and `"<>^`{|}`; in a query or fragment also brackets. Everything else stays, so control bytes
/// and backslashes are still refused by `Uri::parse`. Meant for a Location header.
std::string percent_encode_unsafe(std::string_view text);

/// `text` in quotes, unprintable bytes as \xNN, shortened to 80 bytes: hostile input for a message.
std::string quote(std::string_view text);

}  // namespace simul::http
