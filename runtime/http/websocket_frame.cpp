#include "runtime/http/websocket_frame.hpp"

namespace simul::http::websocket {
namespace {

unsigned byte_at(std::string_view bytes, std::size_t i) noexcept {
  return static_cast<unsigned char>(bytes[i]);
}

void append_number(std::string& out, std::uint64_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>(number >> shift & 0xff);
  }
}

}  // namespace

bool is_sendable(std::uint16_t code) noexcept {
  if (code >= 1000 && code <= 1014) return code != 1004 && code != no_code && code != abnormal;
  return code >= 3000 && code <= 4999;
}

std::size_t head_size(std::string_view bytes) noexcept {
  if (bytes.size() < 2) return 0;
  const unsigned length = byte_at(bytes, 1) & 0x7f;
  const std::size_t more = length == 127 ? 8 : length == 126 ? 2 : 0;
  return 2 + more + ((byte_at(bytes, 1) & 0x80) != 0 ? 4 : 0);
}

void check_start(std::string_view bytes) {
  const unsigned first = byte_at(bytes, 0);
  if ((first & 0x70) != 0) throw Error(protocol_error, "a frame has a reserved bit set");
  const unsigned opcode = first & 0x0f;
  if (opcode > 10 || (opcode > 2 && opcode < 8)) {
    throw Error(protocol_error, "a frame has the reserved opcode " + std::to_string(opcode));
  }
  if (!is_control(static_cast<Opcode>(opcode))) return;
  if ((first & 0x80) == 0) throw Error(protocol_error, "a control frame is fragmented");
  if ((byte_at(bytes, 1) & 0x7f) > kMaxControl) {
    throw Error(protocol_error, "a control frame is longer than 125 bytes");
  }
}

FrameHead read_head(std::string_view bytes) {
  check_start(bytes);
  const unsigned first = byte_at(bytes, 0);
  const unsigned second = byte_at(bytes, 1);
  FrameHead head;
  head.last = (first & 0x80) != 0;
  head.opcode = static_cast<Opcode>(first & 0x0f);
  head.masked = (second & 0x80) != 0;
  head.length = second & 0x7f;
  std::size_t at = 2;
  if (head.length > kMaxControl) {
    const std::size_t size = head.length == 127 ? 8 : 2;
    const std::uint64_t shortest = size == 8 ? 0x10000 : 126;
    head.length = 0;
    for (; at < 2 + size; ++at) head.length = head.length << 8 | byte_at(bytes, at);
    if (head.length >> 63 != 0) throw Error(protocol_error, "a frame's length is negative");
    if (head.length < shortest) {
      throw Error(protocol_error, "a frame's length is written longer than it need be");
    }
  }
  if (head.masked) {
    for (unsigned char& byte : head.key) byte = static_cast<unsigned char>(byte_at(bytes, at++));
  }
  return head;
}

void write_head(std::string& out, Opcode opcode, std::uint64_t length, bool last,
                const MaskKey* key) {
  out += static_cast<char>((last ? 0x80 : 0) | static_cast<unsigned>(opcode));
  const unsigned masked = key != nullptr ? 0x80 : 0;
  if (length <= kMaxControl) {
    out += static_cast<char>(masked | static_cast<unsigned>(length));
  } else if (length <= 0xffff) {
    out += static_cast<char>(masked | 126);
    append_number(out, length, 2);
  } else {
    out += static_cast<char>(masked | 127);
    append_number(out, length, 8);
  }
  if (key != nullptr) out.append(reinterpret_cast<const char*>(key->data()), key->size());
}

void write_frame(std::string& out, Opcode opcode, std::string_view payload, bool last,
                 const MaskKey* key) {
  write_head(out, opcode, payload.size(), last, key);
  const std::size_t at = out.size();
  out.append(payload);
  if (key != nullptr) mask({out.data() + at, payload.size()}, *key);
}

void write_frame(std::string& out, Role role, Opcode opcode, std::string_view payload, bool last) {
  if (role == Role::server) return write_frame(out, opcode, payload, last, nullptr);
  const MaskKey key = random_key();
  write_frame(out, opcode, payload, last, &key);
}

}  // namespace simul::http::websocket
