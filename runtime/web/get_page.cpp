// The driver: what the exchange asks for, done without ever standing still.
//
// Each function below that has to wait sets a wait, starts it, and returns false; so does whoever
// called it, up to `step`, and from there back into the loop. When the wait is over, the loop calls
// `step` again, which asks the exchange anew what is to be done.
#include "runtime/web/get_page.hpp"

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/base/observer.hpp"
#include "runtime/deferred/succeed.hpp"
#include "runtime/http/exchange.hpp"
#include "runtime/http/exchange_io.hpp"
#include "runtime/net/connect.hpp"
#include "runtime/net/lookup.hpp"
#include "runtime/net/resolver.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/current_wait.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/sleep.hpp"

namespace simul::web {
namespace {

using http::Exchange;

// So many times in a row something may be sent or received before the others have their turn.
constexpr int kStepsPerTurn = 16;
constexpr std::size_t kBufferSize = 16 * 1024;

// One page on its way.
class Page final : public Reactor::Owned {
 public:
  static Deferred<http::Response> start(http::Request request, http::RequestOptions options,
                                        std::source_location where) {
    auto page = std::make_shared<Page>(std::move(request), std::move(options));
    Deferred<http::Response>& result = page->result_.emplace(
        [weak = std::weak_ptr<Page>(page)](Deferred<http::Response>&) {
          if (const std::shared_ptr<Page> held = weak.lock()) held->end();
        },
        where);
    page->self_ = page;
    page->reactor().own(*page);
    page->wait_for([] { return Yield(); });
    return result;
  }

  Page(http::Request request, http::RequestOptions options)
      : Owned(Reactor::current(), Kind::callback),
        deadlines_(options.timeouts),
        exchange_(std::move(request), std::move(options.exchange)) {
    if (Observer* o = observer()) {
      set_id(next_id());
      o->created(id(), "callback", exchange_.context());
    }
  }

  void step() override {
    const std::shared_ptr<Page> held = self_;  // whoever is told of the end may drop all the rest
    try {
      if (!advance()) return;
      http::Response response = exchange_.take_response();
      end();
      result_->callback(std::move(response));
    } catch (...) {
      if (!in_flight()) return;  // it was cancelled by what it called
      end();
      result_->errback(std::current_exception());
    }
  }

  // The reactor goes.
  void cancel() override {
    const std::shared_ptr<Page> held = self_;
    end();
  }

  std::string describe() const override { return exchange_.context(); }

 private:
  using Step = Exchange::Step;

  bool in_flight() const noexcept { return self_ != nullptr; }

  // Closes everything. The page lives on only as long as somebody holds it.
  void end() noexcept {
    if (!in_flight()) return;
    wait_.reset();
    socket_.close();
    unlink();
    if (Observer* o = observer(); o != nullptr && id() != 0) o->ended(id());
    self_.reset();
  }

  // True once the response is here.
  bool advance() {
    check_bytes_came();
    for (int steps = 0; in_flight(); ++steps) {
      deadlines_.check(exchange_);  // also says why a look-up or a connect ended at that moment
      if (steps == kStepsPerTurn) return wait_for([] { return Yield(); });
      switch (exchange_.step()) {
        case Step::connect:
          if (!connect()) return false;
          break;
        case Step::send:
          // The server may answer before it has read all: "too large", and it stops reading.
          if (!http::send_some(socket_.fd(), exchange_) && !receive() &&
              !wait_for([&] { return socket_.readable_or_writable(deadlines_.for_bytes()); }))
            return false;
          break;
        case Step::receive:
          if (!receive() && !wait_for([&] { return socket_.readable(deadlines_.for_bytes()); }))
            return false;
          break;
        case Step::done:
          return true;
      }
    }
    return false;  // cancelled by a callback that looked at the body
  }

  // Makes a wait and starts it. True if there is nothing to wait for.
  template <class Make>
  bool wait_for(Make make) {
    auto& wait = wait_.set(make);
    if (wait.await_ready()) return true;
    wait.suspend(*this);
    if (Observer* o = observer(); o != nullptr && id() != 0) o->waits(id(), wait.label());
    return false;
  }

  // If the wait that is over was one for bytes: did any come in time?
  void check_bytes_came() {
    auto* const readable = wait_.get<Readiness>();
    auto* const either = wait_.get<EitherReady>();
    if ((readable != nullptr && !readable->await_resume()) ||
        (either != nullptr && !either->await_resume()))
      deadlines_.throw_no_bytes(exchange_, /*sending=*/either != nullptr);
  }

  // One of three steps: keep the connection of the hop before, or look up where to connect;
  // connect; and tell the exchange.
  bool connect() {
    try {
      if (auto* race = wait_.get<net::Connect>()) {
        socket_ = race->await_resume();
        wait_.reset();
        exchange_.connected(/*reused=*/false);
        return true;
      }
      if (auto* look_up = wait_.get<net::Lookup>()) {
        const std::vector<net::Address> addresses = look_up->await_resume();
        return wait_for([&] {
          return net::connect(addresses, {.attempt = deadlines_.connect(),
                                          .deadline = deadlines_.end(),
                                          .context = exchange_.context() + ": "});
        });
      }
    } catch (const net::ResolveError& error) {
      throw net::ResolveError(exchange_.context() + ": " + error.what(), error.code());
    }
    if (can_reuse_connection()) {
      exchange_.connected(/*reused=*/true);
      return true;
    }
    socket_.close();
    origin_ = exchange_.origin();
    return wait_for([&] { return net::lookup(origin_.host, origin_.port, deadlines_.end()); });
  }

  bool can_reuse_connection() const {
    return socket_ && exchange_.can_keep_connection() && !exchange_.needs_fresh_connection() &&
           origin_ == exchange_.origin() && net::is_quiet(socket_.fd());
  }

  // False if nothing is there yet.
  bool receive() {
    char buffer[kBufferSize];
    return http::receive_some(socket_.fd(), buffer, exchange_).outcome != net::Outcome::would_block;
  }

  std::shared_ptr<Page> self_;  // while it is in flight
  std::optional<Deferred<http::Response>> result_;
  const http::Deadlines deadlines_;
  Exchange exchange_;
  http::Origin origin_;  // where `socket_` leads
  Descriptor socket_;
  CurrentWait<Yield, net::Lookup, net::Connect, Readiness, EitherReady> wait_;
};

http::Request get_request(std::string_view url) {
  http::Request request;
  request.url = http::Url::parse(url);
  return request;
}

}  // namespace

Deferred<http::Response> get_response(http::Request request, http::RequestOptions options,
                                      std::source_location where) {
  try {
    return Page::start(std::move(request), std::move(options), where);
  } catch (...) {
    return fail<http::Response>(std::current_exception(), where);
  }
}

Deferred<http::Response> get_response(std::string_view url, http::RequestOptions options,
                                      std::source_location where) {
  try {
    return Page::start(get_request(url), std::move(options), where);
  } catch (...) {
    return fail<http::Response>(std::current_exception(), where);
  }
}

Deferred<std::string> get_page(std::string_view url, http::RequestOptions options,
                               std::source_location where) {
  return get_response(url, std::move(options), where)
      .add_callback(
          [](http::Response response) {
            if (response.status >= 400) throw http::StatusError("get", std::move(response));
            return std::move(response.body);
          },
          where);
}

}  // namespace simul::web
