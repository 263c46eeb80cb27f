// Lesson 15 as a reader runs it: both scenes beside expected.txt and the article's log, on a Redis
// of its own and on somebody's; the four tools as scripts see them; Ctrl-C, and what it must not
// leave behind; the miniature.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "tests/redis/embedded_server.hpp"
#include "tests/support/child.hpp"
#include "tests/support/lessons.hpp"
#include "tests/support/redis_server.hpp"

namespace simul {
namespace {

using testing::article;
using testing::Child;
using testing::contents;
using testing::expect_output;
using testing::lines_of;
using testing::program;
using testing::run;
using testing::run_program;
using testing::RunResult;

const std::string kName = "15-job-queue";
const std::vector<std::string> kNoUrl = {"REDIS_URL="};

/// Without what is different each time: the time of day, names, ids, the server.
std::string masked(std::string text) {
  const auto mask = [&](const char* what, const char* by) {
    text = std::regex_replace(text, std::regex(what, std::regex::multiline), by);
  };
  mask(R"(^Redis: .*$)", "Redis: REDIS");
  mask(R"(^\d\d:\d\d:\d\d )", "TIME ");
  mask(R"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})", "JOB");
  mask(R"(simul-[0-9a-f]{32})", "default");  // our queue where others have theirs
  mask(R"([0-9a-f]{32})", "WORKER");
  return text;
}

/// The lines of the second scene have no fixed order, nor is it fixed who does what.
std::vector<std::string> second_scene(const std::string& out) {
  std::vector<std::string> lines = lines_of(out.substr(out.find("\nThree workers")));
  for (std::string& line : lines) line = std::regex_replace(line, std::regex("Ann|Ben|Cid"), "WHO");
  std::sort(lines.begin(), lines.end());
  return lines;
}

void expect_both_scenes(const std::string& out) {
  const std::string expected = masked(contents("lessons/" + kName + "/expected.txt"));
  const std::string got = masked(out);
  ASSERT_NE(got.find("\nThree workers"), std::string::npos) << out;
  EXPECT_EQ(got.substr(0, got.find("\nThree")), expected.substr(0, expected.find("\nThree")));
  EXPECT_EQ(second_scene(got), second_scene(expected)) << out;
}

/// What it has written so far, as soon as that ends with `end`; everything, if it never does.
std::string output_up_to(Child& child, const std::string& end) {
  std::string text;
  char byte = 0;
  while (!text.ends_with(end) && ::read(child.out.get(), &byte, 1) == 1) text += byte;
  return text;
}

std::string rest(const UniqueFd& pipe) {
  std::string text;
  char byte = 0;
  while (::read(pipe.get(), &byte, 1) == 1) text += byte;
  return text;
}

/// How many processes have this in their command line.
int processes_with(const std::string& word) {
  int found = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    std::ifstream file(entry.path() / "cmdline");
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    if (line.find(word) != std::string::npos) ++found;
  }
  return found;
}

class Lesson15 : public ::testing::Test {
 protected:
  void SetUp() override {
    url_ = server_.url();
    real_ = !url_.empty();
    if (!real_) url_ = embedded_.emplace().url();
  }

  RunResult tool(const std::string& which, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--url", url_});
    return run(kName + "." + which, std::move(arguments));
  }

  /// The id that `enqueue` prints, which must be all that it prints.
  std::string enqueue(std::vector<std::string> words) const {
    const RunResult result = tool("enqueue", std::move(words));
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.err, "");
    EXPECT_EQ(masked(result.out), "JOB\n");
    return result.out.substr(0, result.out.find('\n'));
  }

  /// A worker that is at work on `queue`, as far as the line that says so.
  std::unique_ptr<Child> worker_at_work(const std::string& queue) const {
    auto worker = std::make_unique<Child>(
        std::vector<std::string>{program(kName + ".worker"), "--url", url_, queue});
    output_up_to(*worker, queue + ": mymodule.count_words_at_url('http://nvie.com')");
    return worker;
  }

