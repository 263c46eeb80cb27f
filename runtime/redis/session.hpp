// A session: a connection of one's own, for what is said in several steps.
//
//     redis::Session session = co_await client.session();
//     co_await session.watch("stock");                           // from now on, tell me ...
//     auto left = (co_await session.call("GET", "stock")).as_text();
//     redis::Transaction sale;
//     sale.add("DECR", "stock").add("RPUSH", "orders", order);
//     if (!co_await session.execute(sale)) ...                   // ... if anybody else changed it
//
// WATCH is a promise of the server to one connection; on a connection that others share it would
// be broken by theirs. A session is not connected again when its connection is lost: what was
// promised on the old one is gone, and its owner has to begin anew.
//
// The invariant: a connection goes back to the client, for the next session, only if nothing is
// under way on it and nothing was left behind; else it is closed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/ref.hpp"
#include "runtime/redis/client_core.hpp"
#include "runtime/redis/commands.hpp"
#include "runtime/redis/link.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

namespace detail {

class SessionCore final : public Endpoint {
 public:
  SessionCore(Ref<ClientCore> client, std::unique_ptr<Link> link);

  void submit(Exchange& exchange) override;
  void about_to_do(std::string_view command) override;
  void heard_nothing() noexcept override { link_->end("the server was silent for too long"); }

  /// Gives the connection back if it may be used again, and closes it if not.
  void release() noexcept;
  void close() noexcept;
  bool usable() noexcept { return link_ != nullptr && link_->usable(); }

 private:
  ~SessionCore() override = default;

  Ref<ClientCore> client_;
  std::unique_ptr<Link> link_;
  bool watching_ = false;
  bool changed_ = false;  // for good
};

}  // namespace detail

/// Move-only; may outlive its client, whose `close` does not touch it. Thread: the reactor's. Its
/// calls (commands.hpp) may overlap, and are answered in order. A call that runs out of time closes
/// the connection.
class Session : public Commands {
 public:
  explicit Session(Ref<detail::SessionCore> core) noexcept
      : Commands(Ref<detail::Endpoint>(core)), core_(std::move(core)) {}
  Session(Session&&) noexcept = default;
  Session& operator=(Session&& other) noexcept;
  ~Session();

  /// The next transaction is only done if nobody changes these keys before it.
  template <IsArgument... A>
  Task<Reply> watch(const A&... keys) const {
    return call(Command("WATCH", keys...));
  }
  /// Ends that.
  Task<Reply> unwatch() const { return call(Command("UNWATCH")); }

  /// Is the connection there? (A call that finds out otherwise throws ConnectionLost.)
  bool usable() const noexcept { return core_ && core_->usable(); }

  /// Closes the connection. Calls under way throw FateUnknown.
  void close() noexcept {
    if (core_) core_->close();
  }

 private:
  Ref<detail::SessionCore> core_;
};

}  // namespace simul::redis
