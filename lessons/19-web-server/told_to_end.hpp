// Ctrl-C and SIGTERM as an event of the loop (lesson 14).
//
//     {
//       ToldToEnd told;                 // first: whoever knows of us may send a signal at once
//       say("http://...");
//       co_await told.wait();
//     }                                 // from here on, the next one ends the process
//     co_await server.shutdown(10s);
#pragma once

#include <csignal>

#include "runtime/reactor/reactor.hpp"
#include "runtime/sync/event.hpp"

namespace simul {

/// While it lives, the two signals are its own. Thread: the reactor's.
class ToldToEnd {
 public:
  ToldToEnd() {
    for (const int signal : {SIGINT, SIGTERM}) {
      loop_.add_signal_handler(signal, [this] { told_.set(); });
    }
  }
  ~ToldToEnd() {
    for (const int signal : {SIGINT, SIGTERM}) loop_.remove_signal_handler(signal);
  }
  ToldToEnd(const ToldToEnd&) = delete;
  ToldToEnd& operator=(const ToldToEnd&) = delete;

  /// Waits for the first of them.
  Event::SetWait wait() noexcept { return told_.wait(); }

 private:
  Reactor& loop_ = Reactor::current();
  Event told_;
};

}  // namespace simul
