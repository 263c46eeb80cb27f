#include "runtime/web/flight.hpp"

#include <utility>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/http/error.hpp"
#include "runtime/http/exchange_io.hpp"
#include "runtime/net/connect.hpp"
#include "runtime/net/lookup.hpp"
#include "runtime/net/resolver.hpp"
#include "runtime/reactor/sleep.hpp"

namespace simul::web {
namespace {

// So many times in a row something may be sent or received before the others have their turn.
constexpr int kStepsPerTurn = 16;
constexpr std::size_t kBufferSize = 16 * 1024;

// While it lives, somebody else knows what a task waits for.
class Known {
 public:
  Known(Waiter*& where, Waiter& wait) noexcept : where_(where) { where_ = &wait; }
  ~Known() { where_ = nullptr; }
  Known(const Known&) = delete;
  Known& operator=(const Known&) = delete;

 private:
  Waiter*& where_;
};

}  // namespace

// --- SessionCore --------------------------------------------------------------------------------

SessionCore::SessionCore(SessionOptions the_options)
    : options(std::move(the_options)), pool(options.connections), headers_(options.headers) {
  http::add_client_headers(headers_);
  coded_headers_ = headers_;
  if (!headers_.contains("Accept-Encoding") && !headers_.contains("Range")) {
    coded_headers_.add("Accept-Encoding", http::kAcceptEncoding);
  }
}

void SessionCore::close() noexcept {
  closed_ = true;
  pool.close();
  for (Flight* flight = flights_.front(); flight != nullptr; flight = flights_.next(*flight)) {
    flight->close();
  }
}

// --- Flight -------------------------------------------------------------------------------------

Flight::Flight(Ref<SessionCore> core, http::Request&& request, const FlightPlan& plan)
    : core_(std::move(core)),
      deadlines_(plan.timeouts),
      exchange_(std::move(request), exchange_options(plan)),
      decode_(plan.decode),
      streamed_(plan.streamed) {
  core_->flights_.push_back(*this);
}

http::ExchangeOptions Flight::exchange_options(const FlightPlan& plan) {
  http::ExchangeOptions options;
  options.limits = core_->options.limits;
  options.follow_redirects = plan.follow_redirects;
  options.max_redirects = core_->options.max_redirects;
  options.on_head = [this](const http::Response& response) { on_head(response); };
  options.on_body = [this](std::string_view bytes) { on_body(bytes); };
  return options;
}

Task<> Flight::advance(Until until) {
  if (error_) std::rethrow_exception(error_);
  received_.clear();
  try {
    for (int steps = 0; !reached(until); ++steps) {
      if (closed_ || core_->closed()) throw closed_error();
      if (steps == kStepsPerTurn) {
        deadlines_.check(exchange_);  // for a peer that is always ready never makes us wait
        steps = 0;
        co_await Yield();
      }
      switch (exchange_.step()) {
        case Step::connect:
          if (!take_idle()) co_await connect();
          break;
        case Step::send:
          if (!http::send_some(lease_.socket().fd(), exchange_) && !receive()) {
            EitherReady ready = lease_.socket().readable_or_writable(deadlines_.for_bytes());
            if (!co_await ready) deadlines_.throw_no_bytes(exchange_, /*sending=*/true);
            drained_ = false;
          }
          break;
        case Step::receive:
          if (drained_ || !receive()) {
            Readiness ready = lease_.socket().readable(deadlines_.for_bytes());
            if (!co_await ready) deadlines_.throw_no_bytes(exchange_, /*sending=*/false);
            drained_ = false;
          }
          break;
        case Step::done:
          break;
      }
      if (arrived()) land();
    }
  } catch (const std::exception&) {
    fail();
  }
  if (error_) std::rethrow_exception(error_);
}

// Called where an exception was caught.
void Flight::fail() noexcept {
  error_ = closed_ ? std::make_exception_ptr(closed_error()) : std::current_exception();
  lease_.release();
}

bool Flight::reached(Until until) const noexcept {
  if (arrived()) return true;
  switch (until) {
    case Until::head:
      return has_head_;
    case Until::piece:
      return !received_.empty();
    case Until::end:
      break;
  }
  return false;
}

// True if there was a connection to be had at once, as there mostly is.
bool Flight::take_idle() {
  land();  // of the hop before
  lease_ = core_->pool.try_acquire(exchange_.origin(), exchange_.needs_fresh_connection());
  if (!lease_ || !lease_.connected()) return false;
  connected();
  return true;
}

Task<> Flight::connect() {
  if (!lease_) {
    const bool fresh = exchange_.needs_fresh_connection();
    lease_ = co_await core_->pool.acquire(exchange_.origin(), fresh, deadlines_.end());
    if (!lease_) deadlines_.check(exchange_);
  }
  if (!lease_.connected()) lease_.fill(co_await dial());
  connected();
}

void Flight::connected() {
  drained_ = true;  // nobody answers before he is asked; if he did, the wait ends at once
  exchange_.connected(lease_.reused());
}

Task<Descriptor> Flight::dial() {
  const http::Origin& origin = exchange_.origin();
  try {
    net::Lookup lookup = net::lookup(origin.host, origin.port, deadlines_.end());
    std::vector<net::Address> addresses;
    {
      const Known known(dialing_, lookup);
      addresses = co_await lookup;
    }
    net::ConnectOptions options;
    options.attempt = deadlines_.connect();
    options.deadline = deadlines_.end();
    options.context = exchange_.context() + ": ";
    options.peer = core_->options.peer;
    net::Connect race = net::connect(std::move(addresses), std::move(options));
    const Known known(dialing_, race);
    co_return co_await race;
  } catch (const net::ResolveError& error) {
    throw net::ResolveError(exchange_.context() + ": " + error.what(), error.code());
  } catch (const TimedOut&) {
    deadlines_.check(exchange_);  // if the time for it all is over, that is the error
    throw;
  }
}

// False if nothing is there yet.
bool Flight::receive() {
  char buffer[kBufferSize];
  Descriptor& socket = lease_.socket();
  const net::Transfer got = http::receive_some(socket.fd(), buffer, exchange_);
  if (got.outcome == net::Outcome::would_block) return false;
  drained_ = got.bytes < kBufferSize && !socket.hung_up();
  return true;
}

// The connection has done what it was for: to the idle ones, or closed.
void Flight::land() {
  if (exchange_.can_keep_connection())
    lease_.give_back();
  else
    lease_.release();
}

void Flight::close() noexcept {
  if (closed_ || arrived()) return;
  closed_ = true;
  lease_.release();
  if (dialing_ != nullptr) dialing_->wake();
}

SessionClosed Flight::closed_error() const {
  return SessionClosed(exchange_.context() + ": " +
                       (core_->closed() ? "the session is closed" : "its body was closed"));
}

// --- The response -------------------------------------------------------------------------------

void Flight::on_head(const http::Response& response) {
  has_head_ = true;
  if (streamed_) head_ = response;
  if (decode_ && response.headers.contains("Content-Encoding")) {
    http::ExpansionLimits limits = core_->options.expansion;
    if (streamed_) limits.expanded = http::ExpansionLimits::kUnlimited;
    decoder_.emplace(response.headers, limits);
  }
}

void Flight::on_body(std::string_view bytes) {
  if (streamed_) {
    received_.append(bytes);
    not_taken_ = received_;
  } else if (decoder_) {
    exchange_.with_context(
        [&] { decoder_->feed(bytes, [&](std::string_view piece) { head_.body.append(piece); }); });
  } else {
    exchange_.with_context([&] { add_to_body(bytes); });
  }
}

void Flight::add_to_body(std::string_view piece) {
  const std::uint64_t limit = core_->options.limits.body;
  if (piece.size() > limit - head_.body.size()) {
    throw http::TooLarge("the body is longer than " + std::to_string(limit) + " bytes", 413);
  }
  head_.body.append(piece);
}

Task<std::string_view> Flight::read() {
  for (;;) {
    try {
      if (std::string_view piece = take_piece(); !piece.empty()) co_return piece;
      if (arrived()) co_return std::string_view();
    } catch (const std::exception&) {
      fail();
    }
    co_await advance(Until::piece);
  }
}

// Empty if all that was received has been handed out.
std::string_view Flight::take_piece() {
  if (!decoder_) return std::exchange(not_taken_, {});
  return exchange_.with_context([&] {
    const std::string_view piece = decoder_->next(not_taken_);
    if (piece.empty() && arrived()) decoder_->finish();
    return piece;
  });
}

http::Response Flight::take_response() {
  if (decoder_) exchange_.with_context([&] { decoder_->finish(); });
  http::Response response = exchange_.take_response();
  response.body = std::move(head_.body);
  return response;
}

}  // namespace simul::web
