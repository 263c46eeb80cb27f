// Lessons 07 and 08 as a reader runs them: their output beside the article's
// own (tests/lessons/expected/) and beside their expected.txt, the time they
// take, URLs of one's own, what 07 shares with lesson 06, and their miniatures.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ostream>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "lessons/common/loopback_server.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/fiber/annotate.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/net/socket.hpp"
#include "tests/support/lessons.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;
using testing::contents;
using testing::expect_output;
using testing::lines_of;
using testing::run;
using testing::RunResult;

std::string closed_port() {
  return net::local_address(net::listen_on(net::Address::loopback(0)).get()).to_string();
}

// Python shows that its URLs are bytes: b'http://google.com'. We have no such
// thing to show.
std::string article_without_bytes(const std::string& id) {
  return std::regex_replace(testing::article(id), std::regex("b'([^']*)'"), "$1");
}

struct Both {
  std::string name;
  std::string article;
  friend std::ostream& operator<<(std::ostream& out, const Both& both) { return out << both.name; }
};
class Lessons0708 : public ::testing::TestWithParam<Both> {
 protected:
  const std::string& name() const { return GetParam().name; }
};
INSTANTIATE_TEST_SUITE_P(, Lessons0708,
                         ::testing::Values(Both{"07-inline-callbacks", "s0_ex7"},
                                           Both{"08-deferred-callbacks", "s0_ex8"}),
                         [](const auto& each) { return each.param.article; });

// A sanitizer makes a program take several times as long to start, to work and to end. Then this is
// only to tell the longer chain from the sum of both.
#if defined(SIMUL_ASAN) || defined(SIMUL_TSAN)
constexpr double kOverhead = 0.2;
#else
constexpr double kOverhead = 0.020;
#endif

// Task One's pages; those of Two are there after 0.8 + 0.5.
const std::vector<Duration> kLongerChain = {300ms, 400ms, 300ms, 500ms};

// How much longer a run took, from the program's start to its end, than a thread that did nothing
// but sleep for as long as each page takes, one after the other, at the same time: so it counts for
// nothing how late this machine wakes a sleeper just now.
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

TEST_P(Lessons0708, PrintsWhatTheArticlePrintsInTheTimeOfTheLongerChain) {
  RunResult result;
  double late = lateness(name(), result);
  // Something else may have had the processor at the wrong moment: ask again, at most four times.
  for (int i = 0; i < 4 && late > kOverhead; ++i) late = lateness(name(), result);
  EXPECT_LE(late, kOverhead);
  EXPECT_GE(result.seconds, 1.5) << "no page comes early";
  expect_output(result, article_without_bytes(GetParam().article));
  EXPECT_EQ(result.out, contents("lessons/" + name() + "/expected.txt"));
}

TEST_P(Lessons0708, TwoUrlsOfOnesOwnAreFetchedAtTheSameTime) {
  std::atomic<int> asked{0};
  LoopbackServer server([&](const http::IncomingRequest&) {
    ++asked;
    for (Stopwatch patience; asked < 2 && patience.elapsed() < 20s;) this_fiber::sleep_for(5ms);
    return text_response(asked < 2 ? 503 : 200, "page");
  });
  const RunResult result = run(name(), {server.url("/a"), server.url("/b")});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  const auto lines = lines_of(result.out);
  for (const char* path : {"/a", "/b"})
    EXPECT_EQ(std::ranges::count_if(
                  lines,
                  [&](const auto& line) { return line.ends_with("got URL: " + server.url(path)); }),
              1)
        << result.out;
}

