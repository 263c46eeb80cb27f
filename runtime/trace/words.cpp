// A timeline in words; see words.hpp.
#include "runtime/trace/words.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>

namespace simul::trace {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

constexpr std::array kStates{State::runs, State::blocks, State::ready, State::waits};

// "blocks 17 s (sleep)", or nothing when it never was in that state, or only waited for a moment.
std::string summary(const Row& row, State state) {
  nanoseconds spent{};
  std::size_t times = 0;
  std::map<std::string, nanoseconds> labels;
  for (const Span& span : row.spans) {
    if (span.state != state) continue;
    spent += span.to - span.from;
    ++times;
    if (!span.label.empty()) labels[span.label] += span.to - span.from;
  }
  const bool moments = spent == 0ns;
  if (times == 0 || (moments && (state == State::ready || state == State::waits))) return {};
  std::string text = verb(state);
  text += " " + (moments ? count(times, "time") : time_label(spent));
  const auto most =
      std::max_element(labels.begin(), labels.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most != labels.end()) {
    text += (labels.size() == 1 ? " (" : " (mostly ") + fitted(most->first, 40) + ")";
  }
  return text;
}

}  // namespace

const char* verb(State state) {
  switch (state) {
    case State::runs:
      return "runs";
    case State::blocks:
      return "blocks";
    case State::ready:
      return "is ready";
    case State::waits:
      break;
  }
  return "waits";
}

std::string count(std::size_t number, const char* what) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits + " " + what + (number == 1 ? "" : "s");
}

std::string row_title(const Row& row, std::size_t width) {
  const std::string times = row.actors > 1 ? " ×" + std::to_string(row.actors) : "";
  return fitted(row.name, width - std::min(width - 1, columns(times))) + times;
}

std::string in_words(const Mark& mark) {
  std::string text = verb(mark.state);
  if (!mark.label.empty()) text += " (" + fitted(mark.label, 40) + ")";
  const std::string from = time_label(mark.from);
  const std::string to = time_label(mark.to);
  if (mark.times > 1) {
    return text + " " + count(mark.times, "time") + ", " + time_label(mark.spent) +
           " in all, between " + from + " and " + to;
  }
  if (mark.from == mark.to) return text + " at " + from;
  return text + ": " + time_label(mark.spent) + ", from " + from + " to " + to;
}

std::string description(const Rows& rows, const Timeline& timeline, std::size_t at_most) {
  std::string out = count(rows.rows.size(), "row") + " over " + time_label(extent(timeline)) + ".";
  for (std::size_t i = 0; i < std::min(rows.rows.size(), at_most); ++i) {
    const Row& row = rows.rows[i];
    out += " " + row_title(row, 40);
    const char* before = ": ";
    for (const State state : kStates) {
      const std::string part = summary(row, state);
      if (part.empty()) continue;
      out += before + part;
      before = ", ";
    }
    out += ".";
  }
  if (rows.rows.size() > at_most) {
    out += " And " + count(rows.rows.size() - at_most, "more row") + ".";
  }
  for (const std::string& note : notes(rows, timeline)) out += " " + note;
  return out;
}

std::vector<std::string> notes(const Rows& rows, const Timeline& timeline) {
  std::vector<std::string> out;
  if (rows.rows.empty() && rows.not_shown == 0) out.emplace_back("Nothing ran.");
  if (rows.not_shown != 0) out.push_back("Not shown: " + count(rows.not_shown, "more actor") + ".");
  if (timeline.dropped != 0) {
    out.push_back("Not recorded: " + count(timeline.dropped, "event") +
                  ", for which the recorder had no room.");
  }
  return out;
}

}  // namespace simul::trace
