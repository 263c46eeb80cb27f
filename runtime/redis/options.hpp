// What may be chosen for a client: how long to wait, how much to put up with, when to try again.
//
// Every limit has a default here, and reaching it is an error that names it.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "runtime/base/clock.hpp"
#include "runtime/redis/resp.hpp"

namespace simul::redis {

/// How often to try when a connection that was there is lost. The n-th pause is a random time
/// between half of `first` times 2^n and all of it, and at most `most`: so a hundred workers do not
/// knock at a server that comes back all at once.
struct Reconnect {
  Duration first = std::chrono::milliseconds(50);
  Duration most = std::chrono::seconds(2);
};

struct ClientOptions {
  std::string name;  ///< for CLIENT SETNAME; empty: what the URL says, if anything
  Duration connect_timeout = std::chrono::seconds(10);  ///< look-up, connecting and greeting
  /// For a command, from the call to the reply, waiting for a connection included. Blocking
  /// commands have none but their own. Duration::max(): no limit.
  Duration timeout = std::chrono::seconds(30);
  Reconnect reconnect;
  ReplyLimits replies;
  /// Bytes of commands that were sent and not answered; when there are more, further ones wait
  /// here. (A single larger one is sent when nothing else is on its way.)
  std::size_t in_flight = 1 << 20;
  /// Bytes of commands whose callers wait, sent or not; a call beyond is a LimitExceeded.
  std::size_t outstanding = 256 << 20;
  /// How many connections of sessions that have ended are kept for the next one.
  std::size_t idle_sessions = 4;
};

}  // namespace simul::redis
