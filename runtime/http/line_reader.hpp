// Lines out of a stream that arrives in any pieces.
//
// A line that lies whole in the caller's bytes is handed out as a view of them; only one that is
// cut by the end of a piece is copied, and every byte is searched for its line feed once. So a peer
// that sends a header block one byte at a time costs us linear time (twisted/twisted#3795 is what
// happens otherwise). The invariant: nothing is kept here but the beginning of one unfinished line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace simul::http {

class LineReader {
 public:
  enum class Result { line, incomplete, too_long };

  /// Takes bytes from the front of `input` up to and including the next line feed. On `line`,
  /// `line` is what stood before the line feed (a carriage return before it included), good until
  /// the next call or until the caller's bytes go. On `too_long`, the line is longer than
  /// `max_length` bytes, seen as soon as that many have come, and the reader is of no further use.
  Result next(std::string_view& input, std::size_t max_length, std::string_view& line);

  /// Has the beginning of a line come, and not its end?
  bool in_line() const noexcept { return !partial_.empty() && !handed_out_; }

  void reset() noexcept;

 private:
  std::string partial_;
  bool handed_out_ = false;  // partial_ was the line of the last call
};

}  // namespace simul::http
