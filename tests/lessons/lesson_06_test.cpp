// Lesson 06 as a reader runs it: its output beside the article's own (tests/lessons/expected/) and
// beside its expected.txt, the time it takes, URLs of one's own, what it shares with lesson 05, and
// its miniature.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>
#include <vector>

#include "lessons/common/loopback_server.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/net/socket.hpp"
#include "tests/support/lessons.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;
using testing::contents;
using testing::lines_of;
using testing::run;
using testing::RunResult;

std::string closed_port() {
  return net::local_address(net::listen_on(net::Address::loopback(0)).get()).to_string();
}

TEST(Lesson06, PrintsWhatTheArticlePrintsInTheTimeOfTheLongerChain) {
  const RunResult result = run("06-greenlet-http");
  EXPECT_EQ(result.out, contents("tests/lessons/expected/s0_ex6.txt"));
  EXPECT_EQ(result.out, contents("lessons/06-greenlet-http/expected.txt"));
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, 0);
  EXPECT_GE(result.seconds, 1.5);
  EXPECT_LT(result.seconds, 2.5) << "one after the other it would be 2.8 s";
}

// Line for line, the function that downloads is lesson 05's without the line that gives way there.
TEST(Lesson06, ItsTaskIsLesson05sLessTheYield) {
  const auto task_in = [](const std::string& path) {
    std::vector<std::string> body;
    bool inside = false;
    for (std::string& line : lines_of(contents(path))) {
      if (inside && line.find("co_yield") == std::string::npos) body.push_back(line);
      if (line.find(" task(std::string name, std::queue<std::string>& work) {") !=
          std::string::npos) {
        inside = true;
      } else if (line == "}") {
        inside = false;
      }
    }
    return body;
  };
  const auto here = task_in("lessons/06-greenlet-http/main.cpp");
  EXPECT_GT(here.size(), 10u);
  EXPECT_EQ(here, task_in("lessons/05-blocking-http/main.cpp"));
  EXPECT_NE(std::find(here.begin(), here.end(), "      http::get(url);"), here.end());
}

TEST(Lesson06, TwoUrlsOfOnesOwnAreFetchedAtTheSameTime) {
  std::atomic<int> asked{0};
  LoopbackServer server([&](const http::IncomingRequest&) {
    ++asked;
    for (Stopwatch patience; asked < 2 && patience.elapsed() < 20s;) this_fiber::sleep_for(5ms);
    return text_response(asked < 2 ? 503 : 200, "page");
  });
  const RunResult result = run("06-greenlet-http", {server.url("/a"), server.url("/b")});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_LT(result.seconds, 15);
  const auto lines = lines_of(result.out);
  for (const char* path : {"/a", "/b"}) {
    const std::string ending = "got URL: " + server.url(path);
    EXPECT_EQ(std::ranges::count_if(
                  lines, [&](const std::string& line) { return line.ends_with(ending); }),
              1)
        << result.out;
  }
}

TEST(Lesson06, APageThatCannotBeHadIsOneLineAndTheOthersAreFetched) {
  LoopbackServer server([](const http::IncomingRequest&) { return text_response(200, "page"); });
  const std::string closed = closed_port();
  const RunResult result =
      run("06-greenlet-http", {server.url("/a"), "http://" + closed + "/x", server.url("/b"),
                               server.url("/c"), "http://no-such-host.invalid/"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(server.answered(), 3u);
  const auto complaints = lines_of(result.err);
  ASSERT_EQ(complaints.size(), 2u) << result.err;
  EXPECT_EQ(complaints[0], "06-greenlet-http: get http://" + closed + "/x: connect " + closed +
                               ": Connection refused");
  EXPECT_TRUE(
      complaints[1].starts_with("06-greenlet-http: get http://no-such-host.invalid/: "
                                "resolve no-such-host.invalid: "))
      << complaints[1];
}

TEST(Lesson06, HelpGoesToStdoutAndNonsenseIsRefused) {
  const RunResult help = run("06-greenlet-http", {"--help"});
  EXPECT_TRUE(help.out.starts_with(
      "usage: 06-greenlet-http [--help] [--timeline] [--trace FILE] [--live] [URL...]"))
      << help.out;
  EXPECT_EQ(help.status, 0);
  const RunResult wrong = run("06-greenlet-http", {"--virtual-time"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_EQ(wrong.out, "");
}

TEST(Lesson06, TheMiniatureDownloadsThreePagesInTheTimeOfTheSlowest) {
  const RunResult result = run("06-greenlet-http.miniature");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out,
            "getting /500\ngetting /300\ngetting /400\n"
            "got /300 after 0.3 s: HTTP/1.0 200 OK\n"
            "got /400 after 0.4 s: HTTP/1.0 200 OK\n"
            "got /500 after 0.5 s: HTTP/1.0 200 OK\n"
            "\nTotal elapsed time: 0.5\n");
  EXPECT_EQ(run("06-greenlet-http.miniature", {"--help"}).status, 0);
  EXPECT_EQ(run("06-greenlet-http.miniature", {"--nosuch"}).status, 2);
}

TEST(Lesson06, TheReadmeQuotesItsRealOutput) {
  testing::expect_readme_quotes_output("06-greenlet-http");
}

}  // namespace
}  // namespace simul
