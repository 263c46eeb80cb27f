// What is in a file, told by the end of its name.
#pragma once

#include <string_view>

namespace simul::web {

/// The value of Content-Type for a file of that name; "application/octet-stream" if the ending is
/// not known. Texts are taken to be UTF-8. Upper and lower case are the same.
std::string_view media_type(std::string_view name) noexcept;

}  // namespace simul::web
