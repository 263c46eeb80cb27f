#include "runtime/http/field_parser.hpp"

#include <string>

#include "runtime/http/error.hpp"
#include "runtime/http/uri.hpp"

namespace simul::http {
namespace {

// `length` token characters are not followed by a colon.
[[noreturn]] void refuse_name(std::string_view line, std::size_t length) {
  if (line.find(':') == line.npos) {
    throw ProtocolError("header line " + quote(line) + " has no colon");
  }
  const std::string name = quote(line.substr(0, line.find(':')));
  const bool space = length < line.size() && (line[length] == ' ' || line[length] == '\t');
  throw ProtocolError(space ? "whitespace in header name " + name
                            : "header name " + name + " is no token");
}

}  // namespace

std::string_view without_carriage_return(std::string_view line, const char* what) {
  if (!line.ends_with('\r')) {
    throw ProtocolError(std::string(what) + " ends with a bare line feed");
  }
  line.remove_suffix(1);
  return line;
}

bool FieldParser::parse(std::string_view& input, Headers& headers) {
  for (std::string_view line;;) {
    // One byte is left for the line feed.
    const std::size_t room = max_bytes_ - bytes_;
    const auto result =
        room == 0 ? LineReader::Result::too_long : lines_.next(input, room - 1, line);
    if (result == LineReader::Result::incomplete) return false;
    if (result == LineReader::Result::too_long) {
      throw TooLarge("the header fields are longer than " + std::to_string(max_bytes_) + " bytes",
                     431);
    }
    bytes_ += line.size() + 1;
    line = without_carriage_return(line, "a header line");
    if (line.empty()) return true;
    if (++fields_ > max_fields_) {
      throw TooLarge("there are more than " + std::to_string(max_fields_) + " header fields", 431);
    }
    parse_line(line, headers);
  }
}

void FieldParser::parse_line(std::string_view line, Headers& headers) {
  if (line[0] == ' ' || line[0] == '\t') {
    throw ProtocolError("a header line begins with whitespace (obs-fold)");
  }
  const std::size_t colon = token_length(line);
  if (colon == 0 || colon == line.size() || line[colon] != ':') refuse_name(line, colon);
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim_whitespace(line.substr(colon + 1));
  if (!is_field_value(value)) {
    throw ProtocolError("header " + quote(name) + " has a control byte in " + quote(value));
  }
  headers.add_validated(name, value);
}

void FieldParser::reset(bool keep_count) noexcept {
  lines_.reset();
  if (keep_count) return;
  bytes_ = 0;
  fields_ = 0;
}

}  // namespace simul::http
