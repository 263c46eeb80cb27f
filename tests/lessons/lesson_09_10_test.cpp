// Lessons 09 and 10 as a reader runs them: the slides' greeting in every style, alone, all at once
// and beside one that blocks; lesson 10's output beside the articles' own; their flags, Ctrl-C, and
// what the miniatures print.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/base/sanitizers.hpp"
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
using testing::RunResult;

const std::vector<std::string> kStyles = {"sync",      "callbacks", "deferred",
                                          "generator", "await",     "greenlet"};

TEST(Lesson09, EveryStylePrintsWhatTheSlidesPrintAndEndsByItself) {
  for (const std::string& style : kStyles) {
    SCOPED_TRACE(style);
    const RunResult result = run("09-hello-world." + style, {"--virtual-time"});
    expect_output(result, article("s3_hello_asyncio_await"));
    EXPECT_LT(result.seconds, 5) << "virtual time costs none";
  }
}

// All six at the same time, each a process of its own: together they take what one takes.
TEST(Lesson09, EveryStyleWaitsForThreeSecondsOfRealTime) {
  std::vector<RunResult> results(kStyles.size());
  std::vector<std::thread> runs;
  for (std::size_t i = 0; i < kStyles.size(); ++i) {
    runs.emplace_back([&results, i] { results[i] = run("09-hello-world." + kStyles[i]); });
  }
  for (std::thread& each : runs) each.join();
  for (std::size_t i = 0; i < kStyles.size(); ++i) {
    SCOPED_TRACE(kStyles[i]);
    expect_output(results[i], "Hello\nWorld!\n");
    EXPECT_GE(results[i].seconds, 3.0) << "a wait is never short";
    EXPECT_LT(results[i].seconds, 6.0);
  }
}

TEST(Lesson09, FiveStylesWaitAtOnceAndOneThatBlocksHoldsThemAllUp) {
  const RunResult result = run("09-hello-world", {"--virtual-time"});
  expect_output(result, contents("lessons/09-hello-world/expected.txt"));
  std::string times;
  for (const std::string& line : lines_of(result.out)) {
    if (line.ends_with("World!")) times += line.substr(2, 3) + " ";
  }
  EXPECT_EQ(times, "3.0 3.0 3.0 3.0 3.0 4.0 4.0 4.0 4.0 4.0 4.0 ");
}

TEST(Lesson09, ItsCostIsGivenForEveryStyle) {
#if defined(SIMUL_TSAN)
  GTEST_SKIP() << "to ThreadSanitizer a fiber is a thread: 5,000 of them take gigabytes";
#endif
  const RunResult result = run("09-hello-world.cost");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  std::string styles;
  for (const std::string& line : lines_of(result.out)) {
    std::smatch match;
    ASSERT_TRUE(std::regex_match(line, match, std::regex("([a-z_A-Z]+) +(\\d+) bytes"))) << line;
    styles += match[1].str() + " ";
    EXPECT_GT(std::stoi(match[2]), 0) << line;
  }
  EXPECT_EQ(styles, "call_later Deferred co_yield co_await fiber thread ");
}

TEST(Lesson09, TheMiniatureCallsAsDeepAsItLikes) {
  expect_output(run("09-hello-world.miniature"),
                "Three tasks, one of them 100,000 calls deep. No line of theirs has run.\n"
                "One: Hello\n"
                "Two: Hello\n"
                "At the bottom the thread's stack is 0 bytes longer.\n"
                "Two: World!\n"
                "One: World!\n"
                "0.3 s\n");
}

TEST(Lesson10, PrintsWhatTheArticlesPrintAndTakesTheLongerChain) {
  for (int i = 0; i < 3; ++i) {
    const RunResult result = run("10-async-await", {"--virtual-time"});
    expect_output(result, article("s4_ex4"));
    EXPECT_EQ(result.out, contents("lessons/10-async-await/expected.txt"));
    EXPECT_LT(result.seconds, 5) << "virtual time costs none";
  }
  expect_output(run("10-async-await.short", {"--virtual-time"}), article("s1_ex4"));
}

TEST(Lesson10, CtrlCEndsItAtOnceWithoutAWord) {
  testing::Child child({program("10-async-await")});
  std::string out;
  while (out != "Task One running\nTask Two running\n") {
    char byte = 0;
    ASSERT_EQ(::read(child.out.get(), &byte, 1), 1) << out;
    out += byte;
  }
  ASSERT_EQ(::kill(child.pid(), SIGINT), 0);
  EXPECT_EQ(child.wait(), 128 + SIGINT);
  EXPECT_EQ(child.killed_by(), 0) << "nothing was closed and nobody cleaned up";
  char byte = 0;
  EXPECT_EQ(::read(child.out.get(), &byte, 1), 0) << "it went on";
  EXPECT_EQ(::read(child.err.get(), &byte, 1), 0) << "it wrote something on stderr";
}

TEST(Lesson10, TheMiniatureHandsItemsToThoseWhoWait) {
  expect_output(run("10-async-await.miniature"),
                "Three tasks, and no line of their bodies has run.\n"
                "One takes 3\n"
                "Two takes 2\n"
                "Two is done with 2\n"
                "there will be no more\n"
                "Two takes 1\n"
                "One is done with 3\n"
                "One takes 4\n"
                "Two is done with 1\n"
                "Two goes home\n"
                "One is done with 4\n"
                "One goes home\n"
                "0.7 s\n");
}

TEST(Lessons0910, HelpGoesToStdoutAndNonsenseIsRefused) {
  std::vector<std::string> names = {"09-hello-world", "10-async-await", "10-async-await.short"};
  for (const std::string& style : kStyles) names.push_back("09-hello-world." + style);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const RunResult help = run(name, {"--help"});
    EXPECT_TRUE(help.out.starts_with("usage: " + name +
                                     " [--help] [--timeline] [--trace FILE] [--virtual-time]\n"))
        << help.out;
    EXPECT_EQ(help.status, 0);
    const RunResult wrong = run(name, {"--live"});
    EXPECT_EQ(wrong.status, 2);
    EXPECT_EQ(wrong.out, "");
    EXPECT_NE(wrong.err.find("\nusage: " + name), std::string::npos);
  }
}

TEST(Lessons0910, TheReadmesQuoteTheirRealOutput) {
  testing::expect_readme_quotes_output("09-hello-world");
  testing::expect_readme_quotes_output("10-async-await");
}

}  // namespace
}  // namespace simul
