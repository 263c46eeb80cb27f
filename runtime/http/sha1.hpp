// SHA-1: 20 bytes that stand for any number of them (RFC 3174).
//
// As a signature it is broken: two texts with the same digest can be made at will. The WebSocket
// handshake still uses it, and rightly: there it only shows that the other side has read the key
// and knows what to do with it, which no server does by accident. Nothing here is to be used for
// anything that an enemy would like to forge.
#pragma once

#include <string>
#include <string_view>

namespace simul::http {

/// The digest of `bytes`: 20 bytes, not letters.
std::string sha1(std::string_view bytes);

}  // namespace simul::http
