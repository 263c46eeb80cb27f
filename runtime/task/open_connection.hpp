// open_connection: from a host's name and a port to a Stream.
//
//     name --look-up--> addresses --race of RFC 8305--> connected socket --> Stream
//
// Both steps wait without holding the thread up (net/lookup.hpp, net/connect.hpp), and one time
// limit covers them together. Whichever way it ends but by success, no socket is left open.
// (asyncio.open_connection, asyncio.open_unix_connection)
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "runtime/base/clock.hpp"
#include "runtime/net/address.hpp"
#include "runtime/task/stream.hpp"
#include "runtime/task/task.hpp"

namespace simul {

struct OpenOptions {
  Duration timeout = std::chrono::seconds(10);  ///< for look-up and connecting; max(): no limit
  StreamOptions stream{};
};

/// Connects to the first of the addresses of `host` that answers. Throws net::ResolveError,
/// std::system_error ("connect 127.0.0.1:81: Connection refused") and TimedOut.
Task<Stream> open_connection(std::string host, std::uint16_t port, OpenOptions options = {});

/// The same to an address: TCP, or a Unix socket.
Task<Stream> open_connection(net::Address address, OpenOptions options = {});

}  // namespace simul
