// The header fields of a message: an ordered list of names and values.
//
//   text_    Host a.example Accept */* Accept text/html      one string for all of it
//   fields_  [0,4,9) [13,6,3) [22,6,9)                       where each name and value lies
//
// Names compare without regard to case, a name may occur several times, and the order is kept. All
// text lies in one string, so a message with thirty fields costs two allocations, or none when the
// object is used again after `clear`. The invariant: every name is a token and no value holds a
// control byte, whoever added it, so writing a field can never start a new line.
//
// How many fields there may be is the parser's business, not this file's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace simul::http {

namespace detail {
bool equal_letters(std::string_view a, std::string_view b) noexcept;  // of equal length
}

/// Are the two equal, with A-Z and a-z the same? (RFC 9110 section 5.1; bytes, no locale)
inline bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && detail::equal_letters(a, b);  // most differ in length already
}

/// How many bytes at the beginning are RFC 9110's token characters (section 5.6.2)?
std::size_t token_length(std::string_view text) noexcept;

/// Is it a token: one or more of these characters and nothing else?
inline bool is_token(std::string_view text) noexcept {
  return !text.empty() && token_length(text) == text.size();
}

/// Is it free of control bytes other than the tab, as RFC 9110 section 5.5 asks of a field value?
bool is_field_value(std::string_view text) noexcept;

/// Without spaces and tabs at both ends (RFC 9110 section 5.6.3: OWS).
inline std::string_view trim_whitespace(std::string_view text) noexcept {
  auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// The fields, in the order in which they were added. Views that it hands out are good until the
/// next change.
class Headers {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
  };
  class Iterator;

  Headers() = default;
  /// Adds each pair in turn, as `add` does.
  Headers(std::initializer_list<Field> fields);

  /// Appends a field; others of that name stay. Whitespace round the value is dropped. Throws
  /// `InvalidMessage` if the name is no token or the value holds a control byte.
  void add(std::string_view name, std::string_view value);

  /// Replaces all fields of that name by this one, at the place of the first; appends if there is
  /// none. Throws as `add`, and then changes nothing.
  void set(std::string_view name, std::string_view value);

  /// Removes all fields of that name; returns how many there were.
  std::size_t remove(std::string_view name);

  /// The value of the first field of that name.
  std::optional<std::string_view> get(std::string_view name) const noexcept;

  /// The values of all fields of that name, in order.
  std::vector<std::string_view> get_all(std::string_view name) const;

  /// How many fields have that name.
  std::size_t count(std::string_view name) const noexcept;

  bool contains(std::string_view name) const noexcept { return get(name).has_value(); }

  /// Is `token` one of the comma-separated members of that name's fields (RFC 9110 section 5.6.1)?
  /// Meant for lists of tokens such as Connection; case does not matter.
  bool has_token(std::string_view name, std::string_view token) const noexcept;

  std::size_t size() const noexcept { return fields_.size(); }
  bool empty() const noexcept { return fields_.empty(); }
  Field operator[](std::size_t index) const noexcept;
  Iterator begin() const noexcept;
  Iterator end() const noexcept;

  /// Forgets the fields and keeps the memory.
  void clear() noexcept;

 private:
  friend class FieldParser;
  struct Place {  // 32 bits are enough: `add` refuses more than 4 GiB of text
    std::uint32_t name;
    std::uint32_t name_length;
    std::uint32_t value;
    std::uint32_t value_length;
  };

  /// Appends what the caller has validated and trimmed.
  void add_validated(std::string_view name, std::string_view value);
  Place append_text(std::string_view name, std::string_view value);

  std::string text_;
  std::vector<Place> fields_;
};

/// Walks over the fields: `for (auto [name, value] : headers)`.
class Headers::Iterator {
 public:
  Iterator(const Headers& headers, std::size_t index) noexcept
      : headers_(&headers), index_(index) {}
  Field operator*() const noexcept { return (*headers_)[index_]; }
  Iterator& operator++() noexcept { return ++index_, *this; }
  bool operator==(const Iterator& other) const noexcept { return index_ == other.index_; }

 private:
  const Headers* headers_;
  std::size_t index_;
};

inline Headers::Field Headers::operator[](std::size_t index) const noexcept {
  const Place& place = fields_[index];
  return {{text_.data() + place.name, place.name_length},
          {text_.data() + place.value, place.value_length}};
}
inline Headers::Iterator Headers::begin() const noexcept {
  return {*this, 0};
}
inline Headers::Iterator Headers::end() const noexcept {
  return {*this, size()};
}

}  // namespace simul::http
