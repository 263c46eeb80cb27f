#include "runtime/redis/reply.hpp"

#include <algorithm>

#include "runtime/http/uri.hpp"
#include "runtime/redis/error.hpp"

namespace simul::redis {

bool Reply::is_ok() const noexcept {
  return kind_ == Kind::status && std::get<std::string>(content_) == "OK";
}

std::int64_t Reply::as_integer() const {
  if (kind_ != Kind::integer) throw_instead_of("an integer");
  return std::get<std::int64_t>(content_);
}

const std::string& Reply::as_text() const& {
  if (kind_ != Kind::text && kind_ != Kind::status) throw_instead_of("a text");
  return std::get<std::string>(content_);
}
std::string Reply::as_text() && {
  if (kind_ != Kind::text && kind_ != Kind::status) throw_instead_of("a text");
  return std::get<std::string>(std::move(content_));
}

const Reply::Array& Reply::as_array() const& {
  if (kind_ != Kind::array) throw_instead_of("an array");
  return std::get<Array>(content_);
}
Reply::Array Reply::as_array() && {
  if (kind_ != Kind::array) throw_instead_of("an array");
  return std::get<Array>(std::move(content_));
}

const std::string& Reply::as_error() const {
  if (kind_ != Kind::error) throw_instead_of("an error");
  return std::get<std::string>(content_);
}

bool Reply::as_bool() const {
  if (is_ok()) return true;
  if (kind_ != Kind::integer) throw_instead_of("an integer or OK");
  return std::get<std::int64_t>(content_) != 0;
}

std::optional<std::string> Reply::text_or_nil() const& {
  if (is_nil()) return std::nullopt;
  return as_text();
}
std::optional<std::string> Reply::text_or_nil() && {
  if (is_nil()) return std::nullopt;
  return std::move(*this).as_text();
}

std::vector<std::string> Reply::texts() const {
  const Array& items = as_array();
  std::vector<std::string> texts;
  texts.reserve(items.size());
  for (const Reply& item : items) texts.push_back(item.as_text());
  return texts;
}

std::vector<std::pair<std::string, std::string>> Reply::pairs() const {
  const Array& items = as_array();
  if (items.size() % 2 != 0) throw_instead_of("an array of names and values");
  std::vector<std::pair<std::string, std::string>> pairs;
  pairs.reserve(items.size() / 2);
  for (std::size_t i = 0; i < items.size(); i += 2) {
    pairs.emplace_back(items[i].as_text(), items[i + 1].as_text());
  }
  return pairs;
}

std::size_t Reply::size() const {
  return is_nil() ? 0 : as_array().size();
}

const Reply& Reply::operator[](std::size_t index) const {
  const Array& items = as_array();
  if (index >= items.size()) {
    throw_instead_of("an array with an item " + std::to_string(index));
  }
  return items[index];
}

std::string Reply::describe() const {
  switch (kind_) {
    case Kind::nil:
      return "nil";
    case Kind::status:
      return "the status " + http::quote(std::get<std::string>(content_));
    case Kind::integer:
      return "the integer " + std::to_string(std::get<std::int64_t>(content_));
    case Kind::text:
      return "the text " + http::quote(std::get<std::string>(content_));
    case Kind::error:
      return "the error " + http::quote(std::get<std::string>(content_));
    case Kind::array:
      break;
  }
  return "an array of " + std::to_string(std::get<Array>(content_).size());
}

void Reply::throw_instead_of(std::string_view expected) const {
  throw UnexpectedReply("expected " + std::string(expected) + ", got " + describe());
}

// Arrays that stand in this one are put beside each other first, so that each is destroyed with
// nothing in it that goes deeper.
void Reply::destroy_items() noexcept {
  const auto is_deep = [](const Reply& item) { return item.is_array(); };
  auto& items = std::get<Array>(content_);
  if (std::none_of(items.begin(), items.end(), is_deep)) return;
  std::vector<Array> flat;
  flat.push_back(std::move(items));
  while (!flat.empty()) {
    Array last = std::move(flat.back());
    flat.pop_back();
    for (Reply& item : last) {
      if (item.is_array()) flat.push_back(std::move(std::get<Array>(item.content_)));
    }
  }
}

}  // namespace simul::redis
