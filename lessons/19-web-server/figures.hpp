// Figures as the tables show them: short, and to be compared at a glance.
//
// Three digits of a time are all that one run can mean; a fourth would be of that run alone. What
// is only a lower bound says so, by ">" in front.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "lessons/19-web-server/load.hpp"

namespace simul {

/// "12,345"
inline std::string with_commas(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

/// Three digits of it: "0.52", "48.2", "1,203". With ">" in front it is a lower bound.
inline std::string milliseconds(LoadReport::Time time) {
  if (time.seconds > 1e6) return "-";  // there is none
  const double ms = 1000.0 * time.seconds;
  char text[32];
  std::snprintf(text, sizeof text, ms < 10 ? "%.2f" : "%.1f", ms);
  const std::string shown = ms < 100 ? text : with_commas(static_cast<std::uint64_t>(ms + 0.5));
  return (time.at_least ? ">" : "") + shown;
}

/// "2.0"
inline std::string one_decimal(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", number);
  return text;
}

}  // namespace simul
