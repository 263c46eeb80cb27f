// Cells, glyphs and lines; see chart.hpp.
#include "runtime/trace/chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/trace/layout.hpp"
#include "runtime/trace/text.hpp"

namespace simul::trace {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t kNarrowest = 40;
constexpr std::size_t kTickWidth = 9;  // columns between two ticks, at least

// What a cell can show, and how. The first four are the states.
enum Glyph : std::uint8_t { runs, blocks, ready, waits, briefly_runs, briefly_blocks, nobody };
struct Look {
  const char* utf8;
  const char* ascii;
  const char* colour;  // of the terminal's sixteen
};
constexpr std::array<Look, 7> kLooks{{{"█", "#", "94"},
                                      {"▒", "X", "31"},
                                      {"▄", "=", "33"},
                                      {"─", "-", "90"},
                                      {"┃", "|", "94"},
                                      {"╏", "x", "31"},
                                      {" ", " ", ""}}};

bool has_thread(State state) {
  return state == State::runs || state == State::blocks;
}

// A run that fills the smaller part of a cell is a thin bar, also where there is nothing else.
Glyph glyph_of(const Cell& cell, nanoseconds whole) {
  if (cell.empty()) return nobody;
  const State state = cell.longest();
  const bool brief = has_thread(state) && cell.in(State::runs) + cell.in(State::blocks) < whole / 2;
  return static_cast<Glyph>(static_cast<std::size_t>(state) + (brief ? briefly_runs : runs));
}

// In which of `count` cells a moment lies: the last that begins at it or before, to the nanosecond
// where cells() divides them.
std::size_t cell_at(nanoseconds time, nanoseconds length, std::size_t count) {
  const double width =
      static_cast<double>(std::max<std::int64_t>(length.count(), 1)) / static_cast<double>(count);
  auto cell = static_cast<std::size_t>(static_cast<double>(time.count()) / width);
  if (std::llround(width * static_cast<double>(cell + 1)) <= time.count()) ++cell;
  return std::min(cell, count - 1);
}

// The glyphs of a row. Whoever has the thread for a while, running or blocking, is shown in at
// least one cell of that while.
std::vector<Glyph> glyphs_of(const Row& row, nanoseconds length, std::size_t count) {
  const std::vector<Cell> all = cells(row, length, count);
  const nanoseconds whole = length / static_cast<std::int64_t>(count);
  std::vector<Glyph> out;
  for (const Cell& cell : all) out.push_back(glyph_of(cell, whole));
  const auto cell_of = [&](nanoseconds time) { return cell_at(time, length, count); };
  for (auto span = row.spans.begin(); span != row.spans.end();) {
    if (!has_thread(span->state)) {
      ++span;
      continue;
    }
    const auto first = span;
    while (++span != row.spans.end() && has_thread(span->state) &&
           span->from == std::prev(span)->to) {
    }
    const std::size_t from = cell_of(first->from);
    const std::size_t to = cell_of(std::prev(span)->to);
    const bool seen = std::any_of(out.begin() + from, out.begin() + to + 1, [](Glyph g) {
      return g <= blocks || g == briefly_runs || g == briefly_blocks;
    });
    if (seen) continue;
    const Cell& cell = all[from];
    out[from] = cell.in(State::blocks) > cell.in(State::runs) ? briefly_blocks : briefly_runs;
  }
  return out;
}

// The chart, while it is written.
class Canvas {
 public:
  explicit Canvas(const ChartOptions& options)
      : options_(options), width_(std::max(options.width, kNarrowest)) {}

  std::string draw(const Timeline& timeline) {
    const Rows rows = rows_of(timeline, std::max<std::size_t>(options_.rows, 1));
    heading(timeline, rows);
    std::size_t widest = 0;
    for (const Row& row : rows.rows) widest = std::max(widest, columns(name_of(row)));
    names_ = std::min(widest, width_ / 3);
    axis(extent(timeline));
    for (const Row& row : rows.rows) draw(row);
    legend(rows);
    if (rows.not_shown != 0) {
      line("  " + std::to_string(rows.not_shown) + " more are not shown.");
    }
    if (timeline.dropped != 0) {
      line("  The recorder's buffer was full: " + std::to_string(timeline.dropped) +
           " more events were dropped.");
    }
    return std::move(text_);
  }

