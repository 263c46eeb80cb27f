// Addresses as text and in the kernel's form; see address.hpp.
//
// Whatever way an address comes in, it is built field by field into zeroed memory. That is what
// makes comparison a memcmp: the padding of sockaddr_in and a flow label never get in.
#include "runtime/net/address.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace simul::net {
namespace {

constexpr socklen_t kUnixPrefix = offsetof(sockaddr_un, sun_path);

[[noreturn]] void refuse(std::string_view text, const char* why) {
  throw std::invalid_argument("address \"" + std::string(text) + "\": " + why);
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return number;
}

// "eth0" or "2"; 0, which no interface has, if it is neither.
std::uint32_t scope_index(std::string_view scope) {
  if (const auto number = parse_number<std::uint32_t>(scope)) return *number;
  return if_nametoindex(std::string(scope).c_str());
}

std::string scope_name(std::uint32_t index) {
  char name[IF_NAMESIZE];
  return if_indextoname(index, name) != nullptr ? name : std::to_string(index);
}

}  // namespace

Address::Address() noexcept {
  static_assert(sizeof(unix_) >= sizeof(ip6_), "clearing the largest member clears all of them");
  std::memset(&unix_, 0, sizeof unix_);
  any_.sa_family = AF_UNSPEC;
}

Address Address::parse(std::string_view text) {
  if (text.starts_with("unix:")) {
    const std::string_view path = text.substr(5);
    return path.starts_with('@') ? unix_abstract(path.substr(1)) : unix_path(path);
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) refuse(text, "no port (expected host:port)");
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!port) refuse(text, "the port is no number from 0 to 65535");

  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = from_numeric_host(host, *port);
  if (!address) refuse(text, "the host is no numeric address");
  if ((address->family() == AF_INET6) != bracketed) {
    refuse(text, bracketed ? "brackets are for IPv6" : "IPv6 needs brackets, as in [::1]:80");
  }
  return *address;
}

std::optional<Address> Address::from_numeric_host(std::string_view host, std::uint16_t port) {
  if (host.find('\0') != std::string_view::npos) return std::nullopt;
  Address address;
  if (inet_pton(AF_INET, std::string(host).c_str(), &address.ip4_.sin_addr) == 1) {
    address.ip4_.sin_family = AF_INET;
    address.ip4_.sin_port = htons(port);
    address.size_ = sizeof address.ip4_;
    return address;
  }

  const std::size_t percent = host.find('%');
  address = Address();
  if (inet_pton(AF_INET6, std::string(host.substr(0, percent)).c_str(), &address.ip6_.sin6_addr) !=
      1) {
    return std::nullopt;
  }
  if (percent != std::string_view::npos) {
    address.ip6_.sin6_scope_id = scope_index(host.substr(percent + 1));
    if (address.ip6_.sin6_scope_id == 0) return std::nullopt;
  }
  address.ip6_.sin6_family = AF_INET6;
  address.ip6_.sin6_port = htons(port);
  address.size_ = sizeof address.ip6_;
  return address;
}

Address Address::any(std::uint16_t port) noexcept {
  Address address;
  address.ip4_.sin_family = AF_INET;
  address.ip4_.sin_port = htons(port);
  address.size_ = sizeof address.ip4_;
  return address;
}

Address Address::any6(std::uint16_t port) noexcept {
  Address address;
  address.ip6_.sin6_family = AF_INET6;
  address.ip6_.sin6_port = htons(port);
  address.size_ = sizeof address.ip6_;
  return address;
}

