// The two system calls of every driver: bytes from an exchange to a socket, and back.
//
// A driver is what waits; how it waits is its own affair. What it does in between is the same for
// all of them, and stands here. Nothing here waits.
#pragma once

#include <span>

#include "runtime/http/exchange.hpp"
#include "runtime/net/socket.hpp"

namespace simul::http {

/// At Step::send: sends what `socket` takes now and tells the exchange, also if it fails. False if
/// the socket takes nothing: wait for either direction, since the server may answer before it has
/// read all ("too large"), and then try both.
/// Throws what `Exchange` throws, and Cancelled where the monkey patch says ECANCELED.
bool send_some(int socket, Exchange& exchange);

/// Receives what has come, at most `buffer.size()` bytes, and tells the exchange, also of the end
/// and of an error. `would_block`: nothing has come. Throws as above.
net::Transfer receive_some(int socket, std::span<char> buffer, Exchange& exchange);

}  // namespace simul::http
