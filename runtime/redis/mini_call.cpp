#include "runtime/redis/mini_call.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "runtime/redis/mini_connection.hpp"
#include "runtime/redis/mini_core.hpp"
#include "runtime/redis/wall_time.hpp"

namespace simul::redis::mini {

namespace {

char lower_letter(char letter) noexcept {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

template <class Number>
Number whole_number(const std::string& text, Number (*read)(const char*, char**),
                    const char* complaint) {
  char* end = nullptr;
  const Number number = text.empty() || text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r')
                            ? Number(NAN)
                            : read(text.c_str(), &end);
  if (std::isnan(number) || end != text.c_str() + text.size()) throw CommandFailed(complaint);
  return number;
}

// One character of a pattern against one of the text; `at` goes to the pattern's next one.
bool matches_one(std::string_view pattern, std::size_t& at, char letter) noexcept {
  char wanted = pattern[at++];
  if (wanted == '?') return true;
  if (wanted == '\\' && at < pattern.size())
    wanted = pattern[at++];
  else if (wanted == '[') {
    const bool inverted = at < pattern.size() && pattern[at] == '^';
    if (inverted) ++at;
    bool among = false;
    while (at < pattern.size() && pattern[at] != ']') {
      if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
      char low = pattern[at++];
      char high = low;
      if (at + 1 < pattern.size() && pattern[at] == '-') {
        high = pattern[at + 1];
        at += 2;
        if (low > high) std::swap(low, high);
      }
      if (letter >= low && letter <= high) among = true;
    }
    if (at < pattern.size()) ++at;
    return among != inverted;
  }
  return wanted == letter;
}

}  // namespace

void throw_syntax_error() {
  throw CommandFailed("ERR syntax error");
}

void throw_wrong_arity(std::string_view command) {
  throw CommandFailed("ERR wrong number of arguments for '" + lower(command) + "' command");
}

Database& Call::data() const {
  return core.database(client.database);
}

bool Call::is(std::size_t index, std::string_view option) const {
  return same_word(words[index], option);
}

bool same_word(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower_letter(x) == lower_letter(y); });
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower_letter);
  return result;
}

std::int64_t to_integer(std::string_view text, const char* complaint) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || std::to_string(number) != text) throw CommandFailed(complaint);
  return number;
}

double to_double(const std::string& text, const char* complaint) {
  return whole_number<double>(text, std::strtod, complaint);
}

long double to_long_double(const std::string& text, const char* complaint) {
  return whole_number<long double>(text, std::strtold, complaint);
}

std::string from_double(double number) {
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  char text[64];
  return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%.17g", number))};
}

std::string from_long_double(long double number) {
  std::string text(5200, '\0');  // the largest one has 4933 digits before the point
  text.resize(static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.17Lf", number)));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

std::int64_t add_or_fail(std::int64_t value, std::int64_t by) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(value, by, &sum)) {
    throw CommandFailed("ERR increment or decrement would overflow");
  }
  return sum;
}

Slice slice(std::int64_t first, std::int64_t last, std::size_t size) noexcept {
  const auto count = static_cast<std::int64_t>(size);
  if (first < 0) first = std::max<std::int64_t>(first + count, 0);
  if (last < 0) last += count;
  last = std::min(last, count - 1);
  if (first > last) return {};
  return {static_cast<std::size_t>(first), static_cast<std::size_t>(last) + 1};
}

bool matches(std::string_view pattern, std::string_view text) noexcept {
  std::size_t at = 0;
  std::size_t after_star = pattern.npos;  // where to go on if the present try fails ...
  std::size_t retry = 0;                  // ... with so much of the text given to the star
  for (std::size_t i = 0; i < text.size();) {
    if (at < pattern.size() && pattern[at] == '*') {
      after_star = ++at;
      retry = i;
    } else if (at < pattern.size() && matches_one(pattern, at, text[i])) {
      ++i;
    } else if (after_star != pattern.npos) {
      at = after_star;
      i = ++retry;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

TimePoint expiry(std::int64_t number, std::int64_t unit, bool absolute, std::string_view command) {
  using std::chrono::milliseconds;
  const auto now = std::chrono::duration_cast<milliseconds>(wall_now().time_since_epoch()).count();
  std::int64_t ms = 0;
  if (__builtin_mul_overflow(number, unit, &ms) ||
      __builtin_add_overflow(ms, absolute ? 0 : now, &ms)) {
    throw CommandFailed("ERR invalid expire time in '" + lower(command) + "' command");
  }
  const Duration left = saturate(milliseconds(ms - now));
  if (left <= Duration::zero()) return Clock::now();
  const TimePoint when = after(Clock::now(), left);
  return when == kNever ? when - Duration(1) : when;
}

}  // namespace simul::redis::mini
