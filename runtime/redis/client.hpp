// A client of a Redis server, for tasks, fibers and plain code alike.
//
//     redis::Client client(redis::Url::from_environment());
//     co_await client.call("SET", "greeting", "hello");                  // in a task
//     std::string text = await(client.call("GET", "greeting")).as_text();  // in a fiber, in main
//
//     many callers --> one connection: what they say in one turn leaves in one write, and replies
//                      come back in order
//     session()    --> a connection of one's own: WATCH, several steps
//     call_blocking() --> BLPOP and its like, which would hold the others up: also on its own
//     subscribe()  --> a connection that only listens
//
// The connection is made by the first call, which fails at once if it cannot be made. One that is
// lost later is made again, with pauses, while somebody waits to send something.
//
// The invariant: no command is sent twice. One that was sent when the connection broke is reported
// to its caller as FateUnknown; one that was not is sent on the next connection.
//
// What it does not do: TLS, RESP3, a cluster. (redis-py's Redis, asyncio's Redis)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/redis/client_core.hpp"
#include "runtime/redis/command.hpp"
#include "runtime/redis/commands.hpp"
#include "runtime/redis/error.hpp"
#include "runtime/redis/options.hpp"
#include "runtime/redis/reply.hpp"
#include "runtime/redis/script.hpp"
#include "runtime/redis/session.hpp"
#include "runtime/redis/subscription.hpp"
#include "runtime/redis/url.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

/// Move-only. Thread: that of the reactor that is current at its first call, which must outlive it.
/// A forked child must not use its parent's client, but make one of its own: two processes on one
/// connection read each other's replies.
class Client : public Commands {
 public:
  /// Connects to nothing yet.
  explicit Client(Url url = Url::from_environment(), ClientOptions options = {});
  /// Throws InvalidUrl.
  explicit Client(std::string_view url, ClientOptions options = {});
  Client(Client&&) noexcept = default;
  Client& operator=(Client&& other) noexcept;

  /// Closes it.
  ~Client();

  /// Makes sure that there is a server that answers (PING). Throws why not: net::ResolveError,
  /// std::system_error, TimedOut, ServerError (NOAUTH).
  Task<> connect() const;

  /// A connection of one's own, kept or new. Throws as `connect`.
  Task<Session> session() const;

  /// A command that waits inside the server, on a connection that nobody else uses meanwhile:
  /// `call_blocking("BLPOP", key, 5)`. Without a limit on our side; nil if the server's own has
  /// passed. Cancelled, it closes that connection. What the server has taken for us at that very
  /// moment (BLPOP's item) is then lost: where that matters, take by BLMOVE, which leaves a copy.
  template <IsArgument... A>
  Task<Reply> call_blocking(std::string_view name, const A&... arguments) const {
    return call_blocking(Command(name, arguments...));
  }
  /// The same with a limit: FateUnknown, for the server may be dead. To be longer than the one in
  /// the command.
  Task<Reply> call_blocking(Command command, Duration timeout = Duration::max()) const;

  /// Subscribes to channels and to patterns ("news.*"), and waits until that stands. (With the
  /// second form g++ 12 wants the lists to have names before a `co_await`.)
  template <IsText... C>
  Task<Subscription> subscribe(const C&... channels) const {
    return subscribe(std::vector<std::string>{std::string(std::string_view(channels))...});
  }
  Task<Subscription> subscribe(std::vector<std::string> channels,
                               std::vector<std::string> patterns = {}) const;

  /// Where it connects to.
  const Url& url() const noexcept { return core_->url; }
  const ClientOptions& options() const noexcept { return core_->options; }

  /// Closes the shared connection. Calls that were sent throw FateUnknown; those that were not, and
  /// all later ones, ClientClosed. Sessions that are out stay as they are.
  void close() noexcept {
    if (core_) core_->close();
  }
  bool closed() const noexcept { return !core_ || core_->closed(); }

 private:
  explicit Client(Ref<detail::ClientCore> core) noexcept;

  Ref<detail::ClientCore> core_;
};

}  // namespace simul::redis
