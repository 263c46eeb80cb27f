// Times for people, and harmless names; see text.hpp.
#include "runtime/trace/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "runtime/json/utf8.hpp"

namespace simul::trace {
namespace {

// The character of `length` bytes at `at`, which is well-formed.
std::uint32_t code_at(const char* at, std::size_t length) {
  const auto byte = [at](std::size_t i) { return static_cast<unsigned char>(at[i]); };
  if (length == 1) return byte(0);
  std::uint32_t code = byte(0) & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) code = code << 6 | (byte(i) & 0x3FU);
  return code;
}

bool shows_itself(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return false;  // controls: C0, DEL, C1
  if (code >= 0x200B && code <= 0x200F) return false;              // no width, or a direction
  if (code >= 0x2028 && code <= 0x202E) return false;              // line ends, directions
  if (code >= 0x2060 && code <= 0x206F) return false;              // the same, newer
  if (code == 0xFEFF || code == 0x061C) return false;
  if (code >= 0xFDD0 && code <= 0xFDEF) return false;  // these and the next are no characters
  return (code & 0xFFFE) != 0xFFFE;
}

std::size_t width_of(std::uint32_t code) {
  constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 7> kNone{{{0x300, 0x36F},
                                                                          {0x483, 0x489},
                                                                          {0x591, 0x5BD},
                                                                          {0x64B, 0x65F},
                                                                          {0x20D0, 0x20FF},
                                                                          {0xFE00, 0xFE0F},
                                                                          {0xFE20, 0xFE2F}}};
  constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 9> kWide{{{0x1100, 0x115F},
                                                                          {0x2E80, 0x303E},
                                                                          {0x3041, 0xA4CF},
                                                                          {0xAC00, 0xD7A3},
                                                                          {0xF900, 0xFAFF},
                                                                          {0xFE30, 0xFE6F},
                                                                          {0xFF00, 0xFF60},
                                                                          {0x1F300, 0x1FAFF},
                                                                          {0x20000, 0x3FFFD}}};
  const auto within = [code](const auto& range) {
    return code >= range.first && code <= range.second;
  };
  if (std::any_of(kNone.begin(), kNone.end(), within)) return 0;
  return std::any_of(kWide.begin(), kWide.end(), within) ? 2 : 1;
}

// Calls `visit(bytes, width)` for each character, until it returns false.
template <class Visit>
void each_character(std::string_view text, Visit visit) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    const std::size_t length = json::utf8_length(at, end);
    const std::uint32_t code = length == 0 ? 0xFFFD : code_at(at, length);
    const bool good = shows_itself(code);
    const std::string_view bytes =
        length != 0 && good ? std::string_view(at, length) : std::string_view("\xEF\xBF\xBD");
    if (!visit(bytes, good ? width_of(code) : 1)) return;
    at += std::max<std::size_t>(length, 1);
  }
}

// "1.25": a thousandth is the last that is said, and no noughts at the end.
std::string decimal(std::int64_t thousandths) {
  std::string text = std::to_string(thousandths / 1000);
  if (const std::int64_t rest = thousandths % 1000; rest != 0) {
    std::string digits = std::to_string(1000 + rest).substr(1);
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text;
}

}  // namespace

std::string time_label(std::chrono::nanoseconds time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t ns = std::max<std::int64_t>(time.count(), 0);
  if (ns == 0) return "0 s";
  if (ns < 1'000) return std::to_string(ns) + " ns";
  if (ns < 1'000'000) return decimal(ns) + " µs";
  // Rounded here already, or 999.9999 ms would become 1000 ms.
  if (ns < kSecond - 500) return decimal(ns / 1000 + (ns % 1000 >= 500 ? 1 : 0)) + " ms";
  const std::int64_t ms = ns / 1'000'000 + (ns % 1'000'000 >= 500'000 ? 1 : 0);
  const std::int64_t hours = ms / 3'600'000;
  const std::int64_t minutes = ms / 60'000 % 60;
  std::string text;
  if (hours != 0) text += std::to_string(hours) + " h";
  if (minutes != 0) text += (text.empty() ? "" : " ") + std::to_string(minutes) + " min";
  if (const std::int64_t rest = ms % 60'000; rest != 0) {
    text += (text.empty() ? "" : " ") + decimal(rest) + " s";
  }
  return text;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  each_character(text, [&out](std::string_view bytes, std::size_t) {
    out += bytes;
    return true;
  });
  return out;
}

std::size_t columns(std::string_view text) {
  std::size_t sum = 0;
  each_character(text, [&sum](std::string_view, std::size_t width) {
    sum += width;
    return true;
  });
  return sum;
}

std::string fitted(std::string_view text, std::size_t width) {
  width = std::max<std::size_t>(width, 1);
  std::string out;
  std::size_t taken = 0;
  std::size_t room = 0;  // how much of `out` leaves a column for the "…"
  bool cut = false;
  each_character(text, [&](std::string_view bytes, std::size_t wide) {
    if (taken + wide > width || out.size() > 8 * width) {  // combining marks take no column
      cut = true;
      return false;
    }
    out += bytes;
    taken += wide;
    if (taken + 1 <= width) room = out.size();
    return true;
  });
  if (cut) {
    out.resize(room);
    out += "…";
  }
  return out;
}

}  // namespace simul::trace
