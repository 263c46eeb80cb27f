// What may be chosen for the embedded server, and how much of a client it puts up with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/redis/resp.hpp"

namespace simul::redis {

struct MiniOptions {
  std::uint16_t port = 0;  ///< of 127.0.0.1; 0: the system chooses
  std::string path{};  ///< of a Unix socket, absolute; empty: TCP. Its file is removed by nobody.
  std::size_t max_connections = 1'000;  ///< at once; the others wait to be accepted
  /// Of one command. A limit passed ends the connection, after an error that names it.
  ReplyLimits requests{.bulk = 16 << 20, .depth = 1, .array = 1 << 20, .total = 32 << 20};
  /// Bytes that are lined up after MULTI, or sent while waiting for a list.
  std::size_t pending = 32 << 20;
  /// Bytes of messages that a client has not read; one that lets more pile up is cut off.
  std::size_t unsent = 32 << 20;
};

}  // namespace simul::redis
