// Lesson 11 as a reader runs it: its output beside the articles' own (tests/lessons/expected/) and
// beside its expected.txt, the time it takes, URLs of one's own, how many connections each program
// opens, a page that cannot be had, and the miniature.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <regex>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "lessons/common/loopback_server.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/net/socket.hpp"
#include "tests/support/child.hpp"
#include "tests/support/lessons.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;
using testing::article;
using testing::contents;
using testing::expect_output;
using testing::lines_of;
using testing::run;
using testing::RunResult;

const std::string kName = "11-client-session";

// A sanitizer makes a program take several times as long to start, to work and to end. Then this is
// only to tell the longer chain from the sum of both.
#if defined(SIMUL_ASAN) || defined(SIMUL_TSAN)
constexpr double kOverhead = 0.2;
#else
constexpr double kOverhead = 0.020;
#endif

// Task Two's pages; those of One are there after 0.3 + 0.4 + 0.3 + 0.5.
const std::vector<Duration> kLongerChain = {800ms, 500ms, 400ms};

// How much longer a run took than a thread that only slept for as long as each page takes, at the
// same time: so it counts for nothing how late this machine wakes a sleeper just now.
double lateness(const std::string& name, RunResult& result) {
  double bare = 0;
  std::thread sleeper([&bare] {
    const Stopwatch elapsed;
    for (const Duration latency : kLongerChain) std::this_thread::sleep_for(latency);
    bare = elapsed.seconds();
  });
  result = run(name);
  sleeper.join();
  return result.seconds - bare;
}

std::string closed_port() {
  return net::local_address(net::listen_on(net::Address::loopback(0)).get()).to_string();
}

TEST(Lesson11, PrintsWhatTheArticlePrintsInTheTimeOfTheLongerChain) {
  RunResult result;
  double late = lateness(kName, result);
  // Something else may have had the processor at the wrong moment: ask again, at most four times.
  for (int i = 0; i < 4 && late > kOverhead; ++i) late = lateness(kName, result);
  EXPECT_LE(late, kOverhead);
  EXPECT_GE(result.seconds, 1.7) << "no page comes early";
  expect_output(result, article("s4_ex6"));
  EXPECT_EQ(result.out, contents("lessons/" + kName + "/expected.txt"));
}

TEST(Lesson11, TheShortVersionPrintsWhatTheOtherArticlePrints) {
  expect_output(run(kName + ".short"), article("s1_ex6"));
}

TEST(Lesson11, TwoUrlsOfOnesOwnAreFetchedAtTheSameTime) {
  for (const char* variant : {"", ".short"}) {
    std::atomic<int> asked{0};
    LoopbackServer server([&](const http::IncomingRequest&) {
      ++asked;
      for (Stopwatch patience; asked < 2 && patience.elapsed() < 20s;) this_fiber::sleep_for(5ms);
      return text_response(200, asked < 2 ? "alone" : "page");
    });
    const std::string a = server.url("/a");
    const std::string b = server.url("/b");
    const RunResult result = run(kName + variant, {a, b});
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.err, "");
    const auto lines = lines_of(result.out);
    ASSERT_EQ(lines.size(), 6u) << result.out;
    EXPECT_EQ(lines[0], "Task One getting URL: " + a);
    EXPECT_EQ(lines[1], "Task Two getting URL: " + b);
    EXPECT_TRUE(lines.back().ends_with(": 0.0")) << "one waited for the other: " << result.out;
  }
}

TEST(Lesson11, ATasksSessionKeepsItsConnectionAndASharedOneKeepsThemForAll) {
  for (const char* variant : {"", ".short"}) {
    LoopbackServer server([](const http::IncomingRequest&) {
      this_fiber::sleep_for(10ms);  // so that both tasks have a share
      return text_response(200, "page");
    });
    EXPECT_EQ(run(kName + variant, std::vector<std::string>(8, server.url())).status, 0);
    EXPECT_EQ(server.answered(), 8u) << variant;
    EXPECT_EQ(server.accepted(), 2u) << variant;
  }
}

TEST(Lesson11, APageThatCannotBeHadIsOneLineAndBothTasksGoOn) {
  for (const char* variant : {"", ".short"}) {
    std::atomic<int> asked{0};
    LoopbackServer server([&](const http::IncomingRequest&) {
      // Each task is to have two: nobody gets an answer before his neighbour has asked, too.
      const int number = ++asked;
      for (Stopwatch patience; asked < number + number % 2 && patience.elapsed() < 20s;)
        this_fiber::sleep_for(5ms);
      return text_response(500, "whatever the status, an answer is an answer");
    });
    const std::string closed = closed_port();
    const RunResult result =
        run(kName + variant, {"http://" + closed + "/x", server.url("/a"), server.url("/b"),
                              server.url("/c"), server.url("/d")});
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(asked, 4);
    EXPECT_EQ(result.err, kName + variant + ": get http://" + closed + "/x: connect " + closed +
                              ": Connection refused\n");
    const auto lines = lines_of(result.out);
    const auto count = [&](const std::string& start) {
      return std::ranges::count_if(lines, [&](const auto& l) { return l.starts_with(start); });
    };
    EXPECT_EQ(count("Task One getting URL: "), 3) << result.out;
    EXPECT_EQ(count("Task Two getting URL: "), 2) << result.out;
    EXPECT_EQ(count("Task One elapsed time: "), 3) << result.out;
    EXPECT_EQ(count("Task Two elapsed time: "), 2) << result.out;
    EXPECT_TRUE(lines.back().starts_with("Total elapsed time: ")) << result.out;
  }
}

