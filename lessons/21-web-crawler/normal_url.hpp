// One spelling for each address: RFC 3986 section 6, as far as nobody has to be asked.
//
//     HTTP://www.Chess.localhost:80/a/../b%7e?q=%c3%a4#top  ->
//     http://www.chess.localhost/b~?q=%C3%A4
//
// Two links that differ in their spelling alone lead to the same page, which is to be fetched once.
// What is made equal here means the same for every server: case of scheme and host, the default
// port, dots in the path, hexadecimal digits, letters that need not have been encoded, the
// fragment. What only looks alike stays apart: "/a" and "/a/", "?a&b" and "?b&a", "/" and
// "/index.html".
//
// The invariant: what comes out is an http URL without userinfo and fragment, printable ASCII
// throughout, and its own normal form. Pages are written by hand and by strangers, so what goes in
// is read as generously as browsers do; what cannot be read is no address, and no error.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/http/error.hpp"
#include "runtime/http/uri.hpp"
#include "runtime/http/url.hpp"

namespace simul::crawl {

/// The longest address that is followed, in bytes. Those of endless spaces grow without end.
inline constexpr std::size_t kLongestUrl = 2'000;

namespace detail {

inline int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Is a percent sign at `at` followed by two digits?
inline bool is_encoded(std::string_view text, std::size_t at) {
  return text.size() - at > 2 && hex_value(text[at + 1]) >= 0 && hex_value(text[at + 2]) >= 0;
}

// RFC 3986 section 2.3: means the same, encoded or not.
inline bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// A reference as it stands in a page, in the form that the grammar asks for.
inline std::string cleaned(std::string_view reference) {
  constexpr std::string_view kSpace = " \t\n\f\r";
  const std::size_t first = reference.find_first_not_of(kSpace);
  if (first == reference.npos) return {};
  reference = reference.substr(first, reference.find_last_not_of(kSpace) - first + 1);
  reference = reference.substr(0, reference.find('#'));
  std::string text;
  bool in_query = false;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const char c = reference[i];
    if (c == '\t' || c == '\n' || c == '\r') continue;  // a line of the page ended within it
    in_query = in_query || c == '?';
    if (c == '\\')
      text += in_query ? "%5C" : "/";
    else if (c == '%' && !is_encoded(reference, i))
      text += "%25";
    else
      text += c;
  }
  return http::percent_encode_unsafe(text);
}

}  // namespace detail

/// `part` of a URL with each percent-encoding in its normal form: taken off a letter that needs
/// none, with upper-case digits where it stays (RFC 3986 sections 6.2.2.1 and 6.2.2.2).
inline std::string normal_percent(std::string_view part) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(part.size());
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] != '%' || !detail::is_encoded(part, i)) {
      out += part[i];
      continue;
    }
    const int byte = detail::hex_value(part[i + 1]) * 16 + detail::hex_value(part[i + 2]);
    if (detail::is_unreserved(static_cast<char>(byte)))
      out += static_cast<char>(byte);
    else
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    i += 2;
  }
  return out;
}

/// The normal form of `url`; nothing if it is not http, has userinfo, or is too long.
inline std::optional<std::string> normal_url(http::Url url) {
  // "http://bank.example@evil.example/" deceives people, and a password is not ours to try.
  if (url.scheme != "http" || !url.userinfo.empty()) return std::nullopt;
  url.fragment.reset();
  url.path = http::remove_dot_segments(normal_percent(url.path));  // "%2E" was a dot, too
  if (url.path.empty()) url.path = "/";
  if (url.query) url.query = normal_percent(*url.query);
  std::string text = url.to_string();
  if (text.size() > kLongestUrl) return std::nullopt;
  return text;
}

/// What `reference`, found on the page at `base`, leads to; nothing if that is no http address.
inline std::optional<std::string> normal_url(const http::Url& base, std::string_view reference) {
  if (reference.size() > 8 * kLongestUrl) return std::nullopt;
  try {
    return normal_url(base.resolve(detail::cleaned(reference)));
  } catch (const http::InvalidUrl&) {  // mailto:, javascript:, nonsense
    return std::nullopt;
  }
}

/// The same for an address that stands by itself.
inline std::optional<std::string> normal_url(std::string_view text) {
  try {
    return normal_url(http::Url::parse(detail::cleaned(text)));
  } catch (const http::InvalidUrl&) {
    return std::nullopt;
  }
}

}  // namespace simul::crawl
