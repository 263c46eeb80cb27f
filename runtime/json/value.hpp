// A JSON value: null, a truth value, a number, a string, an array or an object (RFC 8259).
//
//     const json::Value page = json::parse(text);
//     for (const json::Value& child : page["data"]["children"].as_array())
//       say(child["data"]["title"].as_string());
//
// A document says what it says, and a program expects what it expects; where the two differ, an
// AccessError names both: `expected a string, found the number 42`. Nothing is converted on the
// quiet, and reading never adds a key.
//
// The invariant: a whole number that fits into 64 bits, with its sign or without, is kept exactly;
// any other number is the nearest double. So 2 and 2.0 are both numbers and compare unequal, for
// they are written differently.
//
// However deep a value is nested, copying, comparing and destroying it takes no more stack than for
// a flat one: whoever sent the document chose the depth, and a fiber's stack is small.
//
// A Value is two words: what it is, and the thing itself or where it lies. It does not check that a
// string is UTF-8: the parser does for what comes in, and the writer for what goes out.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/json/error.hpp"

namespace simul::json {

class Value;
class Object;  // object.hpp

/// The elements of an array. One array inside another is `Array(1, Array{3})`: whether
/// `Array{Array{3}}` is that or a copy, compilers do not agree.
using Array = std::vector<Value>;

/// What a value may be. RFC 8259 section 3.
enum class Kind { null, boolean, number, string, array, object };

/// Types of which a Value can be made as a number: whole numbers up to 64 bits, but no characters.
template <class T>
concept WholeNumber =
    std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
    !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> && !std::same_as<T, char16_t> &&
    !std::same_as<T, char32_t> && sizeof(T) <= sizeof(std::int64_t);

/// One value with everything in it. Copying copies all of it; moving leaves null.
class Value {
 public:
  // Every type that has a meaning in JSON becomes a value by itself: `{{"id", 7}, {"tags",
  // Array{}}}`. NOLINTBEGIN(google-explicit-constructor)
  Value() noexcept {}  ///< null
  Value(std::nullptr_t) noexcept {}
  template <std::same_as<bool> Bool>  // a pointer is no truth value
  Value(Bool truth) noexcept : tag_(Tag::boolean), as_{.boolean = truth} {}
  template <WholeNumber Number>
  Value(Number number) noexcept {
    if (std::in_range<std::int64_t>(number)) {
      tag_ = Tag::integer;
      as_.integer = static_cast<std::int64_t>(number);
    } else {
      tag_ = Tag::large;
      as_.large = static_cast<std::uint64_t>(number);
    }
  }
  template <std::floating_point Number>
  Value(Number number) noexcept : tag_(Tag::real), as_{.real = static_cast<double>(number)} {}
  Value(std::string text);
  Value(std::string_view text) : Value(std::string(text)) {}
  Value(const char* text) : Value(std::string(text)) {}
  Value(Array elements);
  Value(Object members);
  // NOLINTEND(google-explicit-constructor)

  Value(const Value& other);
  Value(Value&& other) noexcept : tag_(std::exchange(other.tag_, Tag::null)), as_(other.as_) {}
  /// Also from a part of this very value: `value = std::move(value["data"])`.
  Value& operator=(Value other) noexcept {
    std::swap(tag_, other.tag_);
    std::swap(as_, other.as_);
    return *this;
  }
  ~Value() {
    if (tag_ >= Tag::string) destroy();
  }

  Kind kind() const noexcept;
  bool is_null() const noexcept { return kind() == Kind::null; }
  bool is_bool() const noexcept { return kind() == Kind::boolean; }
  bool is_number() const noexcept { return kind() == Kind::number; }
  bool is_string() const noexcept { return kind() == Kind::string; }
  bool is_array() const noexcept { return kind() == Kind::array; }
  bool is_object() const noexcept { return kind() == Kind::object; }

  /// The value of that key. Throws `AccessError` if this is no object, or has no such key.
  const Value& operator[](std::string_view key) const;
  Value& operator[](std::string_view key);

  /// The element at that index, from 0. Throws `AccessError` if this is no array, or shorter.
  const Value& operator[](std::size_t index) const;
  Value& operator[](std::size_t index);

  /// The value of that key, or null if there is none. Throws `AccessError` if this is no object.
  const Value* find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }

  /// How many elements or members. Throws `AccessError` if this is neither array nor object.
  std::size_t size() const;

  /// What it is, if it is that; each throws `AccessError` if it is something else. References are
  /// good as long as the value is there: not beyond the line in `parse(text)["name"].as_string()`.
  bool as_bool() const;
  /// A number without a fraction and in range: 2, and 2.0 and 2e0 too.
  std::int64_t as_int() const;
  std::uint64_t as_uint() const;
  /// Any number; a whole one beyond 2^53 becomes the nearest double.
  double as_double() const;
  const std::string& as_string() const;
  const Array& as_array() const;
  Array& as_array();
  const Object& as_object() const;
  Object& as_object();

  /// Calls `visitor` with what it is: nullptr, bool, std::int64_t, std::uint64_t (only what the
  /// other cannot hold), double, const std::string&, const Array& or const Object&.
  template <class Visitor>
  decltype(auto) visit(Visitor&& visitor) const;

  /// Are they the same, all the way down? The order of an object's keys does not matter; 2 and 2.0
  /// differ, as do 0.0 and -0.0.
  friend bool operator==(const Value& a, const Value& b);

 private:
  // The order counts: what has memory of its own comes last, and what has values inside at the end.
  enum class Tag : unsigned char { null, boolean, integer, large, real, string, array, object };
  union As {
    std::int64_t integer = 0;
    bool boolean;
    std::uint64_t large;
    double real;
    std::string* string;
    Array* array;
    Object* object;
  };

  bool holds_values() const noexcept;
  Value& first_inside() noexcept;
  Value& last_inside() noexcept;
  bool holds_one() const noexcept;
  void drop_last() noexcept;
  void empty_out() noexcept;
  void destroy() noexcept;
  static bool same_plain(const Value& a, const Value& b) noexcept;

  Tag tag_ = Tag::null;
  As as_;
};

template <class Visitor>
decltype(auto) Value::visit(Visitor&& visitor) const {
  switch (tag_) {
    case Tag::boolean:
      return visitor(as_.boolean);
    case Tag::integer:
      return visitor(as_.integer);
    case Tag::large:
      return visitor(as_.large);
    case Tag::real:
      return visitor(as_.real);
    case Tag::string:
      return visitor(std::as_const(*as_.string));
    case Tag::array:
      return visitor(std::as_const(*as_.array));
    case Tag::object:
      return visitor(std::as_const(*as_.object));
    case Tag::null:
      break;
  }
  return visitor(nullptr);
}

}  // namespace simul::json
