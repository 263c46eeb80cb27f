// gzip and zlib: a compressed stream back into bytes, checked.
//
//        +--------+     +---------+     +---------+     +-------+
//   o--> | header | --> | deflate | --> | trailer | --> | after |
//        +--------+     +---------+     +---------+     +-------+
//             ^        (deflate.hpp)  checksum, length      |
//             +---------------------------------------------+   gzip: another member
//
// A frame round a deflate stream says what it is and, behind it, which checksum the bytes must have
// (RFC 1950: zlib, RFC 1952: gzip). Pieces are handed out as they come, before the checksum is
// known: who may not act on false bytes waits for `finish`. The invariant: if `finish` returns,
// every byte of the stream was there, nothing followed it, and each checksum and length was right.
//
// Behind a gzip member may come another, and their contents are one; or zero bytes up to the end,
// as tapes have them and gzip(1) ignores them. All else behind the end is an error. (gzip(1) warns,
// and curl and browsers differ; but a body that is longer than it says is a body that two programs
// read differently.) There is no compressor here, and no zlib stream with a preset dictionary.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/http/checksum.hpp"
#include "runtime/http/deflate.hpp"
#include "runtime/http/expansion_guard.hpp"
#include "runtime/http/gzip_header.hpp"

namespace simul::http {

/// What is round the deflate stream.
enum class Frame {
  raw,          ///< nothing: no checksum either
  zlib,         ///< RFC 1950
  gzip,         ///< RFC 1952, one member or more
  zlib_or_raw,  ///< as the first byte has it: HTTP's "deflate" (content_coding.hpp says why)
};

/// Expands one stream, from pieces of any size. Holds about 110 KiB from the first byte on.
class Inflater {
 public:
  explicit Inflater(Frame frame, const ExpansionLimits& limits = {});

  /// Takes bytes from the front of `input` and returns the next piece of the content, at most
  /// 96 KiB and good until the next call; empty when `input` is used up.
  ///
  ///     for (std::string_view piece; !(piece = inflater.next(bytes)).empty();) use(piece);
  ///
  /// Throws `ProtocolError` if the stream is not what it should be, or goes on behind its end, and
  /// `TooLarge` at a limit. After that it is of no further use.
  std::string_view next(std::string_view& input);

  /// The input is over, and `next` has returned nothing. Throws `Truncated` unless the stream is
  /// complete.
  void finish() const;

  /// Is the stream complete? Of gzip, more members may follow all the same.
  bool done() const noexcept { return step_ == Step::after || step_ == Step::padding; }

 private:
  enum class Step { header, deflate, trailer, after, padding };

  bool read_header(std::string_view& input);
  bool read_trailer(std::string_view& input);
  bool read_after(std::string_view& input);
  bool gather(std::string_view& input, std::size_t size) noexcept;
  const char* name() const noexcept;

  Frame frame_;
  Step step_ = Step::header;
  std::uint64_t taken_ = 0;  // bytes of input in all
  ExpansionGuard guard_;
  DeflateDecoder deflate_;
  GzipHeader gzip_header_;
  Crc32 crc_;
  Adler32 adler_;
  std::uint32_t size_ = 0;  // of this member's content, modulo 2^32
  std::array<unsigned char, 8> bytes_{};
  std::size_t gathered_ = 0;
};

/// The whole of `compressed` at once. Throws as `Inflater` does.
std::string inflate(std::string_view compressed, Frame frame, const ExpansionLimits& limits = {});

/// A zlib stream that holds `bytes` as they are, for readers that want one: 11 bytes longer, and 5
/// more for each further 65,535 bytes.
std::string zlib_store(std::string_view bytes);

}  // namespace simul::http
