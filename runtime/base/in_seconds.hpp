// How a length of time is said in a message: "0.1 s", "30 s".
#pragma once

#include <cstdio>
#include <string>

#include "runtime/base/clock.hpp"

namespace simul {

/// Up to six significant digits, no zeros at the end.
inline std::string in_seconds(Duration duration) {
  char text[32];
  std::snprintf(text, sizeof text, "%g s", to_seconds(duration));
  return text;
}

}  // namespace simul
