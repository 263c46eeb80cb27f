#include "runtime/http/gzip_header.hpp"

#include <algorithm>

#include "runtime/http/error.hpp"

namespace simul::http {
namespace {

constexpr std::uint8_t kHasChecksum = 2;
constexpr std::uint8_t kHasExtra = 4;
constexpr std::uint8_t kHasName = 8;
constexpr std::uint8_t kHasComment = 16;
constexpr std::uint8_t kReserved = 0xe0;

}  // namespace

bool GzipHeader::parse(std::string_view& input) {
  while (field_ != Field::done) {
    if (!parse_field(input)) return false;
    field_ = static_cast<Field>(static_cast<int>(field_) + 1);
  }
  return true;
}

// True when the present field is over, or not there at all.
bool GzipHeader::parse_field(std::string_view& input) {
  switch (field_) {
    case Field::fixed: {
      const bool whole = gather(input, 10);
      // As early as can be: who sends something else need not send ten bytes of it.
      if (gathered_ > 0 && bytes_[0] != 0x1f) throw ProtocolError("gzip: wrong first byte");
      if (gathered_ > 1 && bytes_[1] != 0x8b) throw ProtocolError("gzip: wrong second byte");
      if (gathered_ > 2 && bytes_[2] != 8) {
        throw ProtocolError("gzip: compression method " + std::to_string(bytes_[2]) +
                            " is not 8 (deflate)");
      }
      if (gathered_ > 3 && (bytes_[3] & kReserved) != 0) {
        throw ProtocolError("gzip: a reserved flag is set");
      }
      if (!whole) return false;
      flags_ = bytes_[3];
      gathered_ = 0;
      return true;
    }
    case Field::extra_size:
      if ((flags_ & kHasExtra) == 0) return true;
      if (!gather(input, 2)) return false;
      extra_left_ = number();
      return true;
    case Field::extra: {
      const std::string_view skipped = input.substr(0, extra_left_);
      crc_.update(skipped);
      input.remove_prefix(skipped.size());
      extra_left_ -= skipped.size();
      return extra_left_ == 0;
    }
    case Field::name:
      return (flags_ & kHasName) == 0 || skip_text(input);
    case Field::comment:
      return (flags_ & kHasComment) == 0 || skip_text(input);
    case Field::checksum: {
      if ((flags_ & kHasChecksum) == 0) return true;
      const auto expected = static_cast<std::uint16_t>(crc_.value());  // of all bytes before it
      if (!gather(input, 2)) return false;
      if (number() != expected) throw ProtocolError("gzip: the header's checksum is wrong");
      return true;
    }
    case Field::done:
      break;
  }
  return true;
}

// Bytes into bytes_ until `size` are there.
bool GzipHeader::gather(std::string_view& input, std::size_t size) noexcept {
  const std::string_view taken = input.substr(0, size - gathered_);
  std::copy(taken.begin(), taken.end(), bytes_.begin() + gathered_);
  gathered_ += taken.size();
  input.remove_prefix(taken.size());
  if (field_ != Field::checksum) crc_.update(taken);
  return gathered_ == size;
}

// The two bytes gathered, the low one first.
std::uint16_t GzipHeader::number() noexcept {
  gathered_ = 0;
  return static_cast<std::uint16_t>(bytes_[0] | bytes_[1] << 8);
}

// Up to and including a NUL.
bool GzipHeader::skip_text(std::string_view& input) noexcept {
  const std::size_t end = input.find('\0');
  const std::string_view skipped =
      input.substr(0, end == std::string_view::npos ? input.size() : end + 1);
  crc_.update(skipped);
  input.remove_prefix(skipped.size());
  return end != std::string_view::npos;
}

}  // namespace simul::http
