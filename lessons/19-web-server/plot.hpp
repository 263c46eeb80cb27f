// The table as a picture: requests per second and waiting times against clients, a line a server.
//
// Both axes are logarithmic, a decade a step: what matters is not whether it takes 11 or 12 ms, but
// what ten times as many clients change. The lines differ by their marks, too, so that no colour is
// needed to tell them apart; the picture follows the reader's choice of light or dark. A time that
// is only a lower bound has an empty mark.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lessons/19-web-server/figures.hpp"
#include "lessons/19-web-server/load.hpp"
#include "runtime/base/error.hpp"

namespace simul {

/// A server under more and more load.
struct Curve {
  struct Point {
    std::size_t clients;
    double rate;
    LoadReport::Time median, slow;  ///< slow: 99 % are quicker
  };
  std::string title;
  std::string target;  ///< curves of the same one share a panel
  std::vector<Point> points;
};

/// Draws the curves. Those of each target make a column: above the requests, below the times.
class Plot {
 public:
  explicit Plot(const std::vector<Curve>& curves) : curves_(curves) {
    for (const Curve& curve : curves) {
      if (std::find(targets_.begin(), targets_.end(), curve.target) == targets_.end()) {
        targets_.push_back(curve.target);
      }
      for (const Curve::Point& point : curve.points) {
        clients_.include(static_cast<double>(point.clients));
        rates_.include(point.rate);
        times_.include(point.median.seconds);
        times_.include(point.slow.seconds);
      }
    }
  }

  /// The picture. Once.
  std::string svg() {
    const double width = kLeft + static_cast<double>(targets_.size()) * (kWide + kLeft);
    const double height = kTop + 2 * (kHigh + kBetween) + 14;
    out_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + text(width) + " " +
           text(height) + "\" role=\"img\" aria-labelledby=\"title\">\n" +
           "<title id=\"title\">Requests per second and waiting times of three servers, from " +
           with_commas(static_cast<std::uint64_t>(clients_.least())) + " to " +
           with_commas(static_cast<std::uint64_t>(clients_.most())) + " clients</title>\n" +
           kStyle + "<rect class=\"page\" x=\".5\" y=\".5\" width=\"" + text(width - 1) +
           "\" height=\"" + text(height - 1) + "\" rx=\"6\"/>\n";
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      const double left = kLeft + static_cast<double>(i) * (kWide + kLeft);
      panel(left, kTop, "GET " + targets_[i] + ": requests per second", targets_[i], rates_, false);
      panel(left, kTop + kHigh + kBetween,
            "GET " + targets_[i] + ": seconds until the answer (dashed: of 99 %)", targets_[i],
            times_, true);
    }
    legend(height - 16);
    return out_ + "</svg>\n";
  }

 private:
  // Whole decades that hold everything.
  struct Axis {
    int from = 1000, to = -1000;

    void include(double value) {
      if (!(value > 0) || std::isinf(value)) return;
      from = std::min(from, static_cast<int>(std::floor(std::log10(value) + 1e-9)));
      to = std::max(to, static_cast<int>(std::ceil(std::log10(value) - 1e-9)));
    }
    int decades() const { return std::max(1, to - from); }
    double least() const { return std::pow(10, from); }
    double most() const { return std::pow(10, to); }
    double place(double value) const { return (std::log10(value) - from) / decades(); }
  };

  static constexpr double kLeft = 74, kTop = 42, kWide = 340, kHigh = 220, kBetween = 58;

