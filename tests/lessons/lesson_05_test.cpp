// Lesson 05 as a reader runs it: its output beside the articles' own (tests/lessons/expected/) and
// beside its expected.txt, the time it takes, URLs of one's own, and its miniature.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lessons/common/loopback_server.hpp"
#include "runtime/net/socket.hpp"
#include "tests/support/lessons.hpp"

namespace simul {
namespace {

using testing::contents;
using testing::run;
using testing::RunResult;

TEST(Lesson05, PrintsWhatTheArticlePrintsInTheSumOfTheLatencies) {
  const RunResult result = run("05-blocking-http");
  EXPECT_EQ(result.out, contents("tests/lessons/expected/s0_ex5.txt"));
  EXPECT_EQ(result.out, contents("lessons/05-blocking-http/expected.txt"));
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, 0);
  EXPECT_GE(result.seconds, 2.8);
  EXPECT_LT(result.seconds, 4.0) << "starting and stopping the stand-in included";
}

TEST(Lesson05, TheShortVersionPrintsWhatTheOtherArticlesPrint) {
  const RunResult result = run("05-blocking-http.short");
  EXPECT_EQ(result.out, contents("tests/lessons/expected/s1_ex5.txt"));
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, 0);
}

TEST(Lesson05, UrlsOnTheCommandLineReplaceTheList) {
  LoopbackServer server([](const http::IncomingRequest&) { return text_response(200, "page"); });
  const std::string a = server.url("/a");
  const std::string b = server.url("/b");
  const RunResult result = run("05-blocking-http", {a, b});
  EXPECT_EQ(result.out, "Task One getting URL: " + a + "\nTask One got URL: " + a +
                            "\nTask One total elapsed time: 0.0\nTask Two getting URL: " + b +
                            "\nTask Two got URL: " + b +
                            "\nTask Two total elapsed time: 0.0\n\nTotal elapsed time: 0.0\n");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(server.answered(), 2u);
}

TEST(Lesson05, TheShortVersionKeepsOneConnectionForEachTask) {
  LoopbackServer server([](const http::IncomingRequest&) { return text_response(200, "page"); });
  EXPECT_EQ(run("05-blocking-http.short", std::vector<std::string>(6, server.url())).status, 0);
  EXPECT_EQ(server.answered(), 6u);
  EXPECT_EQ(server.accepted(), 2u);
}

TEST(Lesson05, APageThatCannotBeHadIsOneLineAndTheOthersAreFetched) {
  LoopbackServer server([](const http::IncomingRequest&) { return text_response(200, "page"); });
  const std::string closed =
      net::local_address(net::listen_on(net::Address::loopback(0)).get()).to_string();
  for (const char* variant : {"05-blocking-http", "05-blocking-http.short"}) {
    const std::uint64_t before = server.answered();
    const RunResult result = run(variant, {server.url(), "http://" + closed + "/x", server.url()});
    EXPECT_EQ(result.err, variant + std::string(": get http://") + closed + "/x: connect " +
                              closed + ": Connection refused\n");
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(server.answered(), before + 2);
    EXPECT_NE(result.out.find("otal elapsed time: 0.0\n"), std::string::npos);
  }
}

TEST(Lesson05, TheMiniatureFetchesAPageByItself) {
  const RunResult result = run("05-blocking-http.miniature");
  EXPECT_EQ(result.out, "HTTP/1.0 200 OK\n\nHello from next door.\n\nelapsed time: 0.3\n");
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, 0);

  LoopbackServer server([](const http::IncomingRequest& request) {
    return text_response(200, "you asked for " + request.target);
  });
  const RunResult other = run("05-blocking-http.miniature", {server.url("/that")});
  EXPECT_NE(other.out.find("\nyou asked for /that\n"), std::string::npos) << other.out;
  EXPECT_EQ(run("05-blocking-http.miniature", {"https://127.0.0.1/"}).status, 1);
  EXPECT_EQ(run("05-blocking-http.miniature", {"--help"}).status, 0);
  EXPECT_EQ(run("05-blocking-http.miniature", {"--nosuch"}).status, 2);
}

TEST(Lesson05, TheReadmeQuotesItsRealOutput) {
  testing::expect_readme_quotes_output("05-blocking-http");
}

}  // namespace
}  // namespace simul
