#include "runtime/redis/endpoint.hpp"

#include "runtime/base/error.hpp"
#include "runtime/base/in_seconds.hpp"
#include "runtime/redis/error.hpp"

namespace simul::redis::detail {

namespace {

// While it lives, the exchange counts as outstanding; afterwards nobody waits for it.
class UnderWay {
 public:
  UnderWay(Endpoint& endpoint, Exchange& exchange) : endpoint_(endpoint), exchange_(exchange) {
    const std::size_t limit = endpoint.options.outstanding;
    if (exchange.size > limit || endpoint.outstanding > limit - exchange.size) {
      throw LimitExceeded(exchange.name + " at " + endpoint.peer + ": " +
                          std::to_string(endpoint.outstanding + exchange.size) +
                          " bytes of commands are under way, the limit is " +
                          std::to_string(limit));
    }
    endpoint.outstanding += exchange.size;
  }
  ~UnderWay() {
    endpoint_.outstanding -= exchange_.size;
    if (exchange_.state != Exchange::State::done) exchange_.abandon();
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

 private:
  Endpoint& endpoint_;
  Exchange& exchange_;
};

[[noreturn]] void throw_timed_out(Endpoint& endpoint, Exchange& exchange, Duration limit) {
  const std::string what = exchange.name + " at " + endpoint.peer + ": ";
  if (exchange.state == Exchange::State::sent) {
    endpoint.heard_nothing();
    throw FateUnknown(what + "it was sent, and there was no reply within " + in_seconds(limit) +
                          ": it may have been done or not",
                      /*timed_out=*/true);
  }
  const std::string obstacle = endpoint.obstacle();
  throw TimedOut(what + "not sent within " + in_seconds(limit) +
                 (obstacle.empty() ? "" : " (" + obstacle + ")"));
}

}  // namespace

Task<> finish(Ref<Endpoint> endpoint, Ref<Exchange> exchange, Duration limit) {
  const UnderWay under_way(*endpoint, *exchange);
  endpoint->submit(*exchange);
  const TimePoint deadline = limit == Duration::max() ? kNever : after(Clock::now(), limit);
  ExchangeEnd end(*exchange, deadline);
  if (!co_await end) throw_timed_out(*endpoint, *exchange, limit);
  if (exchange->error != nullptr) std::rethrow_exception(exchange->error);
}

}  // namespace simul::redis::detail
