// Did it arrive as it was sent? The checksums of gzip (CRC-32) and of zlib (Adler-32).
//
// Both are updated piece by piece and tell nothing of where the pieces were cut. They find
// accidents, not attackers: anybody can make other bytes with the same sum.
#pragma once

#include <cstdint>
#include <string_view>

namespace simul::http {

/// CRC-32 as in RFC 1952 section 8 (Python's zlib.crc32).
class Crc32 {
 public:
  void update(std::string_view bytes) noexcept;
  std::uint32_t value() const noexcept { return ~state_; }

 private:
  std::uint32_t state_ = 0xffffffff;
};

/// Adler-32 as in RFC 1950 section 8.2 (Python's zlib.adler32).
class Adler32 {
 public:
  void update(std::string_view bytes) noexcept;
  std::uint32_t value() const noexcept { return b_ << 16 | a_; }

 private:
  std::uint32_t a_ = 1;
  std::uint32_t b_ = 0;
};

}  // namespace simul::http
