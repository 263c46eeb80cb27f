// A table for the terminal: columns as wide as their widest cell.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "lessons/15-job-queue/tool.hpp"

class Table {
 public:
  using Row = std::vector<std::string>;

  explicit Table(Row head) : rows_{std::move(head)} {}

  /// As many cells as the head has.
  void add(Row row) { rows_.push_back(std::move(row)); }

  std::size_t size() const noexcept { return rows_.size() - 1; }

  /// Line by line. Numbers stand right, other texts left. Nothing in it commands the terminal.
  std::string text() const {
    std::vector<std::size_t> widths(rows_.front().size());
    std::vector<Row> clean = rows_;
    for (Row& row : clean) {
      for (std::size_t i = 0; i < widths.size(); ++i) {
        row[i] = harmless(std::move(row[i]));
        widths[i] = std::max(widths[i], row[i].size());
      }
    }
    std::string text;
    for (const Row& row : clean) {
      std::string line;
      for (std::size_t i = 0; i < widths.size(); ++i) {
        const std::string gap(widths[i] - row[i].size(), ' ');
        line += (i > 0 ? "  " : "") + (is_number(i) ? gap + row[i] : row[i] + gap);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      text += line + "\n";
    }
    return text;
  }

 private:
  // A column of numbers alone; the head does not count.
  bool is_number(std::size_t column) const {
    return rows_.size() > 1 && std::all_of(rows_.begin() + 1, rows_.end(), [&](const Row& row) {
             return row[column].find_first_not_of("0123456789") == std::string::npos;
           });
  }

  std::vector<Row> rows_;
};
