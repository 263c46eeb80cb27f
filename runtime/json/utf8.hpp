// UTF-8: characters as one to four bytes, and what is none (RFC 3629).
//
//     U+0000   .. U+007F     0xxxxxxx
//     U+0080   .. U+07FF     110xxxxx 10xxxxxx
//     U+0800   .. U+FFFF     1110xxxx 10xxxxxx 10xxxxxx
//     U+10000  .. U+10FFFF   11110xxx 10xxxxxx 10xxxxxx 10xxxxxx
//
// Three things fit the pattern and are still refused. A character written longer than it need be: a
// filter that looks for "/" must not be passed by another spelling of it. The halves of UTF-16's
// pairs (U+D800 to U+DFFF), which are no characters. And what lies beyond U+10FFFF. All three can
// be seen in the first two bytes.
#pragma once

#include <cstddef>
#include <string>

namespace simul::json {

/// How many bytes the character at `at` has: 1 to 4, or 0 if no well-formed one stands there.
/// `at` lies before `end`, and nothing is read from `end` on.
inline std::size_t utf8_length(const char* at, const char* end) noexcept {
  const auto left = static_cast<std::size_t>(end - at);
  const auto byte = [at](std::size_t i) { return static_cast<unsigned char>(at[i]); };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;  // no lead byte, or one of two bytes for what one can say
  if (lead < 0xE0) return left >= 2 && follows(1) ? 2 : 0;
  if (lead < 0xF0) {
    if (left < 3 || !follows(1) || !follows(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;   // two bytes would do
    if (lead == 0xED && byte(1) >= 0xA0) return 0;  // half of a pair
    return 3;
  }
  if (lead > 0xF4 || left < 4 || !follows(1) || !follows(2) || !follows(3)) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;   // three bytes would do
  if (lead == 0xF4 && byte(1) >= 0x90) return 0;  // beyond U+10FFFF
  return 4;
}

/// Appends the character with that number, which is at most U+10FFFF and no half of a pair.
inline void append_utf8(std::string& out, unsigned code) {
  const auto put = [&out](unsigned byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
    return;
  }
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xE0 | code >> 12);
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
    }
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

}  // namespace simul::json
