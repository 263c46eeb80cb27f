// What can be wrong with a document, with what is asked of a value, or with what is to be written.
//
// Three people can be at fault, and each has an error of their own: who wrote the document
// (ParseError), who reads it and expected something else in it (AccessError), and who made a value
// that no document can hold (InvalidValue). A limit is nobody's fault: that is base's
// LimitExceeded.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace simul::json {

/// The text is not JSON. The message begins with the place: "line 3, column 14: expected ',' or '}'
/// after a value, found ']'".
class ParseError : public std::runtime_error {
 public:
  ParseError(const std::string& what, std::size_t line, std::size_t column, std::size_t offset)
      : std::runtime_error("line " + std::to_string(line) + ", column " + std::to_string(column) +
                           ": " + what),
        line_(line),
        column_(column),
        offset_(offset) {}

  /// From 1. A line ends with a line feed, as in Python's JSONDecodeError.
  std::size_t line() const noexcept { return line_; }
  /// From 1, in characters and not in bytes, so that an editor finds the place.
  std::size_t column() const noexcept { return column_; }
  /// From 0, in bytes; the length of the document where it ends too early.
  std::size_t offset() const noexcept { return offset_; }

 private:
  std::size_t line_;
  std::size_t column_;
  std::size_t offset_;
};

/// The document is JSON, but not what the reader expected: another kind of value, no such key, no
/// such index. The message says what was expected and what is there.
class AccessError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The value has no text in JSON: an infinite number, or a string that is not UTF-8.
class InvalidValue : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

}  // namespace simul::json
