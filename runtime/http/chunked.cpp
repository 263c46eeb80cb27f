#include "runtime/http/chunked.hpp"

#include <algorithm>
#include <charconv>

#include "runtime/http/error.hpp"
#include "runtime/http/uri.hpp"

namespace simul::http {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

ChunkedDecoder::ChunkedDecoder(const ChunkLimits& limits)
    : limits_(limits), fields_(limits.trailer_bytes, limits.trailer_fields) {}

std::string_view ChunkedDecoder::next(std::string_view& input) {
  for (;;) {
    switch (state_) {
      case State::size: {
        std::string_view line;
        const auto result = lines_.next(input, limits_.line, line);
        if (result == LineReader::Result::incomplete) return {};
        if (result == LineReader::Result::too_long) {
          throw TooLarge(
              "the size line of a chunk is longer than " + std::to_string(limits_.line) + " bytes",
              413);
        }
        parse_size_line(without_carriage_return(line, "the size line of a chunk"));
        state_ = left_ == 0 ? State::trailers : State::data;
        break;
      }
      case State::data: {
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
        const std::string_view piece = input.substr(0, size);
        input.remove_prefix(size);
        left_ -= size;
        if (left_ == 0) state_ = State::data_end;
        return piece;  // empty only if the input is
      }
      case State::data_end:
        if (input.empty()) return {};
        if (input[0] != (seen_cr_ ? '\n' : '\r')) {
          throw ProtocolError("a chunk's data is not followed by CRLF");
        }
        input.remove_prefix(1);
        if (seen_cr_) state_ = State::size;
        seen_cr_ = !seen_cr_;
        break;
      case State::trailers:
        if (!fields_.parse(input, trailers_)) return {};
        state_ = State::done;
        break;
      case State::done:
        return {};
    }
  }
}

void ChunkedDecoder::parse_size_line(std::string_view line) {
  constexpr std::size_t kMaxDigits = 16;  // 64 bits, so the arithmetic cannot overflow
  std::size_t digits = 0;
  left_ = 0;
  for (; digits < line.size(); ++digits) {
    const int value = hex_value(line[digits]);
    if (value < 0) break;
    if (digits == kMaxDigits) throw ProtocolError("chunk size " + quote(line) + " is too long");
    left_ = left_ << 4 | static_cast<std::uint64_t>(value);
  }
  // Whitespace is tolerated only where the grammar has it: before the ";" of an extension.
  const std::string_view extension = line.substr(digits);
  const bool well_formed =
      digits > 0 && (extension.empty() || trim_whitespace(extension).starts_with(';'));
  if (!well_formed || !is_field_value(extension)) {
    throw ProtocolError("chunk size " + quote(line) + " is malformed");
  }
  overhead_ += extension.size();
  if (overhead_ > limits_.overhead) {
    throw TooLarge("the chunk extensions of a body are longer than " +
                       std::to_string(limits_.overhead) + " bytes",
                   413);
  }
}

void ChunkedDecoder::reset() noexcept {
  state_ = State::size;
  left_ = 0;
  overhead_ = 0;
  seen_cr_ = false;
  lines_.reset();
  fields_.reset();
  trailers_.clear();
}

void write_chunk(std::string& out, std::string_view data) {
  if (data.empty()) return;
  char size[16];
  const auto end = std::to_chars(size, size + sizeof size, data.size(), 16);
  out.append(size, end.ptr).append("\r\n").append(data).append("\r\n");
}

void write_last_chunk(std::string& out) {
  out.append("0\r\n\r\n");
}

}  // namespace simul::http
