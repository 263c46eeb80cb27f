// UTF-8 that arrives in pieces: is it well formed so far?
//
// A piece may end in the middle of a character, so what is kept between two pieces is how many
// bytes of it are still to come, and in which range the next one must lie. The range is where the
// three things are refused that fit the pattern and are no characters: those written longer than
// need be, halves of UTF-16's pairs, and what lies beyond U+10FFFF (RFC 3629). So a wrong byte is
// known for wrong when it arrives, and not at the end of the text.
//
// (json/utf8.hpp asks the same of a text that is whole.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace simul::http {

class Utf8Stream {
 public:
  /// False if `piece` cannot go on from what came before; then nothing more is to be asked.
  bool feed(std::string_view piece) noexcept {
    for (std::size_t i = 0; i < piece.size();) {
      if (left_ == 0) {
        i += ascii_length(piece.substr(i));
        if (i == piece.size()) break;
      }
      if (!take(static_cast<unsigned char>(piece[i++]))) return false;
    }
    return true;
  }

  /// Did the last character end?
  bool whole() const noexcept { return left_ == 0; }

  void reset() noexcept { *this = Utf8Stream(); }

 private:
  // Many bytes at a time: most text is made of these.
  static std::size_t ascii_length(std::string_view text) noexcept {
    std::size_t i = 0;
    for (; i + 32 <= text.size(); i += 32) {
      std::uint64_t words[4];
      std::memcpy(words, text.data() + i, sizeof words);
      if (((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080U) != 0) break;
    }
    while (i < text.size() && static_cast<unsigned char>(text[i]) < 0x80) ++i;
    return i;
  }

  bool take(unsigned char byte) noexcept {
    if (left_ != 0) {
      if (byte < low_ || byte > high_) return false;
      low_ = 0x80;
      high_ = 0xBF;
      --left_;
      return true;
    }
    if (byte < 0x80) return true;
    if (byte < 0xC2 || byte > 0xF4) return false;
    left_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    low_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
    high_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
    return true;
  }

  std::uint8_t left_ = 0;  // bytes of the present character that are still to come
  std::uint8_t low_ = 0x80;
  std::uint8_t high_ = 0xBF;
};

}  // namespace simul::http
