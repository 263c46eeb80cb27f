// A timeline as a picture; see svg.hpp. The parts that do not depend on the timeline, such as
// colours, are in svg_style.hpp.
#include "runtime/trace/svg.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/trace/layout.hpp"
#include "runtime/trace/marks.hpp"
#include "runtime/trace/svg_style.hpp"
#include "runtime/trace/words.hpp"

namespace simul::trace {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

constexpr std::size_t kDescribed = 12;  // rows that the description speaks of
constexpr double kWidth = 860, kMargin = 16, kColumn = 7.3;

// Which of kStyles it has.
std::size_t style_of(const Mark& mark) {
  const bool for_another = mark.state == State::waits && waits_for_another(mark.label);
  return static_cast<std::size_t>(mark.state) + (for_another ? 1 : 0);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// A coordinate: a tenth of a pixel is exact enough.
std::string number(double value) {
  char digits[32];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed, 1);
  std::string_view text(digits, static_cast<std::size_t>(end.ptr - digits));
  if (text.ends_with(".0")) text.remove_suffix(2);
  return std::string(text);
}

// How much of a picture there is room for.
struct Detail {
  double grain = 1;  // pixels
  bool each = true;  // an explanation for each mark, or one for each row and state
};

class Picture {
 public:
  Picture(const Timeline& timeline, const Rows& rows, const Detail& detail)
      : timeline_(timeline), detail_(detail), rows_(rows), length_(extent(timeline)) {
    std::size_t widest = 6;
    for (const Row& row : rows_.rows)
      widest = std::max(widest, columns(row_title(row, kNameColumns)));
    left_ = kMargin + kColumn * static_cast<double>(std::min(widest, kNameColumns)) + 12;
    right_ = kWidth - kMargin - 8;
    const bool many = rows_.rows.size() > 16;
    pitch_ = many ? 17 : 26;
    bar_ = many ? 11 : 16;
  }

  std::string draw() {
    std::string marks = rows();
    std::string rest = header() + axis() + std::move(marks) + footer();
    std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(kWidth) +
                      " " + number(height_) + "\" width=\"" + number(kWidth) + "\" height=\"" +
                      number(height_) +
                      "\" role=\"img\" aria-labelledby=\"t d\">\n<title id=\"t\">" +
                      escaped(title()) + "</title>\n<desc id=\"d\">" +
                      escaped(description(rows_, timeline_, kDescribed)) + "</desc>\n";
    out += kStyleSheet;
    out += "<rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"" + number(kWidth - 1) +
           "\" height=\"" + number(height_ - 1) + "\" rx=\"8\"/>\n";
    return out + rest + "</svg>\n";
  }

 private:
  static constexpr std::size_t kNameColumns = 24;
  static constexpr double kTop = 84;  // where the first row begins

  std::string title() const {
    return timeline_.title.empty() ? "Timeline" : fitted(timeline_.title, 80);
  }

  double x_of(nanoseconds time) const {
    if (length_ <= 0ns) return left_;
    return left_ + (right_ - left_) *
                       (static_cast<double>(time.count()) / static_cast<double>(length_.count()));
  }

  static std::string text(double x, double y, const char* style, std::string_view words) {
    return "<text class=\"" + std::string(style) + "\" x=\"" + number(x) + "\" y=\"" + number(y) +
           "\">" + escaped(words) + "</text>\n";
  }

  // From and to where a mark goes: as wide as can be seen, and inside.
  std::pair<double, double> reach(const Mark& mark) const {
    const double least = kStyles[style_of(mark)].least;
    double from = x_of(mark.from);
    const double to = std::max(x_of(mark.to), from + least);
    if (to <= right_) return {from, to};
    from = std::min(from, right_ - least);
    return {from, right_};
  }

  // What a mark shows as: its class, and paler if it took only part of its time.
  std::string style(const Mark& mark) {
    std::string name(1, kStyles[style_of(mark)].letter);
    const auto [from, to] = reach(mark);
    if (mark.state < State::ready && mark.times > 1 && to - from >= 4 && mark.share() <= 0.75) {
      paler_ = true;
      name += mark.share() <= 0.25 ? " p1" : mark.share() <= 0.5 ? " p2" : " p3";
    }
    return name;
  }

