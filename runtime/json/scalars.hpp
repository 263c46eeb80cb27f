// Numbers and strings as a document spells them: RFC 8259 sections 6 and 7.
//
// Both readers begin at `at` and leave it behind what they read. If that is no number or no string,
// they return what is wrong and leave `at` where it is wrong; the parser knows which line that is.
// Neither reads from `end` on, and neither trusts the text: it may end anywhere.
//
// What is refused although others let it pass: half of a surrogate pair (`"\ud83d"` alone), because
// it is no character and no UTF-8 could be written for it; and a number beyond the range of a
// double
// (`1e400`), because infinity could not be written again. A number too small for a double is 0.
#pragma once

#include <string>

#include "runtime/json/value.hpp"

namespace simul::json {

/// Reads a number; it stands in `number` if null is returned. A whole number that fits 64 bits is
/// exact (and -0 is 0, as in Python), any other is the double next to it.
const char* read_number(const char*& at, const char* end, Value& number);

/// Reads a string into `text`, its escapes resolved; `at` stands on the opening quotation mark.
const char* read_string(const char*& at, const char* end, std::string& text);

}  // namespace simul::json
