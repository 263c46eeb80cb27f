// The slides' table, with numbers in it: rows of a name and four cells.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lessons/common/lesson.hpp"

/// "12,345.6": so many digits after the point. Not for negative numbers.
inline std::string grouped(double number, int digits = 0) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  const std::string_view plain = text;
  const std::size_t whole = std::min(plain.find('.'), plain.size());  // so many digits before it
  std::string result;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    if (i > 0 && i < whole && (whole - i) % 3 == 0) result += ',';
    result += plain[i];
  }
  return result;
}

class Table {
 public:
  static constexpr std::size_t kColumns = 4;
  using Cells = std::array<std::string, kColumns>;

  void add(std::string name, Cells cells) { rows_.push_back({std::move(name), std::move(cells)}); }

  void print() const {
    for (const auto& [name, cells] : rows_) {
      char line[256];
      std::snprintf(line, sizeof line, "%-40s %12s %12s %12s %12s", name.c_str(), cells[0].c_str(),
                    cells[1].c_str(), cells[2].c_str(), cells[3].c_str());
      simul::say(line);
    }
  }

 private:
  std::vector<std::pair<std::string, Cells>> rows_;
};