  std::string layer(const Row& row, const std::vector<Mark>& marks, double top) {
    struct Together {
      Mark sum;
      std::string path;
    };
    std::map<std::string, Together> together;
    std::string out;
    const std::string name = fitted(row.name, 40);
    for (const Mark& mark : marks) {
      const Style& look = kStyles[style_of(mark)];
      seen_[style_of(mark)] = true;
      const auto [from, to] = reach(mark);
      const double high = bar_ * look.height;
      const double y = top + bar_ * look.offset;
      const std::string of = style(mark);
      if (detail_.each) {
        out += "<rect class=\"" + of + "\" x=\"" + number(from) + "\" y=\"" + number(y) +
               "\" width=\"" + number(to - from) + "\" height=\"" + number(high) + "\"><title>" +
               escaped(name + " " + in_words(mark)) + "</title></rect>\n";
        continue;
      }
      auto [place, fresh] = together.try_emplace(of);
      Mark& sum = place->second.sum;
      if (fresh) {
        sum = mark;
      } else {
        sum.to = mark.to;
        sum.times += mark.times;
        sum.spent += mark.spent;
        if (sum.label != mark.label) sum.label.clear();
      }
      place->second.path += "M" + number(from) + " " + number(y) + "h" + number(to - from) + "v" +
                            number(high) + "h-" + number(to - from) + "z";
    }
    for (const auto& [of, all] : together) {
      out += "<path class=\"" + of + "\" d=\"" + all.path + "\"><title>" +
             escaped(name + " " + in_words(all.sum)) + "</title></path>\n";
    }
    return out;
  }

  std::string rows() {
    std::string out;
    double y = kTop;
    unsigned thread = 0;
    const auto pixels = static_cast<double>(length_.count()) / (right_ - left_);
    const nanoseconds grain(static_cast<std::int64_t>(pixels * detail_.grain));
    for (const Row& row : rows_.rows) {
      if (rows_.threads > 1 && row.thread != thread) {
        thread = row.thread;
        const std::string heading = "thread " + std::to_string(thread);
        if (row.name != heading) {  // a thread that runs plain code alone has told its name
          out += text(kMargin, y + 13, "small", heading);
          y += 20;
        }
      }
      const double top = y + (pitch_ - bar_) / 2;
      out += text(kMargin, top + bar_ / 2 + 4, "name", row_title(row, kNameColumns));
      const Marks marks = marks_of(row, grain);
      out += layer(row, marks.background, top);
      out += layer(row, marks.foreground, top);
      y += pitch_;
    }
    bottom_ = y;
    return out;
  }

  std::string header() const {
    std::string out = text(kMargin, 28, "title", fitted(title(), 60));
    out += text(kWidth - kMargin, 28, "all", time_label(length_));
    double x = kMargin;
    for (std::size_t i = 0; i < kStyles.size(); ++i) {
      if (!seen_[i]) continue;
      const Style& look = kStyles[i];
      out += "<rect class=\"" + std::string(1, look.letter) + "\" x=\"" + number(x) + "\" y=\"" +
             number(40 + 12 * look.offset) + "\" width=\"22\" height=\"" +
             number(12 * look.height) + "\"/>\n";
      out += text(x + 28, 50, "key", look.meaning);
      x += 28 + 6.6 * static_cast<double>(std::string_view(look.meaning).size()) + 22;
    }
    if (paler_) out += text(x, 50, "key", "paler: at times");
    return out;
  }

  // The ticks, their labels above the rows and a line through all of them.
  std::string axis() const {
    std::string out = "<path class=\"grid\" d=\"";
    std::string labels;
    for (const Tick& tick : ticks(length_, 8)) {
      const double x = x_of(tick.at);
      out += "M" + number(x) + " 78V" + number(std::max(bottom_, kTop) + 4);
      const double half = kColumn / 2 * static_cast<double>(columns(tick.label));
      labels += text(std::min(x, kWidth - 4 - half), 72, "tick", tick.label);
    }
    return out + "\"/>\n" + labels;
  }

  std::string footer() {
    double y = std::max(bottom_, kTop) + 22;
    std::string out;
    const auto line = [&](const std::string& words) {
      out += text(kMargin, y, "small", words);
      y += 18;
    };
    for (const std::string& words : notes(rows_, timeline_)) line(words);
    height_ = y - 8;
    return out;
  }

  const Timeline& timeline_;
  Detail detail_;
  const Rows& rows_;
  nanoseconds length_;
  double left_, right_, pitch_, bar_;
  double bottom_ = kTop, height_ = 0;
  std::array<bool, kStyles.size()> seen_{};
  bool paler_ = false;
};

}  // namespace

std::string svg(const Timeline& timeline, const SvgLimits& limits) {
  std::size_t room = std::max<std::size_t>(limits.rows, 1);
  Rows rows = rows_of(timeline, room);
  Detail detail;
  while (true) {
    std::string picture = Picture(timeline, rows, detail).draw();
    if (picture.size() <= limits.bytes) return picture;
    if (detail.each) {
      detail.each = false;
    } else if (detail.grain < kWidth) {
      const double over = static_cast<double>(picture.size()) / static_cast<double>(limits.bytes);
      detail.grain *= std::clamp(over, 1.3, 4.0);
    } else if (room > 1) {
      room /= 2;
      rows = rows_of(timeline, room);
    } else {
      return picture;
    }
  }
}

}  // namespace simul::trace
