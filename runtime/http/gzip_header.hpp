// The beginning of a gzip member: RFC 1952 section 2.3.
//
//      1f 8b 08 FLAGS | time 4 | XFL | OS | [extra] [name NUL] [comment NUL] [CRC-16]
//
// What it says about a file (its name, its time) is of no use to a stream and skipped, at whatever
// length. Only the CRC of the header is checked, if there is one. The invariant: not one byte
// behind the header is taken.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "runtime/http/checksum.hpp"

namespace simul::http {

/// Reads one header, from pieces of any size.
class GzipHeader {
 public:
  /// Takes bytes from the front of `input`; true when the header is over. Throws `ProtocolError` if
  /// it is none: other magic bytes, a method that is not 8 (deflate), a reserved flag, a wrong CRC.
  bool parse(std::string_view& input);

  /// Ready for another header.
  void reset() noexcept { *this = {}; }

 private:
  enum class Field { fixed, extra_size, extra, name, comment, checksum, done };

  bool parse_field(std::string_view& input);
  bool gather(std::string_view& input, std::size_t size) noexcept;
  bool skip_text(std::string_view& input) noexcept;
  std::uint16_t number() noexcept;

  Field field_ = Field::fixed;
  std::array<unsigned char, 10> bytes_{};
  std::size_t gathered_ = 0;
  std::uint8_t flags_ = 0;
  std::size_t extra_left_ = 0;
  Crc32 crc_;
};

}  // namespace simul::http
