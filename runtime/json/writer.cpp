#include "runtime/json/writer.hpp"

#include <charconv>
#include <cmath>
#include <iterator>
#include <string_view>
#include <vector>

#include "runtime/json/object.hpp"
#include "runtime/json/plain_text.hpp"

namespace simul::json {
namespace {

class Writer {
 public:
  Writer(std::string& out, const WriteOptions& options) : out_(out), options_(options) {}

  void write(const Value& value) {
    begin(value);
    while (!open_.empty()) {
      Open& inner = open_.back();
      if (inner.left == 0) {
        const char bracket = inner.member != nullptr ? '}' : ']';
        open_.pop_back();
        new_line();
        out_ += bracket;
        continue;
      }
      if (inner.written) out_ += ',';
      inner.written = true;
      new_line();
      --inner.left;
      if (inner.member != nullptr) {
        const Member& member = *inner.member++;
        string(member.key);
        out_ += ':';
        if (options_.indent > 0) out_ += ' ';
        begin(member.value);
      } else {
        begin(*inner.element++);
      }
    }
  }

  // What Value::visit calls: all of a plain value is written, and of any other the bracket.
  void operator()(std::nullptr_t) { out_ += "null"; }
  void operator()(bool truth) { out_ += truth ? "true" : "false"; }
  void operator()(std::int64_t number) { print(number); }
  void operator()(std::uint64_t number) { print(number); }
  void operator()(const std::string& text) { string(text); }

  void operator()(double number) {
    if (!std::isfinite(number)) {
      throw InvalidValue(std::string("JSON has no number for ") +
                         (std::isnan(number) ? "not-a-number" : "infinity"));
    }
    const std::size_t before = out_.size();
    print(number);
    if (out_.find_first_of(".e", before) == out_.npos) out_ += ".0";
  }

  void operator()(const Array& array) {
    if (array.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    open_.push_back({array.data(), nullptr, array.size()});
  }

  void operator()(const Object& object) {
    if (object.empty()) {
      out_ += "{}";
      return;
    }
    out_ += '{';
    open_.push_back({nullptr, object.begin(), object.size()});
  }

 private:
  // An array or object of which something is still to be written: not recursion, for the sake of
  // small stacks.
  struct Open {
    const Value* element;
    const Member* member;  // null in an array
    std::size_t left;
    bool written = false;
  };

  void begin(const Value& value) { value.visit(*this); }

  void new_line() {
    if (options_.indent <= 0) return;
    out_ += '\n';
    out_.append(open_.size() * static_cast<std::size_t>(options_.indent), ' ');
  }

  template <class Number>
  void print(Number number) {
    char text[32];
    out_.append(text, std::to_chars(text, std::end(text), number).ptr);
  }

  void string(std::string_view text) {
    out_ += '"';
    const char* at = text.data();
    const char* const end = at + text.size();
    for (;;) {
      const char* const special = skip_text(at, end);
      out_.append(at, special);
      if (special == end) break;
      escape(*special);
      at = special + 1;
    }
    out_ += '"';
  }

  void escape(char c) {
    constexpr std::string_view kMeanings = "\"\\\b\f\n\r\t";
    constexpr std::string_view kNames = "\"\\bfnrt";
    constexpr char kDigits[] = "0123456789abcdef";
    if (static_cast<signed char>(c) < 0) throw InvalidValue("a string for JSON is not UTF-8");
    out_ += '\\';
    if (const auto which = kMeanings.find(c); which != kMeanings.npos)
      out_ += kNames[which];
    else
      out_.append({'u', '0', '0', kDigits[c >> 4], kDigits[c & 15]});
  }

  std::string& out_;
  const WriteOptions options_;
  std::vector<Open> open_;
};

}  // namespace

std::string write(const Value& value, const WriteOptions& options) {
  std::string text;
  Writer(text, options).write(value);
  return text;
}

void append(std::string& out, const Value& value, const WriteOptions& options) {
  const std::size_t before = out.size();
  try {
    Writer(out, options).write(value);
  } catch (...) {
    out.resize(before);
    throw;
  }
}

}  // namespace simul::json
