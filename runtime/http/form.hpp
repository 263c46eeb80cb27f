// Names and values as a browser's form sends them: application/x-www-form-urlencoded.
//
//     {{"q", "fish & chips"}, {"page", "2"}}   -->   q=fish+%26+chips&page=2
//
// It is the form of a URL's query and of the body of a POST. Letters, digits and "*-._" stand for
// themselves, a space becomes "+", and every other byte %XX; text is taken to be UTF-8 already.
// (WHATWG URL standard, section 5; Python's urllib.parse.urlencode.)
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace simul::http {

/// The fields, in order; a name may come several times.
using FormFields = std::vector<std::pair<std::string, std::string>>;

/// The media type of what `encode_form` returns.
inline constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

/// "name=value&name=value". Any bytes may be encoded.
std::string encode_form(const FormFields& fields);

}  // namespace simul::http
