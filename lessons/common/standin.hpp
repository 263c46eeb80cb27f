// The stand-in internet: the articles' hosts on one loopback port, each with a latency of its own.
//
// While it lives, the resolver sends those names to its port, so `http::get("http://google.com")`
// is real HTTP over a real socket, and takes 0.3 s on every machine, with or without a network.
#pragma once

#include <string_view>
#include <vector>

#include "lessons/common/loopback_server.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/net/resolver.hpp"

namespace simul {

class StandIn {
 public:
  struct Host {
    std::string_view name;
    Duration latency;  ///< from the request's arrival to the first byte of the answer
  };

  /// The hosts that have a page each, in the order in which the articles name them. Beside them
  /// there are www.reddit.com, which has several (reddit.hpp), and nvie.com, whose page is the one
  /// with 322 words.
  static const std::vector<Host>& hosts();

  /// Starts the server and pins the names. Throws std::system_error.
  StandIn();

  const net::Address& address() const noexcept { return server_.address(); }

 private:
  LoopbackServer server_;
  std::vector<net::Pin> pins_;
};

}  // namespace simul
