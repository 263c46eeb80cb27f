// RESP2, the protocol of Redis, without any I/O: bytes to replies, and commands to bytes.
//
//     +OK\r\n                    a status          $5\r\nhello\r\n            a text, any bytes
//     :42\r\n                    an integer        *2\r\n:1\r\n$-1\r\n        an array: 1 and nil
//     -ERR no such key\r\n       an error          $-1\r\n   *-1\r\n          nil
//
// A command is an array of texts, so one reader serves both ends: the client reads replies with it,
// an embedded server its requests.
//
// Everything that is read is hostile. The reader goes on at whatever byte the last piece ended; it
// keeps what is open in a list and never calls itself; and an announced length is only compared
// with a limit: memory grows as bytes arrive.
// (redis.io/docs/latest/develop/reference/protocol-spec)
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/redis/reply.hpp"

namespace simul::redis {

/// How much of a stranger's reply is put up with. Passing a limit is a `LimitExceeded` that names
/// it.
struct ReplyLimits {
  std::size_t bulk = 512 << 20;   ///< bytes of one text (Redis' own proto-max-bulk-len)
  std::size_t line = 64 * 1024;   ///< bytes of a status, an error or an inline command
  std::size_t depth = 128;        ///< arrays inside each other; at most `kMostDepth`
  std::size_t array = 16 << 20;   ///< items of one array
  std::size_t total = 1ul << 30;  ///< bytes of memory that one whole reply takes, about

  /// Copying and comparing go down into a reply by calling themselves.
  static constexpr std::size_t kMostDepth = 1024;
};

/// What a reader reads.
enum class ReadAs : std::uint8_t {
  replies,   ///< what a server sends
  requests,  ///< what a client sends: a line that begins with none of the signs above is a command
             ///< typed by hand, words between spaces; it becomes an array of texts
};

/// Takes bytes in whatever pieces they come, and gives whole replies:
///
///     while (!bytes.empty()) {
///       bytes.remove_prefix(reader.feed(bytes));
///       if (reader.ready()) use(reader.take());
///     }
///
/// One thread at a time.
class ReplyReader {
 public:
  /// Throws std::invalid_argument if `limits.depth` is more than kMostDepth.
  explicit ReplyReader(const ReplyLimits& limits = {}, ReadAs what = ReadAs::replies);

  /// Takes bytes in, up to the end of the first whole reply among them, and says how many. None
  /// while `ready()`. Throws ProtocolError and LimitExceeded; then the stream is lost, and each
  /// further call throws the same.
  std::size_t feed(std::string_view bytes);

  /// Is there a whole reply to take?
  bool ready() const noexcept { return ready_; }

  /// The reply. `ready()` must be true.
  Reply take() noexcept;

  /// Is it between two replies? At the end of the stream, one that is not has been cut short.
  bool idle() const noexcept;

 private:
  // An array whose items have not all come.
  struct Open {
    Reply::Array items;
    std::size_t left;
  };
  enum class State : std::uint8_t { line, text };

  std::size_t feed_line(std::string_view bytes);
  std::size_t feed_text(std::string_view bytes);
  void read_line(std::string_view line);
  void read_inline(std::string_view line);
  void begin_text(std::string_view length);
  void begin_array(std::string_view length);
  void add(Reply reply);
  void charge(std::size_t bytes);

  ReplyLimits limits_;
  ReadAs what_;
  State state_ = State::line;
  bool ready_ = false;
  std::string line_;         // what has come of a line that was cut
  std::string text_;         // what has come of a text that was cut
  std::size_t missing_ = 0;  // bytes of the text that have not come, the line end included
  std::size_t cost_ = 0;     // of the reply so far
  std::vector<Open> open_;   // the outermost first
  Reply reply_;
  std::exception_ptr broken_;
};

// --- Writing. All append to `out`. --------------------------------------------------------------

/// A command: its name and its arguments, each any bytes.
void write_command(std::string& out, std::span<const std::string_view> words);
void write_command(std::string& out, std::span<const std::string> words);
void write_command(std::string& out, std::initializer_list<std::string_view> words);

/// `*<count>`: the head of an array, of a command for instance. The items are to follow.
void write_array(std::string& out, std::size_t count);

/// Any bytes; an item of a command.
void write_text(std::string& out, std::string_view bytes);

/// What servers say. A status or an error must be one line, else std::invalid_argument.
void write_status(std::string& out, std::string_view text);
void write_error(std::string& out, std::string_view text);
void write_integer(std::string& out, std::int64_t number);
/// As `$-1`, or, with `array`, as `*-1`: commands that return arrays say nil so.
void write_nil(std::string& out, bool array = false);

/// Any reply, arrays with all that is in them.
void write_reply(std::string& out, const Reply& reply);

}  // namespace simul::redis
