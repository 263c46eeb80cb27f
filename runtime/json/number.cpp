// Numbers: whole ones are counted up by hand, most others need one multiplication, and the rest is
// for the standard library.
#include <cfloat>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "runtime/json/scalars.hpp"

namespace simul::json {
namespace {

constexpr const char* kDigitMissing = "a number needs a digit here";
constexpr const char* kTooLarge = "the number is too large for a double";

bool is_digit(const char* at, const char* end) {
  return at != end && static_cast<unsigned char>(*at - '0') < 10;
}

// A text that follows the grammar and is out of range: is that because it is too large, or because
// it is too near to 0? `exponent` is that of its last digit.
bool is_large(const char* begin, const char* end, std::int64_t exponent) {
  std::int64_t digits = 0;  // from the first that is not 0
  for (const char* at = begin; at != end && *at != 'e' && *at != 'E'; ++at)
    if (digits > 0 ? is_digit(at, end) : *at >= '1' && *at <= '9') ++digits;
  return digits > 0 && digits + exponent > 0;
}

// The double next to digits * 10^exponent when both are exact doubles, so that one operation rounds
// once (W. D. Clinger, How to read floating point numbers accurately, 1990).
bool simple(std::uint64_t digits, std::int64_t exponent, double& value) {
  constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  if (FLT_EVAL_METHOD != 0 || digits > (std::uint64_t{1} << 53)) return false;
  if (exponent < -22 || exponent > 22) return false;
  value = static_cast<double>(digits);
  value = exponent < 0 ? value / kPowers[-exponent] : value * kPowers[exponent];
  return true;
}

// [begin, end) follows the grammar of a number. False if it is too large for a double.
bool read_double(const char* begin, const char* end, std::int64_t exponent, double& value) {
  const auto result = std::from_chars(begin, end, value);
  // Not every library says which of the two ends of the range was passed, or that one was.
  if (result.ec == std::errc::result_out_of_range || !std::isfinite(value)) {
    if (is_large(begin, end, exponent)) return false;
    value = *begin == '-' ? -0.0 : 0.0;
  }
  return true;
}

}  // namespace

const char* read_number(const char*& place, const char* end, Value& number) {
  const char* const begin = place;
  const char* at = begin;  // a variable that nobody else sees, so that it stays in a register
  const auto wrong = [&place](const char* where, const char* what) {
    place = where;
    return what;
  };
  const bool negative = *at == '-';
  if (negative) ++at;
  if (!is_digit(at, end)) return wrong(at, kDigitMissing);
  if (*at == '0' && is_digit(at + 1, end)) return wrong(at, "a number does not begin with 0");

  std::uint64_t digits = 0;
  const char* first = at;
  for (; is_digit(at, end); ++at) digits = digits * 10 + static_cast<unsigned>(*at - '0');
  std::ptrdiff_t length = at - first;  // up to 19 digits fit
  std::int64_t exponent = 0;
  if (at == end || (*at != '.' && *at != 'e' && *at != 'E')) {
    place = at;
    const bool fits = length <= 19 || std::from_chars(first, at, digits).ec == std::errc();
    if (fits && !negative) {
      number = digits;
      return nullptr;
    }
    if (fits && digits <= std::uint64_t{1} << 63) {
      number = static_cast<std::int64_t>(0 - digits);
      return nullptr;
    }
    length = 20;
  } else {
    if (*at == '.') {
      first = ++at;
      for (; is_digit(at, end); ++at) digits = digits * 10 + static_cast<unsigned>(*at - '0');
      if (at == first) return wrong(at, kDigitMissing);
      length += at - first;
      exponent = first - at;
    }
    if (at != end && (*at == 'e' || *at == 'E')) {
      ++at;
      const bool down = at != end && *at == '-';
      if (at != end && (*at == '-' || *at == '+')) ++at;
      if (!is_digit(at, end)) return wrong(at, kDigitMissing);
      std::int64_t power = 0;
      constexpr std::int64_t kEnough = 1'000'000'000'000;  // more digits than a document has
      for (; is_digit(at, end); ++at)
        if (power < kEnough) power = power * 10 + (*at - '0');
      exponent += down ? -power : power;
    }
    place = at;
  }
  double value;
  if (length <= 19 && simple(digits, exponent, value)) {
    number = negative ? -value : value;
    return nullptr;
  }
  if (!read_double(begin, at, exponent, value)) return wrong(begin, kTooLarge);
  number = value;
  return nullptr;
}

}  // namespace simul::json