TEST(Lesson11, CtrlCEndsItInTheMiddleOfTheDownloadsWithoutAWord) {
  std::counting_semaphore<> asked(0);
  LoopbackServer server([&](const http::IncomingRequest&) {
    asked.release();
    this_fiber::sleep_for(60s);
    return text_response(200, "page");
  });
  testing::Child child({testing::program(kName), server.url("/a"), server.url("/b")});
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(asked.try_acquire_for(20s));
  ASSERT_EQ(::kill(child.pid(), SIGINT), 0);
  EXPECT_EQ(child.wait(), 128 + SIGINT);
  EXPECT_EQ(child.killed_by(), 0) << "nothing was closed and nobody cleaned up";
  char byte = 0;
  EXPECT_EQ(::read(child.err.get(), &byte, 1), 0) << "it wrote something on stderr";
}

TEST(Lesson11, ThePoolServesTheLineInOrderAndDropsWhatWasGivenUp) {
  const RunResult result = run(kName + ".pool");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  // What the page quotes, but for a tenth of a second that a busy machine may add.
  const std::regex page("  0[.][3-9] s  http://google[.]com");
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 11u) << result.out;
  for (int i = 1; i <= 6; ++i) EXPECT_TRUE(std::regex_match(lines[i], page)) << lines[i];
  EXPECT_EQ(lines[7], "  idle connections: 2, in use: 0");
  EXPECT_EQ(lines[10], "  idle connections: 1, in use: 0");
}

TEST(Lesson11, ThePoolOpensNoMoreConnectionsThanItMay) {
  std::atomic<int> asked{0};
  std::string order;
  LoopbackServer server([&](const http::IncomingRequest& request) {
    order += request.target[1];
    this_fiber::sleep_for(++asked <= 6 ? 20ms : 60000ms);
    return text_response(200, "page");
  });
  std::vector<std::string> urls;
  for (const char* path : {"/1", "/2", "/3", "/4", "/5", "/6"}) urls.push_back(server.url(path));
  const RunResult result = run(kName + ".pool", urls);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(server.accepted(), 2u);
  EXPECT_EQ(lines_of(result.out).back(), "  idle connections: 1, in use: 0");
  for (Stopwatch patience; asked < 7 && patience.elapsed() < 20s;) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(asked, 7);
  // Two at a time, and those in the order of the line; which of two asks first is chance.
  for (std::size_t i = 0; i < 6; i += 2) std::sort(order.begin() + i, order.begin() + i + 2);
  EXPECT_EQ(order, "1234561");
}

TEST(Lesson11, TheMiniaturePassesConnectionsOnAndMendsAStaleOne) {
  expect_output(run(kName + ".miniature"),
                "One   asks for /300 on a new connection 1\n"
                "Two   asks for /100 on a new connection 2\n"
                "All five have begun, and three of them stand in line.\n"
                "Two   has /100\n"
                "Three asks for /100 on the old connection 2\n"
                "Three has /100\n"
                "Four  asks for /200 on the old connection 2\n"
                "Four  was hung up on\n"
                "Four  asks for /200 on a new connection 3\n"
                "One   has /300\n"
                "Five  asks for /200 on the old connection 1\n"
                "Four  has /200\n"
                "Five  has /200\n"
                "0.5 s\n");
}

TEST(Lesson11, HelpGoesToStdoutAndNonsenseIsRefused) {
  for (const char* variant : {"", ".short", ".pool"}) {
    SCOPED_TRACE(variant);
    const RunResult help = run(kName + variant, {"--help"});
    EXPECT_TRUE(help.out.starts_with("usage: " + kName + variant +
                                     " [--help] [--timeline] [--trace FILE] [--live] [URL...]\n"))
        << help.out;
    EXPECT_EQ(help.status, 0);
    const RunResult wrong = run(kName + variant, {"--virtual-time"});
    EXPECT_EQ(wrong.status, 2);
    EXPECT_EQ(wrong.out, "");
    EXPECT_NE(wrong.err.find("\nusage: " + kName + variant), std::string::npos) << wrong.err;
  }
}

TEST(Lesson11, TheReadmeQuotesItsRealOutput) {
  testing::expect_readme_quotes_output(kName);
}

}  // namespace
}  // namespace simul
