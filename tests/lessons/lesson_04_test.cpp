// Lesson 04 as a reader runs it: its output beside the article's own (tests/lessons/expected/) and
// beside its expected.txt, in virtual and in real time.
#include <gtest/gtest.h>
#include <time.h>

#include <string>
#include <thread>
#include <vector>

#include "runtime/base/stopwatch.hpp"
#include "tests/support/lessons.hpp"

namespace simul {
namespace {

using testing::contents;
using testing::run;
using testing::RunResult;

TEST(Lesson04, PrintsWhatTheArticlePrintsInVirtualTime) {
  for (int i = 0; i < 3; ++i) {
    const RunResult result = run("04-greenlets", {"--virtual-time"});
    EXPECT_EQ(result.out, contents("tests/lessons/expected/s0_ex4.txt"));
    EXPECT_EQ(result.out, contents("lessons/04-greenlets/expected.txt"));
    EXPECT_EQ(result.err, "");
    EXPECT_EQ(result.status, 0);
    EXPECT_LT(result.seconds, 5) << "virtual time costs none";
  }
}

// How much longer than 17 plain sleeps of a second, begun at the same time, a run took: so it
// counts for nothing how late this machine wakes a sleeper just now, nor how long a program takes
// to start.
double lateness(const RunResult& virtual_run, RunResult& result) {
  double bare = 0;
  std::thread sleeper([&bare] {
    const Stopwatch elapsed;
    for (int i = 0; i < 17; ++i) {
      const timespec second{1, 0};
      ::nanosleep(&second, nullptr);
    }
    bare = elapsed.seconds();
  });
  result = run("04-greenlets");
  sleeper.join();
  return result.seconds - virtual_run.seconds - bare;
}

TEST(Lesson04, PrintsTheSameInRealTimeAndTakesTheLongerChain) {
  const RunResult virtual_run = run("04-greenlets", {"--virtual-time"});
  RunResult result;
  double late = lateness(virtual_run, result);
  // Something else may have had the processor at the wrong moment: ask again, at most twice.
  for (int i = 0; i < 2 && late > 0.020; ++i) late = lateness(virtual_run, result);
  EXPECT_LE(late, 0.020);
  EXPECT_GE(result.seconds, 17.0) << "a sleep is never short";
  EXPECT_EQ(result.out, contents("tests/lessons/expected/s0_ex4.txt"));
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, 0);
}

TEST(Lesson04, HelpGoesToStdoutAndNonsenseIsRefused) {
  const RunResult help = run("04-greenlets", {"--help"});
  EXPECT_TRUE(help.out.starts_with(
      "usage: 04-greenlets [--help] [--timeline] [--trace FILE] [--virtual-time]"))
      << help.out;
  EXPECT_EQ(help.status, 0);
  for (const char* argument : {"--no-such-flag", "argument", "--live"}) {
    const RunResult result = run("04-greenlets", {argument});
    EXPECT_EQ(result.status, 2) << argument;
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find("\nusage: 04-greenlets"), std::string::npos);
  }
}

TEST(Lesson04, TheReadmeQuotesItsRealOutput) {
  testing::expect_readme_quotes_output("04-greenlets");
}

}  // namespace
}  // namespace simul
