// How long something took, printed the way the articles print it.
#pragma once

#include <charconv>
#include <cstdio>
#include <string>

#include "runtime/base/clock.hpp"

namespace simul {

/// Starts when it is made. Reads this thread's clock, so in virtual time it measures virtual time.
class Stopwatch {
 public:
  Stopwatch() noexcept : start_(Clock::now()) {}

  void restart() noexcept { start_ = Clock::now(); }

  Duration elapsed() const noexcept { return Clock::now() - start_; }

  /// Seconds since the start.
  double seconds() const noexcept { return to_seconds(elapsed()); }

  /// Seconds with one decimal: "17.0", Python's `f'{et():.1f}'`.
  std::string rounded() const {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", seconds());
    return text;
  }

  /// Seconds with every digit they have: "32.01047682762146", Python's `print(et())`. The shortest
  /// text that reads back as the same number; a whole number keeps one decimal.
  std::string exact() const {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, seconds(), std::chars_format::fixed);
    std::string result(text, end.ptr);
    return result.find('.') == std::string::npos ? result + ".0" : result;
  }

 private:
  TimePoint start_;
};

}  // namespace simul
