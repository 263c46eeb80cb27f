#include "runtime/http/uri.hpp"

#include <array>
#include <cstdint>
#include <cstdio>

#include "runtime/http/error.hpp"

namespace simul::http {
namespace {

// In which parts a byte may stand (RFC 3986 appendix A). "%" is not in the table: it may stand in
// all of them but the scheme, with two digits behind it.
enum : std::uint8_t { kInScheme = 1, kInAuthority = 2, kInPath = 4, kInQuery = 8 };

constexpr std::array<std::uint8_t, 256> kAllowed = [] {
  std::array<std::uint8_t, 256> table{};
  auto allow = [&](std::string_view bytes, int parts) {
    for (char c : bytes) table[static_cast<unsigned char>(c)] |= static_cast<std::uint8_t>(parts);
  };
  allow("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.",
        kInScheme | kInAuthority | kInPath | kInQuery);
  allow("_~!$&'()*,;=:@", kInAuthority | kInPath | kInQuery);
  allow("[]", kInAuthority);  // round an IPv6 address
  allow("/", kInPath | kInQuery);
  allow("?", kInQuery);
  return table;
}();

constexpr bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string describe(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == ' ') return "a space";
  if (c == '\\') return "a backslash";
  if (byte > 0x20 && byte < 0x7f) return std::string("\"") + c + "\"";
  char text[48];
  std::snprintf(text, sizeof text, byte < 0x80 ? "control byte 0x%02x" : "byte 0x%02x, not encoded",
                byte);
  return text;
}

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw InvalidUrl(quote(text) + " is no URL: " + why);
}

std::string_view checked(std::string_view text, std::string_view part, std::uint8_t mask,
                         const char* name) {
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (kAllowed[static_cast<unsigned char>(part[i])] & mask) continue;
    if (part[i] != '%') refuse(text, std::string("its ") + name + " contains " + describe(part[i]));
    if (part.size() - i < 3 || !is_hex_digit(part[i + 1]) || !is_hex_digit(part[i + 2])) {
      refuse(text, std::string("a \"%\" in its ") + name + " lacks two hexadecimal digits");
    }
    i += 2;
  }
  return part;
}

std::string_view checked_scheme(std::string_view text, std::string_view part) {
  if (part.empty() || !is_letter(part[0])) refuse(text, "its scheme does not begin with a letter");
  for (char c : part) {
    if (!(kAllowed[static_cast<unsigned char>(c)] & kInScheme)) {
      refuse(text, "its scheme contains " + describe(c));
    }
  }
  return part;
}

}  // namespace

UriView UriView::parse(std::string_view text, std::size_t max_length) {
  if (text.size() > max_length) {
    refuse(text, "it is longer than " + std::to_string(max_length) + " bytes");
  }
  UriView uri;
  std::string_view rest = text;
  // From the back, so that each part ends where its successor's mark stands (RFC 3986 appendix B).
  if (const auto hash = rest.find('#'); hash != rest.npos) {
    uri.fragment = checked(text, rest.substr(hash + 1), kInQuery, "fragment");
    rest = rest.substr(0, hash);
  }
  if (const auto mark = rest.find('?'); mark != rest.npos) {
    uri.query = checked(text, rest.substr(mark + 1), kInQuery, "query");
    rest = rest.substr(0, mark);
  }
  if (const auto colon = rest.find(':'); colon < rest.find('/')) {
    uri.scheme = checked_scheme(text, rest.substr(0, colon));
    rest = rest.substr(colon + 1);
  }
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const auto end = std::min(rest.find('/'), rest.size());
    uri.authority = checked(text, rest.substr(0, end), kInAuthority, "host part");
    rest = rest.substr(end);
  }
  uri.path = checked(text, rest, kInPath, "path");
  return uri;
}

Uri Uri::parse(std::string_view text, std::size_t max_length) {
  const UriView view = UriView::parse(text, max_length);
  Uri uri;
  uri.scheme = view.scheme;
  uri.authority = view.authority;
  uri.path = view.path;
  uri.query = view.query;
  uri.fragment = view.fragment;
  return uri;
}

std::string Uri::to_string() const {
  std::string text;
  if (scheme) text.append(*scheme).append(":");
  if (authority) text.append("//").append(*authority);
  // Without an authority, a path that begins with two slashes would be read as one.
  if (!authority && path.starts_with("//")) text.append("/.");
  text.append(path);
  if (query) text.append("?").append(*query);
  if (fragment) text.append("#").append(*fragment);
  return text;
}

std::string remove_dot_segments(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  auto drop_last_segment = [&out] {
    const auto slash = out.rfind('/');
    out.erase(slash == out.npos ? 0 : slash);
  };
  while (!path.empty()) {
    if (path.starts_with("../")) {
      path.remove_prefix(3);
    } else if (path.starts_with("./") || path.starts_with("/./")) {
      path.remove_prefix(2);
    } else if (path == "/.") {
      path = "/";
    } else if (path.starts_with("/../")) {
      path.remove_prefix(3);
      drop_last_segment();
    } else if (path == "/..") {
      path = "/";
      drop_last_segment();
    } else if (path == "." || path == "..") {
      path = {};
    } else {
      const auto end = std::min(path.find('/', 1), path.size());
      out.append(path.substr(0, end));
      path.remove_prefix(end);
    }
  }
  return out;
}

Uri resolve(const Uri& base, const Uri& reference) {
  Uri target = reference;
  if (reference.scheme || reference.authority) {
    if (!reference.scheme) target.scheme = base.scheme;
    target.path = remove_dot_segments(reference.path);
    return target;
  }
  target.scheme = base.scheme;
  target.authority = base.authority;
  if (reference.path.empty()) {
    target.path = base.path;
    if (!reference.query) target.query = base.query;
  } else if (reference.path.starts_with('/')) {
    target.path = remove_dot_segments(reference.path);
  } else {
    // The reference takes the place of what follows the base path's last slash (section 5.2.3).
    std::string merged =
        base.authority && base.path.empty() ? "/" : base.path.substr(0, base.path.rfind('/') + 1);
    target.path = remove_dot_segments(merged + reference.path);
  }
  return target;
}

std::string percent_encode_unsafe(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  bool after_path = false;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    after_path = after_path || c == '?' || c == '#';
    const bool unsafe = byte > 126 || std::string_view(" \"<>^`{|}").find(c) != std::string::npos ||
                        (after_path && (c == '[' || c == ']'));
    // DEL is a control byte: left as it is, so that it is refused with the others.
    if (unsafe && byte != 127) {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      out += c;
    }
  }
  return out;
}

std::string quote(std::string_view text) {
  constexpr std::size_t kShown = 80;
  std::string out = "\"";
  for (char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e) {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x", byte);
      out += hex;
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + (text.size() > kShown ? "...\"" : "\"");
}

}  // namespace simul::http