 private:
  // --- The lines --------------------------------------------------------------------------------

  void heading(const Timeline& timeline, const Rows& rows) {
    std::string first = "Timeline";
    if (!timeline.title.empty()) first += " of " + printable(timeline.title);
    first += ": " + time_label(extent(timeline));
    std::vector<std::pair<std::string, std::size_t>> kinds;
    for (const Row& row : rows.rows) {
      auto place = std::ranges::find(kinds, row.kind, &std::pair<std::string, std::size_t>::first);
      if (place == kinds.end()) place = kinds.insert(place, {row.kind, 0});
      place->second += row.actors;
    }
    std::string second;
    for (const auto& [kind, number] : kinds) {
      second += ", " + std::to_string(number) + " " + printable(kind) + (number == 1 ? "" : "s");
    }
    if (columns(first) + columns(second) <= width_) return line(first + second);
    line(first);
    line("  " + second.substr(2));
  }

  // The ticks, and with them how long a cell is: so that a step from tick to tick is a whole number
  // of cells, where possible one that its number divides, or equal times would differ in length.
  void axis(nanoseconds length) {
    const std::size_t room = width_ - names_ - 1;
    const std::vector<Tick> all = ticks(length, std::max<std::size_t>(room / kTickWidth, 1));
    cells_ = room;
    length_ = length;
    std::int64_t per_step = 0;
    if (all.size() > 1) {
      const double step = static_cast<double>(all[1].at.count());
      const double steps = static_cast<double>(length.count()) / step;
      per_step = static_cast<std::int64_t>(static_cast<double>(room) / steps);
      std::int64_t number = std::stoll(all[1].label);
      while (number % 10 == 0) number /= 10;
      const std::int64_t even = per_step - per_step % number;
      if (even * 10 >= per_step * 9) per_step = even;
      cells_ = static_cast<std::size_t>(std::ceil(steps * static_cast<double>(per_step)));
      length_ = nanoseconds(
          std::llround(static_cast<double>(cells_) * step / static_cast<double>(per_step)));
    }
    std::string text(names_ + 1, ' ');
    std::size_t column = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::size_t at = i * static_cast<std::size_t>(per_step);
      const std::size_t end = at + 1 + columns(all[i].label);
      if (end > room) break;
      text += std::string(at - column, ' ') + (options_.utf8 ? "│" : "|") + all[i].label;
      column = end;
    }
    line(text);
  }

  std::string name_of(const Row& row) const {
    std::string name = printable(row.name);
    if (row.actors > 1) name += " (" + std::to_string(row.actors) + ")";
    // The first thread is, as a rule, the only one.
    if (row.thread != 1 && row.kind != "thread") name += " @" + std::to_string(row.thread);
    return name;
  }

  void draw(const Row& row) {
    const std::string name = fitted(name_of(row), names_);
    text_ += plain(name) + std::string(names_ - columns(name) + 1, ' ');
    const std::vector<Glyph> glyphs = glyphs_of(row, length_, cells_);
    const std::vector<std::string> words = words_in(row, glyphs);
    std::size_t end = glyphs.size();
    while (end > 0 && glyphs[end - 1] == nobody) --end;  // no blanks before a line end
    for (std::size_t i = 0; i < end; ++i) put(glyphs[i], words[i]);
    colour("");
    text_ += '\n';
  }