TEST_P(Lessons0708, APageThatCannotBeHadIsOneLineAndBothTasksGoOn) {
  std::atomic<int> asked{0};
  LoopbackServer server([&](const http::IncomingRequest& request) {
    if (request.target == "/missing") return text_response(404, "no such page\n");
    // The tasks take turns here, so that each is seen to go on after a failure
    // of its own.
    const int number = ++asked;
    for (Stopwatch patience; asked < number + number % 2 && patience.elapsed() < 20s;)
      this_fiber::sleep_for(5ms);
    return text_response(200, "page");
  });
  const std::string closed = closed_port();
  const RunResult result =
      run(name(), {"http://" + closed + "/x", server.url("/missing"), server.url("/a"),
                   server.url("/b"), server.url("/c"), server.url("/d")});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(asked, 4);
  const std::string refused =
      name() + ": get http://" + closed + "/x: connect " + closed + ": Connection refused\n";
  const std::string missing = name() + ": get " + server.url("/missing") + ": 404 Not Found\n";
  EXPECT_TRUE(result.err == refused + missing || result.err == missing + refused) << result.err;
  const auto lines = lines_of(result.out);
  for (const char* task : {"Task One ", "Task Two "}) {
    const auto of_task = [&](const std::string& what) {
      return std::ranges::count_if(lines,
                                   [&](const auto& line) { return line.starts_with(task + what); });
    };
    EXPECT_EQ(of_task("getting URL"), 3) << result.out;
    EXPECT_EQ(of_task("got URL"), 2) << result.out;
    EXPECT_EQ(of_task("total elapsed time"), 3) << result.out;
  }
  EXPECT_TRUE(lines.back().starts_with("Total elapsed time: ")) << result.out;
}

TEST_P(Lessons0708, HelpGoesToStdoutAndNonsenseIsRefused) {
  const RunResult help = run(name(), {"--help"});
  EXPECT_TRUE(help.out.starts_with("usage: " + name() +
                                   " [--help] [--timeline] [--trace FILE] [--live] [URL...]"))
      << help.out;
  EXPECT_EQ(help.status, 0);
  const RunResult wrong = run(name(), {"--virtual-time"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_EQ(wrong.out, "");
}

TEST_P(Lessons0708, TheReadmeQuotesItsRealOutput) {
  testing::expect_readme_quotes_output(name());
}

// The function that downloads is lesson 06's, but for the line that waits.
TEST(Lesson07, ItsTaskIsLesson06sWithTheWaitMadeVisible) {
  const auto task_in = [](const std::string& path) {
    std::vector<std::string> body;
    bool inside = false;
    for (std::string& line : lines_of(contents(path))) {
      if (line == "}") inside = false;
      if (inside) body.push_back(line);
      if (line.find(" task(std::string name, std::queue<std::string>& work) {") !=
          std::string::npos)
        inside = true;
    }
    return body;
  };
  auto there = task_in("lessons/06-greenlet-http/main.cpp");
  std::ranges::replace(there, std::string("      http::get(url);"),
                       std::string("      co_yield web::get_page(url);"));
  EXPECT_GT(there.size(), 10u);
  EXPECT_EQ(task_in("lessons/07-inline-callbacks/main.cpp"), there);
}

TEST(Lesson07, TheMiniatureWaitsForTwoDeferredsAtOnce) {
  expect_output(run("07-inline-callbacks.miniature"),
                "Task One getting /500\n"
                "Task Two getting /300\n"
                "Both tasks have begun, and main goes on.\n"
                "Task Two got the page /300\n"
                "Task Two getting /0\n"
                "Task Two: no such page: /0\n"
                "Task Two getting /400\n"
                "Task One got the page /500\n"
                "Task One is done after 0.5 s\n"
                "Task Two got the page /400\n"
                "Task Two is done after 0.7 s\n");
}

TEST(Lesson08, TheMiniatureRunsChainsAndStepsGenerators) {
  expect_output(run("08-deferred-callbacks.miniature"),
                "No task has begun yet.\n"
                "Task One getting /500\n"
                "Task Two getting /200\n"
                "Task Two got the page /100\n"
                "Task Two getting /0\n"
                "Task Two no such page: /0\n"
                "Task Two getting /400\n"
                "Task One got the page /500\n"
                "Task Two got the page /400\n");
}

}  // namespace
}  // namespace simul
