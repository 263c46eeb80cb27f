// How far a string goes on without anything special: what reading and writing JSON spend most of
// their time with.
//
// Special are the quotation mark, the backslash and the control characters, which a string holds
// only as escapes (RFC 8259 section 7), and bytes that are not UTF-8. Everything else stands for
// itself on both sides, so it is passed over here and copied in one go.
//
// Eight bytes are looked at together. Subtracting 0x20 from each byte of a word sets the top bit of
// those that were smaller; so does subtracting 1 from those that were 0, which is what a byte
// becomes when it is XORed with the byte that one looks for. A borrow may spoil the bytes above one
// that was found, never those below it, and only the lowest is asked for.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/json/utf8.hpp"

namespace simul::json {

/// May this byte stand in a string as it is, being ASCII?
constexpr bool is_plain(char c) noexcept {
  return static_cast<signed char>(c) >= 0x20 && c != '"' && c != '\\';
}

/// The first byte from `at` on that is not plain, or `end`.
inline const char* skip_plain(const char* at, const char* end) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  while (end - at >= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    const std::uint64_t quotation = (word ^ kOnes * '"') - kOnes;
    const std::uint64_t backslash = (word ^ kOnes * '\\') - kOnes;
    const std::uint64_t control = word - kOnes * 0x20;
    const std::uint64_t special = (word | quotation | backslash | control) & kOnes * 0x80;
    if (special != 0) {
      if constexpr (std::endian::native == std::endian::little)
        return at + std::countr_zero(special) / 8;
      break;
    }
    at += 8;
  }
  while (at != end && is_plain(*at)) ++at;
  return at;
}

/// The same, passing over well-formed characters beyond ASCII too: stops at a quotation mark, a
/// backslash, a control character, a byte that is not UTF-8, or `end`.
inline const char* skip_text(const char* at, const char* end) noexcept {
  for (;;) {
    at = skip_plain(at, end);
    while (at != end && static_cast<signed char>(*at) < 0) {
      const std::size_t length = utf8_length(at, end);
      if (length == 0) return at;
      at += length;
    }
    if (at == end || !is_plain(*at)) return at;
  }
}

}  // namespace simul::json
