// One end of a WebSocket connection, without a socket: bytes in, messages out, and the other way
// round (RFC 6455).
//
//      bytes --next--> message | ping | pong | close             what the peer says
//      send, ping, begin_close, append_due --> bytes             what we say
//
//                 begin_close                       peer's Close
//        open  --------------> we have said it    --------------> both have: the end
//              --------------> it has said it     -------------->
//                 peer's Close                      append_due
//
// The driver moves bytes and keeps the time; every rule is here, for both roles. A message comes
// out whole; what it is made of, in how many frames and with which pings between them, nobody
// learns. A ping leaves a pong that is due, and a Close leaves a Close; the driver appends what is
// due when it has room. A newer pong takes the place of an older one that has not gone out, as
// section 5.5.3 has it, so a flood of pings leaves no heap behind.
//
// The invariants: text is well-formed UTF-8, checked as it arrives; memory grows with the bytes
// that have come and never with a length that was announced; nothing is sent after our Close; and
// after an `Error` nothing more is taken in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/http/utf8_stream.hpp"
#include "runtime/http/websocket_frame.hpp"

namespace simul::http::websocket {

/// What applications send each other.
struct Message {
  std::string data;
  bool text = true;  ///< UTF-8; else any bytes

  bool operator==(const Message&) const = default;
};

/// Beyond, the connection is closed with 1009.
struct Limits {
  std::size_t message = 1024 * 1024 + 1024;  ///< bytes of a message, all its frames together
  std::uint64_t frame = UINT64_MAX;          ///< bytes of one frame; the message's limit holds, too
};

/// What `next` has found.
enum class Event : std::uint8_t {
  none,     ///< all input is used up, and more is needed
  message,  ///< `take_message`
  ping,     ///< a pong is due
  pong,     ///< `control` is what it carries
  close,    ///< `close_code` and `close_reason`; unless we had begun, our Close is due
};

/// Thread: any, one at a time.
class Connection {
 public:
  /// A payload up to this size is copied behind its head, so that a plain send takes both.
  static constexpr std::size_t kMaxCopied = 4 * 1024;

  explicit Connection(Role role, const Limits& limits = {}) noexcept
      : limits_(limits), role_(role) {}

  // --- What the peer says -----------------------------------------------------------------------

  /// Takes bytes off the front of `input`, up to the next event. Throws `Error` if the peer breaks
  /// a rule: a Close that says so is due then, unless we have said one; every further call throws
  /// the same. After the peer's Close, whatever it sends is dropped.
  Event next(std::string_view& input);

  /// The message. Once, after Event::message.
  Message take_message() noexcept;

  /// What the last ping or pong carried.
  std::string_view control() const noexcept { return {control_.data(), control_size_}; }

  /// What the peer's Close said: 1005 if it gave no code.
  std::uint16_t close_code() const noexcept { return close_code_; }
  const std::string& close_reason() const noexcept { return close_reason_; }

  bool close_received() const noexcept { return close_received_; }

  // --- What we say ------------------------------------------------------------------------------

  /// Appends a message as one frame. Throws std::logic_error after our Close, and
  /// std::invalid_argument for a text that is no UTF-8.
  void send(std::string& out, std::string_view data, bool text);

  /// The same for who sends `out` at once: the payload of a large frame that needs no mask is not
  /// appended but returned, to be sent behind `out` without a copy.
  std::string_view send_apart(std::string& out, std::string_view data, bool text);

  /// Appends a ping with at most 125 bytes (else std::invalid_argument). Nothing after our Close.
  void ping(std::string& out, std::string_view payload);

  /// Appends our Close; the second one is not sent. Throws std::invalid_argument if `code` is none
  /// that may be sent (is_sendable; 1005: a Close without a code), or if `reason` is longer than
  /// 123 bytes or no UTF-8.
  void begin_close(std::string& out, std::uint16_t code = normal, std::string_view reason = {});

  /// Have we said our Close? From then on nothing else is sent.
  bool close_sent() const noexcept { return close_sent_; }

  /// Is a pong or a Close due?
  bool due() const noexcept { return pong_due_ || close_due_; }

  /// Appends what is due.
  void append_due(std::string& out);

 private:
  Event take_head(std::string_view head, std::size_t arrived);
  void take_payload(std::string_view& input);
  Event end_of_frame();
  Event on_close();
  void check_order(const FrameHead& head) const;

  Limits limits_;
  Role role_;

  std::array<char, kMaxHead> head_bytes_{};  // of a head that has not come whole
  std::size_t head_have_ = 0;
  FrameHead frame_;
  bool in_frame_ = false;    // its head has been read
  std::uint64_t taken_ = 0;  // of its payload

  Message message_;
  bool in_message_ = false;  // its first frame has come, its last one has not ended
  Utf8Stream utf8_;

  std::array<char, kMaxControl> control_{};
  std::size_t control_size_ = 0;

  std::array<char, kMaxControl> pong_{};  // the one that is due
  std::size_t pong_size_ = 0;
  bool pong_due_ = false;
  bool close_due_ = false;
  std::uint16_t due_code_ = no_code;

  bool close_sent_ = false;
  bool close_received_ = false;
  std::uint16_t close_code_ = abnormal;
  std::string close_reason_;
  std::optional<Error> error_;
};

}  // namespace simul::http::websocket
