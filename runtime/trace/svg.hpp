// A timeline as a picture: an SVG file that stands alone.
//
// One row for each actor, time from left to right. What somebody does has a shape and not only a
// colour: who runs fills the row, who blocks fills it with stripes, who is ready fills half of it,
// and who waits is a thin line. So the picture can be read in black and white, and a row of thin
// lines with one full bar under another says at a glance who holds up whom.
//
// It has no scripts, no links and no fonts of its own; it is as wide as a page on GitHub, light or
// dark as the reader's system is, brings its own background for pages that are otherwise, says in
// words what is seen (title and desc), and shows what a mark stands for when one points at it.
//
// The invariant: well-formed XML in which every mark lies inside the view box, whatever the names,
// labels and times are, and at most `bytes` long. When there is more to show than fits, first the
// marks of a row share one explanation, then neighbouring marks merge, and in the end there are
// fewer rows; who is not shown is counted.
#pragma once

#include <cstddef>
#include <string>

#include "runtime/trace/timeline.hpp"

namespace simul::trace {

/// How large the picture may become.
struct SvgLimits {
  std::size_t rows = 40;        ///< At least 1.
  std::size_t bytes = 150'000;  ///< At least 8,000: what stands around the rows.
};

/// The picture, as UTF-8. The same timeline gives the same bytes.
std::string svg(const Timeline& timeline, const SvgLimits& limits = {});

}  // namespace simul::trace
