// The inner loops of deflate: literals, matches, the end of a block.
//
// There are two that do the same. `decode_fast` runs while there is plenty of input and room, and
// asks after neither; `decode_one` does the rest, near the end of either, where it takes a symbol
// whole or not at all. So neither ever has half a symbol to remember.
#include <cstring>

#include "runtime/http/deflate.hpp"
#include "runtime/http/deflate_memory.hpp"

namespace simul::http {
namespace {

// What one round of the fast loop reads at most: two loads of eight bytes.
constexpr std::size_t kFastInput = 16;

constexpr const char* kBadSymbol = "deflate: bits that mean no literal and no length";
constexpr const char* kBadDistance = "deflate: bits that mean no distance";
constexpr const char* kTooFarBack = "deflate: a distance reaches back beyond the first byte";

/// Copies `length` bytes from `distance` bytes before `out`. The two may overlap, and then bytes
/// that were just written are read: that is how deflate says "again and again". May write up to
/// `kSlack` bytes more.
inline void copy_match(char* out, std::size_t distance, std::size_t length) noexcept {
  const char* from = out - distance;
  char* const end = out + length;
  if (distance >= 16) {
    do {
      std::memcpy(out, from, 16);
      out += 16;
      from += 16;
    } while (out < end);
  } else if (distance == 1) {
    std::memset(out, *from, length);
  } else if (distance >= 8) {
    do {
      std::memcpy(out, from, 8);
      out += 8;
      from += 8;
    } while (out < end);
  } else {
    // Of each word only the first `distance` bytes are right; the next one puts right the others.
    do {
      std::uint64_t word;
      std::memcpy(&word, from, 8);
      std::memcpy(out, &word, 8);
      out += distance;
      from += distance;
    } while (out < end);
  }
}

}  // namespace

bool DeflateDecoder::decode_symbols(std::string_view& input) {
  while (step_ == Step::symbols) {
    if (out_ + Memory::kLongestRound > Memory::kEnd) return false;
    if (input.size() >= kFastInput) {
      decode_fast(input);
    } else if (!decode_one(input)) {
      return false;
    }
  }
  return true;
}

// One literal, match or end of block: taken whole or not at all, so that there is nothing to
// remember when the input ends in its middle. At most 48 bits.
bool DeflateDecoder::decode_one(std::string_view& input) {
  for (;;) {
    const Symbol symbol = look_up(memory_->codes.literals, reader_.bits);
    if (symbol.all_bits <= reader_.count) {
      char* const out = memory_->buffer.data() + out_;
      if (symbol.entry.is_literal()) {
        reader_.skip(symbol.all_bits);
        *out = symbol.entry.literal();
        ++out_;
        return true;
      }
      if (symbol.entry.is_end_of_block()) {
        reader_.skip(symbol.all_bits);
        end_block();
        return true;
      }
      if (symbol.entry.is_exceptional()) {
        fail(kBadSymbol);
        return true;
      }
      const Symbol back = look_up(memory_->codes.distances, reader_.bits >> symbol.all_bits);
      if (symbol.all_bits + back.all_bits <= reader_.count) {
        if (back.entry.is_exceptional()) {
          fail(kBadDistance);
          return true;
        }
        const std::size_t length = symbol.entry.value() + symbol.extra;
        const std::size_t distance = back.entry.value() + back.extra;
        if (distance > out_) {
          fail(kTooFarBack);
          return true;
        }
        reader_.skip(symbol.all_bits + back.all_bits);
        copy_match(out, distance, length);
        out_ += length;
        return true;
      }
    }
    if (!reader_.take_byte(input)) return false;
  }
}

// The same for as long as a whole round's input and output are there for certain: no question is
// asked about either in its middle. Everything that counts is in local variables.
void DeflateDecoder::decode_fast(std::string_view& input) {
  const auto low = [](std::uint64_t bits, unsigned n) {
    return static_cast<unsigned>(bits & ((std::uint64_t{1} << n) - 1));
  };
  const Entry* const literals = memory_->codes.literals.entries();
  const Entry* const distances = memory_->codes.distances.entries();
  const unsigned literal_bits = memory_->codes.literals.bits();
  const unsigned distance_bits = memory_->codes.distances.bits();
  char* const start = memory_->buffer.data();
  char* out = start + out_;
  char* const out_stop = start + (Memory::kEnd - Memory::kLongestRound);
  const char* in = input.data();
  const char* const in_stop = in + (input.size() - kFastInput);
  BitReader reader = reader_;

  while (in <= in_stop && out <= out_stop) {
    reader.refill(in);  // 56 bits
    Entry entry = literals[low(reader.bits, literal_bits)];
    if (entry.is_literal()) {  // at most 11 bits
      reader.skip(entry.all_bits());
      *out++ = entry.literal();
      entry = literals[low(reader.bits, literal_bits)];
      if (entry.is_literal()) {  // 22
        reader.skip(entry.all_bits());
        *out++ = entry.literal();
        entry = literals[low(reader.bits, literal_bits)];
      }
    }
    if (entry.is_exceptional()) {
      if (entry.is_second_table()) {
        reader.skip(entry.all_bits());
        entry = literals[entry.value() + low(reader.bits, entry.word_bits())];
      }
      if (entry.is_end_of_block()) {
        reader.skip(entry.all_bits());
        end_block();
        break;
      }
      if (entry.is_exceptional()) {
        fail(kBadSymbol);
        break;
      }
    }
    if (entry.is_literal()) {
      reader.skip(entry.all_bits());
      *out++ = entry.literal();
      continue;
    }
    const std::size_t length =
        entry.value() + (low(reader.bits, entry.all_bits()) >> entry.word_bits());
    reader.skip(entry.all_bits());  // 22 + 15 + 5
    reader.refill(in);
    entry = distances[low(reader.bits, distance_bits)];
    if (entry.is_exceptional()) {
      if (entry.is_second_table()) {
        reader.skip(entry.all_bits());
        entry = distances[entry.value() + low(reader.bits, entry.word_bits())];
      }
      if (entry.is_exceptional()) {
        fail(kBadDistance);
        break;
      }
    }
    const std::size_t distance =
        entry.value() + (low(reader.bits, entry.all_bits()) >> entry.word_bits());
    reader.skip(entry.all_bits());  // 15 + 13
    if (distance > static_cast<std::size_t>(out - start)) {
      fail(kTooFarBack);
      break;
    }
    copy_match(out, distance, length);
    out += length;
  }

  reader.give_back(in);
  reader_ = reader;
  out_ = static_cast<std::size_t>(out - start);
  input.remove_prefix(static_cast<std::size_t>(in - input.data()));
}

}  // namespace simul::http
