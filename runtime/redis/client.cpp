#include "runtime/redis/client.hpp"

#include <utility>

namespace simul::redis {

namespace {

using detail::ClientCore;
using detail::SessionCore;
using detail::SubscriptionCore;

Task<Session> open_session(Ref<ClientCore> core) {
  std::unique_ptr<detail::Link> link = co_await ClientCore::take_link(core);
  const Ref<SessionCore> session(new SessionCore(std::move(core), std::move(link)));
  co_return Session(session);
}

// A call that does not come to its end leaves the connection with something under way, and so the
// session closes it.
Task<Reply> call_in_session(Ref<ClientCore> core, Command command, Duration timeout) {
  const Session session = co_await open_session(std::move(core));
  co_return co_await session.call(std::move(command), timeout);
}

Task<Subscription> open_subscription(Ref<ClientCore> core, std::vector<std::string> channels,
                                     std::vector<std::string> patterns) {
  const Ref<SubscriptionCore> inside(new SubscriptionCore(std::move(core)));
  Subscription subscription(inside);  // closes it if this does not come to its end
  for (std::string& channel : channels) inside->channels.insert(std::move(channel));
  for (std::string& pattern : patterns) inside->patterns.insert(std::move(pattern));
  co_await SubscriptionCore::open(inside);
  co_return subscription;
}

Task<> ping(Task<Reply> call) {
  co_await std::move(call);
}

}  // namespace

Client::Client(Ref<ClientCore> core) noexcept
    : Commands(Ref<detail::Endpoint>(core)), core_(std::move(core)) {}

Client::Client(Url url, ClientOptions options)
    : Client(Ref<ClientCore>(new ClientCore(std::move(url), std::move(options)))) {}

Client::Client(std::string_view url, ClientOptions options)
    : Client(Url::parse(url), std::move(options)) {}

Client& Client::operator=(Client&& other) noexcept {
  std::swap(core_, other.core_);
  std::swap(endpoint_, other.endpoint_);
  return *this;
}

Client::~Client() {
  close();
}

Task<> Client::connect() const {
  return ping(call("PING"));
}

Task<Session> Client::session() const {
  return open_session(core_);
}

Task<Reply> Client::call_blocking(Command command, Duration timeout) const {
  return call_in_session(core_, std::move(command), timeout);
}

Task<Subscription> Client::subscribe(std::vector<std::string> channels,
                                     std::vector<std::string> patterns) const {
  return open_subscription(core_, std::move(channels), std::move(patterns));
}

}  // namespace simul::redis
