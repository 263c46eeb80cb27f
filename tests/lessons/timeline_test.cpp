// --timeline and --trace: every main program takes them, and shows somebody who ran.
#include <gtest/gtest.h>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/observer.hpp"
#include "tests/support/lessons.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul {
namespace {

using testing::contents;
using testing::lines_of;
using testing::program;
using testing::run;
using testing::RunResult;
using testing::TempDir;

// The chart at the end of what a program has printed.
std::string chart_in(const std::string& out) {
  const std::size_t at = out.rfind("\nTimeline of ");
  return at == out.npos ? "" : out.substr(at + 1);
}

// Those that take next to no time, and all that can do without it.
struct Quick {
  std::string name;
  std::vector<std::string> flags{};
  std::string first_row = "main program";
};
const std::vector<Quick> kQuick{{"00-parents", {}, "batching parent"},
                                {"01-synchronous"},
                                {"02-generators"},
                                {"03-blocking-calls", {"--virtual-time"}},
                                {"04-greenlets", {"--virtual-time"}},
                                {"05-blocking-http"},
                                {"06-greenlet-http"},
                                {"07-inline-callbacks"},
                                {"08-deferred-callbacks"},
                                {"09-hello-world", {"--virtual-time"}},
                                {"10-async-await", {"--virtual-time"}},
                                {"11-client-session"},
                                {"12-send-and-close"},
                                {"13-processes-and-threads"},
                                {"14-top-stories"},
                                {"15-job-queue"},
                                {"16-chess-exhibition", {"--boards", "3", "--only", "round"}},
                                {"17-cpu-heavy", {"--below", "20000", "--every", "3000"}},
                                {"18-blocking-library", {"--late", "0.02"}},
                                {"19-web-server", {"--only", "scene", "--at-once", "3"}},
                                {"20-push-server"},
                                {"21-web-crawler", {"--pages", "40"}},
                                {"22-scaling-out", {"--crowds", "--limit", "20"}}};

TEST(Timeline, EveryLessonDrawsWhoRanAndWritesItDown) {
  const TempDir folder;
  const auto trace_of = [&](const Quick& lesson) {
    return (folder / (lesson.name + ".json")).string();
  };
  // All at the same time, for some take seconds.
  std::vector<std::future<RunResult>> results;
  for (const Quick& lesson : kQuick) {
    std::vector<std::string> flags = lesson.flags;
    flags.insert(flags.end(), {"--timeline", "--trace", trace_of(lesson)});
    results.push_back(std::async(std::launch::async, [=] { return run(lesson.name, flags); }));
  }
  for (std::size_t i = 0; i < kQuick.size(); ++i) {
    const RunResult result = results[i].get();
    const std::string& name = kQuick[i].name;
    EXPECT_EQ(result.status, 0) << name << ": " << result.err;
    const std::string chart = chart_in(result.out);
    EXPECT_TRUE(chart.starts_with("Timeline of " + name)) << result.out;
    EXPECT_NE(chart.find("\n" + kQuick[i].first_row + " "), chart.npos) << chart;
    EXPECT_NE(chart.find(" runs"), chart.npos) << chart;
    const std::string json = contents(trace_of(kQuick[i]));
    EXPECT_NE(json.find("\"traceEvents\""), json.npos) << name;
    EXPECT_NE(json.find("\"runs\""), json.npos) << name;
  }
}

TEST(Timeline, APictureIsWrittenToo) {
  const TempDir folder;
  const std::string svg = (folder / "x.svg").string();
  const RunResult result = run("02-generators", {"--trace=" + svg});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, run("02-generators").out);
  EXPECT_NE(contents(svg).find("<svg"), std::string::npos);
}

TEST(Timeline, IsTheSameInEveryRunInVirtualTimeAndFollowsWhatTheLessonPrints) {
  for (const char* name : {"03-blocking-calls", "04-greenlets", "10-async-await"}) {
    const RunResult once = run(name, {"--virtual-time", "--timeline"});
    EXPECT_EQ(run(name, {"--virtual-time", "--timeline"}).out, once.out);
    const RunResult plain = run(name, {"--virtual-time"});
    EXPECT_EQ(once.out, plain.out + "\n" + chart_in(once.out));
  }
}

TEST(Timeline, Lesson03BlocksWhereLesson04Waits) {
  const std::string blocking =
      chart_in(run("03-blocking-calls", {"--virtual-time", "--timeline"}).out);
  const std::string waiting = chart_in(run("04-greenlets", {"--virtual-time", "--timeline"}).out);
  EXPECT_NE(blocking.find("blocks the thread"), std::string::npos) << blocking;
  EXPECT_EQ(waiting.find("blocks the thread"), std::string::npos) << waiting;
}

