// Lesson 14 as a reader runs it: its output beside the article's (tests/lessons/expected/) and
// beside its expected.txt, Ctrl-C in the middle, answers that are none, what the stand-in answers,
// and the miniature. Its tool has lesson_14_json_test.cpp.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "lessons/common/loopback_server.hpp"
#include "lessons/common/standin.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/http/blocking_client.hpp"
#include "runtime/json/json.hpp"
#include "tests/support/child.hpp"
#include "tests/support/lessons.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;
using testing::article;
using testing::contents;
using testing::expect_output;
using testing::run;
using testing::RunResult;

const std::string kName = "14-top-stories";

const std::string kOneStory =
    R"({"data": {"children": [{"data": {"score": 7, "title": "T", "url": "http://u/"}}]}})";

std::string block(const std::string& url) {
  return "7: T (http://u/)\nDONE: " + url + "\n\n";
}

// What it has written so far, as soon as that ends with `end`; everything, if it never does.
std::string output_up_to(testing::Child& child, const std::string& end) {
  std::string text;
  char byte = 0;
  while (!text.ends_with(end) && ::read(child.out.get(), &byte, 1) == 1) text += byte;
  return text;
}

// It ends by itself, with 130, not killed by the signal, and without another word.
void expect_interrupted(testing::Child& child) {
  ASSERT_EQ(::kill(child.pid(), SIGINT), 0);
  EXPECT_EQ(child.wait(), 128 + SIGINT);
  EXPECT_EQ(child.killed_by(), 0) << "nothing was closed and nobody cleaned up";
  char byte = 0;
  EXPECT_EQ(::read(child.out.get(), &byte, 1), 0) << "it wrote something on stdout";
  EXPECT_EQ(::read(child.err.get(), &byte, 1), 0) << "it wrote something on stderr";
}

TEST(Lesson14, PrintsWhatTheArticlePrintsAndEndsAfterTheThirdBlock) {
  const RunResult result = run(kName);
  expect_output(result, article("s2_reddit"));
  EXPECT_EQ(result.out, contents("lessons/" + kName + "/expected.txt"));
  EXPECT_GE(result.seconds, 0.8) << "no answer comes early";
  EXPECT_LT(result.seconds, 1.6) << "one waited for the other";
}

TEST(Lesson14, CtrlCEndsItBetweenTwoBlocks) {
  testing::Child child({testing::program(kName)});
  const std::string all = article("s2_reddit");
  const std::string done = "DONE: compsci\n\n";
  EXPECT_EQ(output_up_to(child, done), all.substr(0, all.find(done) + done.size()));
  expect_interrupted(child);
}

TEST(Lesson14, CtrlCEndsItWhileItWaitsForAnswersThatNeverCome) {
  std::atomic<int> asked{0};
  LoopbackServer server([&](const http::IncomingRequest& request) {
    ++asked;
    if (request.path() != "/now") this_fiber::sleep_for(60s);
    return text_response(200, kOneStory);
  });
  testing::Child child(
      {testing::program(kName), server.url("/never"), server.url("/now"), server.url("/nor")});
  EXPECT_EQ(output_up_to(child, "\n\n"), block(server.url("/now")));
  for (Stopwatch patience; asked < 3 && patience.elapsed() < 20s;) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(asked, 3);
  expect_interrupted(child);
}

TEST(Lesson14, AnAnswerThatIsNoneIsOneLineAndTheOthersGoOn) {
  LoopbackServer server([](const http::IncomingRequest& request) {
    const std::string_view path = request.path();
    if (path == "/busy") return text_response(429, kOneStory);
    if (path == "/half") return text_response(200, kOneStory.substr(0, 30));
    if (path == "/other") return text_response(200, R"({"data": {"children": [{"data": {}}]}})");
    return text_response(200, kOneStory);
  });
  const auto expect_complaint = [&](const std::string& path, const std::string& why) {
    const RunResult result = run(kName, {server.url(path), server.url("/good")});
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.out, block(server.url("/good")));
    EXPECT_EQ(testing::lines_of(result.err).size(), 1u) << result.err;
    const std::string start = kName + ": get " + server.url(path) + ": " + why;
    EXPECT_TRUE(result.err.starts_with(start)) << result.err;
  };
  expect_complaint("/busy", "status 429\n");
  expect_complaint("/half", "line 1, column 31: ");
  expect_complaint("/other", "");
}

TEST(Lesson14, ATitleCannotCommandTheTerminal) {
  LoopbackServer server([](const http::IncomingRequest&) {
    return text_response(200, R"({"data": {"children": [{"data": {"score": -1, "title":
        "a\u001b[2Jb\nc\u009bd\u007f\u00e9", "url": "http://u/\r"}}]}})");
  });
  expect_output(run(kName, {server.url()}),
                "-1: a?[2Jb?c?d?\u00e9 (http://u/?)\nDONE: " + server.url() + "\n\n");
}

TEST(Lesson14, LiveSaysPlainlyThatTheRealSiteNeedsTls) {
  const RunResult result = run(kName, {"--live"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(testing::lines_of(result.err).size(), 1u) << result.err;
  EXPECT_NE(result.err.find("TLS"), std::string::npos) << result.err;
}

TEST(Lesson14, TheStandInAnswersAsRedditDoes) {
  const StandIn standin;
  const auto get = [](const std::string& path) {
    return http::get("http://www.reddit.com/r/" + path);
  };
  const http::Response two = get("compsci/top.json?sort=top&limit=2&t=day");
  EXPECT_EQ(two.status, 200);
  EXPECT_EQ(two.headers.get("Content-Type"), "application/json; charset=UTF-8");
  const json::Value listing = json::parse(two.body);
  EXPECT_EQ(listing["kind"].as_string(), "Listing");
  ASSERT_EQ(listing["data"]["children"].size(), 2u);
  const json::Value& story = listing["data"]["children"][1];
  EXPECT_EQ(story["kind"].as_string(), "t3");
  EXPECT_EQ(story["data"]["score"].as_int(), 12);
  EXPECT_TRUE(story["data"]["num_comments"].is_number());
  EXPECT_EQ(get("nowhere/top.json").status, 404);
}

TEST(Lesson14, TheMiniatureTurnsASignalIntoAnEvent) {
  expect_output(run(kName + ".miniature"),
                "One   waits\n"
                "Two   waits\n"
                "One   has its page\n"
                "One   its connection is closed\n"
                "The loop has signal 2. Whoever waits is cancelled:\n"
                "Two   its connection is closed\n"
                "A shell is told 130.\n");
}

TEST(Lesson14, HelpGoesToStdoutAndNonsenseIsRefused) {
  const RunResult help = run(kName, {"--help"});
  EXPECT_TRUE(help.out.starts_with("usage: " + kName +
                                   " [--help] [--timeline] [--trace FILE] [--live] [URL...]\n"))
      << help.out;
  EXPECT_EQ(help.status, 0);
  const RunResult wrong = run(kName, {"--virtual-time"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_EQ(wrong.out, "");
}

TEST(Lesson14, TheReadmeQuotesItsRealOutput) {
  testing::expect_readme_quotes_output(kName);
}

}  // namespace
}  // namespace simul