  bool real_ = false;  // is there a redis-server? Else the embedded one has to do.
  std::string url_;

 private:
  testing::RedisServer server_;
  std::optional<testing::EmbeddedServer> embedded_;
};

const std::vector<std::string> kJob = {"default", "mymodule.count_words_at_url", "http://nvie.com"};

// ---- The scenes ----

// All at once, for each takes some seconds.
TEST_F(Lesson15, PlaysBothScenesOnEachOfThreeServers) {
  enqueue(kJob);  // somebody's: not to be touched
  Child theirs({program(kName)}, {"REDIS_URL=" + url_});
  Child embedded({program(kName)}, {"REDIS_URL=", "PATH=/nowhere"});
  std::optional<Child> own;
  if (real_) own.emplace(std::vector<std::string>{program(kName)}, kNoUrl);
  const std::string log = masked(article("s2_rq_worker"));
  const auto expect_the_end = [&](Child& child, const std::string& which) {
    const std::string out = rest(child.out);
    EXPECT_EQ(rest(child.err), "");
    EXPECT_EQ(child.wait(), 0);
    EXPECT_TRUE(out.starts_with("Redis: " + which)) << out;
    expect_both_scenes(out);
    EXPECT_NE(masked(out).find(log), std::string::npos) << "RQ's worker writes:\n" << log;
  };
  expect_the_end(theirs, "the one that REDIS_URL names, at ");
  expect_the_end(embedded, "the one inside this program, for there is no redis-server here, at ");
  if (own) expect_the_end(*own, "a redis-server of our own, at unix:///");
  const std::vector<std::string> queues = lines_of(tool("info", {"--jobs", "0"}).out);
  ASSERT_GE(queues.size(), 3u);
  EXPECT_TRUE(std::regex_match(queues[1], std::regex("default +1 +0 +0 +0 +0 +0 +0"))) << queues[1];
  EXPECT_EQ(queues[2], "") << "its own queue is forgotten";
}

TEST_F(Lesson15, WhateverEndsItNothingOfItIsLeft) {
  for (const int signal : {SIGINT, SIGTERM}) {
    SCOPED_TRACE(signal);
    Child child({program(kName)}, kNoUrl);
    const std::string out = output_up_to(child, "begins yahoo.com\n");
    std::smatch place;
    ASSERT_TRUE(std::regex_search(out, place, std::regex("at (unix://(.*)/redis.sock|redis:.*)")))
        << out;
    const std::string folder = place[2];
    const std::string known_by = folder.empty() ? place[1].str() : folder;
    ASSERT_GE(processes_with(known_by), 2) << "workers, and a server: they can be found";
    ASSERT_EQ(::kill(child.pid(), signal), 0);
    EXPECT_EQ(child.wait(), signal == SIGINT ? 128 + SIGINT : 1);
    EXPECT_EQ(child.killed_by(), 0) << "nobody cleaned up";
    EXPECT_EQ(rest(child.err), signal == SIGINT ? "" : kName + ": cancelled\n");
    EXPECT_EQ(processes_with(known_by), 0);
    EXPECT_FALSE(!folder.empty() && std::filesystem::exists(folder));
  }
}

TEST(Lesson15Alone, SaysWhenTheServerOfREDIS_URLIsNotThere) {
  const RunResult result =
      run_program({program(kName)}, {.environment = {"REDIS_URL=unix:///nowhere/redis.sock"}});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(lines_of(result.err).size(), 1u) << result.err;
  EXPECT_NE(result.err.find("/nowhere/redis.sock: No such file or directory"), std::string::npos)
      << result.err;
}

// ---- The tools ----

