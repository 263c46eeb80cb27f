#include "runtime/json/value.hpp"

#include <charconv>
#include <cmath>
#include <iterator>
#include <optional>

#include "runtime/json/object.hpp"
#include "runtime/json/utf8.hpp"

namespace simul::json {
namespace {

constexpr std::size_t kShown = 40;  // of a string or of the keys, in a message

std::string quoted(std::string_view text) {
  if (text.size() <= kShown) return "\"" + std::string(text) + "\"";
  std::size_t cut = 0;
  while (cut < kShown) {
    const std::size_t length = utf8_length(text.data() + cut, text.data() + text.size());
    cut += length == 0 ? 1 : length;
  }
  return "\"" + std::string(text.substr(0, cut)) + "...\"";
}

template <class Number>
std::string number_text(Number number) {
  char text[32];
  return std::string(text, std::to_chars(text, std::end(text), number).ptr);
}

// "the number 42", "an array of 3"
std::string what_it_is(const Value& value) {
  struct Describe {
    std::string operator()(std::nullptr_t) const { return "null"; }
    std::string operator()(bool truth) const { return truth ? "true" : "false"; }
    std::string operator()(std::int64_t number) const {
      return "the number " + number_text(number);
    }
    std::string operator()(std::uint64_t number) const {
      return "the number " + number_text(number);
    }
    std::string operator()(double number) const { return "the number " + number_text(number); }
    std::string operator()(const std::string& text) const { return "the string " + quoted(text); }
    std::string operator()(const Array& array) const {
      return "an array of " + std::to_string(array.size());
    }
    std::string operator()(const Object& object) const {
      if (object.empty()) return "an object without keys";
      std::string keys = "an object with ";
      bool first = true;
      for (const Member& member : object) {
        if (!first) keys += ", ";
        if (keys.size() > 2 * kShown) return keys + "...";
        keys += quoted(member.key);
        first = false;
      }
      return keys;
    }
  };
  return value.visit(Describe());
}

[[noreturn]] void refuse(const std::string& expected, const Value& found) {
  throw AccessError("expected " + expected + ", found " + what_it_is(found));
}

// A number without a fraction that Whole can hold, if it is one. `bound` is the first double
// beyond.
template <class Whole>
std::optional<Whole> whole(const Value& value, double bound) {
  return value.visit([&](const auto& held) -> std::optional<Whole> {
    using Held = std::decay_t<decltype(held)>;
    if constexpr (std::is_same_v<Held, double>) {
      const double least = std::is_signed_v<Whole> ? -bound : 0;
      if (held >= least && held < bound && std::trunc(held) == held)
        return static_cast<Whole>(held);
    } else if constexpr (WholeNumber<Held>) {
      if (std::in_range<Whole>(held)) return static_cast<Whole>(held);
    }
    return std::nullopt;
  });
}

}  // namespace

Value::Value(std::string text) : tag_(Tag::string) {
  as_.string = new std::string(std::move(text));
}

Value::Value(Array elements) : tag_(Tag::array) {
  as_.array = new Array(std::move(elements));
}

Value::Value(Object members) : tag_(Tag::object) {
  as_.object = new Object(std::move(members));
}

Kind Value::kind() const noexcept {
  switch (tag_) {
    case Tag::boolean:
      return Kind::boolean;
    case Tag::integer:
    case Tag::large:
    case Tag::real:
      return Kind::number;
    case Tag::string:
      return Kind::string;
    case Tag::array:
      return Kind::array;
    case Tag::object:
      return Kind::object;
    case Tag::null:
      break;
  }
  return Kind::null;
}

const Value& Value::operator[](std::string_view key) const {
  if (const Value* found = find(key)) return *found;
  refuse("the key " + quoted(key), *this);
}

Value& Value::operator[](std::string_view key) {
  return const_cast<Value&>(std::as_const(*this)[key]);
}

const Value& Value::operator[](std::size_t index) const {
  if (tag_ != Tag::array || index >= as_.array->size())
    refuse("the index " + std::to_string(index), *this);
  return (*as_.array)[index];
}

Value& Value::operator[](std::size_t index) {
  return const_cast<Value&>(std::as_const(*this)[index]);
}

const Value* Value::find(std::string_view key) const {
  if (tag_ != Tag::object) refuse("the key " + quoted(key), *this);
  return std::as_const(*as_.object).find(key);
}

std::size_t Value::size() const {
  if (tag_ == Tag::array) return as_.array->size();
  if (tag_ != Tag::object) refuse("an array or an object", *this);
  return as_.object->size();
}

bool Value::as_bool() const {
  if (tag_ != Tag::boolean) refuse("true or false", *this);
  return as_.boolean;
}

std::int64_t Value::as_int() const {
  if (const auto number = whole<std::int64_t>(*this, 0x1p63)) return *number;
  refuse("a whole number of 64 bits", *this);
}

std::uint64_t Value::as_uint() const {
  if (const auto number = whole<std::uint64_t>(*this, 0x1p64)) return *number;
  refuse("a whole number of 64 bits without a sign", *this);
}

double Value::as_double() const {
  if (tag_ == Tag::integer) return static_cast<double>(as_.integer);
  if (tag_ == Tag::large) return static_cast<double>(as_.large);
  if (tag_ != Tag::real) refuse("a number", *this);
  return as_.real;
}

const std::string& Value::as_string() const {
  if (tag_ != Tag::string) refuse("a string", *this);
  return *as_.string;
}

const Array& Value::as_array() const {
  if (tag_ != Tag::array) refuse("an array", *this);
  return *as_.array;
}

Array& Value::as_array() {
  return const_cast<Array&>(std::as_const(*this).as_array());
}

const Object& Value::as_object() const {
  if (tag_ != Tag::object) refuse("an object", *this);
  return *as_.object;
}

Object& Value::as_object() {
  return const_cast<Object&>(std::as_const(*this).as_object());
}

}  // namespace simul::json
