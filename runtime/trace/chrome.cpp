// The Chrome trace event format; see chrome.hpp.
#include "runtime/trace/chrome.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>

#include "runtime/json/json.hpp"
#include "runtime/trace/text.hpp"

namespace simul::trace {
namespace {

using json::Object;

class Writer {
 public:
  void event(Object object) {
    if (!first_) out_ += ",\n";
    first_ = false;
    json::append(out_, std::move(object));
  }

  void process(unsigned pid, std::string name) {
    event({{"name", "process_name"},
           {"ph", "M"},
           {"pid", pid},
           {"args", Object{{"name", std::move(name)}}}});
    event({{"name", "process_sort_index"},
           {"ph", "M"},
           {"pid", pid},
           {"args", Object{{"sort_index", pid}}}});
  }

  void track(unsigned pid, std::uint64_t tid, std::string name) {
    event({{"name", "thread_name"},
           {"ph", "M"},
           {"pid", pid},
           {"tid", tid},
           {"args", Object{{"name", std::move(name)}}}});
    event({{"name", "thread_sort_index"},
           {"ph", "M"},
           {"pid", pid},
           {"tid", tid},
           {"args", Object{{"sort_index", tid}}}});
  }

  std::string finish(const Timeline& timeline) {
    out_ += "\n],\"otherData\":";
    json::append(
        out_, Object{{"title", printable(timeline.title)}, {"dropped_events", timeline.dropped}});
    out_ += "}\n";
    return std::move(out_);
  }

 private:
  std::string out_ = "{\"traceEvents\":[\n";
  bool first_ = true;
};

const char* word(State state) {
  switch (state) {
    case State::runs:
      return "runs";
    case State::blocks:
      return "blocks";
    case State::ready:
      return "ready";
    case State::waits:
      break;
  }
  return "waits";
}

// A whole number where it is one: shorter, and exact however large.
json::Value microseconds(std::chrono::nanoseconds time) {
  const std::int64_t ns = time.count();
  if (ns % 1000 == 0) return ns / 1000;
  return static_cast<double>(ns) / 1000;
}

}  // namespace

std::string chrome(const Timeline& timeline) {
  Writer out;
  std::string title = timeline.title.empty() ? "simul" : printable(timeline.title);
  if (timeline.dropped != 0) title += " (" + std::to_string(timeline.dropped) + " events dropped)";

  // A track's number must not be a process's: that would be the process's main thread.
  std::set<unsigned> threads;
  for (const Actor& actor : timeline.actors) threads.insert(actor.thread);
  const std::uint64_t before = threads.empty() ? 1 : *threads.rbegin();
  for (const unsigned thread : threads) {
    out.process(thread, threads.size() == 1 ? title : title + ", thread " + std::to_string(thread));
  }
  for (std::size_t i = 0; i < timeline.actors.size(); ++i) {
    const Actor& actor = timeline.actors[i];
    const std::uint64_t tid = before + 1 + i;
    out.track(actor.thread, tid, printable(actor.name));
    std::chrono::nanoseconds now{};  // spans follow each other, whoever wrote the timeline
    for (const Span& span : actor.spans) {
      const std::string label = printable(span.label);
      const std::chrono::nanoseconds from = std::max(now, span.from);
      now = std::max(from, span.to);
      Object args{{"actor", actor.id}, {"kind", printable(actor.kind)}};
      if (!label.empty()) args.set("for", label);
      const std::string state = word(span.state);
      out.event({{"name", label.empty() ? state : state + ": " + label},
                 {"cat", state},
                 {"ph", "B"},
                 {"pid", actor.thread},
                 {"tid", tid},
                 {"ts", microseconds(from)},
                 {"args", std::move(args)}});
      out.event({{"ph", "E"}, {"pid", actor.thread}, {"tid", tid}, {"ts", microseconds(now)}});
    }
  }
  return out.finish(timeline);
}

}  // namespace simul::trace
