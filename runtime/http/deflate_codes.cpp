#include "runtime/http/deflate_codes.hpp"

#include <algorithm>

namespace simul::http {
namespace {

constexpr unsigned kLiteralSymbols = DeflateCodes::kLiteralSymbols;
constexpr unsigned kDistanceSymbols = DeflateCodes::kDistanceSymbols;
constexpr unsigned kLengthSymbols = DeflateCodes::kLengthSymbols;

constexpr std::uint32_t meaning(unsigned value, unsigned extra_bits) {
  return value << 16 | extra_bits;
}

// RFC 1951 section 3.2.5: lengths 3 to 258 in 29 symbols, four to each number of extra bits.
constexpr auto kLiteralMeanings = [] {
  std::array<std::uint32_t, kLiteralSymbols> all{};
  for (unsigned byte = 0; byte < 256; ++byte) all[byte] = Entry::kLiteral | byte << 16;
  all[256] = Entry::kExceptional | Entry::kEndOfBlock;
  unsigned length = 3;
  for (unsigned i = 0; i < 28; ++i) {
    const unsigned extra = i < 8 ? 0 : i / 4 - 1;
    all[257 + i] = meaning(length, extra);
    length += 1u << extra;
  }
  all[285] = meaning(258, 0);  // and not 284 with all its bits set
  all[286] = all[287] = Entry::kExceptional;
  return all;
}();

// The same section: distances 1 to 32768 in 30 symbols, two to each number of extra bits.
constexpr auto kDistanceMeanings = [] {
  std::array<std::uint32_t, kDistanceSymbols> all{};
  unsigned distance = 1;
  for (unsigned i = 0; i < 30; ++i) {
    const unsigned extra = i < 4 ? 0 : i / 2 - 1;
    all[i] = meaning(distance, extra);
    distance += 1u << extra;
  }
  all[30] = all[31] = Entry::kExceptional;
  return all;
}();

// Section 3.2.7: a length, or one of three ways to say it several times.
constexpr auto kLengthMeanings = [] {
  std::array<std::uint32_t, kLengthSymbols> all{};
  for (unsigned i = 0; i < kLengthSymbols; ++i) all[i] = meaning(i, 0);
  all[16] = meaning(16, 2);
  all[17] = meaning(17, 3);
  all[18] = meaning(18, 7);
  return all;
}();

}  // namespace

// RFC 1951 section 3.2.6.
void DeflateCodes::build_fixed() {
  if (fixed_) return;  // ten bits make a block: it must not cost a table each time
  std::array<std::uint8_t, kLiteralSymbols> of_symbols;
  std::fill(of_symbols.begin(), of_symbols.begin() + 144, std::uint8_t{8});
  std::fill(of_symbols.begin() + 144, of_symbols.begin() + 256, std::uint8_t{9});
  std::fill(of_symbols.begin() + 256, of_symbols.begin() + 280, std::uint8_t{7});
  std::fill(of_symbols.begin() + 280, of_symbols.end(), std::uint8_t{8});
  literals.build(of_symbols, kLiteralMeanings, false);
  std::fill_n(of_symbols.begin(), kDistanceSymbols, std::uint8_t{5});
  distances.build(std::span(of_symbols).first(kDistanceSymbols), kDistanceMeanings, false);
  fixed_ = true;
}

const char* DeflateCodes::build_dynamic(std::span<const std::uint8_t> literal_lengths,
                                        std::span<const std::uint8_t> distance_lengths) {
  fixed_ = false;
  if (literal_lengths[256] == 0) return "deflate: a block has no code for its end";
  switch (literals.build(literal_lengths, kLiteralMeanings, /*allow_single=*/true)) {
    case CodeCheck::over_subscribed:
      return "deflate: a literal and length code is over-subscribed";
    case CodeCheck::incomplete:
      return "deflate: a literal and length code is incomplete";
    case CodeCheck::fine:
      break;
  }
  switch (distances.build(distance_lengths, kDistanceMeanings, /*allow_single=*/true)) {
    case CodeCheck::over_subscribed:
      return "deflate: a distance code is over-subscribed";
    case CodeCheck::incomplete:
      return "deflate: a distance code is incomplete";
    case CodeCheck::fine:
      break;
  }
  return nullptr;
}

const char* DeflateCodes::build_lengths(std::span<const std::uint8_t, kLengthSymbols> of_lengths) {
  switch (lengths.build(of_lengths, kLengthMeanings, /*allow_single=*/false)) {
    case CodeCheck::over_subscribed:
      return "deflate: the code of the code lengths is over-subscribed";
    case CodeCheck::incomplete:
      return "deflate: the code of the code lengths is incomplete";
    case CodeCheck::fine:
      break;
  }
  return nullptr;
}

}  // namespace simul::http
