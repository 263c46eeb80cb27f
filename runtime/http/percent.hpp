// Percent-encoding in a path, taken off.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace simul::http {

/// `%41` becomes `A`; everything else stays (a plus, too: that is a form's, not a path's). Nothing
/// if a percent sign is not followed by two hexadecimal digits. The result may hold any byte, NUL
/// and "/" included: decode a path after it was cut at its slashes. (RFC 3986 section 2.1)
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace simul::http
