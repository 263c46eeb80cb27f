// Huffman codes as deflate uses them, decoded by looking up several bits at once.
//
// Deflate sends a code as the length in bits of each symbol's word; the words follow from the
// lengths (RFC 1951 section 3.2.2). The table answers, for the next `bits` bits of the stream,
// which symbol they begin with:
//
//      next bits   ...0110 1011                  [01101011] -> 'e', uses 5 bits
//                         \________/             [11111111] -> see the table at 2048, 3 more bits
//                          an index
//
// Words longer than the index continue in a second table. An entry holds all that the decoder does
// with a symbol, so that it looks up nothing else: see `Entry`.
//
// The invariant: every index has an entry, and following it leads to a symbol within 15 bits or to
// an error; no stream leads outside of a table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace simul::http {

/// What a table answers, in 32 bits:
///
///     31       the symbol is a literal byte
///     30-16    the byte; or the smallest length or distance; or where a second table begins
///     15       exceptional: 14 a second table, 13 the end of the block, neither: an invalid word
///     11-8     bits of the word (in this table); for a second table, the bits of its index
///     7-0      the same, plus the extra bits that follow it: how many to drop in all
struct Entry {
  static constexpr std::uint32_t kLiteral = 1u << 31;
  static constexpr std::uint32_t kExceptional = 1u << 15;
  static constexpr std::uint32_t kSecondTable = 1u << 14;
  static constexpr std::uint32_t kEndOfBlock = 1u << 13;

  std::uint32_t word;

  bool is_literal() const noexcept { return (word & kLiteral) != 0; }
  bool is_exceptional() const noexcept { return (word & kExceptional) != 0; }
  bool is_second_table() const noexcept { return (word & kSecondTable) != 0; }
  bool is_end_of_block() const noexcept { return (word & kEndOfBlock) != 0; }
  unsigned value() const noexcept { return word >> 16; }  // not of a literal
  char literal() const noexcept { return static_cast<char>(word >> 16); }
  unsigned word_bits() const noexcept { return word >> 8 & 15; }
  unsigned all_bits() const noexcept { return word & 255; }
};

/// Is this set of lengths a code?
enum class CodeCheck {
  fine,
  over_subscribed,  ///< more words of some length than there can be
  incomplete,       ///< some bits begin no word
};

/// Builds a table for the symbols 0, 1, ... with words of `lengths` bits (0 to 15; 0: the symbol
/// does not occur). `meanings[symbol]` is the entry without its bit counts, but with the count of
/// extra bits in 7-0. The first table's index has at most `max_bits` bits; how many it has is left
/// in `bits`. `table` must be as large as `DecodeTable` has it.
///
/// With `allow_single`, a code of one word of one bit is fine, and so is one of no word at all: the
/// bits that mean nothing then lead to an exceptional entry. RFC 1951 section 3.2.7 has both for
/// distances; zlib allows the first for literals, too.
CodeCheck build_table(std::span<Entry> table, unsigned max_bits, unsigned& bits,
                      std::span<const std::uint8_t> lengths,
                      std::span<const std::uint32_t> meanings, bool allow_single);

/// A table for a code of up to `kSymbols` words of up to `kMaxLength` bits.
template <unsigned kIndexBits, unsigned kSymbols, unsigned kMaxLength>
class DecodeTable {
 public:
  CodeCheck build(std::span<const std::uint8_t> lengths, std::span<const std::uint32_t> meanings,
                  bool allow_single) {
    return build_table(entries_, kIndexBits, bits_, lengths, meanings, allow_single);
  }

  const Entry* entries() const noexcept { return entries_.data(); }
  unsigned bits() const noexcept { return bits_; }

 private:
  // A second table with an index of k bits holds a word that is k bits longer than the first
  // index; in a code that is complete, such a word has k others beside it on its way down. So 2^k
  // entries cost at least k + 1 symbols, and the largest k costs the fewest per entry.
  static constexpr unsigned kSecondBits = kMaxLength - kIndexBits;
  static constexpr std::size_t kSize =
      (std::size_t{1} << kIndexBits) +
      (kSecondBits == 0 ? 0 : (std::size_t{kSymbols} << kSecondBits) / (kSecondBits + 1));

  std::array<Entry, kSize> entries_;
  unsigned bits_ = 0;
};

}  // namespace simul::http
