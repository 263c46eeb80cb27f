#include "runtime/http/url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "runtime/http/error.hpp"

namespace simul::http {
namespace {

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::uint16_t default_port(std::string_view scheme) {
  return scheme == "https" ? 443 : 80;
}

std::uint16_t parse_port(std::string_view digits) {
  if (digits.empty()) throw InvalidUrl("its port is empty");
  unsigned port = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') throw InvalidUrl("its port is no number");
    port = port * 10 + static_cast<unsigned>(c - '0');
    if (port > 65535) throw InvalidUrl("its port is larger than 65535");
  }
  if (port == 0) throw InvalidUrl("its port is 0");
  return static_cast<std::uint16_t>(port);
}

std::string parse_address_literal(std::string_view literal) {
  // A zone ("%25eth0", RFC 6874) means something on one machine only; it is refused with the rest
  // that inet_pton does not read.
  std::string address = lower_case(literal);
  in6_addr parsed;
  if (::inet_pton(AF_INET6, address.c_str(), &parsed) != 1) {
    throw InvalidUrl("what stands in brackets is no IPv6 address");
  }
  return address;
}

std::string parse_name(std::string_view host) {
  if (host.empty()) throw InvalidUrl("its host is empty");
  // Legal by RFC 3986, but no name that DNS knows needs it, and readers that decode it at different
  // moments see different hosts.
  if (host.find('%') != host.npos) throw InvalidUrl("its host is percent-encoded");
  if (host.find('[') != host.npos || host.find(']') != host.npos)
    throw InvalidUrl("its host contains a bracket");
  return lower_case(host);
}

// authority = [ userinfo "@" ] host [ ":" port ]. Throws InvalidUrl with the reason alone.
void parse_authority(std::string_view authority, Url& url) {
  if (const auto at = authority.find('@'); at != authority.npos) {
    // Whichever "@" one takes for the last, somebody else takes another: http://a@b@c.
    if (authority.find('@', at + 1) != authority.npos) {
      throw InvalidUrl("its host part contains \"@\" twice");
    }
    url.userinfo = authority.substr(0, at);
    if (url.userinfo.find_first_of("[]") != std::string::npos) {
      throw InvalidUrl("its userinfo contains a bracket");
    }
    authority.remove_prefix(at + 1);
  }
  std::string_view rest;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == authority.npos) throw InvalidUrl("its host has a bracket that is never closed");
    url.host = parse_address_literal(authority.substr(1, close - 1));
    rest = authority.substr(close + 1);
    if (!rest.empty() && rest[0] != ':') throw InvalidUrl("something follows the bracketed host");
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    url.host = parse_name(authority.substr(0, colon));
    rest = authority.substr(colon);
  }
  url.port = rest.empty() ? default_port(url.scheme) : parse_port(rest.substr(1));
}

Url from_uri(const UriView& uri) {
  Url url;
  if (!uri.scheme) throw InvalidUrl("it has no scheme; write http:// in front");
  url.scheme = lower_case(*uri.scheme);
  if (url.scheme != "http" && url.scheme != "https") {
    throw InvalidUrl("its scheme is neither http nor https");
  }
  if (!uri.authority) throw InvalidUrl("it names no host");
  parse_authority(*uri.authority, url);
  url.path = uri.path;
  url.query = uri.query;
  url.fragment = uri.fragment;
  return url;
}

std::string bracketed(const std::string& host) {
  return host.find(':') == host.npos ? host : "[" + host + "]";
}

Uri to_uri(const Url& url) {
  std::string authority = url.host_header();
  if (!url.userinfo.empty()) authority = url.userinfo + "@" + authority;
  return {url.scheme, std::move(authority), url.path, url.query, url.fragment};
}

}  // namespace

std::string Origin::to_string() const {
  return bracketed(host) + ":" + std::to_string(port);
}

Url Url::parse(std::string_view text, std::size_t max_length) {
  const UriView uri = UriView::parse(text, max_length);
  try {
    return from_uri(uri);
  } catch (const InvalidUrl& reason) {
    throw InvalidUrl(quote(text) + " is no http(s) URL: " + reason.what());
  }
}

Url Url::resolve(std::string_view reference) const {
  return parse(http::resolve(to_uri(*this), Uri::parse(reference)).to_string());
}

bool Url::has_default_port() const noexcept {
  return port == default_port(scheme);
}

void Url::append_target(std::string& out) const {
  if (path.empty())
    out += '/';
  else
    out.append(path);
  if (query) out.append("?").append(*query);
}

std::string Url::target() const {
  std::string target;
  append_target(target);
  return target;
}

void Url::append_host_header(std::string& out) const {
  const bool brackets = host.find(':') != host.npos;
  if (brackets) out += '[';
  out.append(host);
  if (brackets) out += ']';
  if (has_default_port()) return;
  char text[] = ":65535";
  out.append(text, std::to_chars(text + 1, std::end(text), port).ptr);
}

std::string Url::host_header() const {
  std::string text;
  append_host_header(text);
  return text;
}

std::string Url::to_string() const {
  return to_uri(*this).to_string();
}

std::string Url::to_display() const {
  Uri uri = to_uri(*this);
  uri.authority = host_header();
  uri.fragment.reset();
  return uri.to_string();
}

}  // namespace simul::http
