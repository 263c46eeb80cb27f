// What one can ask a server: a command, a pipeline, a transaction, a script.
//
//     Reply reply = co_await client.call("GET", "key");                  in a task
//     Reply reply = await(client.call("GET", "key"));                    in a fiber, in plain code
//
//     Pipeline pipeline;
//     pipeline.add("INCR", "a").add("INCR", "b");
//     std::vector<Reply> replies = co_await client.execute(pipeline);    one write
//
//     Transaction transaction;
//     transaction.add("LPOP", "a").add("RPUSH", "b", "x");
//     if (auto replies = co_await session.execute(transaction)) ...      nothing: WATCH said no
//
// A client and a session both are Commands, so a function that takes a `Commands&` works on either.
// The calls do nothing until they are awaited. In plain code include task/bridges.hpp for `await`.
//
// The invariant: whoever gets a value knows that the server did what was asked; an error reply is
// thrown, as ServerError, unless the caller wants to see it himself.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/redis/command.hpp"
#include "runtime/redis/endpoint.hpp"
#include "runtime/redis/reply.hpp"
#include "runtime/redis/script.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

/// What is done with error replies among the replies of a pipeline or a transaction.
enum class Errors {
  raise,  ///< the first one is thrown, once all replies are here
  keep,   ///< they are among the replies, as Reply::error
};

/// Thread: the reactor's. All calls throw, besides what they say: ServerError; FateUnknown if the
/// connection ended, or time ran out, after the command was sent; TimedOut if it could not be sent
/// in time; LimitExceeded; ClientClosed; of a client without a connection yet, why there is none;
/// of a session whose connection has ended, ConnectionLost.
class Commands {
 public:
  /// One command: `call("SET", key, value, "EX", 10)`.
  template <IsArgument... A>
  Task<Reply> call(std::string_view name, const A&... arguments) const {
    return call(Command(name, arguments...));
  }

  /// The same; `timeout` in place of ClientOptions::timeout. A caller that is cancelled, or whose
  /// time is over, takes back what was not sent; the reply to what was sent is dropped when it
  /// comes.
  Task<Reply> call(Command command, std::optional<Duration> timeout = std::nullopt) const;

  /// All replies, in order. An empty one is ready at once.
  Task<std::vector<Reply>> execute(Pipeline pipeline, Errors errors = Errors::raise) const;

  /// What the commands replied, in order; nothing if a key that was WATCHed has changed, and then
  /// nothing was done. If the server refuses to queue one of them it does none: ServerError. An
  /// error inside, of a command that was done and failed, does not undo the others. (An empty one
  /// still goes out, for it ends a WATCH.)
  Task<std::optional<std::vector<Reply>>> execute(Transaction transaction,
                                                  Errors errors = Errors::raise) const;

  /// Runs a Lua script by its hash, and sends its text if the server does not know it.
  Task<Reply> eval(const Script& script, const std::vector<std::string>& keys = {},
                   const std::vector<std::string>& arguments = {}) const;

 protected:
  explicit Commands(Ref<detail::Endpoint> endpoint) noexcept : endpoint_(std::move(endpoint)) {}
  Commands(Commands&&) noexcept = default;
  Commands& operator=(Commands&&) noexcept = default;
  ~Commands() = default;

  Ref<detail::Endpoint> endpoint_;
};

}  // namespace simul::redis
