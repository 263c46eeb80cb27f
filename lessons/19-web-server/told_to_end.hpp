// Ctrl-C and SIGTERM as an event of the loop (lesson 14).
#pragma once

#include <csignal>

#include "runtime/reactor/reactor.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/task.hpp"

namespace simul {

/// Waits for the first of the two; the next one ends the process at once.
inline Task<> told_to_end() {
  Event told;
  struct Handlers {
    Reactor& loop = Reactor::current();
    explicit Handlers(Event& event) {
      for (const int signal : {SIGINT, SIGTERM}) {
        loop.add_signal_handler(signal, [&event] { event.set(); });
      }
    }
    ~Handlers() {
      for (const int signal : {SIGINT, SIGTERM}) loop.remove_signal_handler(signal);
    }
  };
  const Handlers handlers(told);
  co_await told.wait();
}

}  // namespace simul
