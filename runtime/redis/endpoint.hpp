// Whom an exchange is given to, and the wait for its end.
//
// Two things take commands: a client, whose one connection many callers share and which comes back
// when it is lost (client_core.hpp), and a session, whose connection is its own (session.hpp). What
// a caller does is the same for both: hand the exchange over, wait for its end or for the end of
// its time, and see to it that one that is given up is not sent any more.
//
// The invariant: an exchange that is handed over has ended, or been abandoned, when `finish` ends,
// in whichever way it does. Thread: the reactor's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/clock.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/redis/exchange.hpp"
#include "runtime/redis/options.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis::detail {

/// Shared by its owner and the calls under way.
class Endpoint {
 public:
  Endpoint(ClientOptions its_options, std::string its_peer)
      : options(std::move(its_options)), peer(std::move(its_peer)) {}
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  /// A command of that name, or EXEC for a whole transaction, is about to be sent.
  virtual void about_to_do(std::string_view command) = 0;

  /// Sends it, now or as soon as there is a connection. Throws ClientClosed and ConnectionLost.
  virtual void submit(Exchange& exchange) = 0;

  /// A caller's time is over before the end of its exchange, which was sent: the connection may be
  /// dead. For a message: what stands in the way of one that was not sent; may be empty.
  virtual void heard_nothing() noexcept = 0;
  virtual std::string obstacle() const { return ""; }

  const ClientOptions options;
  const std::string peer;
  std::size_t outstanding = 0;  // bytes of exchanges under way

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }

 protected:
  virtual ~Endpoint() = default;

 private:
  std::uint32_t references_ = 0;
};

/// Hands the exchange over and waits for its end, for at most `limit`. Throws its error; TimedOut
/// if it was not sent in time, FateUnknown if it was; LimitExceeded.
Task<> finish(Ref<Endpoint> endpoint, Ref<Exchange> exchange, Duration limit);

}  // namespace simul::redis::detail
