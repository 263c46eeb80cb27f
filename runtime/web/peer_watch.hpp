// Notices that a client has gone while its request is being worked on.
//
// A handler that waits, for a database or for the next message of a chat, does not look at its
// client's socket. So this does: it waits beside the handler for something to be heard, and if that
// is the end of the stream, or an error, the handler's task is cancelled.
//
// A client that has only closed its sending side looks the same as one that has gone. What it has
// closed is the half that would have told us, so it is taken to have gone, as Go's and nginx's
// servers take it. (ServerOptions::cancel_when_client_leaves)
//
// It watches only while no further bytes are expected: what the client sends meanwhile, the next
// request, ends the watch and stays unread.
#pragma once

#include <string>

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

  /// Watches `socket` from now on, for `task`. Both must live until `stop`.
  void start(Descriptor& socket, TaskCore& task);

  /// Stops. No effect if it is not watching.
  void stop() noexcept { wait_.reset(); }

  /// Has the client gone, and has the task been cancelled for that?
  bool gone() const noexcept { return gone_; }

  /// Was anything heard? Then the next receive must be tried before it is waited for.
  bool heard() const noexcept { return heard_; }

  void step() override;
  std::string describe() const override { return "the watch on a client"; }

 private:
  void wait();

  Descriptor* socket_ = nullptr;
  TaskCore* task_ = nullptr;
  bool gone_ = false;
  bool heard_ = false;
  CurrentWait<Readiness, Yield> wait_;
};

}  // namespace simul::web
