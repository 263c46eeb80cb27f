// The simplistic web server: take a client, serve it, take the next.
//
// It is a working web server, and whoever comes while it waits for a query waits as well. How many
// wait, and for how long, it does not even know: they stand in the kernel's queue.
//
// One politeness keeps it usable: a connection that stays open between two requests would keep all
// others out. So its client is asked to leave ("Connection: close") as soon as somebody else waits.
// A client that sends half a request and no more still keeps everybody out, until its time is over.
#pragma once

#include <chrono>
#include <utility>

#include "lessons/19-web-server/blocking_connection.hpp"
#include "lessons/19-web-server/stop_signals.hpp"
#include "runtime/base/callback.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/net/address.hpp"
#include "runtime/net/socket.hpp"

namespace simul {

/// Serves until SIGINT or SIGTERM, and then to the end of the request it is at. `ready` is told
/// where it listens. Throws std::system_error if it cannot.
inline void serve_one_at_a_time(const net::Address& address, Duration query,
                                Callback<void(const net::Address&)> ready) {
  const StopSignals stop;
  const UniqueFd listener = net::listen_on(address);
  ready(net::local_address(listener.get()));
  const Serving how{.query = query, .stop = stop.fd(), .others = listener.get()};
  while (wait_for_one(POLLIN, kNever, stop.fd(), listener.get(), -1) == 1) {
    net::Accepted client = net::accept_from(listener.get());
    if (client.outcome == net::Outcome::done) {
      BlockingConnection(std::move(client.socket), how).serve();
    } else if (client.outcome == net::Outcome::failed) {
      Clock::sleep_for(std::chrono::milliseconds(10));  // no descriptor to be had: later perhaps
    }
  }
}

}  // namespace simul
