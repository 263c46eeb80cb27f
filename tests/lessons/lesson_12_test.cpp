// Lesson 12 as a reader runs it: its output beside the article's own, what the miniature and the
// little scheduler print, their flags, and what the page says of them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "tests/support/child.hpp"
#include "tests/support/lessons.hpp"

namespace simul {
namespace {

using testing::article;
using testing::contents;
using testing::expect_output;
using testing::program;
using testing::run;
using testing::RunResult;

const std::string kSchedule =
    "0.0 s  One wants /500\n"
    "0.0 s  Two wants /300\n"
    "0.0 s  Three wants /100\n"
    "0.1 s  Three is sent the page /100\n"
    "0.1 s  Three wants /9000\n"
    "0.3 s  Two is sent the page /300\n"
    "0.3 s  Two wants /600\n"
    "0.5 s  One is sent the page /500\n"
    "0.5 s  One wants /200\n"
    "0.7 s  One is sent the page /200\n"
    "0.7 s  One is done\n"
    "0.9 s  Two is sent the page /600\n"
    "0.9 s  Two is done\n"
    "1.0 s  Three is closed, and tidies up\n";

TEST(Lesson12, PrintsWhatTheArticlePrints) {
  const RunResult result = run("12-send-and-close");
  expect_output(result, article("s2_coroutine"));
  EXPECT_EQ(result.out, contents("lessons/12-send-and-close/expected.txt"));
}

TEST(Lesson12, TheMiniatureIsSentNumbersAndClosedAndRefusesWhatMakesNoSense) {
  expect_output(run("12-send-and-close.miniature"),
                "send 3 to one that has not started: send: nobody is there to receive yet\n"
                "send 3: 3 comes out\n"
                "send 5: 4 comes out\n"
                "send 10: 6 comes out\n"
                "  mean: closed after 3 numbers, their sum was 18\n"
                "close it: done\n"
                "close it again: done\n"
                "send 4: send: the coroutine is over\n"
                "  stubborn: not yet\n"
                "close a stubborn one: close: the coroutine refused to end\n"
                "close it again: done\n");
}

TEST(Lesson12, TheSchedulerSendsEachTaskWhatItWantsAndClosesTheLast) {
  for (int i = 0; i < 3; ++i) {
    const RunResult result = run("12-send-and-close.scheduler", {"--virtual-time"});
    expect_output(result, kSchedule);
    EXPECT_LT(result.seconds, 5) << "virtual time costs none";
  }
}

TEST(Lesson12, InRealTimeTheSchedulerTakesOneSecondForAllThree) {
  const RunResult result = run("12-send-and-close.scheduler");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_GE(result.seconds, 1.0);
  EXPECT_LT(result.seconds, 6.0) << "the waits of One, Two and Three are 10.7 s in all";
  // A machine that stalls for a tenth of a second may have Two closed, too: so no more than this.
  EXPECT_NE(result.out.find(" s  One wants /500\n"), std::string::npos) << result.out;
  EXPECT_TRUE(result.out.ends_with("Three is closed, and tidies up\n")) << result.out;
}

TEST(Lesson12, CtrlCEndsTheSchedulerAtOnceWithoutAWord) {
  testing::Child child({program("12-send-and-close.scheduler")});
  std::string out;
  while (!out.ends_with("Three wants /100\n")) {
    char byte = 0;
    ASSERT_EQ(::read(child.out.get(), &byte, 1), 1) << out;
    out += byte;
  }
  ASSERT_EQ(::kill(child.pid(), SIGINT), 0);
  EXPECT_EQ(child.wait(), 128 + SIGINT);
  EXPECT_EQ(child.killed_by(), SIGINT) << "it has nothing to close, and no handler";
  char byte = 0;
  EXPECT_EQ(::read(child.err.get(), &byte, 1), 0) << "it wrote something on stderr";
}

TEST(Lesson12, HelpGoesToStdoutAndNonsenseIsRefused) {
  for (const char* name : {"12-send-and-close", "12-send-and-close.scheduler"}) {
    SCOPED_TRACE(name);
    const RunResult help = run(name, {"--help"});
    EXPECT_TRUE(help.out.starts_with(std::string("usage: ") + name + " [--help]")) << help.out;
    EXPECT_EQ(help.status, 0);
    const RunResult wrong = run(name, {"--live"});
    EXPECT_EQ(wrong.status, 2);
    EXPECT_EQ(wrong.out, "");
    EXPECT_NE(wrong.err.find(std::string("\nusage: ") + name), std::string::npos);
  }
  EXPECT_EQ(run("12-send-and-close", {"--virtual-time"}).status, 2) << "it waits for nothing";
}

TEST(Lesson12, TheReadmeQuotesTheRealOutput) {
  testing::expect_readme_quotes_output("12-send-and-close");
  EXPECT_NE(contents("lessons/12-send-and-close/README.md").find(kSchedule), std::string::npos);
}

}  // namespace
}  // namespace simul
