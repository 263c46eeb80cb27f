#include "runtime/task/accept_loop.hpp"

#include <exception>
#include <system_error>
#include <utility>

#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"

namespace simul::detail {

namespace {

constexpr Duration kRetry = std::chrono::milliseconds(100);

// After so many connections in a row those that are open have a turn.
constexpr int kInARow = 64;

std::exception_ptr accept_error(const net::Address& address, int error) {
  return std::make_exception_ptr(
      std::system_error(error, std::generic_category(), "accept at " + address.to_string()));
}

}  // namespace

Task<> accept_all(Descriptor& listener, const net::Address& address, Semaphore& places,
                  BeginConnection& begin) {
  int in_a_row = 0;
  bool failing = false;
  for (;;) {
    Semaphore::Guard place = co_await places.acquire();
    for (;;) {
      net::Accepted accepted = net::accept_from(listener.fd());
      if (accepted.outcome == net::Outcome::would_block) {
        in_a_row = 0;
        co_await listener.readable();
        continue;
      }
      std::exception_ptr error;
      if (accepted.outcome == net::Outcome::done) {
        try {
          begin(std::move(accepted), std::move(place));
          failing = false;
          break;
        } catch (const std::exception&) {
          error = std::current_exception();
        }
      } else {
        error = accept_error(address, accepted.error);
      }
      in_a_row = 0;
      if (!std::exchange(failing, true)) Reactor::current().report("server", std::move(error));
      co_await sleep(kRetry);
      if (!place) break;  // it went with the connection that could not be begun
    }
    if (++in_a_row >= kInARow) {
      in_a_row = 0;
      co_await Yield();
    }
  }
}

}  // namespace simul::detail