  // For what, written into long waits and blocks: for each cell, the character in place of its
  // glyph.
  std::vector<std::string> words_in(const Row& row, const std::vector<Glyph>& glyphs) const {
    std::vector<std::string> out(glyphs.size());
    for (const Span& span : row.spans) {
      if (span.label.empty() || (span.state != State::waits && span.state != State::blocks))
        continue;
      const std::string label = ascii(printable(span.label));
      const std::size_t at = cell_at(span.from, length_, cells_) + 2;
      const std::size_t wanted = label.size() + 2;
      const std::size_t last = cell_at(span.to, length_, cells_);
      const auto glyph = static_cast<Glyph>(span.state);
      const auto fits = [&] {  // two cells of the state on either side
        return at + wanted + 2 <= std::min(last, glyphs.size()) &&
               std::all_of(glyphs.begin() + at - 1, glyphs.begin() + at + wanted + 1,
                           [glyph](Glyph g) { return g == glyph; });
      };
      if (!fits()) continue;
      const std::string word = " " + label + " ";
      for (std::size_t i = 0; i < word.size(); ++i) out[at + i] = word[i];
    }
    return out;
  }

  void legend(const Rows& rows) {
    std::array<std::vector<std::string>, 4> labels;
    for (const Row& row : rows.rows) {
      for (const Span& span : row.spans) {
        auto& known = labels[static_cast<std::size_t>(span.state)];
        if (!span.label.empty() && std::ranges::find(known, span.label) == known.end()) {
          known.push_back(span.label);
        }
      }
    }
    const std::array<std::string, 4> what{"runs", "blocks the thread", "ready, not running",
                                          "waits"};
    for (std::size_t i = 0; i < what.size(); ++i) {
      const auto brief = static_cast<Glyph>(i + briefly_runs);
      const bool briefly = i <= blocks && drawn_[brief];
      if (!drawn_[i] && !briefly) continue;
      std::string text = look(drawn_[i] ? static_cast<Glyph>(i) : brief) + (" " + what[i]);
      if (briefly) text += drawn_[i] ? " (" + look(brief) + " for a moment)" : " for a moment";
      text = "  " + text + (labels[i].empty() ? "" : ":");
      for (const std::string& label : labels[i]) {
        const std::string more = " " + printable(label) + (&label != &labels[i].back() ? "," : "");
        if (columns(text) + columns(more) > width_) {
          line(text);
          text = "   ";
        }
        text += more;
      }
      line(text);
    }
  }

  // --- Characters -------------------------------------------------------------------------------

  // One line, cut at the chart's width.
  void line(const std::string& text) { text_ += plain(fitted(text, width_)) + '\n'; }

  std::string look(Glyph glyph) const {
    return options_.utf8 ? kLooks[glyph].utf8 : kLooks[glyph].ascii;
  }

  void put(Glyph glyph, const std::string& word) {
    drawn_[glyph] = true;
    colour(word.empty() ? kLooks[glyph].colour : "");
    text_ += word.empty() ? look(glyph) : word;
  }

  void colour(const char* wanted) {
    if (!options_.colour || colour_ == wanted) return;
    colour_ = wanted;
    text_ += "\x1b[" + std::string(wanted) + "m";
  }

  std::string plain(const std::string& text) const { return options_.utf8 ? text : ascii(text); }

  // As many columns as before.
  static std::string ascii(const std::string& text) {
    static const std::map<std::string_view, const char*> known{{"µ", "u"}, {"…", "~"}};
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
      std::size_t end = i + 1;
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
      const std::string_view character(text.data() + i, end - i);
      if (const auto found = known.find(character); found != known.end())
        out += found->second;
      else
        out += end - i == 1 ? std::string(character) : std::string(columns(character), '?');
      i = end;
    }
    return out;
  }

  const ChartOptions& options_;
  const std::size_t width_;
  std::size_t names_ = 0;  // columns of the names
  std::size_t cells_ = 0;
  nanoseconds length_{};  // of all cells: the timeline's, rounded up
  std::string text_;
  std::array<bool, 7> drawn_{};
  std::string_view colour_;  // what the terminal writes in now
};

}  // namespace

std::string chart(const Timeline& timeline, const ChartOptions& options) {
  return Canvas(options).draw(timeline);
}

}  // namespace simul::trace
