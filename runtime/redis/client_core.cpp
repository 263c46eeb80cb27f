#include "runtime/redis/client_core.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/connect.hpp"
#include "runtime/redis/error.hpp"
#include "runtime/redis/traces.hpp"

namespace simul::redis::detail {

ClientCore::ClientCore(Url its_url, ClientOptions its_options)
    : Endpoint(std::move(its_options), its_url.to_string()), url(std::move(its_url)) {}

void ClientCore::about_to_do(std::string_view command) {
  if (leaves_traces(command) || blocks(command)) {
    throw std::logic_error(std::string(command) + " at " + peer +
                           ": not on a connection that many share: use " +
                           (blocks(command) ? "Client::call_blocking" : "Client::session"));
  }
}

void ClientCore::submit(Exchange& exchange) {
  if (closed_) throw ClientClosed(exchange.name + " at " + peer + ": the client is closed");
  if (link_ != nullptr && link_->usable()) return link_->queue(exchange);
  exchange.enlist(waiting_);
  start_connecting();
}

// --- Connecting ----------------------------------------------------------------------------------

void ClientCore::start_connecting() {
  if (connecting_ && !connecting_->done()) return;
  connecting_ = create_task(connect(Ref<ClientCore>(this)), "connect " + peer);
}

Task<> ClientCore::connect(Ref<ClientCore> self) {
  for (unsigned attempt = 0; !self->waiting_.empty(); ++attempt) {
    std::exception_ptr failure;
    try {
      if (attempt > 0) co_await sleep(self->pause_before(attempt - 1));
      std::unique_ptr<Link> link = co_await open_link(self->url, self->options);
      self->adopt(std::move(link));
      co_return;
    } catch (const std::exception& error) {
      failure = std::current_exception();
      self->last_failure_ = error.what();
    } catch (const Cancelled&) {
      // By `close`, which has told everybody, or because the loop ends, and they with it.
      self->fail_waiting(std::make_exception_ptr(
          ClientClosed(self->peer + ": nobody connects any more, for the loop has ended")));
      throw;
    }
    if (!self->was_connected_) {
      self->fail_waiting(failure);
      co_return;
    }
  }
}

void ClientCore::adopt(std::unique_ptr<Link> link) {
  if (closed_) return;
  link_ = std::move(link);
  link_->set_owner(this);
  was_connected_ = true;
  last_failure_.clear();
  while (Exchange* first = waiting_.pop_front()) {
    link_->queue(*first);
    first->drop_reference();  // the one of `waiting_`
  }
}

Duration ClientCore::pause_before(unsigned attempt) {
  const Reconnect& how = options.reconnect;
  Duration longest = std::min(how.first, how.most);
  while (attempt-- > 0 && longest < how.most) longest = std::min(longest * 2, how.most);
  std::uniform_real_distribution<double> part(0.5, 1);
  return from_seconds(to_seconds(longest) * part(random_));
}

// --- What ends -----------------------------------------------------------------------------------

void ClientCore::link_broken(const std::exception_ptr& why, List<Exchange>& unsent) noexcept {
  last_failure_ = message_of(why);
  if (closed_) return;
  waiting_.splice_back(unsent);
  if (waiting_.empty()) return;
  try {
    start_connecting();
  } catch (...) {  // no memory
    fail_waiting(std::current_exception());
  }
}

void ClientCore::heard_nothing() noexcept {
  if (link_ == nullptr || options.timeout == Duration::max()) return;
  if (Clock::now() - link_->last_heard() >= options.timeout) {
    link_->end("the server was silent for too long");
  }
}

void ClientCore::fail_waiting(const std::exception_ptr& why) noexcept {
  while (Exchange* first = waiting_.front()) first->fail(why);
}

void ClientCore::close() noexcept {
  if (std::exchange(closed_, true)) return;
  const Ref<ClientCore> self(this);
  fail_waiting(std::make_exception_ptr(ClientClosed(peer + ": the client was closed")));
  if (link_ != nullptr) link_->end("the client was closed");
  idle_.clear();
  if (connecting_) connecting_->cancel();
}

// --- Connections of one's own --------------------------------------------------------------------

Task<std::unique_ptr<Link>> ClientCore::take_link(Ref<ClientCore> self) {
  if (self->closed_) throw ClientClosed(self->peer + ": the client is closed");
  while (!self->idle_.empty()) {
    std::unique_ptr<Link> link = std::move(self->idle_.back());
    self->idle_.pop_back();
    if (link->usable()) co_return link;
  }
  co_return co_await open_link(self->url, self->options);
}

void ClientCore::give_back(std::unique_ptr<Link> link) noexcept {
  if (closed_ || idle_.size() >= options.idle_sessions || !link->idle() || !link->usable()) return;
  link->set_owner(nullptr);
  idle_.push_back(std::move(link));
}

}  // namespace simul::redis::detail