TEST_F(Lesson15, AJobIsEnqueuedWorkedOffAndItsResultPrinted) {
  const std::string id = enqueue(kJob);
  const RunResult early = tool("result", {id});
  EXPECT_EQ(early.status, 1);
  EXPECT_EQ(early.out, "");
  EXPECT_EQ(early.err, kName + ".result: job " + id + " is queued and has no result yet\n");
  const RunResult worker = tool("worker", {"--burst", "default"});
  EXPECT_EQ(worker.status, 0);
  EXPECT_EQ(worker.err, "");
  EXPECT_EQ(masked(worker.out), masked(article("s2_rq_worker")));
  expect_output(tool("result", {id}), "322\n");
  expect_output(tool("result", {"--wait", "60", id}), "322\n");
}

TEST_F(Lesson15, ArgumentsAreJsonOrElseTexts) {
  enqueue({"q", "f", "-7", "[1, null]", R"({"a": 1.5})", R"("8")", "true", "x y", "1x", ""});
  enqueue({"q", "f", "--", "-x"});
  const std::string out = tool("info", {"q"}).out;
  EXPECT_NE(out.find("  f(-7, [1, None], {'a': 1.5}, '8', True, 'x y', '1x', '')\n"),
            std::string::npos)
      << out;
  EXPECT_NE(out.find("  f('-x')\n"), std::string::npos) << out;
}

TEST_F(Lesson15, AJobThatFailsIsOneLineForTheWorkerAndOneForWhoAsks) {
  const std::string unknown = enqueue({"default", "nosuch.function"});
  const std::string unfit = enqueue({"default", "mymodule.count_words_at_url", "7", "8"});
  const RunResult worker = tool("worker", {"--burst", "default"});
  EXPECT_EQ(worker.status, 0) << "the worker has not failed";
  EXPECT_EQ(lines_of(worker.err).size(), 2u) << worker.err;
  for (const auto& [id, why] : {std::pair(unknown, "knows no function nosuch.function"),
                                std::pair(unfit, "takes 1 argument but 2 were given")}) {
    const RunResult result = tool("result", {id});
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(lines_of(result.err).size(), 1u) << result.err;
    EXPECT_NE(result.err.find("job " + id + " is failed: "), std::string::npos) << result.err;
    EXPECT_NE(result.err.find(why), std::string::npos) << result.err;
  }
  const RunResult none = tool("result", {"no-such-id"});
  EXPECT_EQ(none.status, 1);
  EXPECT_EQ(none.err, kName + ".result: there is no job no-such-id\n");
}

TEST_F(Lesson15, AWorkerThatIsToldToEndEndsItsJobFirst) {
  for (const int signal : {SIGINT, SIGTERM}) {
    SCOPED_TRACE(signal);
    const std::string id = enqueue(kJob);
    const std::string next = enqueue(kJob);
    const auto worker = worker_at_work("default");
    worker->signal(signal);
    const std::string out = masked(rest(worker->out));
    EXPECT_EQ(worker->wait(), 0);
    EXPECT_EQ(worker->killed_by(), 0);
    EXPECT_NE(out.find("322\nTIME default: Job OK (JOB)\n"), std::string::npos) << out;
    EXPECT_EQ(tool("result", {id}).out, "322\n");
    EXPECT_NE(tool("result", {next}).err.find("is queued"), std::string::npos);
    tool("worker", {"--burst", "default"});
  }
}

TEST_F(Lesson15, WhatAKilledWorkerWasAtIsDoneByAnother) {
  const std::string id = enqueue(kJob);
  const std::vector<std::string> command = {
      program(kName + ".worker"), "--url", url_, "--silence", "1", "default"};
  Child first(command);
  output_up_to(first, "http://nvie.com') (" + id + ")\n");
  first.signal(SIGKILL);
  first.wait();
  EXPECT_NE(tool("result", {id}).err.find("is started"), std::string::npos);
  Child second(command);
  expect_output(tool("result", {"--wait", "30", id}), "322\n");
  second.signal(SIGTERM);
  EXPECT_EQ(second.wait(), 0);
  EXPECT_NE(rest(second.err).find("default: Job abandoned by worker "), std::string::npos);
}

