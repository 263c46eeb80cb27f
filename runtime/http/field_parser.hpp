// A block of header fields, up to and including the empty line: a message's, or a chunked body's
// trailers.
//
// Strict (RFC 9112 section 5): lines end with CRLF, the name is a token with the colon right behind
// it, no line continues another (obs-fold), no control byte in a value. Limits hold while the bytes
// come in, not when the block is whole.
#pragma once

#include <cstddef>
#include <string_view>

#include "runtime/http/headers.hpp"
#include "runtime/http/line_reader.hpp"

namespace simul::http {

/// Takes the CR from the end of a line that `LineReader` cut off at its line feed; throws
/// `ProtocolError` naming `what` if there is none (a bare line feed ended the line).
std::string_view without_carriage_return(std::string_view line, const char* what);

class FieldParser {
 public:
  /// `max_bytes` counts every byte of the block, line ends included.
  FieldParser(std::size_t max_bytes, std::size_t max_fields) noexcept
      : max_bytes_(max_bytes), max_fields_(max_fields) {}

  /// Takes bytes from the front of `input` and adds the fields found in them to `headers`. True
  /// when the empty line has been read; false when `input` is used up before. Throws
  /// `ProtocolError`, or `TooLarge` (431).
  bool parse(std::string_view& input, Headers& headers);

  /// Ready for another block. With `keep_count`, the limits go on counting: interim responses and
  /// the one they lead to share them.
  void reset(bool keep_count = false) noexcept;

 private:
  void parse_line(std::string_view line, Headers& headers);

  LineReader lines_;
  std::size_t max_bytes_;
  std::size_t max_fields_;
  std::size_t bytes_ = 0;
  std::size_t fields_ = 0;
};

}  // namespace simul::http
