// A thread for every client: the same function, many times at once.
//
// While one thread waits for its query, the processor is another's. So nobody waits for anybody,
// and serve() still reads from top to bottom. The price is a thread for each client that is there,
// whether it wants something or not: a stack, a thing for the kernel to schedule, and at some
// number the machine says no. The one that comes then is told so: 503, and why.
//
// The invariant: the function returns when every thread is through with its client.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "lessons/19-web-server/blocking_connection.hpp"
#include "lessons/19-web-server/stop_signals.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/base/callback.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/net/address.hpp"
#include "runtime/net/socket.hpp"

namespace simul {

/// How many threads are there; and a place to wait until there are none.
class Crowd {
 public:
  void enter() {
    const std::lock_guard lock(mutex_);
    ++here_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    if (--here_ == 0) empty_.notify_all();
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return here_;
  }
  void wait_until_empty() {
    std::unique_lock lock(mutex_);
    empty_.wait(lock, [this] { return here_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable empty_;
  std::size_t here_ = 0;
};

/// The answer to a client for whom there is no thread. Nothing is waited for: who says no because
/// he has too much to do must not be kept.
inline void turn_away(UniqueFd socket, const std::string& why) {
  std::string out;
  http::write_response(out, text_page(503, why + "\n"), {.keep_alive = false});
  net::try_send(socket.get(), out);
  ::shutdown(socket.get(), SHUT_WR);
  char unread[4096];
  net::try_receive(socket.get(), unread);  // unread bytes would turn the end into a reset
}

/// As serve_one_at_a_time.
inline void serve_by_threads(const net::Address& address, Duration query,
                             Callback<void(const net::Address&)> ready) {
  const StopSignals stop;
  UniqueFd listener = net::listen_on(address);
  ready(net::local_address(listener.get()));
  const Serving how{.query = query, .stop = stop.fd()};
  const auto crowd = std::make_shared<Crowd>();  // the last to leave may still hold its lock
  while (wait_for_one(POLLIN, kNever, stop.fd(), listener.get(), -1) == 1) {
    net::Accepted client = net::accept_from(listener.get());
    if (client.outcome == net::Outcome::would_block) continue;
    if (client.outcome == net::Outcome::failed) {
      Clock::sleep_for(std::chrono::milliseconds(10));  // no descriptor to be had: later perhaps
      continue;
    }
    crowd->enter();
    try {
      std::thread([socket = client.socket.get(), &how, crowd] {
        try {
          BlockingConnection(UniqueFd(socket), how).serve();
        } catch (const std::exception& error) {
          complain(error);
        }
        crowd->leave();
      }).detach();
      (void)client.socket.release();  // it is the thread's now
    } catch (const std::system_error& error) {
      crowd->leave();
      turn_away(std::move(client.socket), "no thread beside " + std::to_string(crowd->size()) +
                                              ": " + error.code().message());
    }
  }
  listener.reset();
  crowd->wait_until_empty();
}

}  // namespace simul
