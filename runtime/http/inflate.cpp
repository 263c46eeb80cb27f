#include "runtime/http/inflate.hpp"

#include <algorithm>

#include "runtime/http/error.hpp"

namespace simul::http {
namespace {

constexpr unsigned char kDeflateMethod = 8;
constexpr unsigned kPresetDictionary = 0x20;

std::uint32_t little_endian(const unsigned char* at) {
  return at[0] | at[1] << 8 | at[2] << 16 | static_cast<std::uint32_t>(at[3]) << 24;
}

std::uint32_t big_endian(const unsigned char* at) {
  return static_cast<std::uint32_t>(at[0]) << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

}  // namespace

Inflater::Inflater(Frame frame, const ExpansionLimits& limits) : frame_(frame), guard_(limits) {}

std::string_view Inflater::next(std::string_view& input) {
  guard_.check();
  const std::uint64_t end = taken_ + input.size();
  for (bool going = true; going;) {
    switch (step_) {
      case Step::header:
        going = read_header(input);
        break;
      case Step::deflate: {
        const std::string_view piece = deflate_.next(input);
        taken_ = end - input.size();
        if (!piece.empty()) {
          const std::string_view admitted = guard_.admit(piece, taken_);
          if (admitted.empty()) guard_.check();
          if (frame_ == Frame::gzip) crc_.update(admitted);
          if (frame_ == Frame::zlib) adler_.update(admitted);
          size_ += static_cast<std::uint32_t>(admitted.size());
          return admitted;
        }
        going = deflate_.done();
        if (going) step_ = frame_ == Frame::raw ? Step::after : Step::trailer;
        break;
      }
      case Step::trailer:
        going = read_trailer(input);
        break;
      case Step::after:
      case Step::padding:
        going = read_after(input);
        break;
    }
  }
  taken_ = end;
  return {};
}

// Each of these returns false when more input is needed.
bool Inflater::read_header(std::string_view& input) {
  if (frame_ == Frame::zlib_or_raw) {
    if (input.empty()) return false;
    const unsigned low_nibble = static_cast<unsigned char>(input[0]) & 15u;
    frame_ = low_nibble == kDeflateMethod ? Frame::zlib : Frame::raw;
  }
  if (frame_ == Frame::gzip && !gzip_header_.parse(input)) return false;
  if (frame_ == Frame::zlib) {
    const bool whole = gather(input, 2);
    if (gathered_ > 0 && (bytes_[0] & 15) != kDeflateMethod) {
      throw ProtocolError("zlib: compression method " + std::to_string(bytes_[0] & 15) +
                          " is not 8 (deflate)");
    }
    if (!whole) return false;
    if ((bytes_[0] << 8 | bytes_[1]) % 31 != 0) {
      throw ProtocolError("zlib: the header's check bits are wrong");
    }
    if (bytes_[0] >> 4 > 7) throw ProtocolError("zlib: a window of more than 32 KiB");
    if ((bytes_[1] & kPresetDictionary) != 0) {
      throw ProtocolError("zlib: the stream needs a preset dictionary");
    }
  }
  gathered_ = 0;
  step_ = Step::deflate;
  return true;
}

bool Inflater::read_trailer(std::string_view& input) {
  if (!gather(input, frame_ == Frame::gzip ? 8 : 4)) return false;
  if (frame_ == Frame::gzip) {
    if (little_endian(bytes_.data()) != crc_.value()) throw ProtocolError("gzip: wrong checksum");
    if (little_endian(bytes_.data() + 4) != size_) throw ProtocolError("gzip: wrong length");
  } else if (big_endian(bytes_.data()) != adler_.value()) {
    throw ProtocolError("zlib: wrong checksum");
  }
  gathered_ = 0;
  step_ = Step::after;
  return true;
}

bool Inflater::read_after(std::string_view& input) {
  if (input.empty()) return false;
  if (frame_ == Frame::gzip && step_ == Step::after && input[0] == '\x1f') {
    deflate_.reset();
    gzip_header_.reset();
    crc_ = {};
    size_ = 0;
    step_ = Step::header;
    return true;
  }
  const std::size_t zeros =
      frame_ == Frame::gzip ? std::min(input.find_first_not_of('\0'), input.size()) : 0;
  input.remove_prefix(zeros);
  if (!input.empty()) {
    throw ProtocolError(std::string(name()) + ": something follows the end of the stream");
  }
  step_ = Step::padding;
  return false;
}

// Bytes into bytes_ until `size` are there.
bool Inflater::gather(std::string_view& input, std::size_t size) noexcept {
  const std::string_view taken = input.substr(0, size - gathered_);
  std::copy(taken.begin(), taken.end(), bytes_.begin() + gathered_);
  gathered_ += taken.size();
  input.remove_prefix(taken.size());
  return gathered_ == size;
}

void Inflater::finish() const {
  guard_.check();
  if (done()) return;
  const char* const where = step_ == Step::header    ? "header"
                            : step_ == Step::deflate ? "compressed data"
                                                     : "checksum";
  throw Truncated(std::string(name()) + ": the stream ends inside its " + where);
}

const char* Inflater::name() const noexcept {
  return frame_ == Frame::gzip ? "gzip" : frame_ == Frame::zlib ? "zlib" : "deflate";
}

std::string inflate(std::string_view compressed, Frame frame, const ExpansionLimits& limits) {
  Inflater inflater(frame, limits);
  std::string content;
  for (std::string_view piece; !(piece = inflater.next(compressed)).empty();) content += piece;
  inflater.finish();
  return content;
}

std::string zlib_store(std::string_view bytes) {
  constexpr std::size_t kLargest = 65535;  // a stored block's length has 16 bits
  std::string stream = "\x78\x01";         // 0x7801 is a multiple of 31
  stream.reserve(bytes.size() + bytes.size() / kLargest * 5 + 11);
  Adler32 adler;
  adler.update(bytes);
  const auto add = [&](std::uint32_t byte) { stream += static_cast<char>(byte & 255); };
  for (bool last = false; !last;) {
    const std::string_view block = bytes.substr(0, kLargest);
    bytes.remove_prefix(block.size());
    last = bytes.empty();
    const auto size = static_cast<std::uint32_t>(block.size());
    add(last ? 1 : 0);  // the last block?, kind 0, padding
    for (const std::uint32_t number : {size, ~size}) {
      add(number);
      add(number >> 8);
    }
    stream += block;
  }
  for (int shift = 24; shift >= 0; shift -= 8) add(adler.value() >> shift);
  return stream;
}

}  // namespace simul::http
