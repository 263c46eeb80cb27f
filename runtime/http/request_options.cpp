#include "runtime/http/request_options.hpp"

#include "runtime/base/error.hpp"
#include "runtime/base/in_seconds.hpp"

namespace simul::http {

void Deadlines::check(const Exchange& exchange) const {
  if (end_ == kNever || Clock::now() < end_) return;
  throw TimedOut(exchange.context() + ": not finished within " + in_seconds(timeouts_.total));
}

void Deadlines::throw_no_bytes(const Exchange& exchange, bool sending) const {
  check(exchange);
  throw TimedOut(exchange.context() + ": nothing " + (sending ? "sent or received" : "received") +
                 " for " + in_seconds(timeouts_.read));
}

}  // namespace simul::http
