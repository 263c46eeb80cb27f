// Notices that a client has gone while its request is being worked on.
//
// A handler that waits, for a database or for the next message of a chat, does not look at its
// client's socket. So this does: it waits beside the handler for something to be heard, and if that
// is the end of the stream, or an error, the handler's task is cancelled.
//
// A connection that was reset is gone for sure. A client that has closed its sending side may have
// gone, or may have said all it had to say and wait for the answer; from here the two look the
// same. So the handler has some time left then (ServerOptions::cancel_after_client_left).
//
// It watches only while no further bytes are expected: what the client sends meanwhile, the next
// request, ends the watch and stays unread.
#pragma once

#include <string>

#include "runtime/base/clock.hpp"
#include "runtime/reactor/current_wait.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/reactor/waiter.hpp"
#include "runtime/task/task_core.hpp"

namespace simul::web {

/// Thread: the reactor's.
class PeerWatch final : public Routine {
 public:
  PeerWatch();

  /// Watches `socket` from now on, for `task`. Both must live until `stop`. `grace`: see above.
  void start(Descriptor& socket, TaskCore& task, Duration grace);

  /// Stops. No effect if it is not watching.
  void stop() noexcept { wait_.reset(); }
  /// And forgets what it has noticed.
  void clear() noexcept {
    stop();
    gone_ = heard_ = false;
  }

  /// Has the client gone, and has the task been cancelled for that?
  bool gone() const noexcept { return gone_; }

  /// Was anything heard? Then the next receive must be tried before it is waited for.
  bool heard() noexcept {
    const auto* const waiting = wait_.get<Readiness>();
    return heard_ || (waiting != nullptr && waiting->state() == Waiter::State::triggered);
  }

  void step() override;
  std::string describe() const override { return "the watch on a client"; }

 private:
  void wait();
  void give_up();

  Descriptor* socket_ = nullptr;
  TaskCore* task_ = nullptr;
  Duration grace_{};
  bool gone_ = false;
  bool heard_ = false;
  CurrentWait<Readiness, Yield, Sleep> wait_;
};

}  // namespace simul::web
