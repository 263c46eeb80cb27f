// The first text among some arguments: the name that a call goes by in a trace.
//
// A function that many run at the same time is often told who it is: `task("One", work)`. A trace
// takes that for a name where none was given. Nothing else depends on it.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

namespace simul {

/// std::string, std::string_view, or a string literal.
template <class T>
inline constexpr bool kIsText =
    std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view> ||
    std::is_same_v<std::decay_t<T>, const char*> || std::is_same_v<std::decay_t<T>, char*>;

/// The first of `arguments` that is a text; empty if there is none. It points into that argument.
inline std::string_view first_text() noexcept {
  return {};
}
template <class First, class... Others>
std::string_view first_text(const First& first, const Others&... others) noexcept {
  if constexpr (!kIsText<First>) {
    return first_text(others...);
  } else if constexpr (std::is_pointer_v<First>) {
    return first != nullptr ? std::string_view(first) : first_text(others...);
  } else {
    return first;
  }
}

}  // namespace simul