Address Address::loopback(std::uint16_t port) noexcept {
  Address address = any(port);
  address.ip4_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Address Address::loopback6(std::uint16_t port) noexcept {
  Address address = any6(port);
  address.ip6_.sin6_addr = in6addr_loopback;
  return address;
}

Address Address::unix_path(std::string_view path) {
  if (path.empty()) refuse("unix:", "the path is empty");
  if (path.find('\0') != std::string_view::npos) refuse(path, "a path cannot hold a NUL");
  Address address;
  if (path.size() >= sizeof address.unix_.sun_path) refuse(path, "too long for a Unix socket");
  address.unix_.sun_family = AF_UNIX;
  path.copy(address.unix_.sun_path, path.size());
  address.size_ = kUnixPrefix + static_cast<socklen_t>(path.size()) + 1;  // with its NUL
  return address;
}

Address Address::unix_abstract(std::string_view name) {
  Address address;
  if (name.size() >= sizeof address.unix_.sun_path) refuse(name, "too long for a Unix socket");
  address.unix_.sun_family = AF_UNIX;
  name.copy(address.unix_.sun_path + 1, name.size());  // the NUL comes first, and the size ends it
  address.size_ = kUnixPrefix + 1 + static_cast<socklen_t>(name.size());
  return address;
}

Address Address::from_sockaddr(const sockaddr* raw, socklen_t size) {
  Address address;
  if (size < kUnixPrefix) return address;
  if (raw->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in from;
    std::memcpy(&from, raw, sizeof from);
    address.ip4_.sin_family = AF_INET;
    address.ip4_.sin_port = from.sin_port;
    address.ip4_.sin_addr = from.sin_addr;
    address.size_ = sizeof address.ip4_;
  } else if (raw->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    sockaddr_in6 from;
    std::memcpy(&from, raw, sizeof from);
    address.ip6_.sin6_family = AF_INET6;
    address.ip6_.sin6_port = from.sin6_port;
    address.ip6_.sin6_addr = from.sin6_addr;
    address.ip6_.sin6_scope_id = from.sin6_scope_id;
    address.size_ = sizeof address.ip6_;
  } else if (raw->sa_family == AF_UNIX) {
    const char* path = reinterpret_cast<const char*>(raw) + kUnixPrefix;
    const std::size_t room = size > kUnixPrefix ? size - kUnixPrefix : 0;
    if (room == 0) {  // a Unix socket that was never bound: the peer of most connections
      address.unix_.sun_family = AF_UNIX;
      address.size_ = kUnixPrefix;
    } else if (path[0] == '\0') {
      address = unix_abstract({path + 1, room - 1});
    } else {
      address = unix_path({path, strnlen(path, room)});
    }
  } else {
    throw std::invalid_argument("address of family " + std::to_string(raw->sa_family) +
                                ": only IPv4, IPv6 and Unix are known");
  }
  return address;
}

std::uint16_t Address::port() const noexcept {
  if (family() == AF_INET) return ntohs(ip4_.sin_port);
  if (family() == AF_INET6) return ntohs(ip6_.sin6_port);
  return 0;
}

Address Address::with_port(std::uint16_t port) const noexcept {
  Address address = *this;
  if (family() == AF_INET) address.ip4_.sin_port = htons(port);
  if (family() == AF_INET6) address.ip6_.sin6_port = htons(port);
  return address;
}

std::string Address::host() const {
  char text[INET6_ADDRSTRLEN];
  if (family() == AF_INET) return inet_ntop(AF_INET, &ip4_.sin_addr, text, sizeof text);
  if (family() == AF_INET6) {
    std::string host = inet_ntop(AF_INET6, &ip6_.sin6_addr, text, sizeof text);
    return ip6_.sin6_scope_id == 0 ? host : host + '%' + scope_name(ip6_.sin6_scope_id);
  }
  if (family() != AF_UNIX || size_ == kUnixPrefix) return "";
  if (unix_.sun_path[0] != '\0') {
    // A relative path that starts with @ would read as an abstract name.
    return unix_.sun_path[0] == '@' ? std::string("./") + unix_.sun_path : unix_.sun_path;
  }
  std::string name = "@";
  for (const char c : std::string_view(unix_.sun_path + 1, size_ - kUnixPrefix - 1)) {
    char escaped[5];
    std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(c));
    name += c > ' ' && c < 0x7f ? std::string(1, c) : escaped;
  }
  return name;
}

std::string Address::to_string() const {
  if (family() == AF_INET) return host() + ':' + std::to_string(port());
  if (family() == AF_INET6) return '[' + host() + "]:" + std::to_string(port());
  return family() == AF_UNIX ? "unix:" + host() : "no address";
}

std::strong_ordering operator<=>(const Address& a, const Address& b) noexcept {
  if (const auto order = a.family() <=> b.family(); order != 0) return order;
  if (const auto order = a.size_ <=> b.size_; order != 0) return order;
  return std::memcmp(&a.any_, &b.any_, a.size_) <=> 0;
}

}  // namespace simul::net
