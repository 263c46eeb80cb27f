// From text to a value: RFC 8259, and nothing that it does not allow.
//
// No comments, no trailing comma, no leading zero, no NaN, no single quotes, no byte order mark;
// strings are UTF-8. A document that other programs repair differently is refused instead, with the
// line and the column. Where a key is repeated the last value wins, as in Python's json.
//
// It does not call itself for a value inside a value: what is open is kept in a list. So the depth
// costs heap and not stack, and a fiber may parse whatever a server sends.
//
// It wants the whole document, because a value is of no use before its end has been seen.
#pragma once

#include <cstddef>
#include <string_view>

#include "runtime/json/value.hpp"

namespace simul::json {

/// How much of a stranger's document is put up with. Passing a limit is a `LimitExceeded` that
/// names it.
struct ParseLimits {
  std::size_t depth = 1'000;         ///< arrays and objects inside each other
  std::size_t document = 256 << 20;  ///< bytes of text; `[{},{},...` takes thirty times its length
};

/// The value that `text` says. Throws `ParseError` with the place if it is not JSON, and
/// `LimitExceeded`. Any thread; `text` is not needed afterwards. Python: json.loads.
Value parse(std::string_view text, const ParseLimits& limits = {});

}  // namespace simul::json
