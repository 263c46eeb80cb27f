#include "runtime/http/field_parser.hpp"

#include <string>

#include "runtime/http/error.hpp"
#include "runtime/http/uri.hpp"

namespace simul::http {

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
  const auto colon = line.find(':');
  if (colon == line.npos) throw ProtocolError("header line " + quote(line) + " has no colon");
  const std::string_view name = line.substr(0, colon);
  if (!is_token(name)) {
    const bool space = name.ends_with(' ') || name.ends_with('\t');
    throw ProtocolError(space ? "whitespace before the colon of header " + quote(name)
                              : "header name " + quote(name) + " is no token");
  }
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
