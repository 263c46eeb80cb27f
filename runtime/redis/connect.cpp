#include "runtime/redis/connect.hpp"

#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/in_seconds.hpp"
#include "runtime/net/connect.hpp"
#include "runtime/net/lookup.hpp"
#include "runtime/redis/command.hpp"
#include "runtime/redis/error.hpp"

namespace simul::redis::detail {

namespace {

Task<std::vector<net::Address>> addresses_of(const Url& url, TimePoint deadline) {
  if (!url.path.empty()) co_return std::vector{net::Address::unix_path(url.path)};
  net::Lookup found(url.host, url.port, deadline);
  co_return co_await found;
}

Pipeline greeting_for(const Url& url, const ClientOptions& options) {
  Pipeline greeting;
  if (!url.user.empty()) {
    greeting.add("AUTH", url.user, url.password);
  } else if (!url.password.empty()) {
    greeting.add("AUTH", url.password);
  }
  if (url.database != 0) greeting.add("SELECT", url.database);
  const std::string& name = options.name.empty() ? url.client_name : options.name;
  if (!name.empty()) greeting.add("CLIENT", "SETNAME", name);
  return greeting;
}

Task<> greet(Link& link, const Pipeline& greeting, const ClientOptions& options,
             TimePoint deadline) {
  const Ref<Exchange> exchange(
      new Exchange(greeting.names().front(), greeting.bytes(), greeting.size()));
  link.queue(*exchange);
  ExchangeEnd end(*exchange, deadline);
  if (!co_await end) {
    throw TimedOut("connect " + link.peer() + ": no answer to " + exchange->name + " within " +
                   in_seconds(options.connect_timeout));
  }
  if (exchange->error != nullptr) {
    try {
      std::rethrow_exception(exchange->error);
    } catch (const FateUnknown&) {  // of a greeting there is nothing to fear
      throw ConnectionLost("connect " + link.peer() +
                           ": the server closed the connection instead of answering " +
                           exchange->name);
    }
  }
  for (std::size_t i = 0; i < greeting.size(); ++i) {
    const Reply& reply = greeting.size() == 1 ? exchange->only : exchange->replies[i];
    if (reply.is_error()) throw ServerError(greeting.names()[i], reply.as_error());
  }
}

}  // namespace

Task<std::unique_ptr<Link>> open_link(const Url& url, const ClientOptions& options) {
  const TimePoint deadline = after(Clock::now(), options.connect_timeout);
  net::ConnectOptions how;
  how.deadline = deadline;
  std::vector<net::Address> addresses = co_await addresses_of(url, deadline);
  net::Connect connected(std::move(addresses), std::move(how));
  Descriptor socket = co_await connected;
  Link::Options limits;
  limits.replies = options.replies;
  limits.in_flight = options.in_flight;
  auto link = std::make_unique<Link>(std::move(socket), url.to_string(), limits);
  const Pipeline greeting = greeting_for(url, options);
  if (!greeting.empty()) co_await greet(*link, greeting, options, deadline);
  co_return link;
}

}  // namespace simul::redis::detail
