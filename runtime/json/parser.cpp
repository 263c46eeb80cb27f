#include "runtime/json/parser.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/json/object.hpp"
#include "runtime/json/scalars.hpp"

namespace simul::json {
namespace {

// Values that are complete wait on a stack until the array or object round them is; then they move
// into it, together and for good, and it takes their place:
//
//     [1, {"a": 2, "b": 3    values_ 1 2 3    keys_ a b    open_ [ from 0, { from 1
class Parser {
 public:
  Parser(std::string_view text, const ParseLimits& limits)
      : text_(text), at_(text.data()), end_(at_ + text.size()), limits_(limits) {}

  Value document() {
    if (text_.size() > limits_.document) {
      throw LimitExceeded("a JSON document of " + std::to_string(text_.size()) +
                          " bytes is larger than the limit of " + std::to_string(limits_.document));
    }
    if (text_.starts_with("\xEF\xBB\xBF")) fail("JSON does not begin with a byte order mark");
    do value();
    while (another_follows());
    return std::move(values_.back());
  }

 private:
  struct Open {
    bool is_object;
    std::size_t first;  // in values_
  };

  // Reads up to the end of the first value that is complete: `[[1` is read as far as the 1.
  void value() {
    for (;;) {
      switch (next()) {
        case '{':
          open(true);
          if (next() == '}') return close();
          key();
          break;
        case '[':
          open(false);
          if (next() == ']') return close();
          break;
        case '"': {
          std::string text;
          string(text);
          values_.emplace_back(std::move(text));
          return;
        }
        case 't':
          return word("true", true);
        case 'f':
          return word("false", false);
        case 'n':
          return word("null", nullptr);
        case '-':
        case '0':
        case '1':
        case '2':
        case '3':
        case '4':
        case '5':
        case '6':
        case '7':
        case '8':
        case '9':
          return number();
        default:
          fail_expecting("a value");
      }
    }
  }

  // After a value: closes what ends here. True after a comma.
  bool another_follows() {
    for (;;) {
      const char c = next();
      if (open_.empty()) {
        if (at_ != end_) fail_expecting("nothing more after the value");
        return false;
      }
      const bool in_object = open_.back().is_object;
      if (c == ',') {
        ++at_;
        if (in_object) key();
        return true;
      }
      if (c != (in_object ? '}' : ']'))
        fail_expecting(in_object ? "',' or '}' after a value" : "',' or ']' after a value");
      close();
    }
  }

  void key() {
    if (next() != '"') fail_expecting("a key in double quotes");
    keys_.emplace_back();
    string(keys_.back());
    if (next() != ':') fail_expecting("':' after a key");
    ++at_;
  }

  template <std::size_t Size, class Meaning>
  void word(const char (&spelling)[Size], Meaning meaning) {
    constexpr std::size_t kLength = Size - 1;  // known here, so that comparing is one instruction
    if (static_cast<std::size_t>(end_ - at_) < kLength || std::memcmp(at_, spelling, kLength) != 0)
      fail("expected true, false or null");
    at_ += kLength;
    values_.emplace_back(meaning);
  }

  void number() {
    values_.emplace_back();
    if (const char* wrong = read_number(at_, end_, values_.back())) fail(wrong);
  }

  void string(std::string& text) {
    if (const char* wrong = read_string(at_, end_, text)) fail(wrong);
  }

  void open(bool is_object) {
    if (open_.size() == limits_.depth) {
      throw LimitExceeded(place().what() + std::string("JSON nested deeper than the limit of ") +
                          std::to_string(limits_.depth));
    }
    ++at_;
    open_.push_back({is_object, values_.size()});
  }

  void close() {
    ++at_;
    const Open closed = open_.back();
    open_.pop_back();
    const auto first = values_.begin() + static_cast<std::ptrdiff_t>(closed.first);
    if (!closed.is_object) {
      Array array(std::make_move_iterator(first), std::make_move_iterator(values_.end()));
      values_.erase(first, values_.end());
      values_.emplace_back(std::move(array));
      return;
    }
    const auto first_key = keys_.end() - (values_.end() - first);
    std::vector<Member> members;
    members.reserve(static_cast<std::size_t>(values_.end() - first));
    auto name = first_key;
    for (auto inside = first; inside != values_.end(); ++inside, ++name)
      members.push_back({std::move(*name), std::move(*inside)});
    keys_.erase(first_key, keys_.end());
    values_.erase(first, values_.end());
    values_.emplace_back(Object(std::move(members)));
  }

  // The next character that is no white space, still unread; 0 at the end.
  char next() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
    return at_ == end_ ? '\0' : *at_;
  }

  struct Place {
    std::size_t line;
    std::size_t column;
    std::string what() const {
      return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": ";
    }
  };

  // Where `at_` is. Counted when somebody asks, which is once.
  Place place() const {
    const std::string_view before(text_.data(), static_cast<std::size_t>(at_ - text_.data()));
    const auto lines = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
    const std::string_view line = before.substr(before.rfind('\n') + 1);  // npos + 1 is 0
    const auto follows = std::count_if(line.begin(), line.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) == 0x80;  // not the first byte of a character
    });
    return {lines + 1, line.size() - static_cast<std::size_t>(follows) + 1};
  }

  [[noreturn]] void fail(const std::string& what) const {
    const Place at = place();
    throw ParseError(what, at.line, at.column, static_cast<std::size_t>(at_ - text_.data()));
  }

  [[noreturn]] void fail_expecting(const std::string& expected) const {
    std::string found = "the end";
    if (at_ != end_) {
      const auto byte = static_cast<unsigned char>(*at_);
      constexpr char kDigits[] = "0123456789abcdef";
      found = byte > 0x20 && byte < 0x7F
                  ? std::string("'") + *at_ + "'"
                  : std::string("the byte 0x") + kDigits[byte >> 4] + kDigits[byte & 15];
    }
    fail("expected " + expected + ", found " + found);
  }

  const std::string_view text_;
  const char* at_;
  const char* const end_;
  const ParseLimits limits_;
  std::vector<Value> values_;
  std::vector<std::string> keys_;
  std::vector<Open> open_;
};

}  // namespace

Value parse(std::string_view text, const ParseLimits& limits) {
  return Parser(text, limits).document();
}

}  // namespace simul::json
