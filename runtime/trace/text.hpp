// What may be written into a drawing: times for people, and names that can do no harm.
//
// A task may be called anything: a name from a web page, half a character, a sequence that clears
// the terminal. The invariant: what printable() and fitted() return is valid UTF-8 of characters
// that only show themselves. It says nothing about marks that have a meaning in the drawing's own
// language, such as `<` in SVG: who writes that language escapes them.
//
// What a character is wide is guessed from its number alone, as terminals do; a few are guessed
// wrong, and then a name is cut a little early or late.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace simul::trace {

/// A length of time for people, to a thousandth of its smallest unit: "5 ns", "1.25 ms",
/// "2 min 5 s", "12 h". A negative one is 0, which is "0 s".
std::string time_label(std::chrono::nanoseconds time);

/// A name that may be drawn: every control character, line end, mark that turns the direction of
/// writing, and byte that is no UTF-8 becomes U+FFFD.
std::string printable(std::string_view text);

/// How many columns of a terminal or of a fixed-width font it takes: two for the wide characters of
/// East Asia and for emoji, none for combining marks, else one. `text` must be printable().
std::size_t columns(std::string_view text);

/// printable(), cut to at most `width` columns (at least 1); what is cut ends in "…".
std::string fitted(std::string_view text, std::size_t width);

}  // namespace simul::trace
