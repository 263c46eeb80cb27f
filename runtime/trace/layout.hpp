// What every drawing of a timeline has to decide: which rows, and which ticks.
//
// A drawing has little room: some tens of rows and a few hundred cells or pixels, for what may be
// thousands of actors and millions of spans. The choice is made here once, so that the chart in the
// terminal and the picture on a page show the same people in the same order above the same axis.
//
// The invariant: the spans of a row lie between 0 and extent(), follow each other and do not
// overlap, whatever the timeline says. Nothing is left out in silence: who has no row is counted.
//
// Pure functions: they know neither terminals nor pixels, and keep nothing.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/trace/text.hpp"
#include "runtime/trace/timeline.hpp"

namespace simul::trace {

/// How long the time axis is: the timeline's length, or longer where a span ends later.
std::chrono::nanoseconds extent(const Timeline& timeline);

/// A place on the time axis.
struct Tick {
  std::chrono::nanoseconds at{};
  std::string label{};  ///< A whole number and its unit, the same unit on the whole axis; or "0".
};

/// Round times from 0 to `length`, evenly spaced, the closest that makes at most `at_most` of them
/// (at least 1) after the one at 0. From nanoseconds to days; the first label is just "0".
std::vector<Tick> ticks(std::chrono::nanoseconds length, std::size_t at_most);

/// A line of the drawing: one actor, or all callbacks of one name on one thread.
struct Row {
  std::string name{};      ///< The actor's; "callbacks" for those that were given none.
  std::string kind{};      ///< Of the actor, or of each of them.
  unsigned thread = 1;     ///< The actor's.
  std::size_t actors = 1;  ///< How many share the row.
  /// In order. Where several share the row, the strongest state of any: runs before blocks before
  /// ready before waits.
  std::vector<Span> spans{};
};

/// The lines of a drawing.
struct Rows {
  std::vector<Row> rows{};    ///< By thread, and by age on each.
  std::size_t not_shown = 0;  ///< How many actors found no place.
  std::size_t threads = 0;    ///< On how many threads the rows are.
};

/// The rows of a drawing with room for `at_most` of them. Where there are more, tasks, fibers,
/// generators and threads come before callbacks, those with a name of their own before the others,
/// and then those that were there for longer. An actor without a span has no row and is not
/// counted.
Rows rows_of(const Timeline& timeline, std::size_t at_most);

/// Who ends a wait with that label? Another one of this program, to whom the queue, the lock or the
/// turn belongs; or, if not, the clock, the network, another process or thread.
bool waits_for_another(std::string_view label);

/// What happened in one cell of a row: a character or a pixel. Indices are States.
struct Cell {
  std::array<std::chrono::nanoseconds, 4> spent{};  ///< How long, in each state.
  std::array<std::size_t, 4> times{};  ///< How many spans touch it; also those of no length.

  /// How long the actor was in that state within the cell.
  std::chrono::nanoseconds in(State state) const { return spent[static_cast<std::size_t>(state)]; }
  /// Whether it was, be it for a moment without length, as a run is in virtual time.
  bool has(State state) const { return times[static_cast<std::size_t>(state)] != 0; }
  /// Nobody was there.
  bool empty() const;
  /// The state that took most of the cell; where all took nothing, the first that it has. Of an
  /// empty cell: waits.
  State longest() const;
};

/// The row from 0 to `length` as `count` cells of equal duration. Takes time in proportion to the
/// spans and to the cells that they cover.
std::vector<Cell> cells(const Row& row, std::chrono::nanoseconds length, std::size_t count);

}  // namespace simul::trace
