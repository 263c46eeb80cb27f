// Masking: what a WebSocket client does to the bytes it sends (RFC 6455 section 5.3).
//
// Each byte is XORed with one of four key bytes in turn; doing it again takes it off. It hides
// nothing, for the key stands in front. It is there for proxies that know nothing of WebSockets: a
// page cannot choose which bytes go over the wire, and so cannot make them look like a request.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace simul::http::websocket {

using MaskKey = std::array<unsigned char, 4>;

/// Masks or unmasks `bytes` in place; `at` is where in the frame's payload they begin. Sixteen
/// bytes at a time, whatever the alignment.
void mask(std::span<char> bytes, const MaskKey& key, std::size_t at = 0) noexcept;

/// A key that nobody can guess: from the system's random numbers, of which a few are fetched ahead.
/// Any thread. Throws std::system_error if the system has none.
MaskKey random_key();

/// Fills `bytes`, at most 256, with the system's random numbers.
void random_bytes(std::span<unsigned char> bytes);

}  // namespace simul::http::websocket
