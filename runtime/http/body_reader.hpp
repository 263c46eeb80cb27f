// Where a message's body ends: the rules of RFC 9112 section 6.3, and a reader that follows them.
//
// Two readers that answer this question differently see different messages in the same bytes; all
// of request smuggling is that. So whatever is contradictory is refused: both lengths, lengths that
// differ, a list or a sign, a transfer coding other than a single "chunked", one in HTTP/1.0.
// The invariant: `next` never hands out a byte that belongs to the following message.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/http/chunked.hpp"
#include "runtime/http/headers.hpp"

namespace simul::http {

/// How a body is delimited.
struct Framing {
  enum class Kind { none, length, chunked, until_close };
  Kind kind = Kind::none;
  std::uint64_t length = 0;  ///< for `length`: bytes, not 0
};

/// The framing of a request. Throws `ProtocolError`: 400, or 501 for a transfer coding unknown to
/// us.
Framing request_framing(const Headers& headers, int minor_version);

/// The framing of the response with this status to a request with `method`.
Framing response_framing(const Headers& headers, int minor_version, int status,
                         std::string_view method);

/// The value of Content-Length, none if there is none; throws `ProtocolError` unless it is one
/// number in digits alone that fits 64 bits, or the same one several times.
std::optional<std::uint64_t> content_length(const Headers& headers);

/// Does the sender keep the connection open after this message (RFC 9112 section 9.3)?
bool wants_keep_alive(const Headers& headers, int minor_version) noexcept;

/// Hands out a body as it comes.
class BodyReader {
 public:
  /// `max_bytes` limits the data; hitting it throws `TooLarge` (413).
  explicit BodyReader(std::uint64_t max_bytes, const ChunkLimits& limits = {})
      : max_bytes_(max_bytes), decoder_(limits) {}

  /// A new body begins. Throws `TooLarge` at once if its stated length is over the limit.
  void begin(const Framing& framing);

  /// Takes bytes from the front of `input` and returns the next piece, a view of them; empty when
  /// `input` is used up or the body is over.
  std::string_view next(std::string_view& input);

  bool done() const noexcept { return done_; }

  /// The stream is over. A close-delimited body is then done; any other that is not done throws
  /// `Truncated`: "the connection ended after 10 of 50 body bytes".
  void end_of_stream();

  /// Bytes of data handed out so far.
  std::uint64_t received() const noexcept { return received_; }
  const Framing& framing() const noexcept { return framing_; }
  const Headers& trailers() const noexcept { return decoder_.trailers(); }

 private:
  [[noreturn]] void refuse_size() const;

  Framing framing_;
  std::uint64_t max_bytes_;
  std::uint64_t received_ = 0;
  bool done_ = true;
  bool over_limit_ = false;  // more than max_bytes_ has come
  ChunkedDecoder decoder_;
};

}  // namespace simul::http
