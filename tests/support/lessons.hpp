// Running the lessons' programs as a reader does, for the tests of tests/lessons/.
//
// The programs are found in the folder SIMUL_BUILD names (make sets it; else `build`), and the
// texts relative to the current folder, which is the root of the repository.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/child.hpp"

namespace simul::testing {

/// The path of a lesson's program: "03-blocking-calls", "05-blocking-http.url".
inline std::string program(const std::string& name) {
  const char* build = std::getenv("SIMUL_BUILD");
  return std::string(build != nullptr ? build : "build") + "/lessons/" + name;
}

/// Runs it with these arguments.
inline RunResult run(const std::string& name, std::vector<std::string> arguments = {}) {
  arguments.insert(arguments.begin(), program(name));
  return run_program(arguments);
}

/// A whole file. Throws std::runtime_error if it cannot be opened.
inline std::string contents(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("open " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What an article's program prints.
inline std::string article(const std::string& id) {
  return contents("tests/lessons/expected/" + id + ".txt");
}

/// Did it print just that, complain of nothing and exit 0?
inline void expect_output(const RunResult& result, const std::string& expected) {
  EXPECT_EQ(result.out, expected);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, 0);
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// Is what the README quotes under "What it prints" really in the lesson's expected.txt, piece
/// after piece? `...` marks a gap. `lesson` is its folder's name.
inline void expect_readme_quotes_output(const std::string& lesson) {
  std::istringstream readme(contents("lessons/" + lesson + "/README.md"));
  const std::string expected = contents("lessons/" + lesson + "/expected.txt");
  std::string line;
  while (std::getline(readme, line) && line != "## What it prints") {
  }
  while (std::getline(readme, line) && !line.starts_with("```")) {
  }
  std::string piece;
  std::size_t from = 0;
  std::size_t quoted = 0;
  for (bool end = false; !end && std::getline(readme, line);) {
    end = line.starts_with("```");
    if (end || line == "...") {
      const std::size_t at = expected.find(piece, from);
      ASSERT_NE(at, std::string::npos) << "not in expected.txt:\n" << piece;
      from = at + piece.size();
      quoted += piece.size();
      piece.clear();
    } else {
      piece += line + "\n";
    }
  }
  EXPECT_GT(quoted, 0u) << "the README shows no output";
}

}  // namespace simul::testing
