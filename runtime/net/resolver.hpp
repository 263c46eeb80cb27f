// From a host's name to its addresses.
//
// The order in which a name is looked for:
//   1. it is an address already (`127.0.0.1`, `::1`): nothing to look up;
//   2. the host table, filled by `pin`: this is how a lesson sends `google.com` to a server of its
//      own on this machine;
//   3. `localhost` and everything under `.localhost` is the loopback, whatever /etc/hosts says or
//      lacks (RFC 6761 section 6.3 asks for that);
//   4. the system's getaddrinfo, which may ask the network and blocks until it knows.
//
// Under the monkey patch (fiber/monkey) the fourth step parks the fiber instead of the thread; this
// file need not know.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/net/address.hpp"

namespace simul::net {

/// A name that has no address, or none that could be found now: "resolve nosuch.example: Name or
/// service not known".
class ResolveError : public std::runtime_error {
 public:
  ResolveError(const std::string& message, int code) : runtime_error(message), code_(code) {}

  /// getaddrinfo's EAI_... value; EAI_AGAIN says that a later try may succeed.
  int code() const noexcept { return code_; }

 private:
  int code_;
};

/// The addresses of `host`, each with `port`, in the order in which to try them; at least one.
/// Upper and lower case are the same, and a dot at the end is ignored. Blocks; any thread.
/// Throws ResolveError, and Cancelled if the wait was cancelled (ECANCELED).
std::vector<Address> resolve(std::string_view host, std::uint16_t port);

/// The same as far as nobody need be asked, the first three steps above: never blocks. Empty if the
/// system has to be asked, or if `host` is no host name at all.
std::vector<Address> resolve_at_once(std::string_view host, std::uint16_t port);

/// While it lives, a name leads to an address of our choice. Move-only.
class Pin {
 public:
  Pin() = default;
  Pin(Pin&& other) noexcept;
  Pin& operator=(Pin&& other) noexcept;
  ~Pin();

 private:
  friend Pin pin(std::string_view host, const Address& address);
  explicit Pin(std::uint64_t id) noexcept : id_(id) {}

  std::uint64_t id_ = 0;
};

/// Sends `host` to `address` in the whole process until the result is destroyed. Port 0 keeps the
/// port that was asked for. Of several pins of one name the latest that still lives counts.
[[nodiscard]] Pin pin(std::string_view host, const Address& address);

}  // namespace simul::net
