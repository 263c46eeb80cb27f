#include "runtime/http/huffman.hpp"

#include <algorithm>
#include <cassert>

namespace simul::http {
namespace {

constexpr unsigned kMaxLength = 15;
constexpr std::size_t kMaxSymbols = 288;

/// The next word of the same length. Words are sent from their highest bit on and the reader's next
/// bit is its lowest, so both are in reverse here: this counts from the highest bit downwards.
unsigned next_reversed(unsigned word, unsigned n) {
  unsigned bit = 1u << (n - 1);
  while ((word & bit) != 0) {
    word ^= bit;
    bit >>= 1;
  }
  return word | bit;
}

}  // namespace

CodeCheck build_table(std::span<Entry> table, unsigned max_bits, unsigned& bits,
                      std::span<const std::uint8_t> lengths,
                      std::span<const std::uint32_t> meanings, bool allow_single) {
  assert(lengths.size() <= kMaxSymbols && lengths.size() <= meanings.size());
  std::array<std::uint16_t, kMaxLength + 1> count{};
  for (const std::uint8_t length : lengths) ++count[length];
  count[0] = 0;

  // Each word of n bits takes 2^-n of all there is; counted here in units of 2^-15.
  unsigned used = 0;
  unsigned longest = 0;
  for (unsigned n = 1; n <= kMaxLength; ++n) {
    used += static_cast<unsigned>(count[n]) << (kMaxLength - n);
    if (count[n] != 0) longest = n;
  }
  if (used > 1u << kMaxLength) return CodeCheck::over_subscribed;
  if (used < 1u << kMaxLength) {
    if (!allow_single || longest > 1) return CodeCheck::incomplete;
    bits = 1;
    // One bit is needed to see that it means nothing.
    table[0].word = table[1].word = Entry::kExceptional | 1u << 8 | 1u;
  }

  // Symbols by length, and among equals by number: the order in which words are dealt out.
  std::array<std::uint16_t, kMaxLength + 2> place{};
  for (unsigned n = 1; n <= kMaxLength; ++n) {
    place[n + 1] = static_cast<std::uint16_t>(place[n] + count[n]);
  }
  std::array<std::uint16_t, kMaxSymbols> sorted;
  for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
    if (lengths[symbol] != 0) {
      sorted[place[lengths[symbol]]++] = static_cast<std::uint16_t>(symbol);
    }
  }
  const std::uint16_t* symbol = sorted.data();
  if (longest == 0) return CodeCheck::fine;
  if (used < 1u << kMaxLength) {
    table[0].word = meanings[*symbol] + (1u << 8 | 1u);
    return CodeCheck::fine;
  }

  bits = std::min(longest, max_bits);
  std::size_t end = std::size_t{1} << bits;  // of the entries used so far
  const unsigned mask = (1u << bits) - 1;
  unsigned word = 0;  // the present word, reversed
  unsigned second_prefix = mask + 1;
  std::size_t second_start = 0;
  unsigned second_bits = 0;
  for (unsigned n = 1; n <= longest; ++n) {
    for (unsigned left = count[n]; left > 0; --left, ++symbol) {
      if (n <= bits) {
        const Entry entry{meanings[*symbol] + (n << 8 | n)};
        for (std::size_t i = word; i <= mask; i += std::size_t{1} << n) table[i] = entry;
      } else {
        if ((word & mask) != second_prefix) {
          // A new second table: as many bits as the words with this prefix fill up.
          second_prefix = word & mask;
          second_start = end;
          second_bits = n - bits;
          unsigned open = 1u << second_bits > left ? (1u << second_bits) - left : 0;
          for (unsigned longer = n; open > 0;) {
            ++longer;
            ++second_bits;
            open = 2 * open > count[longer] ? 2 * open - count[longer] : 0;
          }
          end += std::size_t{1} << second_bits;
          assert(end <= table.size());
          table[second_prefix].word = static_cast<std::uint32_t>(second_start) << 16 |
                                      Entry::kExceptional | Entry::kSecondTable | second_bits << 8 |
                                      bits;
        }
        const unsigned rest = n - bits;
        const Entry entry{meanings[*symbol] + (rest << 8 | rest)};
        for (std::size_t i = word >> bits; i < std::size_t{1} << second_bits;
             i += std::size_t{1} << rest) {
          table[second_start + i] = entry;
        }
      }
      word = next_reversed(word, n);
    }
  }
  return CodeCheck::fine;
}

}  // namespace simul::http
