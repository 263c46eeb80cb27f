// From what was written down to a timeline: who was in which state, from when to when.
//
// The moments are gone through once more, and for each thread it is kept who runs inside whom:
//
//     main program > task 'fetch' > generator 'lines'          the innermost one last
//
// All of them run; if the thread stands still, all of them block. If one waits, so do those that
// run inside it, and they go on when it does. One invariant: spans of an actor follow each other
// and never overlap, whatever was written down; what cannot be, because the recording began or
// ended in the middle, is passed over.
#pragma once

#include "runtime/trace/events.hpp"
#include "runtime/trace/timeline.hpp"

namespace simul::trace {

/// The timeline of these moments. A wait or a place in the ready queue that took no time is left
/// out; a run that took none, as all do in virtual time, is a span of length zero.
Timeline replay(const Events& written);

}  // namespace simul::trace
