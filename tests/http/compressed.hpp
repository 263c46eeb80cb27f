// Compressed streams made by hand, bit by bit, so that a test needs no compressor.
//
// The writer knows the format and nothing else: it will write what no compressor would, such as a
// code that does not add up. Not for: compressing.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http/checksum.hpp"

namespace simul::testing {

using Lengths = std::vector<std::uint8_t>;

/// The words that lengths stand for (RFC 1951 section 3.2.2), highest bit first.
inline std::vector<unsigned> words_of(const Lengths& lengths) {
  std::vector<unsigned> words(lengths.size());
  unsigned word = 0;
  for (unsigned n = 1; n <= 15; ++n, word <<= 1) {
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
      if (lengths[symbol] == n) words[symbol] = word++;
    }
  }
  return words;
}

class BitWriter {
 public:
  /// A number, its lowest bit first.
  BitWriter& number(unsigned value, unsigned n) {
    for (unsigned i = 0; i < n; ++i) bit(value >> i & 1);
    return *this;
  }

  /// A Huffman word, its highest bit first.
  BitWriter& word(unsigned value, unsigned n) {
    while (n > 0) bit(value >> --n & 1);
    return *this;
  }

  /// Zeros up to the next whole byte.
  BitWriter& align() {
    filled_ = 8;
    return *this;
  }

  BitWriter& bytes(std::string_view text) {
    align();
    bytes_ += text;
    return *this;
  }

  BitWriter& begin_block(bool last, unsigned kind) { return number(last, 1).number(kind, 2); }

  /// At most 65,535 bytes.
  BitWriter& stored(bool last, std::string_view text) {
    begin_block(last, 0).align();
    const auto size = static_cast<unsigned>(text.size());
    return number(size, 16).number(~size & 0xffff, 16).bytes(text);
  }

  /// A symbol of the fixed code for literals and lengths (section 3.2.6).
  BitWriter& fixed(unsigned symbol) {
    if (symbol < 144) return word(0x30 + symbol, 8);
    if (symbol < 256) return word(0x190 + symbol - 144, 9);
    if (symbol < 280) return word(symbol - 256, 7);
    return word(0xc0 + symbol - 280, 8);
  }

  /// A match of 3 to 10 bytes in the fixed codes: these lengths have a symbol each.
  BitWriter& fixed_match(unsigned length, unsigned distance) {
    fixed(257 + length - 3);
    const auto [symbol, base, extra] = distance_symbol(distance);
    return word(symbol, 5).number(distance - base, extra);
  }

  /// The beginning of a dynamic block: each length written in a word of four bits.
  BitWriter& dynamic(bool last, const Lengths& literals, const Lengths& distances) {
    begin_block(last, 2);
    number(static_cast<unsigned>(literals.size()) - 257, 5);
    number(static_cast<unsigned>(distances.size()) - 1, 5);
    number(19 - 4, 4).number(0, 3).number(0, 3).number(0, 3);  // 16, 17, 18: not used
    for (int i = 0; i < 16; ++i) number(4, 3);
    for (const auto* lengths : {&literals, &distances}) {
      for (const unsigned length : *lengths) word(length, 4);
    }
    return *this;
  }

  struct DistanceSymbol {
    unsigned symbol, base, extra;
  };
  static DistanceSymbol distance_symbol(unsigned distance) {
    unsigned base = 1;
    for (unsigned symbol = 0;; ++symbol) {
      const unsigned extra = symbol < 4 ? 0 : symbol / 2 - 1;
      if (distance < base + (1u << extra)) return {symbol, base, extra};
      base += 1u << extra;
    }
  }

  const std::string& done() {
    align();
    return bytes_;
  }

 private:
  void bit(unsigned value) {
    if (filled_ == 8) {
      bytes_ += '\0';
      filled_ = 0;
    }
    bytes_.back() = static_cast<char>(static_cast<unsigned char>(bytes_.back()) | value << filled_);
    ++filled_;
  }

  std::string bytes_;
  unsigned filled_ = 8;  // bits of the last byte
};

/// A deflate stream of `bytes`, stored, but for long runs of zero bytes: those take two bits for
/// each 258 bytes, which is all that the format can do.
inline std::string squeeze(std::string_view bytes) {
  BitWriter out;
  const auto store = [&](std::string_view text) {
    for (; !text.empty(); text.remove_prefix(std::min<std::size_t>(text.size(), 65535))) {
      out.stored(false, text.substr(0, 65535));
    }
  };
  // Words: length 258 "0", byte 0 "10", end "11"; distance 1 "0".
  Lengths literals(286);
  literals[0] = literals[256] = 2;
  literals[285] = 1;
  while (!bytes.empty()) {
    const std::size_t start = std::min(bytes.find(std::string(300, '\0')), bytes.size());
    store(bytes.substr(0, start));
    bytes.remove_prefix(start);
    const std::size_t zeros = std::min(bytes.find_first_not_of('\0'), bytes.size());
    if (zeros == 0) continue;
    out.dynamic(false, literals, {1}).word(2, 2);
    std::size_t left = zeros - 1;
    for (; left >= 258; left -= 258) out.word(0, 2);
    for (; left > 0; --left) out.word(2, 2);
    out.word(3, 2);
    bytes.remove_prefix(zeros);
  }
  return out.stored(true, "").done();
}

inline std::string little_endian(std::uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i, value >>= 8) bytes += static_cast<char>(value & 255);
  return bytes;
}

/// The content's CRC-32 and length, as they end a gzip member.
inline std::string gzip_trailer(std::string_view content) {
  http::Crc32 crc;
  crc.update(content);
  return little_endian(crc.value()) + little_endian(static_cast<std::uint32_t>(content.size()));
}

/// The shortest header: no flags, no time, system unknown.
inline const std::string kGzipHeader("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);

/// One gzip member: `deflated` with header and trailer.
inline std::string gzip_member(std::string_view deflated, std::string_view content) {
  return kGzipHeader + std::string(deflated) + gzip_trailer(content);
}

inline std::string gzip_of(std::string_view content) {
  return gzip_member(squeeze(content), content);
}

/// The same as a zlib stream.
inline std::string zlib_of(std::string_view content) {
  http::Adler32 adler;
  adler.update(content);
  std::string sum = little_endian(adler.value());
  std::reverse(sum.begin(), sum.end());
  return "\x78\x9c" + squeeze(content) + sum;
}

}  // namespace simul::testing
