#include "runtime/http/checksum.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace simul::http {
namespace {

// kTables[0][byte] is what a byte does to the remainder when it is the last one, kTables[n][byte]
// when n zero bytes follow it. So sixteen bytes are sixteen lookups that do not wait for each
// other.
constexpr std::size_t kStride = 16;
using Tables = std::array<std::array<std::uint32_t, 256>, kStride>;
constexpr Tables kTables = [] {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = rest >> 1 ^ ((rest & 1) != 0 ? 0xedb88320 : 0);
    tables[0][byte] = rest;
  }
  for (std::size_t n = 1; n < kStride; ++n) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t rest = tables[n - 1][byte];
      tables[n][byte] = rest >> 8 ^ tables[0][rest & 255];
    }
  }
  return tables;
}();

/// Four bytes, the first one lowest.
std::uint32_t load(const char* at) noexcept {
  std::uint32_t word;
  std::memcpy(&word, at, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap32(word);
  return word;
}

/// What four bytes do when `after` bytes follow them.
std::uint32_t of_word(std::uint32_t word, std::size_t after) noexcept {
  return kTables[after + 3][word & 255] ^ kTables[after + 2][word >> 8 & 255] ^
         kTables[after + 1][word >> 16 & 255] ^ kTables[after][word >> 24];
}

}  // namespace

void Crc32::update(std::string_view bytes) noexcept {
  std::uint32_t rest = state_;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= kStride; left -= kStride, at += kStride) {
    rest = of_word(load(at) ^ rest, 12) ^ of_word(load(at + 4), 8) ^ of_word(load(at + 8), 4) ^
           of_word(load(at + 12), 0);
  }
  for (; left > 0; --left, ++at) {
    rest = rest >> 8 ^ kTables[0][(rest ^ static_cast<unsigned char>(*at)) & 255];
  }
  state_ = rest;
}

void Adler32::update(std::string_view bytes) noexcept {
  constexpr std::uint32_t kModulus = 65521;
  constexpr std::size_t kStep = 32;
  // So many bytes of 255 do not overflow 32 bits, even with both sums at their highest.
  constexpr std::size_t kMost = 5552 / kStep * kStep;
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  while (left > 0) {
    const std::size_t block = std::min(left, kMost);
    left -= block;
    std::size_t i = 0;
    for (; i + kStep <= block; i += kStep, at += kStep) {
      // The same sums in a form that compilers turn into vector instructions.
      std::uint32_t sum = 0;
      std::uint32_t weighted = 0;
      for (std::uint32_t k = 0; k < kStep; ++k) {
        sum += at[k];
        weighted += static_cast<std::uint32_t>(kStep - k) * at[k];
      }
      b_ += static_cast<std::uint32_t>(kStep) * a_ + weighted;
      a_ += sum;
    }
    for (; i < block; ++i, ++at) {
      a_ += *at;
      b_ += a_;
    }
    a_ %= kModulus;
    b_ %= kModulus;
  }
}

}  // namespace simul::http
