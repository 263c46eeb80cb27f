// A server's side of one connection, without a socket: requests in, answers out, in their order.
//
//      bytes --next--> head --next--> body ... end          what the client says
//                        |
//                        +--answer, or begin, frame ..., finish--> bytes      what we say
//                                                  |
//                                    next_request, or the connection ends
//
// The driver moves bytes and calls the handler; every rule is here. A request is answered once,
// and the next one is not read before that: so answers to pipelined requests come in their order.
//
// The invariant: what has been said can be read by the strictest client as exactly the answers that
// were meant. Whether the connection stays open is decided with the head of an answer, which says
// so; after one that says "close", or after an error of the client's, no further byte is taken for
// a request. A client that disagreed with us about where a request ended never gets a second guess.
//
// What it does not do: route, log, keep time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/http/message.hpp"
#include "runtime/http/message_parser.hpp"

namespace simul::http {

class ServerConnection {
 public:
  /// A body that nobody read is skipped, and the connection kept, if no more than this is to come.
  static constexpr std::uint64_t kMaxSkipped = 64 * 1024;
  /// A body up to this size is copied behind its head, so that one send takes both.
  static constexpr std::size_t kMaxCopied = 16 * 1024;

  explicit ServerConnection(const Limits& limits = Limits::for_server()) : parser_(limits) {}

  // --- What the client says ---------------------------------------------------------------------

  /// As MessageParser::next. With `head`, the request is whole but for its body, and its target is
  /// a path, or "*": a whole URL has been taken apart, and its host is the Host header (RFC 9112
  /// section 3.2.2). Throws `ProtocolError` or `TooLarge`: answer with
  /// their status, and close (`close_after_this`).
  Event next(std::string_view& input);

  IncomingRequest& request() noexcept { return parser_.request(); }
  std::string_view piece() const noexcept { return parser_.piece(); }
  const MessageParser& parser() const noexcept { return parser_; }

  /// Has no byte of a request come yet?
  bool idle() const noexcept { return parser_.idle(); }
  /// Has the whole request come?
  bool whole() const noexcept { return parser_.done(); }

  /// The client has sent its last byte. Throws `Truncated` if that was inside a request.
  void end_of_stream() { parser_.end_of_stream(); }

  /// Does the client wait for an invitation before it sends the body (Expect: 100-continue)?
  bool wants_invitation() const noexcept { return expects_ && !answered() && !whole(); }
  /// Appends it. Once the body is wanted; who never reads the body never asks for it.
  void invite(std::string& out);

  // --- What we say ------------------------------------------------------------------------------

  /// The answer that is to come is the last one on this connection.
  void close_after_this() noexcept { closing_ = true; }

  /// Appends the answer: the head, and a body that is not large. A large one is returned, to be
  /// sent behind `out` without a copy. `extra`: see ResponseFraming. Throws `InvalidMessage`, and
  /// nothing is said then.
  std::string_view answer(std::string& out, const Answer& response, std::string_view extra = {});

  /// Appends the head of an answer whose body comes in pieces: chunked, unless the headers say its
  /// Content-Length; up to the end of the connection for HTTP/1.0.
  void begin(std::string& out, const Answer& response, std::string_view extra = {});

  /// A piece of that body with what has to stand round it.
  struct Framed {
    std::string_view before;  ///< good until the next call
    std::string_view piece;   ///< empty in the answer to HEAD
    std::string_view after;
  };
  /// Throws `InvalidMessage` if it makes the body longer than was announced.
  Framed frame(std::string_view piece);

  /// Appends the end of that body. Throws `InvalidMessage` if it is shorter than was announced: the
  /// connection can only be cut then.
  void finish(std::string& out);

  /// The head of the answer is out.
  bool answered() const noexcept { return stage_ != Stage::none; }
  /// All of it is.
  bool finished() const noexcept { return stage_ == Stage::finished; }

  /// The answer is out: may another request follow? Then what is left of this one is to be read
  /// first, up to `end`.
  bool keeps_open() const noexcept { return keep_; }

  /// Ready for the next request.
  void next_request() noexcept;

  /// Ready for another connection.
  void reset() noexcept;

 private:
  enum class Stage : std::uint8_t { none, begun, finished };

  void on_head();
  void take_url_apart();
  ResponseFraming framing(std::string_view extra, bool streamed);
  bool can_skip_rest() const noexcept;

  RequestParser parser_;
  Stage stage_ = Stage::none;
  bool expects_ = false;  // the client waits to be invited
  bool closing_ = false;
  bool keep_ = false;
  bool head_only_ = false;             // a request by HEAD
  bool chunked_ = false;               // the body of the answer
  std::optional<std::uint64_t> left_;  // of a body whose length was announced
  char size_line_[20] = {};
};

}  // namespace simul::http
