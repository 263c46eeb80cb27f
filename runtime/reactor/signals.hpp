// Signals, delivered as callbacks of the loop.
//
// Almost nothing is allowed in a signal handler, and it may run in any thread at any moment. So
// ours sets one bit in the mailbox of the reactor that asked for the signal and wakes its poller;
// the callback runs in the loop's thread, in the turn's fifth step, where everything is allowed.
//
// Each signal belongs to at most one reactor of the process at a time.
#pragma once

#include <map>
#include <memory>

#include "runtime/base/callback.hpp"
#include "runtime/reactor/remote.hpp"

namespace simul {

class Reactor;
class SignalWait;

/// The signal handlers of one reactor. Its thread only.
class SignalHandlers {
 public:
  SignalHandlers(Reactor& reactor, std::shared_ptr<Mailbox> mailbox);
  ~SignalHandlers();

  /// See Reactor::add_signal_handler.
  void add(int signal, Callback<void()> callback, bool awaited);
  void remove(int signal) noexcept;

  /// Has any arrived since the last `deliver`?
  bool arrived() const noexcept;

  /// Makes the callbacks of the signals that have arrived ready to run.
  void deliver() noexcept;

  /// Does the loop wait for any of its signals?
  bool awaited() const noexcept;

 private:
  Reactor& reactor_;
  std::shared_ptr<Mailbox> mailbox_;
  std::map<int, std::shared_ptr<SignalWait>> waits_;
};

}  // namespace simul
