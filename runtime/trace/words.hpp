// A timeline in words: what a picture says to those who cannot see it, or point at a part of it.
//
// "Task One: blocks 17 s (sleep), waits 15 s (yield)." The words are made from what the drawing
// shows, its rows and marks, so that both tell the same. All text is printable(); whoever puts it
// into XML still escapes it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "runtime/trace/layout.hpp"
#include "runtime/trace/marks.hpp"
#include "runtime/trace/timeline.hpp"

namespace simul::trace {

/// What somebody does in that state: "runs", "blocks", "is ready", "waits".
const char* verb(State state);

/// "1 row", "12,345 events".
std::string count(std::size_t number, const char* what);

/// What a row is called, cut to `width` columns; with "×5" at the end where five share it.
std::string row_title(const Row& row, std::size_t width);

/// "waits (sleep): 1 s, from 2 s to 3 s"
std::string in_words(const Mark& mark);

/// Who did what for how long in all. Speaks of at most `at_most` rows, and counts the rest.
std::string description(const Rows& rows, const Timeline& timeline, std::size_t at_most);

/// What is not to be seen, a sentence each: rows that found no place, events that were dropped, or
/// that there is nothing at all.
std::vector<std::string> notes(const Rows& rows, const Timeline& timeline);

}  // namespace simul::trace
