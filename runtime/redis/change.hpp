// A change: read, decide, write, as if nobody else were there.
//
//     auto plan = [&](Watched& now) -> Task<Transaction> {
//       Transaction out;
//       const Reply status = co_await now.call("HGET", key, "status");     // how it is now
//       if (status.as_text() == "failed") out.add("HSET", key, ...);       // what follows from it
//       co_return out;
//     };
//     co_await change(client, key, plan);
//
// What the decision depends on is watched. If anybody has written to it when the transaction comes,
// the server does none of it, and the plan is asked again with things as they are then (WATCH,
// MULTI, EXEC: a compare-and-set of many keys). Whoever came in between has got something done, so
// all together always get on.
//
// A change needs a connection of its own, since WATCH belongs to a connection; the client keeps
// some. If the fate of its transaction is unknown, FateUnknown goes to the caller.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/redis/client.hpp"
#include "runtime/redis/session.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

/// For the plan of a change: reads, and has watched what it reads.
class Watched {
 public:
  explicit Watched(const Session& session) noexcept : session_(session) {}

  /// From now on `key` must not change until the transaction. To be called before it is read.
  Task<> watch(std::string key) { co_await session_.call("WATCH", key); }

  /// Any command that only reads.
  template <IsArgument... A>
  Task<Reply> call(std::string_view name, const A&... arguments) {
    return session_.call(name, arguments...);
  }

 private:
  const Session& session_;
};

/// Watches `key`, asks `plan(Watched&)` for a Transaction, and executes that; again and again until
/// nobody has come in between. The replies; none if the plan was to do nothing. The plan is taken
/// by reference: name it first.
template <class Plan>
Task<std::vector<Reply>> change(const Client& client, std::string key, Plan& plan) {
  Session session = co_await client.session();
  Watched now(session);
  for (;;) {
    co_await now.watch(key);
    Transaction out = co_await plan(now);
    if (out.empty()) {
      co_await session.call("UNWATCH");
      co_return std::vector<Reply>();
    }
    std::optional<std::vector<Reply>> replies = co_await session.execute(std::move(out));
    if (replies) co_return *std::move(replies);
  }
}

}  // namespace simul::redis