TEST_F(Lesson15, InfoShowsQueuesWorkersAndJobsAndNobodysEscapes) {
  enqueue(kJob);
  enqueue({"other\x1b[2J", "f"});
  enqueue({"--in", "1000", "default", "later"});
  const auto worker = worker_at_work("default");
  const RunResult result = tool("info", {});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  const auto expect_line = [&](const char* line) {
    EXPECT_TRUE(std::regex_search(result.out, std::regex(line, std::regex::multiline)))
        << line << "\n"
        << result.out;
  };
  expect_line(R"(^QUEUE +queued +started +finished +failed +deferred +scheduled +canceled$)");
  expect_line(R"(^default +0 +1 +0 +0 +0 +1 +0$)");
  expect_line(R"(^other\?\[2J +1 +0 +0 +0 +0 +0 +0$)");
  expect_line(R"(^[0-9a-f]{32}  default  busy +0 +0 +\d+ s ago +[0-9a-f-]{36}$)");
  expect_line(
      R"(^[0-9a-f-]{36}  default +started +\d+ s ago  [0-9a-f]{32}  mymodule\.count_words)");
  expect_line(R"(^[0-9a-f-]{36}  default +scheduled +\d+ s ago +later\(\)$)");
  EXPECT_EQ(tool("info", {"other"}).out.find("default"), std::string::npos);

  Child watching({program(kName + ".info"), "--url", url_, "--watch", "--every", "0.1"});
  for (int pictures = 0; pictures < 3; ++pictures) output_up_to(watching, "QUEUE");
  watching.signal(SIGINT);
  EXPECT_EQ(watching.wait(), 128 + SIGINT);
}

TEST(Lesson15Alone, WithoutAServerEachToolSaysSoAtOnce) {
  const std::vector<std::vector<std::string>> commands = {
      {"enqueue", "q", "f"}, {"worker", "q"}, {"result", "id"}, {"info"}};
  for (std::vector<std::string> words : commands) {
    const std::string name = kName + "." + words[0];
    SCOPED_TRACE(name);
    words[0] = "--url=unix:///nowhere/redis.sock";
    const RunResult result = run(name, words);
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(lines_of(result.err).size(), 1u) << result.err;
    EXPECT_TRUE(result.err.starts_with(name + ": ")) << result.err;
    EXPECT_LT(result.seconds, 5);
  }
}

TEST(Lesson15Alone, AWrongCommandLineIsRefused) {
  const std::string url = "redis://127.0.0.1:1";
  const std::vector<std::vector<std::string>> commands = {
      {"enqueue", "q", "f"},
      {"enqueue", "--url", url},
      {"enqueue", "--url", url, "q"},
      {"enqueue", "--url", "http://127.0.0.1", "q", "f"},
      {"enqueue", "--url", url, "--timeout", "0", "q", "f"},
      {"worker", "q"},
      {"worker", "--url", url},
      {"worker", "--url", url, "--concurrency", "0", "q"},
      {"result", "id"},
      {"result", "--url", url},
      {"result", "--url", url, "a", "b"},
      {"info"},
      {"info", "--url", "nonsense"}};
  for (std::vector<std::string> words : commands) {
    const std::string name = kName + "." + words[0];
    words.erase(words.begin());
    const RunResult result = run(name, words);
    EXPECT_EQ(result.status, 2) << name << ": " << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find("\nusage: " + name), std::string::npos) << result.err;
  }
}

TEST(Lesson15Alone, TheMiniatureLosesNoJobAndBeginsOneTwice) {
  expect_output(run(kName + ".miniature"),
                "Ann was killed by signal 9; taken: 1.Ann\n"
                "job 1: ONE\njob 2: TWO\njob 3: THREE\njob 4: FOUR\njob 5: FIVE\njob 6: SIX\n"
                "begun: 7; done: 6\n");
}

TEST(Lesson15Alone, ThePageQuotesWhatIsPrinted) {
  testing::expect_readme_quotes_output(kName);
}

}  // namespace
}  // namespace simul
