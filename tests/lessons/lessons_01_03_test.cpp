// Lessons 01 to 03 as a reader runs them: the built programs, their output beside the articles' own
// (tests/lessons/expected/) and beside each lesson's expected.txt, their flags, and one run of
// lesson 03 in real time.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "runtime/base/clock.hpp"
#include "tests/support/lessons.hpp"

namespace simul {
namespace {

using testing::article;
using testing::contents;
using testing::expect_output;
using testing::program;
using testing::run;
using testing::run_program;
using testing::RunResult;

// Everything up to the last line, which is the only one with a time that differs from run to run.
std::string without_last_line(const std::string& text) {
  return text.substr(0, text.rfind('\n', text.size() - 2) + 1);
}

double total_in_last_line(const std::string& text) {
  const std::string last = text.substr(without_last_line(text).size());
  const std::string label = "Total elapsed time: ";
  return last.starts_with(label) ? std::stod(last.substr(label.size())) : -1;
}

// ---------------------------------------------------------------------------- output

TEST(Lesson01, PrintsWhatTheArticlesPrint) {
  expect_output(run("01-synchronous"), article("s0_ex1"));
  expect_output(run("01-synchronous.short"), article("s1_ex1"));
}

TEST(Lesson02, PrintsWhatTheArticlesPrint) {
  expect_output(run("02-generators"), article("s0_ex2"));
  expect_output(run("02-generators.short"), article("s1_ex2"));
}

TEST(Lesson02, TheMiniatureTakesTurnsByItself) {
  const RunResult result = run("02-generators.miniature");
  EXPECT_EQ(result.status, 0);
  std::string turns;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" yields ") != std::string::npos) turns += line + "; ";
  }
  EXPECT_EQ(turns,
            "One yields 1; Two yields 1; Three yields 1; One yields 2; Three yields 2; "
            "One yields 3; Three yields 3; Three yields 4; ");
  for (const char* name : {"One", "Two", "Three"}) {
    EXPECT_NE(result.out.find(name + std::string(" lets go of its variables")), std::string::npos);
  }
}

TEST(Lesson03, PrintsWhatTheArticlesPrintInVirtualTime) {
  const RunResult result = run("03-blocking-calls", {"--virtual-time"});
  const std::string expected = article("s0_ex3");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(without_last_line(result.out), without_last_line(expected));
  EXPECT_EQ(total_in_last_line(result.out), 32.0);
  EXPECT_NEAR(total_in_last_line(expected), 32.0, 0.1);
  EXPECT_LT(result.seconds, 5) << "virtual time costs none";
  expect_output(run("03-blocking-calls.short", {"--virtual-time"}), article("s1_ex3"));
}

TEST(Lesson03, InRealTimeItTakesTheSumOfItsDelays) {
  // Beside it, and at the same time, as many sleeps without anything of ours: how late this machine
  // wakes a sleeper just now.
  double floor = 0;
  std::thread bare([&floor] {
    timespec before{}, after{};
    clock_gettime(CLOCK_MONOTONIC, &before);
    for (int i = 0; i < 32; ++i) {
      timespec left{1, 0};
      while (nanosleep(&left, &left) == -1) {
      }
    }
    clock_gettime(CLOCK_MONOTONIC, &after);
    floor = static_cast<double>(after.tv_sec - before.tv_sec) +
            static_cast<double>(after.tv_nsec - before.tv_nsec) / 1e9;
  });
  const RunResult result = run("03-blocking-calls");
  bare.join();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(without_last_line(result.out), without_last_line(article("s0_ex3")));
  EXPECT_GE(total_in_last_line(result.out), 32.0) << "a sleep is never short";
  EXPECT_LE(total_in_last_line(result.out), floor + 0.020);
}

class EveryLesson : public ::testing::TestWithParam<const char*> {
 protected:
  std::string name() const { return GetParam(); }
  bool on_clock() const { return name().starts_with("03"); }
};
INSTANTIATE_TEST_SUITE_P(Lessons01To03, EveryLesson,
                         ::testing::Values("01-synchronous", "02-generators", "03-blocking-calls"));

TEST_P(EveryLesson, PrintsItsExpectedTxt) {
  const auto arguments =
      on_clock() ? std::vector<std::string>{"--virtual-time"} : std::vector<std::string>{};
  expect_output(run(name(), arguments), contents("lessons/" + name() + "/expected.txt"));
}

TEST_P(EveryLesson, QuotesItsRealOutputInTheReadme) {
  testing::expect_readme_quotes_output(name());
}

// ---------------------------------------------------------------------------- command line

TEST_P(EveryLesson, HelpGoesToStdout) {
  for (const std::string& variant : {name(), name() + ".short"}) {
    const RunResult result = run(variant, {"--help"});
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.err, "");
    EXPECT_TRUE(result.out.starts_with("usage: " + variant + " ")) << result.out;
    EXPECT_EQ(result.out.find("--virtual-time") != std::string::npos, on_clock());
  }
}

TEST_P(EveryLesson, RefusesWhatItDoesNotKnowWithItsUsageAndStatus2) {
  for (const char* argument : {"--no-such-flag", "argument", "--live", "-v"}) {
    const RunResult result = run(name(), {argument});
    EXPECT_EQ(result.status, 2) << argument;
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find(argument), std::string::npos);
    EXPECT_NE(result.err.find("\nusage: " + name()), std::string::npos);
  }
  if (!on_clock()) {
    EXPECT_EQ(run(name(), {"--virtual-time"}).status, 2);
  }
}

TEST_P(EveryLesson, EndsQuietlyWhenItsReaderGoesAway) {
  const std::string command = program(name()) + (on_clock() ? " --virtual-time" : "");
  for (const char* trap : {"", "trap '' PIPE; "}) {  // told by the signal, or by EPIPE
    // It waits for a line of input until its reader has gone.
    testing::Child child({"sh", "-c", trap + ("read line; exec " + command)});
    child.out.reset();
    ASSERT_EQ(::write(child.in.get(), "\n", 1), 1);
    EXPECT_EQ(child.wait(), 128 + SIGPIPE);
    char byte = 0;
    EXPECT_EQ(::read(child.err.get(), &byte, 1), 0) << "it wrote something on stderr";
  }
}

TEST_P(EveryLesson, SaysSoWhenItsOutputCannotBeWritten) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "this system has no /dev/full";
  const std::string command = program(name()) + (on_clock() ? " --virtual-time" : "");
  const RunResult result = run_program({"sh", "-c", command + " >/dev/full"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, name() + ": write standard output: No space left on device\n");
}

}  // namespace
}  // namespace simul
