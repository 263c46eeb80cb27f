// Rows and ticks; see layout.hpp.
#include "runtime/trace/layout.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace simul::trace {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

constexpr std::size_t index(State state) {
  return static_cast<std::size_t>(state);
}

// Was it given no name of its own? Then it is called `<kind> <number>`, or with a hyphen.
bool unnamed(const Actor& actor) {
  const std::string& name = actor.name;
  const std::string& start = actor.kind;
  return name.size() > start.size() + 1 && name.starts_with(start) &&
         (name[start.size()] == ' ' || name[start.size()] == '-') &&
         std::all_of(name.begin() + static_cast<std::ptrdiff_t>(start.size() + 1), name.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

// Spans of several actors in one row: where they overlap, the strongest state stays. One sweep over
// all beginnings and ends, which keeps count of who is in which state just now.
std::vector<Span> overlaid(const std::vector<Span>& spans) {
  using Kind = std::pair<State, std::string>;  // sorted: the strongest first
  struct Moment {
    std::vector<const Span*> begin, end, instants;
  };
  std::map<nanoseconds, Moment> moments;
  for (const Span& span : spans) {
    if (span.from == span.to) {
      moments[span.from].instants.push_back(&span);
    } else {
      moments[span.from].begin.push_back(&span);
      moments[span.to].end.push_back(&span);
    }
  }
  std::vector<Span> out;
  std::map<Kind, std::size_t> there;
  const auto add = [&out](const Kind& kind, nanoseconds from, nanoseconds to) {
    if (!out.empty() && from != to && out.back().to == from && out.back().from != out.back().to &&
        out.back().state == kind.first && out.back().label == kind.second) {
      out.back().to = to;
    } else {
      out.push_back({kind.first, from, to, kind.second});
    }
  };
  for (auto moment = moments.begin(); moment != moments.end(); ++moment) {
    for (const Span* span : moment->second.end) {
      const auto kind = there.find({span->state, span->label});
      if (--kind->second == 0) there.erase(kind);
    }
    const auto strongest =
        std::min_element(moment->second.instants.begin(), moment->second.instants.end(),
                         [](const Span* a, const Span* b) { return a->state < b->state; });
    if (strongest != moment->second.instants.end()) {
      add({(*strongest)->state, (*strongest)->label}, moment->first, moment->first);
    }
    for (const Span* span : moment->second.begin) ++there[{span->state, span->label}];
    if (const auto next = std::next(moment); next != moments.end() && !there.empty()) {
      add(there.begin()->first, moment->first, next->first);
    }
  }
  return out;
}

// Keeps the invariant, whatever was recorded.
void tidy(std::vector<Span>& spans) {
  for (Span& span : spans) {
    span.from = std::max(span.from, 0ns);
    span.to = std::max(span.to, span.from);
  }
  const auto disorder = std::adjacent_find(
      spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.to > b.from; });
  if (disorder != spans.end()) spans = overlaid(spans);
}

// How much a row is wanted where there is no room for all: the smaller, the more.
struct Rank {
  int kind;  // 0: with a name, 1: without, 2: callbacks
  nanoseconds there;
  std::size_t age;

  bool operator<(const Rank& other) const {
    return std::tuple(kind, -there, age) < std::tuple(other.kind, -other.there, other.age);
  }
};

}  // namespace

nanoseconds extent(const Timeline& timeline) {
  nanoseconds end = std::max(timeline.length, 0ns);
  for (const Actor& actor : timeline.actors) {
    for (const Span& span : actor.spans) end = std::max({end, span.from, span.to});
  }
  return end;
}

