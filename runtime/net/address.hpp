// Where a socket is: an IPv4, IPv6 or Unix-domain address.
//
//   text            127.0.0.1:80   [::1]:80   [fe80::1%eth0]:80   unix:/run/x.sock   unix:@abstract
//   kernel's form   sockaddr_in    sockaddr_in6                   sockaddr_un
//
// The object is the kernel's form, so handing it to a system call costs nothing; the text is made
// when somebody asks. The invariant: only the fields that belong to the address are set and every
// other byte is zero, so two equal addresses are equal byte for byte.
//
// Names are not handled here (resolver.hpp): an address needs no network to be made.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace simul::net {

/// A socket's address. A value: copied, compared and kept in maps like a number.
class Address {
 public:
  /// No address at all: `family()` is AF_UNSPEC.
  Address() noexcept;

  /// From text as in the drawing above. Throws std::invalid_argument naming the text and what is
  /// wrong with it. A scope (`%eth0`, `%2`) must name an interface of this machine, or be a number.
  static Address parse(std::string_view text);

  /// A host that is already an address, `127.0.0.1`, `::1` or `fe80::1%eth0` (without brackets), or
  /// nothing if `host` is a name. Only the four-part dotted form counts as IPv4, no `127.1` and no
  /// octal, for readers and programs have disagreed over those (RFC 6943 section 3.1.1).
  static std::optional<Address> from_numeric_host(std::string_view host, std::uint16_t port);

  /// 127.0.0.1 and ::1.
  static Address loopback(std::uint16_t port) noexcept;
  static Address loopback6(std::uint16_t port) noexcept;

  /// 0.0.0.0, to listen on every IPv4 interface, and ::, every IPv6 one.
  static Address any(std::uint16_t port) noexcept;
  static Address any6(std::uint16_t port) noexcept;

  /// A socket in the file system. Throws std::invalid_argument if `path` is empty, holds a NUL or
  /// does not fit (107 bytes on Linux).
  static Address unix_path(std::string_view path);

  /// A socket in Linux's abstract name space, which disappears with its last descriptor. `name`
  /// is any bytes, NUL included (unix(7)). Throws std::invalid_argument if it does not fit.
  static Address unix_abstract(std::string_view name);

  /// What a system call filled in; no address if it filled in nothing (some systems do that for the
  /// peer of a Unix socket). Throws std::invalid_argument for a family not listed above.
  static Address from_sockaddr(const sockaddr* address, socklen_t size);

  /// For system calls.
  const sockaddr* data() const noexcept { return &any_; }
  socklen_t size() const noexcept { return size_; }

  /// AF_INET, AF_INET6, AF_UNIX or AF_UNSPEC.
  int family() const noexcept { return any_.sa_family; }
  bool is_ip() const noexcept { return family() == AF_INET || family() == AF_INET6; }

  /// The port, in the machine's byte order; 0 for anything but IP.
  std::uint16_t port() const noexcept;

  /// The same address with another port; anything but IP stays as it is.
  Address with_port(std::uint16_t port) const noexcept;

  /// The host alone, `127.0.0.1`, `fe80::1%eth0`; for a Unix socket its path or `@name`.
  std::string host() const;

  /// The whole address as text that `parse` understands. In an abstract name, bytes that do not
  /// print are written `\x00`, for a person to read; `parse` does not undo that.
  std::string to_string() const;

  /// Some fixed total order: families apart, then byte by byte.
  friend std::strong_ordering operator<=>(const Address& a, const Address& b) noexcept;
  friend bool operator==(const Address& a, const Address& b) noexcept { return (a <=> b) == 0; }

 private:
  union {
    sockaddr any_;
    sockaddr_in ip4_;
    sockaddr_in6 ip6_;
    sockaddr_un unix_;
  };
  socklen_t size_ = 0;
};

}  // namespace simul::net
