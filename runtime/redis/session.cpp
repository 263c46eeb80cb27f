#include "runtime/redis/session.hpp"

#include <stdexcept>
#include <utility>

#include "runtime/redis/error.hpp"
#include "runtime/redis/traces.hpp"

namespace simul::redis {

namespace detail {

SessionCore::SessionCore(Ref<ClientCore> client, std::unique_ptr<Link> link)
    : Endpoint(client->options, client->peer), client_(std::move(client)), link_(std::move(link)) {}

void SessionCore::submit(Exchange& exchange) {
  if (!usable()) {
    throw ConnectionLost(exchange.name + " at " + peer +
                         ": the session's connection has ended; it was not sent");
  }
  link_->queue(exchange);
}

void SessionCore::about_to_do(std::string_view command) {
  if (!leaves_traces(command)) return;
  if (subscribes(command)) {
    throw std::logic_error(std::string(command) + " at " + peer +
                           ": not in a session: use Client::subscribe");
  }
  if (same_command(command, "WATCH")) {
    watching_ = true;
  } else if (same_command(command, "UNWATCH") || same_command(command, "EXEC")) {
    watching_ = false;
  } else {
    changed_ = true;
  }
}

void SessionCore::release() noexcept {
  if (link_ != nullptr && !watching_ && !changed_) client_->give_back(std::move(link_));
  close();
}

void SessionCore::close() noexcept {
  if (link_ != nullptr) link_->end("the session was closed");
}

}  // namespace detail

Session& Session::operator=(Session&& other) noexcept {
  std::swap(core_, other.core_);
  std::swap(endpoint_, other.endpoint_);
  return *this;
}

Session::~Session() {
  if (core_) core_->release();
}

}  // namespace simul::redis
