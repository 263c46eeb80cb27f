// From a value to text.
//
//     json::write(value)                   {"id":7,"tags":["a","b"]}
//     json::write(value, {.indent = 2})    a line for each member, as json.dumps(..., indent=2)
//
// What comes out is JSON, whoever made the value: an infinite number or a string that is not UTF-8
// is an error. Reading it again gives an equal value.
//
// The compact form is canonical: one value has one text. Keys stay in their order; a number is the
// shortest that reads back the same, and one that was written as a fraction still looks like one
// (2.0, not 2); of characters only quotation mark, backslash and control characters are escaped.
#pragma once

#include <string>

#include "runtime/json/value.hpp"

namespace simul::json {

/// How it looks.
struct WriteOptions {
  int indent = 0;  ///< spaces for each level, and a line for each member; 0: all on one line
};

/// The text of `value`. Throws `InvalidValue` if there is none. Python: json.dumps.
std::string write(const Value& value, const WriteOptions& options = {});

/// The same at the end of `out`, which is left as it was if there is none.
void append(std::string& out, const Value& value, const WriteOptions& options = {});

}  // namespace simul::json
