// The codes of a deflate block: which bits stand for which byte, length or distance.
//
// There are three. One code has literal bytes, lengths and the block's end; one has distances; and
// in a dynamic block, a third one writes down the lengths of these two. This file knows the tables
// of RFC 1951 sections 3.2.5 to 3.2.7 and which sets of lengths are refused; how bits become a
// symbol is huffman.hpp.
//
// The invariant: the tables are looked into only after a `build` that found nothing wrong.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "runtime/http/huffman.hpp"

namespace simul::http {

/// The tables of one stream, about 16 KiB; each block builds them anew.
struct DeflateCodes {
  static constexpr unsigned kLiteralSymbols = 288;  ///< of the fixed code; a dynamic one: 286
  static constexpr unsigned kDistanceSymbols = 32;  ///< of the fixed code; a dynamic one: 30
  static constexpr unsigned kLengthSymbols = 19;

  /// Where the lengths of the third code stand: rare ones last, so that they can be left out.
  static constexpr std::array<std::uint8_t, kLengthSymbols> kLengthOrder = {
      16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

  DecodeTable<11, kLiteralSymbols, 15> literals;
  DecodeTable<8, kDistanceSymbols, 15> distances;
  DecodeTable<7, kLengthSymbols, 7> lengths;

  /// The codes that everybody knows.
  void build_fixed();

  /// The codes with words of these lengths. Returns what is wrong with them, or nullptr.
  const char* build_dynamic(std::span<const std::uint8_t> literal_lengths,
                            std::span<const std::uint8_t> distance_lengths);

  /// The third code. Returns what is wrong with it, or nullptr.
  const char* build_lengths(std::span<const std::uint8_t, kLengthSymbols> of_lengths);

 private:
  bool fixed_ = false;  // the first two are the fixed ones
};

/// What stands in the lowest bits of `reader`, all of it: word and extra bits. `all_bits` says how
/// many they are; if that is more than there are, the answer is not to be trusted yet.
struct Symbol {
  Entry entry;
  unsigned extra;
  unsigned all_bits;
};

/// Looks up the symbol that `bits` begins with.
template <class Table>
Symbol look_up(const Table& table, std::uint64_t bits) {
  auto low = [](std::uint64_t from, unsigned n) {
    return static_cast<unsigned>(from & ((std::uint64_t{1} << n) - 1));
  };
  Entry entry = table.entries()[low(bits, table.bits())];
  unsigned before = 0;
  if (entry.is_second_table()) {
    before = entry.all_bits();
    bits >>= before;
    entry = table.entries()[entry.value() + low(bits, entry.word_bits())];
  }
  return {entry, low(bits, entry.all_bits()) >> entry.word_bits(), before + entry.all_bits()};
}

}  // namespace simul::http
