// A timeline in the Chrome trace event format, for https://ui.perfetto.dev and chrome://tracing.
//
//     {"traceEvents":[
//     {"name":"process_name","ph":"M","pid":1,"args":{"name":"lesson"}},
//     {"name":"thread_name","ph":"M","pid":1,"tid":3,"args":{"name":"task One"}},
//     {"name":"runs","cat":"runs","ph":"B","pid":1,"tid":3,"ts":0,"args":{...}},
//     {"ph":"E","pid":1,"tid":3,"ts":12.5}, ...
//
// What the viewer calls a process is one thread of ours, and what it calls a thread is one actor:
// it draws a track for each, under the thread that it belongs to. Every span is a beginning (B) and
// an end (E) with a time in microseconds, and the next one begins at the very same number. (With
// the shorter X, which has a beginning and a duration, rounding may let the end come after the next
// beginning; then Perfetto nests or drops it.) Nothing is merged or left out.
//
// Times are given in microseconds with nanoseconds behind the point. `displayTimeUnit` is not
// written: it is about showing, but there were readers that took it for the unit of the times.
#pragma once

#include <string>

#include "runtime/trace/timeline.hpp"

namespace simul::trace {

/// The JSON text, an event a line. How many events the recorder dropped stands in `otherData` and,
/// if there are any, in the title. The format: "Trace Event Format", Google, 2016.
std::string chrome(const Timeline& timeline);

}  // namespace simul::trace
