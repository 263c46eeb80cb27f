#include "runtime/http/byte_range.hpp"

#include <algorithm>
#include <charconv>

#include "runtime/http/headers.hpp"

namespace simul::http {
namespace {

// Digits alone. One that does not fit is larger than any file.
bool parse_number(std::string_view text, std::uint64_t& out) {
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return false;
  if (std::from_chars(text.data(), text.data() + text.size(), out).ec != std::errc()) {
    out = UINT64_MAX;
  }
  return true;
}

}  // namespace

std::string ByteRange::content_range(std::uint64_t size) const {
  return "bytes " + std::to_string(first) + "-" + std::to_string(first + count - 1) + "/" +
         std::to_string(size);
}

std::optional<ByteRange> chosen_range(std::string_view range, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (range.size() < kUnit.size() || !equal_ignoring_case(range.substr(0, kUnit.size()), kUnit)) {
    return std::nullopt;
  }
  range = trim_whitespace(range.substr(kUnit.size()));
  const std::size_t dash = range.find('-');
  if (dash == range.npos || range.find(',') != range.npos) return std::nullopt;
  const std::string_view from = range.substr(0, dash);
  const std::string_view to = range.substr(dash + 1);
  std::uint64_t first = 0;
  std::uint64_t last = UINT64_MAX;
  if (from.empty()) {  // the last so many
    if (!parse_number(to, last)) return std::nullopt;
    const std::uint64_t count = std::min(last, size);
    return ByteRange{size - count, count};
  }
  if (!parse_number(from, first) || (!to.empty() && !parse_number(to, last))) return std::nullopt;
  if (last < first) return std::nullopt;
  if (first >= size) return ByteRange{0, 0};
  return ByteRange{first, std::min(last, size - 1) - first + 1};
}

}  // namespace simul::http
