// Frames: what WebSocket messages are cut into (RFC 6455 section 5.2).
//
//      0               1               2 ...           then 0, 2 or 8 bytes of length,
//     |F|R R R| opcode |M| length      |               4 bytes of mask key if M, and the payload
//      |        |       |
//      |        |       masked: always from a client, never from a server
//      |        text, binary, continuation; close, ping, pong
//      the last frame of its message
//
// This file knows one frame: its head, read and written, and what may stand in a Close. How frames
// make messages, and which may follow which, is websocket_reader.hpp's affair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "runtime/http/websocket_mask.hpp"

namespace simul::http::websocket {

enum class Role : std::uint8_t { server, client };

enum class Opcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

inline bool is_control(Opcode opcode) noexcept {
  return static_cast<std::uint8_t>(opcode) >= 8;
}

/// Why a connection ends (RFC 6455 section 7.4.1).
enum Code : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  no_code = 1005,   ///< the Close had none; never sent
  abnormal = 1006,  ///< there was no Close; never sent
  invalid_data = 1007,
  policy_violation = 1008,
  too_big = 1009,
  internal_error = 1011,
  try_again_later = 1013,
};

/// May it stand in a Close? 1000 to 1014 but for those that stand for something not said, and what
/// applications and libraries have for their own: 3000 to 4999.
bool is_sendable(std::uint16_t code) noexcept;

/// The most that a control frame may carry.
constexpr std::size_t kMaxControl = 125;

/// The longest head: two bytes, eight of length, four of mask key.
constexpr std::size_t kMaxHead = 14;

/// The peer broke the rules; `code` is what it is to be told in our Close.
class Error : public std::runtime_error {
 public:
  Error(std::uint16_t code, const std::string& what) : std::runtime_error(what), code_(code) {}
  std::uint16_t code() const noexcept { return code_; }

 private:
  std::uint16_t code_;
};

struct FrameHead {
  bool last = true;
  Opcode opcode = Opcode::text;
  bool masked = false;
  std::uint64_t length = 0;
  MaskKey key{};
};

/// How long is the head that begins with these bytes? 0: not known yet, two are needed.
std::size_t head_size(std::string_view bytes) noexcept;

/// Throws `Error` (1002) if the first two bytes say what no frame may say, whoever sends it and
/// whatever came before: reserved bits, unknown opcodes, control frames too long or fragmented.
void check_start(std::string_view bytes);

/// Reads a whole head, `head_size` bytes of it. Throws as `check_start`, and for a length written
/// longer than it need be or with its highest bit set.
FrameHead read_head(std::string_view bytes);

/// Appends a frame: the head in its shortest form and the payload, masked if `role` is client.
void write_frame(std::string& out, Role role, Opcode opcode, std::string_view payload,
                 bool last = true);
/// The same with a key that the caller chose, or none.
void write_frame(std::string& out, Opcode opcode, std::string_view payload, bool last,
                 const MaskKey* key);

/// The head alone, for a payload of `length` bytes that is to follow.
void write_head(std::string& out, Opcode opcode, std::uint64_t length, bool last,
                const MaskKey* key);

}  // namespace simul::http::websocket
