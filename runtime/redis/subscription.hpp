// A subscription: messages that others publish on channels, in the order in which they come.
//
//     redis::Subscription news = co_await client.subscribe("news");
//     for (;;) {
//       redis::Message message = co_await news.next();
//       if (message.gap) ...                       // we were away: something may have been missed
//       else use(message.channel, message.payload);
//     }
//
// Redis keeps no message: who is not connected when it is published will never get it. So when the
// connection is lost the subscription connects and subscribes again by itself, but says so, by a
// message that is a gap.
//
// Messages are received only while somebody waits in `next`. Who does not, leaves them in the
// kernel's buffer and then in the server's, and the server hangs up on whoever leaves too many
// (client-output-buffer-limit): a gap, too.
//
// The invariant: between two gaps no message is missing.
#pragma once

#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/ref.hpp"
#include "runtime/redis/client_core.hpp"
#include "runtime/redis/link.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

/// What was published.
struct Message {
  std::string channel;
  std::string pattern;  ///< the one of ours that fits the channel; empty: subscribed by name
  std::string payload;
  bool gap = false;  ///< no message: the connection was lost, and messages may have been missed
};

namespace detail {

class SubscriptionCore final : private LinkOwner {
 public:
  explicit SubscriptionCore(Ref<ClientCore> client);

  /// Which channels, and which patterns.
  using Names = std::set<std::string, std::less<>>;
  Names channels;
  Names patterns;

  /// Connects, subscribes to all of them, and waits until the server has confirmed it.
  static Task<> open(Ref<SubscriptionCore> self);
  static Task<Message> next(Ref<SubscriptionCore> self);

  /// Tells the server, if there is a connection.
  void send(std::string_view command, const std::string& name);
  void close() noexcept;

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }

 private:
  ~SubscriptionCore() = default;

  void pushed(Reply reply) override;
  void link_broken(const std::exception_ptr& why, List<Exchange>& unsent) noexcept override;
  Task<> wait_for_more();
  Task<> open_again();

  Ref<ClientCore> client_;
  std::unique_ptr<Link> link_;
  std::deque<Message> messages_;
  std::size_t unconfirmed_ = 0;
  std::size_t listeners_ = 0;
  std::exception_ptr lost_;  // why there is no connection
  bool closed_ = false;
  Event changed_;
  std::uint32_t references_ = 0;
};

}  // namespace detail

/// Move-only; made by Client::subscribe. It may outlive its client: once that is closed it only
/// does not connect again. Thread: the reactor's.
class Subscription {
 public:
  explicit Subscription(Ref<detail::SubscriptionCore> core) noexcept : core_(std::move(core)) {}
  Subscription(Subscription&&) noexcept = default;
  Subscription& operator=(Subscription&& other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~Subscription() { close(); }

  /// The next message; waits for it. Cancelled, it has taken none. When the connection is lost it
  /// connects again, however long that takes, and then gives a gap. Throws ClientClosed, and
  /// ServerError if the server does not let us subscribe any more.
  Task<Message> next() const { return detail::SubscriptionCore::next(core_); }

  /// More channels, and patterns such as "news.*"; and fewer. The calls do not wait: the server
  /// does it in its own time.
  void subscribe(std::string channel);
  void psubscribe(std::string pattern);
  void unsubscribe(const std::string& channel);
  void punsubscribe(const std::string& pattern);

  /// Closes the connection; who waits in `next` gets ClientClosed.
  void close() noexcept {
    if (core_) core_->close();
  }

 private:
  Ref<detail::SubscriptionCore> core_;
};

}  // namespace simul::redis
