// Looking up a name without standing still.
//
// Only one of the four steps of resolver.hpp can block, the question to the system; it is asked on
// another thread. What is an address already, is pinned, or is called localhost is answered at
// once: no thread, no wait.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/net/address.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul::net {

/// The wait for the addresses of a name. A look-up that nobody waits for any more goes on in its
/// thread, for getaddrinfo cannot be stopped, and its result is dropped.
class [[nodiscard]] Lookup final : public Wait<Lookup> {
 public:
  Lookup(std::string_view host, std::uint16_t port, TimePoint deadline);
  ~Lookup();

  bool await_ready() const noexcept { return !addresses_.empty(); }
  void start();
  std::vector<Address> await_resume();

 private:
  class Question;

  static void leave(Waiter& waiter) noexcept { static_cast<Lookup&>(waiter).timer_.unlink(); }
  static constexpr Sort kSort = {"name look-up", leave};

  std::string host_;
  std::uint16_t port_;
  TimePoint deadline_;
  std::vector<Address> addresses_;
  std::unique_ptr<Question> question_;
  Timer timer_{this};
};

/// `resolve` as a wait: at least one address, in the order in which to try them. Throws
/// ResolveError, and TimedOut at `deadline`.
inline Lookup lookup(std::string_view host, std::uint16_t port, TimePoint deadline = kNever) {
  return Lookup(host, port, deadline);
}

}  // namespace simul::net
