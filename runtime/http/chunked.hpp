// The chunked transfer coding: a body of unknown length, sent in pieces that announce their size.
//
//      5;name=value\r\n        size in hexadecimal, extensions (skipped)
//      hello\r\n
//      0\r\n                   the last chunk
//      Checked: yes\r\n        trailer fields, possibly none
//      \r\n
//
// RFC 9112 section 7.1, read strictly, because each leniency has been somebody's smuggled request:
// lines end with CRLF alone (golang/go#71988, netty/netty#15611), the two bytes after a chunk are
// CRLF and nothing else (h11, CVE-2025-43859), behind the size comes only whitespace and ";" or the
// line's end (h2o/picohttpparser#78), and the size has at most 16 digits (so it fits 64 bits).
// The invariant: the bytes handed out are exactly the chunks' data, whatever the splits were.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/http/field_parser.hpp"
#include "runtime/http/headers.hpp"

namespace simul::http {

/// Bounds on what is not data.
struct ChunkLimits {
  std::size_t line = 4 * 1024;        ///< one size line with its extensions, in bytes
  std::size_t overhead = 256 * 1024;  ///< all extensions of a body together, in bytes
  std::size_t trailer_bytes = 16 * 1024;
  std::size_t trailer_fields = 100;
};

/// Decodes one body, from pieces of any size. Throws `ProtocolError` or `TooLarge` at the first
/// byte that is wrong; after that it is of no further use.
class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(const ChunkLimits& limits = {});

  /// Takes bytes from the front of `input` and returns the next piece of the body: a view of these
  /// same bytes, nothing is copied. It is empty when `input` is used up, or when the body is over;
  /// then `input` begins with the byte after the body.
  ///
  ///     for (std::string_view piece; !(piece = decoder.next(bytes)).empty();) use(piece);
  std::string_view next(std::string_view& input);

  /// Has the empty line after the trailers been read?
  bool done() const noexcept { return state_ == State::done; }

  /// The trailer fields, once `done`. They are not merged into the headers: who trusts one says so.
  const Headers& trailers() const noexcept { return trailers_; }

  /// Ready for another body.
  void reset() noexcept;

 private:
  enum class State { size, data, data_end, trailers, done };

  void parse_size_line(std::string_view line);

  State state_ = State::size;
  std::uint64_t left_ = 0;    // bytes of this chunk's data still to come
  std::size_t overhead_ = 0;  // bytes of extensions so far
  bool seen_cr_ = false;      // of the two bytes after the data
  ChunkLimits limits_;
  LineReader lines_;
  FieldParser fields_;
  Headers trailers_;
};

/// Appends one chunk with `data` to `out`. Empty data appends nothing: an empty chunk ends the
/// body.
void write_chunk(std::string& out, std::string_view data);

/// Appends the end of the body: the last chunk and no trailers.
void write_last_chunk(std::string& out);

}  // namespace simul::http
