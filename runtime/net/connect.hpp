// Connecting to one of several addresses: the race of RFC 8305 ("Happy Eyeballs").
//
//     0 ms     250 ms    500 ms
//     [::1] -----------------X                     families in turn; each attempt gets a head start
//              127.0.0.1 ---------------- wins     of 250 ms, and when one fails the next begins at
//                            [::2] ------- closed  once; the first to answer wins
//
// An address that does not answer would cost its whole timeout if the others had to wait for it;
// so it costs the others 250 ms. (Section 3 of the RFC, which asks for the addresses of the two
// families apart, has no place here: getaddrinfo answers for both at once.)
//
// The invariant: whichever way the wait ends, by a winner, an error, or because it is given up, no
// other attempt's descriptor is left open. Everything happens in the reactor's thread, and nobody
// else's code runs inside: each attempt is a small routine of its own that moves the race on, and
// the last thing the race does is to wake whoever waits for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/net/address.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul::net {

/// How to connect.
struct ConnectOptions {
  Duration stagger = std::chrono::milliseconds(250);  ///< the head start (RFC 8305 section 5)
  Duration attempt = std::chrono::seconds(10);        ///< how long one address may take
  TimePoint deadline = kNever;                        ///< for them all
  std::string context = {};   ///< what an error's text begins with: "get http://host/"
  Peer peer = Peer::outside;  ///< see Peer in reactor/watch.hpp; for the attempts and the result
};

/// The wait for a connection.
class [[nodiscard]] Connect final : public Wait<Connect> {
 public:
  /// `addresses` in order of preference, as the resolver gives them; not empty, else
  /// std::invalid_argument.
  explicit Connect(std::vector<Address> addresses, ConnectOptions options = {});
  ~Connect();

  bool await_ready() const noexcept { return false; }
  void start();
  Descriptor await_resume();

 private:
  class Attempt;

  void start_next();
  void failed(Attempt& attempt, std::exception_ptr why);
  void won(Descriptor connection);
  void broke(std::exception_ptr error) noexcept;
  void finish() noexcept;
  bool is_latest(const Attempt& attempt) const noexcept;
  [[noreturn]] void throw_failures() const;

  static void leave(Waiter& waiter) noexcept { static_cast<Connect&>(waiter).deadline_.unlink(); }
  static constexpr Sort kSort = {"connect", leave};

  std::vector<Address> addresses_;
  ConnectOptions options_;
  std::vector<std::unique_ptr<Attempt>> attempts_;  // one for each address tried so far
  std::size_t under_way_ = 0;
  Descriptor connection_;     // the winner's
  std::exception_ptr error_;  // not an address's fault: no memory, no room in the poller
  Timer deadline_{this};
};

/// `await(connect(addresses))`: a non-blocking socket (TCP: without delay, TCP_NODELAY) that is
/// connected to one of them. If none will have us, the error names every address and what it said:
/// "connect [::1]:81: Connection refused; connect 127.0.0.1:81: timed out after 10 s". It is a
/// std::system_error, or TimedOut if the last one in that list, or `deadline`, ran out of time.
inline Connect connect(std::vector<Address> addresses, ConnectOptions options = {}) {
  return Connect(std::move(addresses), std::move(options));
}
inline Connect connect(const Address& address, ConnectOptions options = {}) {
  return Connect({address}, std::move(options));
}

/// The order in which they are tried: the families take turns, the first address's family first,
/// and within a family the order stays (RFC 8305 section 4).
std::vector<Address> interleave_families(const std::vector<Address>& addresses);

}  // namespace simul::net
