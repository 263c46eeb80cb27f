#include "runtime/http/deflate.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/http/deflate_memory.hpp"
#include "runtime/http/error.hpp"

namespace simul::http {

DeflateDecoder::DeflateDecoder() noexcept = default;
DeflateDecoder::DeflateDecoder(DeflateDecoder&&) noexcept = default;
DeflateDecoder& DeflateDecoder::operator=(DeflateDecoder&&) noexcept = default;
DeflateDecoder::~DeflateDecoder() = default;

void DeflateDecoder::reset() noexcept {
  step_ = Step::block;
  reader_ = {};
  out_ = 0;
}

void DeflateDecoder::fail(const char* why) noexcept {
  step_ = Step::failed;
  why_ = why;
}

std::string_view DeflateDecoder::next(std::string_view& input) {
  if (step_ == Step::done) return {};
  if (memory_ == nullptr) {
    if (input.empty()) return {};
    memory_ = std::make_unique_for_overwrite<Memory>();
  }
  // The piece before has been used: what of it is no longer in the window may go.
  if (out_ + Memory::kLongestRound > Memory::kEnd) {
    std::memmove(memory_->buffer.data(), memory_->buffer.data() + out_ - Memory::kWindow,
                 Memory::kWindow);
    out_ = Memory::kWindow;
  }
  const std::size_t start = out_;
  while (advance(input)) {
  }
  if (out_ == start && step_ == Step::failed) throw ProtocolError(why_);
  return {memory_->buffer.data() + start, out_ - start};
}

// One step further. False: more input or more room is needed, or this is the end.
bool DeflateDecoder::advance(std::string_view& input) {
  switch (step_) {
    case Step::block:
      return begin_block(input);
    case Step::stored_size:
      return read_stored_size(input);
    case Step::stored:
      return copy_stored(input);
    case Step::counts:
      return read_counts(input);
    case Step::length_code:
      return read_length_code(input);
    case Step::code_lengths:
      return read_code_lengths(input);
    case Step::symbols:
      return decode_symbols(input);
    case Step::done:
    case Step::failed:
      break;
  }
  return false;
}

bool DeflateDecoder::begin_block(std::string_view& input) {
  if (!reader_.need(3, input)) return false;
  last_block_ = reader_.take(1) != 0;
  switch (reader_.take(2)) {
    case 0:
      reader_.skip(reader_.count & 7);  // up to the next whole byte
      step_ = Step::stored_size;
      return true;
    case 1:
      memory_->codes.build_fixed();
      step_ = Step::symbols;
      return true;
    case 2:
      step_ = Step::counts;
      return true;
    default:
      fail("deflate: a block is of the kind 3, which does not exist");
      return true;
  }
}

bool DeflateDecoder::read_stored_size(std::string_view& input) {
  if (!reader_.need(32, input)) return false;
  const std::uint32_t size = reader_.take(16);
  if (reader_.take(16) != (~size & 0xffff)) {
    fail("deflate: the length of a stored block and its complement differ");
    return true;
  }
  stored_left_ = size;
  step_ = Step::stored;
  return true;
}

bool DeflateDecoder::copy_stored(std::string_view& input) {
  const std::size_t room = Memory::kEnd - out_;
  const std::size_t size = std::min<std::size_t>({stored_left_, room, input.size()});
  if (size > 0) std::memcpy(memory_->buffer.data() + out_, input.data(), size);
  input.remove_prefix(size);
  out_ += size;
  stored_left_ -= static_cast<std::uint32_t>(size);
  if (stored_left_ > 0) return false;
  end_block();
  return true;
}

void DeflateDecoder::end_block() noexcept {
  // Fewer than eight bits are left in the reader: it takes a byte only when it needs one.
  step_ = last_block_ ? Step::done : Step::block;
}

bool DeflateDecoder::read_counts(std::string_view& input) {
  if (!reader_.need(14, input)) return false;
  literal_count_ = reader_.take(5) + 257;
  distance_count_ = reader_.take(5) + 1;
  length_code_count_ = reader_.take(4) + 4;
  if (literal_count_ > 286) {
    fail("deflate: a block has more than 286 literal and length codes");
  } else if (distance_count_ > 30) {
    fail("deflate: a block has more than 30 distance codes");
  } else {
    memory_->code_lengths.fill(0);
    lengths_read_ = 0;
    step_ = Step::length_code;
  }
  return true;
}

bool DeflateDecoder::read_length_code(std::string_view& input) {
  for (; lengths_read_ < length_code_count_; ++lengths_read_) {
    if (!reader_.need(3, input)) return false;
    memory_->code_lengths[DeflateCodes::kLengthOrder[lengths_read_]] =
        static_cast<std::uint8_t>(reader_.take(3));
  }
  const auto lengths = std::span(memory_->code_lengths).first<DeflateCodes::kLengthSymbols>();
  if (const char* why = memory_->codes.build_lengths(lengths)) {
    fail(why);
    return true;
  }
  lengths_read_ = 0;
  step_ = Step::code_lengths;
  return true;
}

bool DeflateDecoder::read_code_lengths(std::string_view& input) {
  auto& lengths = memory_->code_lengths;
  const unsigned all = literal_count_ + distance_count_;
  while (lengths_read_ < all) {
    Symbol symbol = look_up(memory_->codes.lengths, reader_.bits);
    while (symbol.all_bits > reader_.count) {
      if (!reader_.take_byte(input)) return false;
      symbol = look_up(memory_->codes.lengths, reader_.bits);
    }
    reader_.skip(symbol.all_bits);
    const unsigned value = symbol.entry.value();
    if (value < 16) {
      lengths[lengths_read_++] = static_cast<std::uint8_t>(value);
      continue;
    }
    if (value == 16 && lengths_read_ == 0) {
      fail("deflate: the first code length repeats the one before it");
      return true;
    }
    const unsigned times = symbol.extra + (value == 18 ? 11 : 3);
    if (times > all - lengths_read_) {
      fail("deflate: a repeated code length goes beyond the last code");
      return true;
    }
    const std::uint8_t repeated = value == 16 ? lengths[lengths_read_ - 1] : std::uint8_t{0};
    std::fill_n(lengths.begin() + lengths_read_, times, repeated);
    lengths_read_ += times;
  }
  const std::span<const std::uint8_t> both(lengths);
  const char* why = memory_->codes.build_dynamic(both.first(literal_count_),
                                                 both.subspan(literal_count_, distance_count_));
  if (why != nullptr) {
    fail(why);
  } else {
    step_ = Step::symbols;
  }
  return true;
}

}  // namespace simul::http
