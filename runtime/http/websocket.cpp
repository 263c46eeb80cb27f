#include "runtime/http/websocket.hpp"

#include <algorithm>
#include <stdexcept>

namespace simul::http::websocket {
namespace {

bool is_utf8(std::string_view text) noexcept {
  Utf8Stream stream;
  return stream.feed(text) && stream.whole();
}

// Twice what has arrived of a message is reserved at once, or so much, which is no more than a
// hostile head could make a connection hold anyway.
constexpr std::size_t kReserved = 4096;

// A payload is copied, unmasked and checked in pieces that stay in the processor's nearest cache
// meanwhile.
constexpr std::size_t kPiece = 8192;

}  // namespace

Event Connection::next(std::string_view& input) {
  if (error_) throw *error_;
  try {
    while (!input.empty() && !close_received_) {
      if (!in_frame_) {
        // Most heads lie whole in the input; one that was cut is put together first.
        while (head_have_ < 2 && !input.empty()) {
          head_bytes_[head_have_++] = input.front();
          input.remove_prefix(1);
        }
        if (head_have_ < 2) break;
        const std::size_t size = head_size({head_bytes_.data(), head_have_});
        const std::size_t more = std::min(size - head_have_, input.size());
        input.copy(head_bytes_.data() + head_have_, more);
        input.remove_prefix(more);
        head_have_ += more;
        if (head_have_ < size) {
          check_start({head_bytes_.data(), 2});  // what is wrong now is said now
          break;
        }
        head_have_ = 0;
        if (const Event event = take_head({head_bytes_.data(), size}, input.size());
            event != Event::none) {
          return event;
        }
        continue;
      }
      take_payload(input);
      if (taken_ == frame_.length) {
        if (const Event event = end_of_frame(); event != Event::none) return event;
      }
    }
    if (close_received_) input = {};
    return Event::none;
  } catch (const Error& error) {
    error_ = error;
    input = {};
    message_ = {};
    pong_due_ = false;
    if (!close_sent_) {
      close_due_ = true;
      due_code_ = error.code();
    }
    throw;
  }
}

Event Connection::take_head(std::string_view head, std::size_t arrived) {
  frame_ = read_head(head);
  check_order(frame_);
  taken_ = 0;
  in_frame_ = true;
  if (is_control(frame_.opcode)) {
    control_size_ = 0;
  } else {
    if (frame_.length > limits_.frame) {
      throw Error(too_big, "a frame is longer than " + std::to_string(limits_.frame) + " bytes");
    }
    if (frame_.length > limits_.message - message_.data.size()) {
      throw Error(too_big,
                  "a message is longer than " + std::to_string(limits_.message) + " bytes");
    }
    if (!in_message_) {
      in_message_ = true;
      message_.text = frame_.opcode == Opcode::text;
      utf8_.reset();
      message_.data.reserve(std::min<std::size_t>(frame_.length, std::max(2 * arrived, kReserved)));
    }
  }
  return frame_.length == 0 ? end_of_frame() : Event::none;
}

void Connection::check_order(const FrameHead& head) const {
  if (head.masked != (role_ == Role::server)) {
    throw Error(protocol_error,
                head.masked ? "a server's frame is masked" : "a client's frame is not masked");
  }
  if (is_control(head.opcode)) return;
  if (head.opcode == Opcode::continuation && !in_message_) {
    throw Error(protocol_error, "a frame goes on with a message that has not begun");
  }
  if (head.opcode != Opcode::continuation && in_message_) {
    throw Error(protocol_error, "a message begins inside another");
  }
}

void Connection::take_payload(std::string_view& input) {
  const auto size = static_cast<std::size_t>(
      std::min<std::uint64_t>({input.size(), frame_.length - taken_, kPiece}));
  char* place = nullptr;
  if (is_control(frame_.opcode)) {
    place = control_.data() + control_size_;
    input.copy(place, size);
    control_size_ += size;
  } else {
    const std::size_t at = message_.data.size();
    message_.data.append(input.substr(0, size));
    place = message_.data.data() + at;
  }
  input.remove_prefix(size);
  if (frame_.masked) mask({place, size}, frame_.key, static_cast<std::size_t>(taken_ % 4));
  taken_ += size;
  if (!is_control(frame_.opcode) && message_.text && !utf8_.feed({place, size})) {
    throw Error(invalid_data, "a text is not UTF-8");
  }
}

Event Connection::end_of_frame() {
  in_frame_ = false;
  switch (frame_.opcode) {
    case Opcode::close:
      return on_close();
    case Opcode::ping:
      if (!close_sent_) {
        pong_ = control_;
        pong_size_ = control_size_;
        pong_due_ = true;
      }
      return Event::ping;
    case Opcode::pong:
      return Event::pong;
    default:
      break;
  }
  if (!frame_.last) return Event::none;
  if (message_.text && !utf8_.whole()) {
    throw Error(invalid_data, "a text ends inside a character");
  }
  in_message_ = false;
  return Event::message;
}

Event Connection::on_close() {
  const std::string_view said = control();
  if (said.size() == 1) throw Error(protocol_error, "a Close has half a code");
  std::uint16_t code = no_code;
  if (said.size() >= 2) {
    code = static_cast<std::uint16_t>(static_cast<unsigned char>(said[0]) << 8 |
                                      static_cast<unsigned char>(said[1]));
    if (!is_sendable(code)) {
      throw Error(protocol_error, "a Close has the code " + std::to_string(code));
    }
    if (!is_utf8(said.substr(2))) throw Error(invalid_data, "a Close's reason is not UTF-8");
    close_reason_ = said.substr(2);
  }
  close_code_ = code;
  close_received_ = true;
  message_ = {};
  if (!close_sent_) {
    close_due_ = true;
    due_code_ = code;  // the same, as section 5.5.1 suggests
  }
  return Event::close;
}

Message Connection::take_message() noexcept {
  return std::exchange(message_, {});
}

std::string_view Connection::send_apart(std::string& out, std::string_view data, bool text) {
  if (close_sent_) throw std::logic_error("send a message: our Close has been sent");
  if (text && !is_utf8(data)) throw std::invalid_argument("send a text: it is not UTF-8");
  const Opcode opcode = text ? Opcode::text : Opcode::binary;
  if (role_ == Role::client || data.size() <= kMaxCopied) {
    write_frame(out, role_, opcode, data);
    return {};
  }
  write_head(out, opcode, data.size(), /*last=*/true, /*key=*/nullptr);
  return data;
}

void Connection::send(std::string& out, std::string_view data, bool text) {
  out.append(send_apart(out, data, text));
}

void Connection::ping(std::string& out, std::string_view payload) {
  if (payload.size() > kMaxControl) {
    throw std::invalid_argument("send a ping: it carries more than 125 bytes");
  }
  if (!close_sent_) write_frame(out, role_, Opcode::ping, payload);
}

void Connection::begin_close(std::string& out, std::uint16_t code, std::string_view reason) {
  if (code == no_code ? !reason.empty() : !is_sendable(code)) {
    throw std::invalid_argument("close: " + std::to_string(code) + " may not be sent");
  }
  if (reason.size() > kMaxControl - 2) {
    throw std::invalid_argument("close: the reason is longer than 123 bytes");
  }
  if (!is_utf8(reason)) throw std::invalid_argument("close: the reason is not UTF-8");
  if (close_sent_) return;
  std::string payload;
  if (code != no_code) {
    payload += static_cast<char>(code >> 8);
    payload += static_cast<char>(code & 0xff);
    payload += reason;
  }
  write_frame(out, role_, Opcode::close, payload);
  close_sent_ = true;
  pong_due_ = close_due_ = false;
}

void Connection::append_due(std::string& out) {
  if (std::exchange(pong_due_, false)) {
    write_frame(out, role_, Opcode::pong, {pong_.data(), pong_size_});
  }
  if (std::exchange(close_due_, false)) begin_close(out, due_code_);
}

}  // namespace simul::http::websocket
