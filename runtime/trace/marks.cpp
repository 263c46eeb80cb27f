// From spans to marks; see marks.hpp.
#include "runtime/trace/marks.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace simul::trace {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

bool in_front(State state) {
  return state == State::runs || state == State::blocks;
}

// What the short spans of one grain add up to, in one layer.
struct Gathered {
  std::int64_t grain = -1;
  Mark strong, weak;  // runs and blocks, or ready and waits
  nanoseconds longest_strong{}, longest_weak{};

  static void take(const Span& span, Mark& mark, nanoseconds& longest) {
    const nanoseconds length = span.to - span.from;
    if (mark.times == 0) {
      mark.state = span.state;
      mark.from = span.from;
      mark.label = span.label;
      longest = length;
    }
    mark.to = span.to;
    mark.spent += length;
    ++mark.times;
    if (length > longest) {
      longest = length;
      mark.label = span.label;
    }
  }
};

// A layer while it grows.
class Layer {
 public:
  Layer(nanoseconds grain, std::vector<Mark>& out) : grain_(grain), out_(out) { clear(); }

  void add(const Span& span) {
    const nanoseconds length = span.to - span.from;
    if (length >= grain_) {
      flush();
      out_.push_back({span.state, span.from, span.to, span.label, 1, length});
      apart_ = true;
      return;
    }
    const std::int64_t grain = (span.from + length / 2) / grain_;
    if (grain != gathered_.grain) flush();
    gathered_.grain = grain;
    const bool strong = span.state == State::runs || span.state == State::ready;
    if (strong) {
      Gathered::take(span, gathered_.strong, gathered_.longest_strong);
    } else {
      Gathered::take(span, gathered_.weak, gathered_.longest_weak);
    }
  }

  void flush() {
    Mark& strong = gathered_.strong;
    Mark& weak = gathered_.weak;
    if (strong.times + weak.times != 0) {
      append(weak.times == 0 || (strong.times != 0 && strong.spent >= weak.spent) ? strong : weak);
    }
    clear();
  }

 private:
  void clear() {
    gathered_ = Gathered{};
    gathered_.strong.times = gathered_.weak.times = 0;
  }

  // Four steps of how full it is: so much difference one sees.
  static int fullness(const Mark& mark) { return static_cast<int>(std::ceil(mark.share() * 4)); }

  void append(const Mark& mark) {
    if (!apart_ && !out_.empty()) {
      Mark& last = out_.back();
      const bool near = mark.from - last.to < grain_;
      if (near && last.state == mark.state && last.label == mark.label) {
        Mark both = last;
        both.to = mark.to;
        both.times += mark.times;
        both.spent += mark.spent;
        if (fullness(both) == fullness(last) || fullness(both) == fullness(mark)) {
          last = both;
          return;
        }
      }
    }
    out_.push_back(mark);
    apart_ = false;
  }

  nanoseconds grain_;
  std::vector<Mark>& out_;
  Gathered gathered_;
  bool apart_ = true;  // the last mark is a span of its own
};

}  // namespace

double Mark::share() const {
  if (to <= from) return 1;
  return std::min(1.0,
                  static_cast<double>(spent.count()) / static_cast<double>((to - from).count()));
}

Marks marks_of(const Row& row, nanoseconds grain) {
  grain = std::max(grain, 1ns);
  Marks marks;
  Layer background(grain, marks.background);
  Layer foreground(grain, marks.foreground);
  const auto shows = [grain](const Span& span) {
    return in_front(span.state) && span.to - span.from >= grain;
  };
  for (std::size_t i = 0; i < row.spans.size(); ++i) {
    const Span& span = row.spans[i];
    if (in_front(span.state)) {
      const bool led_on = i > 0 && row.spans[i - 1].to == span.from && shows(row.spans[i - 1]);
      const bool leads_on =
          i + 1 < row.spans.size() && row.spans[i + 1].from == span.to && shows(row.spans[i + 1]);
      if (shows(span) || !(led_on || leads_on)) foreground.add(span);
    } else if (span.from != span.to) {
      background.add(span);
    }
  }
  background.flush();
  foreground.flush();
  return marks;
}

}  // namespace simul::trace
