// The computation: which number has the longest way down to 1?
//
// An even number is halved, an odd one tripled and raised by one; so far every number that was
// tried has come down to 1 (Collatz). How long that takes nobody can tell without going the way, so
// it is honest work: it needs the processor, no memory, and waits for nothing. Below a million the
// longest way is known to be 524 steps, from 837799.
#pragma once

#include <cstdint>

/// The number of steps from `n`, at least 1, down to 1. Below a thousand million nothing overflows.
inline int steps_from(long n) {
  int steps = 0;
  for (auto x = static_cast<std::uint64_t>(n); x != 1; ++steps) x = x % 2 == 0 ? x / 2 : 3 * x + 1;
  return steps;
}

/// The longest way so far; of equal ones that of the smallest number.
struct Longest {
  long start = 1;
  int steps = 0;

  void look_at(long n) { take({n, steps_from(n)}); }

  void take(const Longest& other) {
    if (other.steps < steps || (other.steps == steps && other.start >= start)) return;
    *this = other;
  }

  friend bool operator==(const Longest&, const Longest&) = default;
};
