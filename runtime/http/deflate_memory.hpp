// What a deflate decoder keeps on the heap: its tables, its window, its output.
//
// Apart from the decoder, so that one that is never fed costs nothing and one that is moved moves a
// pointer. Only deflate.cpp and deflate_symbols.cpp look at it. Not an interface.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "runtime/http/deflate.hpp"
#include "runtime/http/deflate_codes.hpp"

namespace simul::http {

struct DeflateDecoder::Memory {
  static constexpr std::size_t kWindow = 32 * 1024;  ///< how far a distance reaches back, in bytes
  static constexpr std::size_t kEnd = kWindow + 64 * 1024;  ///< output goes up to here
  /// What one round of the fast loop puts out at most: two literals and the longest match.
  static constexpr std::size_t kLongestRound = 2 + 258;
  /// A copy in whole words may write so many bytes more than it was asked for.
  static constexpr std::size_t kSlack = 32;

  DeflateCodes codes;
  /// Of a dynamic block: of the third code, then of the first two, one behind the other.
  std::array<std::uint8_t, DeflateCodes::kLiteralSymbols + DeflateCodes::kDistanceSymbols>
      code_lengths;
  std::array<char, kEnd + kSlack> buffer;
};

}  // namespace simul::http
