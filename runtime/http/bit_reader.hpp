// Bits out of a stream of bytes, the lowest bit of each byte first, as deflate packs them.
//
//      bytes   b0       b1       b2           bits     ...b2b1b0   (the next bit is the lowest)
//              76543210 76543210 76543210     count    how many of them are real
//
// Up to 63 bits wait in one 64-bit word, so that most questions need no look at the input. There
// are two ways to fill it. `take_byte` takes one byte, and only when it is needed: at any pause
// less than a byte is held back for nothing. `refill` loads eight bytes at once and is for a loop
// that knows that they are there; `give_back` then returns the whole bytes that it took too many.
// The invariant after either of `take_byte`, `skip` and `give_back`: bits above `count` are zero.
// After `refill` they may be a copy of bits to come.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace simul::http {

/// A plain value: a tight loop copies it into registers and back.
struct BitReader {
  std::uint64_t bits = 0;  ///< the next bit of the stream is the lowest
  unsigned count = 0;      ///< 0 to 63

  /// The lowest `n` bits, without taking them; `n` from 0 to 32.
  std::uint32_t peek(unsigned n) const noexcept {
    return static_cast<std::uint32_t>(bits & ((std::uint64_t{1} << n) - 1));
  }

  /// Drops `n` bits, at most `count`.
  void skip(unsigned n) noexcept {
    bits >>= n;
    count -= n;
  }

  /// `peek` and `skip`.
  std::uint32_t take(unsigned n) noexcept {
    const std::uint32_t value = peek(n);
    skip(n);
    return value;
  }

  /// Takes one byte from the front of `input`; false if there is none. Needs `count` below 56.
  bool take_byte(std::string_view& input) noexcept {
    if (input.empty()) return false;
    bits |= std::uint64_t{static_cast<unsigned char>(input[0])} << count;
    count += 8;
    input.remove_prefix(1);
    return true;
  }

  /// Takes bytes until `n` bits are there, at most 56; false if the input is used up before.
  bool need(unsigned n, std::string_view& input) noexcept {
    while (count < n) {
      if (!take_byte(input)) return false;
    }
    return true;
  }

  /// At least 56 bits are there afterwards. Reads eight bytes at `in`, and moves it by those of
  /// them that fitted.
  void refill(const char*& in) noexcept {
    std::uint64_t word;
    std::memcpy(&word, in, sizeof word);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    bits |= word << count;
    in += (63 - count) >> 3;
    count |= 56;  // adds eight for each byte that fitted
  }

  /// Undoes `refill` for the whole bytes that nobody used.
  void give_back(const char*& in) noexcept {
    in -= count >> 3;
    count &= 7;
    bits = peek(count);
  }
};

}  // namespace simul::http
