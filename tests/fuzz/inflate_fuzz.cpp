// Any bytes as a compressed stream. The first byte chooses the frame and the limits.
// What holds: the same comes out however the stream is cut, never more than the limit, and a stream
// that is whole expands to the same content when it is stored and expanded again.
#include "runtime/http/inflate.hpp"
#include "tests/fuzz/http_fuzz.hpp"

using namespace simul;  // NOLINT(google-build-using-namespace): a program of one file

namespace {

constexpr std::uint64_t kMost = 300'000;

std::string expand(std::string_view text, http::Frame frame, const http::ExpansionLimits& limits,
                   std::size_t first_size, std::size_t piece_size) {
  std::string found;
  try {
    http::Inflater inflater(frame, limits);
    for (std::size_t at = 0, size = first_size; at < text.size(); at += size, size = piece_size) {
      size = std::min(size, text.size() - at);
      // In memory of its own, so that a byte read past the end is noticed.
      const auto copy = std::make_unique<char[]>(size);
      std::copy_n(text.data() + at, size, copy.get());
      std::string_view bytes(copy.get(), size);
      for (std::string_view piece; !(piece = inflater.next(bytes)).empty();) found += piece;
      fuzz::must(bytes.empty() && found.size() <= limits.expanded);
    }
    inflater.finish();
    fuzz::must(http::inflate(http::zlib_store(found), http::Frame::zlib) == found);
    return found + "(end)";
  } catch (const http::ProtocolError& error) {
    return found + "(refused: " + error.what() + ")";
  } catch (const LimitExceeded& error) {
    fuzz::must(found.size() == limits.expanded);
    return found + "(too large: " + error.what() + ")";
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const http::Frame frames[] = {http::Frame::raw, http::Frame::zlib, http::Frame::gzip,
                                http::Frame::zlib_or_raw};
  const http::Frame frame = frames[data[0] % 4];
  http::ExpansionLimits limits;
  limits.expanded = (data[0] & 4) != 0 ? 100 : kMost;
  limits.ratio = http::ExpansionLimits::kUnlimited;  // where it bites depends on the cut
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  fuzz::check_splits(text, [&](std::string_view bytes, std::size_t first, std::size_t piece) {
    return expand(bytes, frame, limits, first, piece);
  });
  return 0;
}