std::vector<Tick> ticks(nanoseconds length, std::size_t at_most) {
  struct Unit {
    std::int64_t ns;
    const char* name;
    std::vector<std::int64_t> steps;  // those that divide the next larger unit, or look as if
  };
  const std::vector<std::int64_t> decimal{1, 2, 5, 10, 20, 50, 100, 200, 500};
  const std::vector<std::int64_t> sixties{1, 2, 5, 10, 15, 30};
  const Unit units[] = {
      {1, "ns", decimal},
      {1'000, "µs", decimal},
      {1'000'000, "ms", decimal},
      {1'000'000'000, "s", sixties},
      {60'000'000'000, "min", sixties},
      {3'600'000'000'000, "h", {1, 2, 3, 6, 12}},
      {86'400'000'000'000,
       "d",
       {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10'000, 20'000, 50'000, 100'000}}};
  const auto most = static_cast<std::int64_t>(std::clamp<std::size_t>(at_most, 1, 1'000'000));
  std::vector<Tick> out{{0ns, "0"}};
  for (const Unit& unit : units) {
    for (const std::int64_t step : unit.steps) {
      const std::int64_t every = step * unit.ns;
      if (length.count() / every > most) continue;
      for (std::int64_t n = 1; n <= length.count() / every; ++n) {
        out.push_back({nanoseconds(n * every), std::to_string(n * step) + " " + unit.name});
      }
      return out;
    }
  }
  return out;
}

Rows rows_of(const Timeline& timeline, std::size_t at_most) {
  std::vector<Row> all;
  std::vector<Rank> ranks;
  std::map<std::pair<unsigned, std::string>, std::size_t> shared;  // callbacks: their row
  for (const Actor& actor : timeline.actors) {
    if (actor.spans.empty()) continue;
    const bool callback = actor.kind == "callback";
    const bool own_name = !unnamed(actor);
    if (callback) {
      const auto [place, fresh] =
          shared.try_emplace({actor.thread, own_name ? actor.name : std::string()}, all.size());
      if (!fresh) {
        Row& row = all[place->second];
        ++row.actors;
        if (!own_name) row.name = "callbacks";
        row.spans.insert(row.spans.end(), actor.spans.begin(), actor.spans.end());
        continue;
      }
    }
    ranks.push_back({callback ? 2 : own_name ? 0 : 1, 0ns, all.size()});
    all.push_back({actor.name, actor.kind, actor.thread, 1, actor.spans});
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    tidy(all[i].spans);
    for (const Span& span : all[i].spans) ranks[i].there += span.to - span.from;
  }

  std::sort(ranks.begin(), ranks.end());
  Rows out;
  for (std::size_t i = at_most; i < ranks.size(); ++i) out.not_shown += all[ranks[i].age].actors;
  ranks.resize(std::min(ranks.size(), at_most));
  std::sort(ranks.begin(), ranks.end(), [&all](const Rank& a, const Rank& b) {
    return std::pair(all[a.age].thread, a.age) < std::pair(all[b.age].thread, b.age);
  });
  std::set<unsigned> threads;
  for (const Rank& rank : ranks) {
    threads.insert(all[rank.age].thread);
    out.rows.push_back(std::move(all[rank.age]));
  }
  out.threads = threads.size();
  return out;
}

bool waits_for_another(std::string_view label) {
  // The labels of waits in reactor/, fiber/, net/, thread/ and in streams. Some go on: "sleep
  // (patched)", "readable or writable".
  constexpr std::string_view kOutside[] = {
      "sleep",   "timer",    "callback", "readable", "writable",  "poll",    "connect",
      "name",    "signal",   "a thread", "thread",   "a process", "process", "program",
      "read a ", "write to", "drain",    "mail",     "start",     "alone"};
  return std::none_of(std::begin(kOutside), std::end(kOutside),
                      [label](std::string_view start) { return label.starts_with(start); });
}

bool Cell::empty() const {
  return std::all_of(times.begin(), times.end(), [](std::size_t n) { return n == 0; });
}

State Cell::longest() const {
  std::size_t best = index(State::waits);
  for (std::size_t i = times.size(); i-- > 0;) {
    if (times[i] != 0 && (times[best] == 0 || spent[i] >= spent[best])) best = i;
  }
  return static_cast<State>(best);
}

std::vector<Cell> cells(const Row& row, nanoseconds length, std::size_t count) {
  std::vector<Cell> out(count);
  if (count == 0) return out;
  const double width =
      static_cast<double>(std::max(length, 1ns).count()) / static_cast<double>(count);
  const auto edge = [width](std::size_t cell) {
    return nanoseconds(std::llround(width * static_cast<double>(cell)));
  };
  const auto cell_of = [&](nanoseconds time) {
    const auto guess = static_cast<std::size_t>(static_cast<double>(time.count()) / width);
    std::size_t cell = std::min(guess, count - 1);
    if (cell + 1 < count && edge(cell + 1) <= time) ++cell;  // rounding, either way
    if (cell > 0 && edge(cell) > time) --cell;
    return cell;
  };
  for (const Span& span : row.spans) {
    std::size_t cell = cell_of(span.from);
    do {
      const nanoseconds from = std::max(span.from, edge(cell));
      const nanoseconds to = cell + 1 == count ? span.to : std::min(span.to, edge(cell + 1));
      out[cell].spent[index(span.state)] += std::max(to - from, 0ns);
      ++out[cell].times[index(span.state)];
      ++cell;
    } while (cell < count && edge(cell) < span.to);
  }
  return out;
}

}  // namespace simul::trace