  static std::string text(double number) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.6g", std::round(number * 10) / 10);
    return digits;
  }
  static std::string decade(int power) {
    if (power >= 0) return with_commas(static_cast<std::uint64_t>(std::pow(10, power) + 0.5));
    return "0." + std::string(static_cast<std::size_t>(-power - 1), '0') + "1";
  }

  void words(const char* look, double x, double y, const std::string& what) {
    out_ += "<text class=\"" + std::string(look) + "\" x=\"" + text(x) + "\" y=\"" + text(y) +
            "\">" + what + "</text>\n";
  }
  void line(double x1, double y1, double x2, double y2) {
    out_ += "<path class=\"grid\" d=\"M" + text(x1) + " " + text(y1) + "L" + text(x2) + " " +
            text(y2) + "\"/>\n";
  }

  // A circle, a square or a triangle; empty: it is a lower bound.
  void mark(std::size_t number, double x, double y, bool empty) {
    const std::string look =
        "<path class=\"s" + std::to_string(number) + (empty ? " empty" : " full") + "\" d=\"";
    if (number == 0) {
      out_ += look + "M" + text(x - 4) + " " + text(y - 4) + "h8v8h-8z\"/>\n";
    } else if (number == 1) {
      out_ += look + "M" + text(x) + " " + text(y - 5.5) + "l5.5 9.5h-11z\"/>\n";
    } else {
      out_ += look + "M" + text(x - 4.5) + " " + text(y) +
              "a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z\"/>\n";
    }
  }

  void panel(double left, double top, const std::string& title, const std::string& target,
             const Axis& up, bool times) {
    const double bottom = top + kHigh;
    words("title", left - 52, top - 14, title);
    for (int i = 0; i <= clients_.decades(); ++i) {
      const double x = left + kWide * i / clients_.decades();
      line(x, top, x, bottom);
      words("x", x, bottom + 16, decade(clients_.from + i));
    }
    for (int i = 0; i <= up.decades(); ++i) {
      const double y = bottom - kHigh * i / up.decades();
      line(left, y, left + kWide, y);
      words("y", left - 7, y + 4, decade(up.from + i));
    }
    std::size_t number = 0;
    for (const Curve& curve : curves_) {
      if (curve.target != target) continue;
      const auto place = [&](double clients, double value) {
        return std::pair(left + kWide * clients_.place(clients), bottom - kHigh * up.place(value));
      };
      if (times) {
        draw(curve, number, "dashed", place, [](const auto& point) { return point.slow; });
        draw(curve, number, "", place, [](const auto& point) { return point.median; });
      } else {
        draw(curve, number, "", place, [](const auto& point) {
          return LoadReport::Time{static_cast<float>(point.rate), false};
        });
      }
      ++number;
    }
  }

  template <class Place, class Value>
  void draw(const Curve& curve, std::size_t number, const char* look, Place place, Value value) {
    std::string way;
    std::vector<Curve::Point> drawn;
    for (const Curve::Point& point : curve.points) {
      const float height = value(point).seconds;
      if (!(height > 0) || std::isinf(height)) continue;  // there was nothing to be measured
      const auto [x, y] = place(static_cast<double>(point.clients), height);
      way += (way.empty() ? "M" : "L") + text(x) + " " + text(y);
      drawn.push_back(point);
    }
    out_ +=
        "<path class=\"s" + std::to_string(number) + " line " + look + "\" d=\"" + way + "\"/>\n";
    for (const Curve::Point& point : drawn) {
      const auto [x, y] = place(static_cast<double>(point.clients), value(point).seconds);
      mark(number, x, y, value(point).at_least);
    }
  }

  void legend(double y) {
    double x = kLeft - 52;
    for (std::size_t i = 0; i < curves_.size() && curves_[i].target == targets_.front(); ++i) {
      mark(i, x + 5, y - 4, false);
      words("key", x + 16, y, curves_[i].title);
      x += 118;
    }
    words("key", x, y, "hollow: at least so long");
  }

  static constexpr const char* kStyle = R"css(<style>
text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#57606a}
.title{font-size:13px;font-weight:600;fill:#1f2328}
.x{text-anchor:middle}.y{text-anchor:end}
.page{fill:#fff;stroke:#d0d7de}
.grid{stroke:#d8dee4;fill:none}
.line{fill:none;stroke-width:2}.dashed{stroke-dasharray:3 4}
.s0{stroke:#a8380f}.s0.full{fill:#a8380f}
.s1{stroke:#9a6700}.s1.full{fill:#9a6700}
.s2{stroke:#0550ae}.s2.full{fill:#0550ae}
.empty{fill:#fff;stroke-width:1.5}
@media (prefers-color-scheme:dark){
text{fill:#9aa4af}.title{fill:#e6edf3}
.page{fill:#0d1117;stroke:#30363d}.grid{stroke:#262c34}
.s0{stroke:#f0883e}.s0.full{fill:#f0883e}
.s1{stroke:#e3b341}.s1.full{fill:#e3b341}
.s2{stroke:#58a6ff}.s2.full{fill:#58a6ff}
.empty{fill:#0d1117}
}
</style>
)css";

  const std::vector<Curve>& curves_;
  std::vector<std::string> targets_;
  Axis clients_, rates_, times_;
  std::string out_;
};

/// Writes it in place of what the file holds; without curves, only makes sure that it can be
/// written, which is better known before a long measurement than after it. Throws
/// std::system_error: "write plot x.svg: No such file or directory".
inline void write_plot(const std::string& path, const std::vector<Curve>& curves) {
  const char* const mode = curves.empty() ? "a" : "w";
  const std::string svg = curves.empty() ? "" : Plot(curves).svg();
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), mode), std::fclose);
  if (file == nullptr || std::fwrite(svg.data(), 1, svg.size(), file.get()) != svg.size() ||
      std::fflush(file.get()) != 0) {
    throw_errno("write plot " + path);
  }
}

}  // namespace simul
