// A timeline as a Gantt chart of characters, for a terminal.
//
//     Timeline of 04-greenlets: 17 s, 1 thread, 2 fibers
//                  │0        │5 s      │10 s
//     main program ┃─ join_all ──────────────────
//     One          ┃─┃─┃─┃─┃─┃─┃─┃─┃─┃─┃─┃─┃─┃─┃─
//     ...
//       █ runs (┃ for less than a cell)   ─ waits: join_all, sleep
//
// One row for each actor, one cell for each stretch of time. A cell shows the state that took most
// of it; but whoever has had the thread, be it for a microsecond in an hour, is seen to: where no
// cell is his, a thin bar stands in the one in which he ran. A long wait or block says in the row
// for what.
//
// The invariant: no line is wider than the options say (but at least 40 columns), and without
// colours the chart says the same as with them. Which rows and which ticks: see layout.hpp.
#pragma once

#include <cstddef>
#include <string>

#include "runtime/trace/timeline.hpp"

namespace simul::trace {

/// How a chart is drawn.
struct ChartOptions {
  std::size_t width = 80;  ///< Columns.
  bool colour = false;     ///< With escape sequences for the colours of a terminal.
  bool utf8 = true;        ///< Else plain ASCII, names included.
  std::size_t rows = 40;   ///< At most so many actors; how many more there are is said.
};

/// The chart, several lines; each ends with a line end.
std::string chart(const Timeline& timeline, const ChartOptions& options = {});

/// What suits whoever reads `descriptor`. The width is that of the terminal, else what COLUMNS
/// says, else 80. Colours only on a terminal that is not "dumb", and not if NO_COLOR is set and not
/// empty (no-color.org). UTF-8 if LC_ALL, LC_CTYPE or LANG, the first that is set, says so.
ChartOptions chart_options_for(int descriptor);

}  // namespace simul::trace