TEST(Timeline, AWrongFileIsAWrongCommandLineAndOneThatCannotBeWrittenAnError) {
  for (const char* wrong : {"trace.png", "", "svg"}) {
    const RunResult result = run("01-synchronous", {"--trace", wrong});
    EXPECT_EQ(result.status, 2) << wrong;
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find(".svg or .json"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("\nusage: 01-synchronous"), std::string::npos) << result.err;
  }
  EXPECT_EQ(run("01-synchronous", {"--trace"}).status, 2);
  EXPECT_EQ(run("01-synchronous", {"--timeline=1"}).status, 2);

  const RunResult missing = run("01-synchronous", {"--trace", "/no/such/folder/x.svg"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_EQ(missing.out, "");  // known before the example has run
  EXPECT_EQ(missing.err,
            "01-synchronous: write trace /no/such/folder/x.svg: No such file or directory\n");
  if (std::filesystem::exists("/dev/full")) {
    const TempDir folder;
    const std::filesystem::path full = folder / "full.json";
    std::filesystem::create_symlink("/dev/full", full);
    const RunResult result = run("01-synchronous", {"--trace", full.string()});
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(lines_of(result.err).size(), 1u) << result.err;
    EXPECT_NE(result.err.find("No space left"), std::string::npos) << result.err;
  }
}

TEST(Timeline, WithoutTheFlagsNothingIsInstalled) {
  // Inside the process, where one can look.
  std::string words[] = {"99-test"};
  char* argv[] = {words[0].data(), nullptr};
  const Observer* seen = nullptr;
  EXPECT_EQ(lesson(1, argv, {.about = "A test."}, [&] { seen = observer(); }), 0);
  EXPECT_EQ(seen, nullptr);
}

// A lesson whose time is counted hands in what is to be drawn.
TEST(Timeline, WhatAnExampleHandsInIsDrawnAndNotWhatTheProgramDid) {
  using namespace std::chrono_literals;
  const auto example = [] {
    const Activity activity("the program");
    add_to_timeline({"One", "One", Stretch::runs, 0min, 20min});
    add_to_timeline({"One", "Ann", Stretch::waits, 0min, 10min, "alone"});
    add_to_timeline({"Two", "Ben", Stretch::waits, 0min, 30min, "a call"});
    add_to_timeline({"One", "Ann", Stretch::is_ready, 10min, 20min});
    add_to_timeline({"One", "Ann", Stretch::runs, 20min, 30min});
  };
  std::string words[] = {"99-test", "--timeline"};
  char* argv[] = {words[0].data(), words[1].data(), nullptr};
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(lesson(2, argv, {.about = "A test."}, example), 0);
  const std::string out = ::testing::internal::GetCapturedStdout();
  EXPECT_TRUE(out.starts_with("\nTimeline of 99-test: 30 min, 1 thread, 2 tasks\n")) << out;
  EXPECT_NE(out.find("\nOne    "), out.npos) << out;
  EXPECT_NE(out.find("\nAnn    "), out.npos) << out;
  EXPECT_NE(out.find("\nBen @2 "), out.npos) << out;
  EXPECT_NE(out.find(" ready, not running\n"), out.npos) << out;
  EXPECT_NE(out.find(" waits: alone, a call\n"), out.npos) << out;
  EXPECT_EQ(out.find("program"), out.npos) << out;

  ::testing::internal::CaptureStdout();
  EXPECT_EQ(lesson(1, argv, {.about = "A test."}, example), 0);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "") << "without a flag nothing is drawn";
}

TEST(Timeline, AnExampleThatFailsIsDrawnAndSaysSo) {
  std::string words[] = {"99-test", "--timeline"};
  char* argv[] = {words[0].data(), words[1].data(), nullptr};
  const auto example = [] {
    const Activity activity("the attempt");
    throw std::runtime_error("no luck");
  };
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(lesson(2, argv, {.about = "A test."}, example), 1);
  const std::string out = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "99-test: no luck\n");
  EXPECT_NE(out.find("Timeline of 99-test (failed)"), out.npos) << out;
  EXPECT_NE(out.find("the attempt"), out.npos) << out;
}

// What a program has printed when Ctrl-C, after its first line, has ended it.
RunResult interrupted(const std::string& name, const std::string& trace) {
  testing::Child child({program(name), "--timeline", "--trace", trace});
  RunResult result;
  char byte = 0;
  bool sent = false;
  while (::read(child.out.get(), &byte, 1) == 1) {
    result.out += byte;
    if (!sent && byte == '\n') sent = ::kill(child.pid(), SIGINT) == 0;
  }
  while (::read(child.err.get(), &byte, 1) == 1) result.err += byte;
  result.status = child.wait();
  if (child.killed_by() != 0) result.err += "killed by " + std::to_string(child.killed_by());
  return result;
}

// One that blocks and knows nothing of signals, one that waits in a loop and neither does, and one
// whose loop answers them.
TEST(Timeline, CtrlCEndsTheProgramAsEverAfterTheDrawing) {
  const TempDir folder;
  const std::string killed = "killed by " + std::to_string(SIGINT);
  for (const char* name : {"03-blocking-calls", "04-greenlets", "10-async-await"}) {
    const std::string svg = (folder / (std::string(name) + ".svg")).string();
    const RunResult result = interrupted(name, svg);
    EXPECT_EQ(result.status, 128 + SIGINT) << name;
    EXPECT_EQ(result.err, std::string(name) == "10-async-await" ? "" : killed) << name;
    EXPECT_TRUE(
        chart_in(result.out).starts_with(std::string("Timeline of ") + name + " (interrupted)"))
        << result.out;
    EXPECT_NE(contents(svg).find("(interrupted)"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace simul
