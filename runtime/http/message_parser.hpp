// Messages out of a stream of bytes: requests at a server, responses at a client.
//
//      start line --> header fields --> body --> end
//      start_line     field_parser      body_reader
//
// The parser pulls: it takes bytes from the front of a view, and says what it found. It keeps no
// byte of a body, it hands views of the caller's own buffer on. The invariant: the sequence of
// heads, concatenated body bytes and ends (or the error) is the same however the bytes were split,
// and the bytes after a message stay in the view, for the next message or to be noticed as left
// over.
//
//      std::string_view bytes = what was received;
//      for (;;) {
//        switch (parser.next(bytes)) {
//          case Event::need_input: return;                  // bytes is empty; receive more
//          case Event::head: look at parser.request(); break;
//          case Event::body: use(parser.piece()); break;
//          case Event::end: ...; parser.reset(); break;     // bytes: what came behind it
//        }
//      }
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/http/body_reader.hpp"
#include "runtime/http/error.hpp"
#include "runtime/http/field_parser.hpp"
#include "runtime/http/line_reader.hpp"
#include "runtime/http/message.hpp"

namespace simul::http {

/// What a peer may send; hitting one throws `TooLarge`, which names it.
struct Limits {
  static constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

  std::size_t start_line = 16 * 1024;    ///< bytes of the request or status line
  std::size_t header_bytes = 64 * 1024;  ///< bytes of all header lines together
  std::size_t header_fields = 100;
  std::uint64_t body = std::uint64_t{1} << 30;  ///< bytes
  ChunkLimits chunks;

  /// A server's: request bodies of up to 16 MiB.
  static Limits for_server() {
    Limits limits;
    limits.body = 16 * 1024 * 1024;
    return limits;
  }
};

enum class Event { need_input, head, body, end };

/// What both roles share. After an exception it is of no further use.
class MessageParser {
 public:
  MessageParser(const MessageParser&) = delete;
  MessageParser& operator=(const MessageParser&) = delete;

  /// Takes bytes from the front of `input` up to the next event.
  /// `need_input`: all of it is taken. `head`: the start line and header fields are there. `body`:
  /// `piece()` is the next part of the body, not empty. `end`: the message is over, and stays so
  /// until `reset`; what is left in `input` is not part of it.
  /// Throws `ProtocolError` or `TooLarge`, both with the status that a server should answer.
  Event next(std::string_view& input);

  /// The part of the body that the last `body` event announced; as long-lived as the input was.
  std::string_view piece() const noexcept { return piece_; }

  /// The stream is over. Fine, and done, if the body goes on to the end of the stream; harmless
  /// between messages (`idle`); otherwise throws `Truncated`.
  void end_of_stream();

  /// Has no byte of a message come yet?
  bool idle() const noexcept { return state_ == State::start_line && !started_; }

  /// Is the message complete?
  bool done() const noexcept { return state_ == State::done; }

  /// From `head` on: may another message follow on this connection, as far as this one says?
  bool keep_alive() const noexcept { return keep_alive_; }

  /// From `head` on: how the body is delimited, and how much of it has come.
  const BodyReader& body() const noexcept { return body_; }

  /// The trailer fields of a chunked body, once done.
  const Headers& trailers() const noexcept { return body_.trailers(); }

 protected:
  enum class State { start_line, fields, body, done };

  explicit MessageParser(const Limits& limits);
  ~MessageParser() = default;

  /// Ready for the next message.
  void restart() noexcept;

 private:
  /// What the two roles differ in; called once a message each, so the indirection costs nothing.
  /// False: the line is to be skipped.
  virtual bool on_start_line(std::string_view line) = 0;
  virtual Headers& headers() noexcept = 0;
  /// The head is whole: how does the body end? Nothing if this head is to be skipped.
  virtual std::optional<Framing> on_head(bool& keep_alive) = 0;
  /// What the start line is called, and the status that answers one that is too long.
  virtual const char* start_line_name() const noexcept = 0;
  virtual int status_of_long_line() const noexcept = 0;

  bool read_start_line(std::string_view& input);
  bool read_fields(std::string_view& input);

  State state_ = State::start_line;
  bool started_ = false;  // a byte of this message has come
  bool keep_alive_ = false;
  std::size_t max_start_line_;
  std::string_view piece_;
  LineReader lines_;
  FieldParser fields_;
  BodyReader body_;
};

/// The server's side. One empty line before a request line is ignored (RFC 9112 section 2.2).
class RequestParser final : public MessageParser {
 public:
  explicit RequestParser(const Limits& limits = Limits::for_server()) : MessageParser(limits) {}

  /// From `head` on: method, target, version and headers; `body` is left empty. May be moved from
  /// or changed.
  IncomingRequest& request() noexcept { return request_; }

  /// Forgets this message; the next one may begin.
  void reset() noexcept;

 private:
  bool on_start_line(std::string_view line) override;
  Headers& headers() noexcept override { return request_.headers; }
  std::optional<Framing> on_head(bool& keep_alive) override;
  const char* start_line_name() const noexcept override { return "request line"; }
  int status_of_long_line() const noexcept override { return 414; }

  bool skipped_empty_line_ = false;
  IncomingRequest request_;
};

/// The client's side. Interim responses (1xx) are skipped; 101 is final, and what follows it is the
/// other protocol's.
class ResponseParser final : public MessageParser {
 public:
  /// `method` is the request's: a response to HEAD has no body, nor has a 2xx to CONNECT.
  explicit ResponseParser(std::string_view method = "GET", const Limits& limits = {})
      : MessageParser(limits), method_(method) {}

  /// From `head` on: status, reason, version and headers; `body` and `url` are left empty. May be
  /// moved from or changed.
  Response& response() noexcept { return response_; }

  /// Forgets this message; the answer to a request with `method` may begin.
  void reset(std::string_view method = "GET");

 private:
  bool on_start_line(std::string_view line) override;
  Headers& headers() noexcept override { return response_.headers; }
  std::optional<Framing> on_head(bool& keep_alive) override;
  const char* start_line_name() const noexcept override { return "status line"; }
  int status_of_long_line() const noexcept override { return 502; }

  std::string method_;
  Response response_;
};

}  // namespace simul::http
