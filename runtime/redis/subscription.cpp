#include "runtime/redis/subscription.hpp"

#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/base/in_seconds.hpp"
#include "runtime/http/uri.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/command.hpp"
#include "runtime/redis/connect.hpp"
#include "runtime/redis/error.hpp"
#include "runtime/task/timeout.hpp"

namespace simul::redis {

namespace detail {

SubscriptionCore::SubscriptionCore(Ref<ClientCore> client) : client_(std::move(client)) {}

// --- Talking -------------------------------------------------------------------------------------

void SubscriptionCore::send(std::string_view command, const std::string& name) {
  if (link_ == nullptr || !link_->open()) return;  // it is said again with the next connection
  const Ref<Exchange> exchange(
      new Exchange(std::string(command), Command(command, name).take_bytes(), 0));
  link_->queue(*exchange);
}

void SubscriptionCore::pushed(Reply reply) {
  if (reply.is_error()) throw ServerError("SUBSCRIBE", reply.as_error());
  Reply::Array parts = std::move(reply).as_array();
  const std::string kind = parts.empty() ? "" : parts[0].as_text();
  if (kind == "message" && parts.size() == 3) {
    messages_.push_back({std::move(parts[1]).as_text(), "", std::move(parts[2]).as_text()});
  } else if (kind == "pmessage" && parts.size() == 4) {
    messages_.push_back({std::move(parts[2]).as_text(), std::move(parts[1]).as_text(),
                         std::move(parts[3]).as_text()});
  } else if (kind == "subscribe" || kind == "psubscribe") {
    if (unconfirmed_ > 0) --unconfirmed_;
  } else if (kind != "unsubscribe" && kind != "punsubscribe") {
    throw ProtocolError("RESP: a message of an unknown kind: " + http::quote(kind));
  }
  changed_.set();
}

void SubscriptionCore::link_broken(const std::exception_ptr& why, List<Exchange>&) noexcept {
  lost_ = why;
  changed_.set();
}

// --- Waiting -------------------------------------------------------------------------------------

Task<> SubscriptionCore::wait_for_more() {
  struct Listening {
    explicit Listening(SubscriptionCore& its_core) : core(its_core) {
      ++core.listeners_;
      core.changed_.clear();
      core.link_->listen(true);
    }
    ~Listening() {
      if (--core.listeners_ == 0 && core.link_ != nullptr) core.link_->listen(false);
    }
    SubscriptionCore& core;
  };
  const Listening listening(*this);
  co_await changed_.wait();
}

Task<> SubscriptionCore::open(Ref<SubscriptionCore> self) {
  if (self->closed_ || self->client_->closed()) {
    throw ClientClosed("SUBSCRIBE at " + self->client_->peer + ": the client is closed");
  }
  const ClientOptions& options = self->client_->options;
  std::unique_ptr<Link> link = co_await open_link(self->client_->url, options);
  if (self->lost_ != nullptr && (self->messages_.empty() || !self->messages_.back().gap)) {
    Message gap;
    gap.gap = true;
    self->messages_.push_back(std::move(gap));
  }
  self->lost_ = nullptr;
  self->link_ = std::move(link);
  self->link_->set_owner(self.get());
  self->unconfirmed_ = self->channels.size() + self->patterns.size();
  for (const std::string& channel : self->channels) self->send("SUBSCRIBE", channel);
  for (const std::string& pattern : self->patterns) self->send("PSUBSCRIBE", pattern);
  const auto confirmed = [&]() -> Task<> {
    while (self->unconfirmed_ > 0 && self->lost_ == nullptr) co_await self->wait_for_more();
  };
  try {
    co_await timeout(options.connect_timeout, confirmed);
  } catch (const TimedOut&) {
    self->link_->end("the server did not confirm");
    throw TimedOut("SUBSCRIBE at " + self->client_->peer + ": not confirmed within " +
                   in_seconds(options.connect_timeout));
  }
  if (self->unconfirmed_ > 0) std::rethrow_exception(self->lost_);
}

Task<> SubscriptionCore::open_again() {
  const Ref<SubscriptionCore> self(this);
  for (unsigned attempt = 0;; ++attempt) {
    try {
      co_return co_await open(self);
    } catch (const ServerError&) {
      throw;
    } catch (const ClientClosed&) {
      throw;
    } catch (const std::exception&) {  // it is not back yet
    }
    co_await sleep(client_->pause_before(attempt));
  }
}

Task<Message> SubscriptionCore::next(Ref<SubscriptionCore> self) {
  for (;;) {
    if (self->closed_) {
      throw ClientClosed("the subscription at " + self->client_->peer + " is closed");
    }
    std::deque<Message>& messages = self->messages_;
    // A gap is told when messages come again, so that whoever then looks what he missed sees all.
    if (!messages.empty() && (!messages.front().gap || self->unconfirmed_ == 0)) {
      Message first = std::move(messages.front());
      messages.pop_front();
      co_return first;
    }
    if (self->lost_ != nullptr) {
      co_await self->open_again();
    } else {
      co_await self->wait_for_more();
    }
  }
}

void SubscriptionCore::close() noexcept {
  closed_ = true;
  if (link_ != nullptr) link_->end("the subscription was closed");
  changed_.set();
}

}  // namespace detail

void Subscription::subscribe(std::string channel) {
  core_->send("SUBSCRIBE", channel);
  core_->channels.insert(std::move(channel));
}
void Subscription::psubscribe(std::string pattern) {
  core_->send("PSUBSCRIBE", pattern);
  core_->patterns.insert(std::move(pattern));
}
void Subscription::unsubscribe(const std::string& channel) {
  core_->channels.erase(channel);
  core_->send("UNSUBSCRIBE", channel);
}
void Subscription::punsubscribe(const std::string& pattern) {
  core_->patterns.erase(pattern);
  core_->send("PUNSUBSCRIBE", pattern);
}

}  // namespace simul::redis
