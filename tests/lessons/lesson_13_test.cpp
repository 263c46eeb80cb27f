// Lesson 13 as a reader runs it: the article's lines in whatever order they come, errors of its
// processes and threads, what the miniature prints, and what the page says of them.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include "tests/support/child.hpp"
#include "tests/support/lessons.hpp"

namespace simul {
namespace {

using testing::article;
using testing::contents;
using testing::expect_output;
using testing::lines_of;
using testing::program;
using testing::run;
using testing::run_program;
using testing::RunResult;

const std::string kName = "13-processes-and-threads";

/// Its lines, where nobody has promised their order.
std::vector<std::string> sorted_lines(const std::string& text) {
  std::vector<std::string> lines = lines_of(text);
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST(Lesson13, TheProcessesPrintTheArticlesLinesWholeAndOnceInAnyOrder) {
  for (int i = 0; i < 20; ++i) {
    const RunResult result = run(kName);
    EXPECT_EQ(sorted_lines(result.out), sorted_lines(article("s2_processes")));
    EXPECT_EQ(result.err, "");
    EXPECT_EQ(result.status, 0);
  }
  EXPECT_EQ(sorted_lines(contents("lessons/" + kName + "/expected.txt")),
            sorted_lines(article("s2_processes")));
}

TEST(Lesson13, TheThreadsPrintTheArticlesLinesAndDoneIsTheLast) {
  for (int i = 0; i < 20; ++i) {
    const RunResult result = run(kName + ".threads");
    EXPECT_EQ(sorted_lines(result.out), sorted_lines(article("s2_threads")));
    EXPECT_TRUE(result.out.ends_with("\nDone!\n")) << result.out;
    EXPECT_EQ(result.err, "");
    EXPECT_EQ(result.status, 0);
  }
}

TEST(Lesson13, AProcessThatFailsSaysWhyAndSoDoesTheOneThatWaitsForIt) {
  const RunResult result = run_program({"sh", "-c", "exec '" + program(kName) + "' >/dev/full"});
  EXPECT_EQ(result.status, 1);
  const std::vector<std::string> lines = lines_of(result.err);
  const auto with = [&](const std::string& what) {
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
      return line.starts_with(kName + ": ") && line.find(what) != std::string::npos;
    });
  };
  EXPECT_EQ(with("write standard output: No space left on device"), 4) << result.err;
  EXPECT_EQ(with("exited with 1"), 4) << result.err;
}

TEST(Lesson13, AnErrorInAThreadArrivesWhereItsEndIsWaitedFor) {
  const RunResult result =
      run_program({"sh", "-c", "exec '" + program(kName + ".threads") + "' >/dev/full"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, kName + ".threads: write standard output: No space left on device\n");
}

TEST(Lesson13, TogetherTheHeartBeatsOnAndThePrimesAreTheSame) {
  const RunResult result = run(kName + ".together");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  std::smatch found;
  ASSERT_TRUE(std::regex_match(
      result.out, found,
      std::regex(R"(alone   : 148933 primes in [\d.]+ s; beats: (\d+), largest gap ([\d.]+) s\n)"
                 R"(together: 148933 primes in [\d.]+ s; beats: (\d+), largest gap ([\d.]+) s\n)"
                 R"([\d.]+ times as fast, by \d+ processes and a thread\n)")))
      << result.out;
  EXPECT_LE(std::stoi(found[1]), 3) << "the loop's own thread was busy";
  EXPECT_GE(std::stod(found[2]), 0.2) << "that is the call that blocks alone";
  EXPECT_GT(std::stoi(found[3]), std::stoi(found[1])) << "now it was not";
}

TEST(Lesson13, CtrlCEndsTheProcessesOfTogetherWithIt) {
  testing::Child child({program(kName + ".together")});
  std::string seen;
  char byte = 0;
  while (!seen.ends_with('\n') && ::read(child.out.get(), &byte, 1) == 1) seen += byte;
  EXPECT_TRUE(seen.starts_with("alone   : ")) << seen;
  ASSERT_EQ(::kill(child.pid(), SIGINT), 0);
  // Its processes have its stdout: the end comes when all of them are gone.
  EXPECT_EQ(::read(child.out.get(), &byte, 1), 0) << "it went on";
  EXPECT_EQ(::read(child.err.get(), &byte, 1), 0) << "it complained";
  EXPECT_EQ(child.wait(), 128 + SIGINT);
  EXPECT_EQ(child.killed_by(), 0) << "nobody cleaned up";
}

TEST(Lesson13, TheMiniatureHasTheResultsAndNothingElseOfItsChildren) {
  expect_output(run(kName + ".miniature"),
                "the sum of the numbers up to a million: 500000500000\n"
                "calls that the parent has seen: 0\n"
                "the one that died has a result: no\n");
}

TEST(Lesson13, HelpGoesToStdoutAndNonsenseIsRefused) {
  for (const char* variant : {"", ".threads", ".together", ".costs"}) {
    const std::string name = kName + variant;
    SCOPED_TRACE(name);
    const RunResult help = run(name, {"--help"});
    EXPECT_TRUE(help.out.starts_with("usage: " + name + " [--help]")) << help.out;
    EXPECT_EQ(help.status, 0);
    const RunResult wrong = run(name, {"--virtual-time"});
    EXPECT_EQ(wrong.status, 2);
    EXPECT_EQ(wrong.out, "");
    EXPECT_NE(wrong.err.find("\nusage: " + name), std::string::npos);
  }
}

TEST(Lesson13, TheReadmeQuotesTheRealOutput) {
  testing::expect_readme_quotes_output(kName);
  const std::string readme = contents("lessons/" + kName + "/README.md");
  for (const std::string variant : {".threads", ".miniature"}) {
    SCOPED_TRACE(variant);
    const std::string out = run(kName + variant).out;
    for (const std::string& line : lines_of(out))
      EXPECT_NE(readme.find(line + "\n"), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace simul
