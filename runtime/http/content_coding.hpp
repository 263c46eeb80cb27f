// Content-Encoding: what a body was wrapped in for its way, and how it is unwrapped.
//
//      Content-Encoding: deflate, gzip         first deflate was applied, then gzip;
//                                              so gzip comes off first
//      body --> [ungzip] --> [inflate] --> content
//
// RFC 9110 section 8.4. Known are gzip (with its old name x-gzip), deflate and identity. "deflate"
// means the zlib frame; but servers have sent the bare deflate stream under that name for so long
// that curl and the browsers take both, and so do we. The first byte tells them apart: zlib's ends
// in 8, and a bare stream that begins so would be a stored block with ones in its padding, which no
// compressor writes.
//
// The invariant: what comes out has been expanded completely, or there is an error; coded bytes are
// never handed on as content. Not for: requests with a Range (part of a coded body cannot be
// decoded: ask for those without Accept-Encoding), or saying Content-Length, which counts the coded
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http/expansion_guard.hpp"
#include "runtime/http/headers.hpp"
#include "runtime/http/inflate.hpp"

namespace simul::http {

/// For Accept-Encoding: what a `ContentDecoder` can take off.
inline constexpr std::string_view kAcceptEncoding = "gzip, deflate";

/// How many codings one body may have, identity not counted. Each costs 110 KiB; nobody uses two.
inline constexpr std::size_t kMaxCodings = 4;

/// Takes all codings off one body. A driver of `Exchange` puts it between its `on_body` and the
/// user:
///
///     options.on_head = [&](const Response& response) { decoder =
///     ContentDecoder(response.headers); }; options.on_body = [&](std::string_view bytes) {
///     decoder.feed(bytes, user); };
///     ... and when the exchange is done:  decoder.finish();
///
/// A body of no bytes is empty whatever its coding: the answer to HEAD, 204 and 304 name one, too,
/// and have nothing to decode.
class ContentDecoder {
 public:
  /// For a body without coding: what goes in comes out.
  ContentDecoder() : ContentDecoder(Headers()) {}

  /// For the body of a message with these headers. A coding that is unknown, or one too many, is
  /// complained about by `next`, and only if there is a body. The limits count for every coding,
  /// and for all of them together; they do not count where there is none.
  explicit ContentDecoder(const Headers& headers, const ExpansionLimits& limits = {});

  /// Takes bytes from the front of `input` and returns the next piece of content; empty when
  /// `input` is used up. The piece is a view of this object's memory or, without coding, of
  /// `input`; good until the next call. Throws `ProtocolError` (415 for an unknown coding, which is
  /// named) and `TooLarge`; after that it is of no further use.
  std::string_view next(std::string_view& input);

  /// The same with a callback: `use(piece)` for each piece that `bytes` have in them.
  template <class Use>
  void feed(std::string_view bytes, Use&& use) {
    for (std::string_view piece; !(piece = next(bytes)).empty();) use(piece);
  }

  /// The body is over. Throws `Truncated` if a coding's stream is not.
  void finish() const;

  /// Is there no coding to take off?
  bool is_identity() const noexcept { return stages_.empty() && refused_.empty(); }

 private:
  struct Stage {
    Inflater inflater;
    std::string_view input;  // of it, not taken yet; of the first stage, always empty
  };

  void add_coding(std::string_view coding, const ExpansionLimits& limits);

  std::vector<Stage> stages_;  // the one that is taken off first comes first
  std::string refused_;        // why this body cannot be decoded
  int refused_status_ = 400;
  std::uint64_t taken_ = 0;
  ExpansionGuard guard_;
};

}  // namespace simul::http
