#include "runtime/http/headers.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "runtime/http/error.hpp"
#include "runtime/http/uri.hpp"

namespace simul::http {
namespace {

constexpr std::array<bool, 256> kToken = [] {
  std::array<bool, 256> table{};
  for (char c : std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "!#$%&'*+-.^_`|~")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool is_plain(std::string_view text) {
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) return false;
  }
  return true;
}

void validate(std::string_view name, std::string_view value) {
  if (!is_token(name)) throw InvalidMessage("header name " + quote(name) + " is no token");
  if (!is_field_value(value)) {
    throw InvalidMessage("header " + std::string(name) + ": control byte in " + quote(value));
  }
}

}  // namespace

bool detail::equal_letters(std::string_view a, std::string_view b) noexcept {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::size_t token_length(std::string_view text) noexcept {
  std::size_t length = 0;
  while (length < text.size() && kToken[static_cast<unsigned char>(text[length])]) ++length;
  return length;
}

bool is_field_value(std::string_view text) noexcept {
  if (text.size() < 8) return is_plain(text);
  // Eight bytes at a time, the last eight possibly for the second time. Subtracting sets the top
  // bit of a byte that is below 0x20 or is 0x7f (and now and then of its neighbour, by the borrow);
  // a word with such a bit, be it only for a tab, is looked at byte by byte.
  constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
  const std::size_t last = text.size() - 8;
  for (std::size_t at = 0;; at = std::min(at + 8, last)) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    const std::uint64_t del = word ^ (kOnes * 0x7f);
    const std::uint64_t hits = ((word - kOnes * 0x20) & ~word) | ((del - kOnes) & ~del);
    if ((hits & (kOnes * 0x80)) != 0 && !is_plain(text.substr(at, 8))) return false;
    if (at == last) return true;
  }
}

Headers::Headers(std::initializer_list<Field> fields) {
  for (const Field& field : fields) add(field.name, field.value);
}

void Headers::add(std::string_view name, std::string_view value) {
  value = trim_whitespace(value);
  validate(name, value);
  add_validated(name, value);
}

void Headers::add_validated(std::string_view name, std::string_view value) {
  if (fields_.capacity() == 0) fields_.reserve(16);  // as many as most messages have
  fields_.push_back(append_text(name, value));
}

Headers::Place Headers::append_text(std::string_view name, std::string_view value) {
  const std::size_t start = text_.size();
  const std::size_t end = start + name.size() + value.size();
  if (end > std::numeric_limits<std::uint32_t>::max()) {
    throw InvalidMessage("the header fields are longer than 4 GiB");
  }
  if (end > text_.capacity()) {
    // The old text lives until the new one is whole: name and value may be views of it.
    std::string grown;
    grown.reserve(std::max<std::size_t>(2 * end, 512));
    grown.append(text_).append(name).append(value);
    text_.swap(grown);
  } else {
    text_.append(name).append(value);
  }
  const auto name_length = static_cast<std::uint32_t>(name.size());
  const auto offset = static_cast<std::uint32_t>(start);
  return {offset, name_length, offset + name_length, static_cast<std::uint32_t>(value.size())};
}

void Headers::set(std::string_view name, std::string_view value) {
  value = trim_whitespace(value);
  validate(name, value);
  std::size_t first = 0;
  while (first < size() && !equal_ignoring_case((*this)[first].name, name)) ++first;
  if (first == size()) return add_validated(name, value);

  Place& place = fields_[first];
  if (value.size() <=
      place.value_length) {  // in place, so that setting again and again costs nothing
    std::memmove(text_.data() + place.value, value.data(), value.size());
    place.value_length = static_cast<std::uint32_t>(value.size());
  } else {
    place = append_text(name, value);
  }
  std::size_t kept = first + 1;
  for (std::size_t i = kept; i < size(); ++i) {
    if (!equal_ignoring_case((*this)[i].name, (*this)[first].name)) fields_[kept++] = fields_[i];
  }
  fields_.resize(kept);
}

std::size_t Headers::remove(std::string_view name) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < size(); ++i) {
    if (!equal_ignoring_case((*this)[i].name, name)) fields_[kept++] = fields_[i];
  }
  const std::size_t removed = size() - kept;
  fields_.resize(kept);
  return removed;
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
  // Straight through the table: most lookups find nothing, and a length tells most names apart.
  for (const Place& place : fields_) {
    if (place.name_length != name.size()) continue;
    const char* text = text_.data();
    if (detail::equal_letters({text + place.name, place.name_length}, name)) {
      return std::string_view(text + place.value, place.value_length);
    }
  }
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const noexcept {
  std::size_t count = 0;
  for (const Field field : *this) count += equal_ignoring_case(field.name, name);
  return count;
}

std::vector<std::string_view> Headers::get_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Field field : *this) {
    if (equal_ignoring_case(field.name, name)) values.push_back(field.value);
  }
  return values;
}

bool Headers::has_token(std::string_view name, std::string_view token) const noexcept {
  for (const Field field : *this) {
    if (!equal_ignoring_case(field.name, name)) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const auto comma = std::min(rest.find(','), rest.size());
      if (equal_ignoring_case(trim_whitespace(rest.substr(0, comma)), token)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

void Headers::clear() noexcept {
  text_.clear();
  fields_.clear();
}

}  // namespace simul::http
