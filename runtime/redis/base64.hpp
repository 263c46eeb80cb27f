// Base64: any bytes as letters, digits, + and / (RFC 4648 section 4).
//
// RQ writes results that way. With padding, without line breaks; what is not exactly that is
// refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace simul::redis {

/// Three bytes become four characters; "=" fills the last group.
std::string base64_encode(std::string_view bytes);

/// The bytes, or nothing if `text` is no base64.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace simul::redis
