// One command on its way through the embedded server: its words, who asks, and the answer.
//
// The functions of the table (mini_commands.cpp) each take a Call, read its words with the helpers
// below, and append one reply to `out`. A command that cannot be done throws CommandFailed with the
// words that Redis has for it, before it has changed anything; what it had written is dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "runtime/base/clock.hpp"
#include "runtime/redis/mini_store.hpp"
#include "runtime/redis/resp.hpp"

namespace simul::redis::mini {

class Connection;
class Core;

/// The reply is this error: "ERR syntax error".
class CommandFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
[[noreturn]] void throw_syntax_error();
[[noreturn]] void throw_wrong_arity(std::string_view command);

using Words = std::span<const std::string>;

/// Lives as long as the command runs.
struct Call {
  Core& core;
  Connection& client;
  Words words;  ///< the name and the arguments
  std::string& out;

  /// The client's database.
  Database& data() const;

  /// How many words, the name counted.
  std::size_t size() const noexcept { return words.size(); }
  const std::string& operator[](std::size_t index) const { return words[index]; }

  /// Is that word this option, whatever its case?
  bool is(std::size_t index, std::string_view option) const;

  void ok() { write_status(out, "OK"); }
  void reply(std::string_view text) { write_text(out, text); }
  void reply(std::int64_t number) { write_integer(out, number); }
  void reply_count(std::size_t count) { write_integer(out, static_cast<std::int64_t>(count)); }
  void reply_nil() { write_nil(out); }
};

/// As Redis compares names and options: ASCII letters without their case.
bool same_word(std::string_view a, std::string_view b) noexcept;
std::string lower(std::string_view text);

/// A whole number of 64 bits, written in the one way that Redis writes it; else CommandFailed with
/// `complaint`.
std::int64_t to_integer(std::string_view text,
                        const char* complaint = "ERR value is not an integer or out of range");

/// A number, infinities included; else CommandFailed with `complaint`.
double to_double(const std::string& text, const char* complaint = "ERR value is not a valid float");
long double to_long_double(const std::string& text,
                           const char* complaint = "ERR value is not a valid float");

/// As Redis writes scores (17 digits), and what INCRBYFLOAT leaves (no zeros at its end).
std::string from_double(double number);
std::string from_long_double(long double number);

/// `value + by`; CommandFailed if that does not fit.
std::int64_t add_or_fail(std::int64_t value, std::int64_t by);

/// From `first` to `last`, both counted, of `size` items; negative numbers count from the end.
/// Empty: `first == last == 0`. (LRANGE, ZRANGE)
struct Slice {
  std::size_t begin = 0;
  std::size_t end = 0;
};
Slice slice(std::int64_t first, std::int64_t last, std::size_t size) noexcept;

/// Is `text` what `pattern` describes? `*`, `?`, `[a-c]`, `[^a]`, and `\` before what is meant
/// itself. Takes no more than |pattern| times |text| steps. (KEYS, PSUBSCRIBE)
bool matches(std::string_view pattern, std::string_view text) noexcept;

/// The moment that many milliseconds (of seconds: `unit` 1000) from now, or since 1970 if it is
/// `absolute`. Throws "ERR invalid expire time in '<command>' command".
TimePoint expiry(std::int64_t number, std::int64_t unit, bool absolute, std::string_view command);

}  // namespace simul::redis::mini
