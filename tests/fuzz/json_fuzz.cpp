// Any bytes as a JSON document. What holds for each: either it is refused, at a place inside it, or
// writing it and reading it again gives the same value, compact and indented, and the compact text
// stays as it is. No truncation of an array or object is a document. The first byte chooses the
// limit of depth.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/error.hpp"
#include "runtime/json/json.hpp"

namespace json = simul::json;

namespace {

void must(bool promise) {
  if (!promise) std::abort();
}

bool is_document(std::string_view text, const json::ParseLimits& limits) {
  // In memory of its own, so that a byte read past the end is noticed.
  const auto copy = std::make_unique<char[]>(text.size());
  text.copy(copy.get(), text.size());
  try {
    const json::Value value = json::parse({copy.get(), text.size()}, limits);
    const std::string written = json::write(value);
    const json::Value again = json::parse(written, limits);
    must(again == value);
    must(json::write(again) == written);
    must(json::parse(json::write(value, {.indent = 1}), limits) == value);
    must(json::Value(value) == value);
    return true;
  } catch (const json::ParseError& error) {
    must(error.offset() <= text.size() && error.line() >= 1 && error.column() >= 1);
    must(error.line() + error.column() <= error.offset() + 2);
  } catch (const simul::LimitExceeded&) {
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  json::ParseLimits limits;
  limits.depth = data[0] % 2 == 0 ? 1000 : data[0] / 8;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (!is_document(text, limits)) return 0;
  text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  if (text.back() != ']' && text.back() != '}') return 0;
  must(!is_document(text.substr(0, text.size() - 1), limits));
  must(!is_document(text.substr(0, text.size() / 2), limits));
  return 0;
}
