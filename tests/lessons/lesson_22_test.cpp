// Lesson 22 as a reader runs it: the table beside expected.txt and what must hold in it on every
// machine; limits that are run into, and Ctrl-C, of which nothing is left; a server on several
// loops; two workers that share a REDIS_URL, one of which is killed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "runtime/http/blocking_client.hpp"
#include "tests/support/child.hpp"
#include "tests/support/lessons.hpp"
#include "tests/support/redis_server.hpp"

namespace simul {
namespace {

using testing::Child;
using testing::contents;
using testing::lines_of;
using testing::program;
using testing::run;
using testing::run_program;
using testing::RunResult;

const std::string kName = "22-scaling-out";

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
    std::ostringstream line;
    line << std::ifstream(entry.path() / "cmdline").rdbuf();  // it may be gone by now
    if (line.str().find(word) != std::string::npos) ++found;
  }
  return found;
}

// ---- The table
// -----------------------------------------------------------------------------------

/// Without what is different each time: numbers, and what set a limit.
std::string masked(std::string text) {
  const auto mask = [&](const char* what, const char* by) {
    text = std::regex_replace(text, std::regex(what, std::regex::multiline), by);
  };
  // What others do at the same time is in the kernel's part: it may be too much for a thousand.
  mask(R"(\n\n?1,000 processes: measured with [\d,]+; memory$)", "");
  mask(R"(^On .*$)", "On a machine.");
  mask(R"(^(  what set the limit) .*$)", "$1 L L L L");
  mask(R"(([0-9][0-9,.]*|-)$)", "N");
  mask(R"(([0-9][0-9,.]*|-)(?= +(N|[0-9])))", "N");
  mask(R"(^  \d+ (?=calls))", "  N ");
  mask(R"( +)", " ");
  return text;
}

/// The four cells of the row with that name, as numbers; a dash is -1.
std::vector<double> row(const std::string& out, const std::string& name) {
  for (const std::string& line : lines_of(out)) {
    if (!line.starts_with("  " + name + " ")) continue;
    std::string cells = line.substr(name.size() + 2);
    std::erase(cells, ',');
    std::istringstream words(cells);
    std::vector<double> numbers;
    for (std::string word; words >> word;) numbers.push_back(word == "-" ? -1 : std::stod(word));
    EXPECT_EQ(numbers.size(), 4u) << line;
    numbers.resize(4);
    return numbers;
  }
  ADD_FAILURE() << "no row " << name << " in\n" << out;
  return std::vector<double>(4);
}

/// One for each processor, and eight at least.
std::string calls() {
  return std::to_string(std::max(8u, std::thread::hardware_concurrency())) +
         " calls of 0.02 s each: in all, s";
}

enum Way { processes, threads, fibers, tasks };

TEST(Lesson22, TheTableHasTheSlidesRowsWithNumbersInThemThatCanBeTrue) {
  const RunResult result = run(kName);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(masked(result.out), masked(contents("lessons/" + kName + "/expected.txt")));
  const std::string& out = result.out;

  for (const double seconds : row(out, "1,000 wait 0.1 s each: in all, s"))
    EXPECT_GE(seconds, 0.1) << "each of them has waited";
  for (const double seconds : row(out, calls())) EXPECT_GE(seconds, 0.02);
  const std::vector<double> blocked = row(out, calls());
  EXPECT_GE(blocked[fibers], 0.16) << "a call that blocks stops a loop";
  EXPECT_GE(blocked[tasks], 0.16);
  EXPECT_LT(blocked[threads], blocked[tasks]) << "and of threads one alone";

  const std::vector<double> start = row(out, "1,000: to start one, us");
  EXPECT_GT(start[processes], start[tasks]);
  EXPECT_GT(start[threads], start[tasks]);
  const std::vector<double> own = row(out, "1,000: memory of one, KiB");
  const std::vector<double> kernel = row(out, "1,000: the kernel's for one, KiB");
  EXPECT_GT(own[processes], own[threads]);
  EXPECT_GT(own[threads], own[tasks]);
  EXPECT_GT(own[fibers], own[tasks]);
  EXPECT_GT(kernel[processes], kernel[fibers]);
  EXPECT_GT(kernel[threads], kernel[fibers]);
  const std::vector<double> most = row(out, "as many as can be");
  EXPECT_GE(most[tasks], most[fibers]);
  EXPECT_GT(most[fibers], most[processes]);
}

TEST(Lesson22, ItStaysBelowTheLimitsThatItIsGivenAndSaysWhichItWas) {
  const RunResult few = run(kName, {"--crowds", "--limit", "50"});
  EXPECT_EQ(few.status, 0);
  for (const double number : row(few.out, "as many as can be")) EXPECT_EQ(number, 50);
  EXPECT_NE(few.out.find("--limit      --limit      --limit      --limit\n"), few.out.npos);
  EXPECT_NE(few.out.find("\n1,000 threads: measured with 50; --limit\n"), few.out.npos) << few.out;

  const RunResult little = run(kName, {"--crowds", "--memory", "8"});
  EXPECT_EQ(little.status, 0);
  EXPECT_LT(row(little.out, "as many as can be")[threads], 2'000);
  EXPECT_NE(little.out.find("memory       memory"), little.out.npos) << little.out;
}

// Limits of the system: the program is refused something in the middle, and goes on.
TEST(Lesson22, WhatTheSystemRefusesIsSaidAndNothingIsLeftBehind) {
  // Address space: a thread's stack needs 8 MiB of it. It holds for everybody, root included.
  const std::string space_limit = "ulimit -v 800000 && ulimit -s 8192 && exec " + program(kName);
  std::future<RunResult> refused = std::async(std::launch::async, [&] {
    return run_program({"sh", "-c", space_limit + " --crowds --memory 20"});
  });
  const RunResult descriptors =
      run_program({"sh", "-c", "ulimit -n 20 && exec " + program(kName) + " --crowds --limit 500"});
  EXPECT_EQ(descriptors.status, 0) << descriptors.err;
  EXPECT_EQ(row(descriptors.out, "as many as can be")[tasks], 500) << "nobody needs descriptors";

  const RunResult space = refused.get();
  EXPECT_EQ(space.status, 0) << space.err;
  EXPECT_LT(row(space.out, "as many as can be")[threads], 100);
  EXPECT_NE(space.out.find("Resource temporarily unavailable (RLIMIT_AS)\n"), space.out.npos)
      << space.out;
  EXPECT_GT(row(space.out, "1,000: memory of one, KiB")[tasks], 0) << "tasks do not need it";
}

// A user's number of processes. Root is not held to it, so root becomes somebody else.
TEST(Lesson22, TheUsersLimitOfProcessesEndsTheCrowdAndNotTheProgram) {
  if (::geteuid() != 0) GTEST_SKIP() << "whoever is somebody has other processes, too";
  const std::vector<std::string> somebody = {"setpriv", "--reuid=54321", "--clear-groups"};
  const auto with = [&](std::vector<std::string> words) {
    words.insert(words.begin(), somebody.begin(), somebody.end());
    return words;
  };
  try {
    if (run_program(with({"prlimit", "--nproc=200", program(kName), "--help"})).status != 0)
      GTEST_SKIP() << "others may not run it";
  } catch (const std::system_error& error) {
    GTEST_SKIP() << error.what();
  }
  const std::vector<std::string> words =
      with({"prlimit", "--nproc=200", program(kName), "--crowds", "--memory", "30"});
  const RunResult result = run_program(words);
  EXPECT_EQ(result.status, 0) << result.err;
  const std::vector<double> most = row(result.out, "as many as can be");
  EXPECT_LT(most[processes], 200);
  EXPECT_LT(most[threads], 200);
  EXPECT_GT(most[fibers], 200);
  EXPECT_NE(result.out.find("fork: Resource temporarily unavailable (RLIMIT_NPROC)"),
            result.out.npos)
      << result.out;
}

TEST(Lesson22, WhateverEndsItItsProcessesEndWithIt) {
  for (const int signal : {SIGINT, SIGTERM}) {
    SCOPED_TRACE(signal);
    // Its children have a command line that tells how many bytes they may take: a number of ours.
    const int memory = 500 + ::getpid() % 500;
    Child child({program(kName), "--memory", std::to_string(memory)});
    output_up_to(child, "\n");
    const std::string known_by = "processes 1000 " + std::to_string(memory * 1048576L);
    while (processes_with(known_by) < 100 && child.poll() == -1) ::usleep(1'000);
    ASSERT_EQ(::kill(child.pid(), signal), 0);
    EXPECT_EQ(child.wait(), signal == SIGINT ? 128 + SIGINT : 1);
    EXPECT_EQ(child.killed_by(), 0) << "nobody cleaned up";
    EXPECT_EQ(processes_with(known_by), 0);
  }
}

TEST(Lesson22, WithoutANumberOrWithTooSmallAOneItIsAWrongCommandLine) {
  for (const char* wrong : {"--limit=0", "--memory=0", "--limit=x", "more"}) {
    const RunResult result = run(kName, {wrong});
    EXPECT_EQ(result.status, 2) << wrong;
    EXPECT_EQ(result.out, "");
  }
}

// ---- A reactor for each core
// -----------------------------------------------------------------------

TEST(Lesson22Cores, EachLoopServesItsShareAndAllEndInOrder) {
  Child server({program(kName + ".cores"), "--port", "0", "--loops", "3"});
  const std::string line = output_up_to(server, "\n");
  std::smatch place;
  ASSERT_TRUE(
      std::regex_match(line, place, std::regex(R"((http://127\.0\.0\.1:\d+/) on 3 loops\n)")))
      << line;
  // A connection each. That none of three loops gets one of 60 has a chance of 1 in 10^10.
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(http::get(place[1].str() + (i % 2 == 0 ? "" : "compute")).body,
              i % 2 == 0 ? "hello\n" : "669\n");
  }
  server.signal(SIGINT);
  const std::string said = rest(server.out);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_EQ(server.killed_by(), 0);
  std::smatch counts;
  ASSERT_TRUE(std::regex_match(said, counts,
                               std::regex("connections of each loop: (\\d+) (\\d+) (\\d+)\n"
                                          "answers of each loop: (\\d+) (\\d+) (\\d+)\n")))
      << said;
  int sum = 0;
  for (int i = 1; i <= 3; ++i) {
    EXPECT_GT(std::stoi(counts[i]), 0) << said;
    EXPECT_EQ(counts[i], counts[i + 3]);
    sum += std::stoi(counts[i]);
  }
  EXPECT_EQ(sum, 60);
}

TEST(Lesson22Cores, MeasuresOneLoopBesideSeveral) {
  const RunResult result =
      run(kName + ".cores", {"--seconds", "0.1", "--clients", "8", "--loops", "2"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  const std::regex shape(
      "8 clients in 2 processes, on the same \\d+ cores as the servers\\.\n\n"
      " +answers/s +connections +answers, of each loop\n"
      "(only answers|computes), one loop +[\\d,]+ +8 +[\\d,]+\n"
      "(only answers|computes), a loop per core: 2 +[\\d,]+ +\\d \\d +[\\d,]+ [\\d,]+\n"
      " +[\\d.]+ x\n"
      "computes, one loop +[\\d,]+ +8 +[\\d,]+\n"
      "computes, a loop per core: 2 +[\\d,]+ +\\d \\d +[\\d,]+ [\\d,]+\n"
      " +[\\d.]+ x\n");
  EXPECT_TRUE(std::regex_match(result.out, shape)) << result.out;
}

TEST(Lesson22Cores, CtrlCEndsAMeasurementWithItsClients) {
  Child child({program(kName + ".cores"), "--seconds", "3599"});
  output_up_to(child, "each loop\n");
  while (processes_with("3599") < 2 && child.poll() == -1) ::usleep(1'000);
  ASSERT_EQ(::kill(child.pid(), SIGINT), 0);
  EXPECT_EQ(child.wait(), 128 + SIGINT);
  EXPECT_EQ(child.killed_by(), 0);
  EXPECT_EQ(processes_with("3599.0"), 0);
}

TEST(Lesson22Cores, APortThatIsTakenIsOneLine) {
  Child first({program(kName + ".cores"), "--port", "0", "--loops", "1"});
  const std::string line = output_up_to(first, "\n");
  const std::string port = std::regex_replace(line, std::regex(R"(.*:(\d+)/ .*\n)"), "$1");
  const RunResult second = run(kName + ".cores", {"--port", port, "--loops", "2"});
  EXPECT_EQ(second.status, 1);
  EXPECT_EQ(second.err, kName + ".cores: listen 127.0.0.1:" + port + ": Address already in use\n");
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait(), 0);
}

// ---- Several machines
// ------------------------------------------------------------------------------

void expect_nothing_lost(const RunResult& result) {
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  std::smatch found;
  const std::regex shape(
      R"(Redis: [^\n]*
12 jobs are written down: the primes in each piece of 250,000 numbers\.

east: process \d+ in (\S+)
west: process \d+ in (\S+)

west is at piece (\d+): kill -9, its whole machine

east has done pieces ([\d ]+)
west has done pieces ([\d ]+|none)
piece (\d+) was begun 2 times

12 jobs: 12 finished; 216816 primes, and there are 216816
)");
  ASSERT_TRUE(std::regex_match(result.out, found, shape)) << result.out;
  EXPECT_NE(found[1], found[2]);
  for (int i = 1; i <= 2; ++i) EXPECT_FALSE(std::filesystem::exists(found[i].str()));
  EXPECT_EQ(found[3], found[6]) << "what west was at";
  const std::string east = " " + found[4].str() + " ";
  EXPECT_NE(east.find(" " + found[3].str() + " "), east.npos) << "is done by east";
}

TEST(Lesson22Machines, OneOfTwoWorkersIsKilledAndNothingIsLost) {
  testing::RedisServer server;
  const std::string given = server.url();
  // Both at once, for each has to wait until silence is noticed.
  Child embedded({program(kName + ".machines")}, {"REDIS_URL="});
  if (!given.empty()) {
    expect_nothing_lost(run_program({program(kName + ".machines"), "--url", given}));
    const RunResult info = run("15-job-queue.info", {"--url", given, "--jobs", "0"});
    EXPECT_EQ(info.out.find("primes-"), info.out.npos) << "its queue is forgotten:\n" << info.out;
  }
  RunResult result;
  result.out = rest(embedded.out);
  result.err = rest(embedded.err);
  result.status = embedded.wait();
  expect_nothing_lost(result);
}

TEST(Lesson22Machines, WhateverEndsItItsMachinesAreGone) {
  for (const int signal : {SIGINT, SIGTERM}) {
    SCOPED_TRACE(signal);
    Child child({program(kName + ".machines")}, {"REDIS_URL="});
    const std::string out = output_up_to(child, "kill -9, its whole machine\n");
    std::smatch folders;
    ASSERT_TRUE(std::regex_search(
        out, folders,
        std::regex(R"(east: process (\d+) in (\S+)\nwest: process (\d+) in (\S+)\n)")))
        << out;
    ASSERT_EQ(::kill(child.pid(), signal), 0);
    EXPECT_EQ(child.wait(), signal == SIGINT ? 128 + SIGINT : 1);
    EXPECT_EQ(child.killed_by(), 0) << "nobody cleaned up";
    for (const int i : {1, 3}) EXPECT_FALSE(std::filesystem::exists("/proc/" + folders[i].str()));
    for (const int i : {2, 4}) EXPECT_FALSE(std::filesystem::exists(folders[i].str()));
  }
}

TEST(Lesson22Machines, WithoutTheServerItSaysSo) {
  const std::vector<std::vector<std::string>> both = {{"--url", "unix:///nowhere/redis.sock"},
                                                      {"--work", "primes"}};
  for (std::vector<std::string> command : both) {
    command.insert(command.begin(), program(kName + ".machines"));
    const RunResult result =
        run_program(command, {.environment = {"REDIS_URL=unix:///nowhere/redis.sock"}});
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(lines_of(result.err).size(), 1u) << result.err;
    EXPECT_NE(result.err.find("/nowhere/redis.sock: No such file"), result.err.npos) << result.err;
  }
}

// ---- The miniature and the page
// --------------------------------------------------------------------

TEST(Lesson22Miniature, TheThreadsDivideTheClientsAmongThem) {
  const RunResult result = run(kName + ".miniature");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  std::smatch found;
  ASSERT_TRUE(std::regex_match(result.out, found,
                               std::regex("thread A: (\\d+) connections, (\\d+) of them served\n"
                                          "thread B: (\\d+) connections, (\\d+) of them served\n"
                                          "64 clients at one port, 64 served\n")))
      << result.out;
  EXPECT_EQ(std::stoi(found[1]) + std::stoi(found[3]), 64);
  EXPECT_GT(std::stoi(found[1]), 0);
  EXPECT_GT(std::stoi(found[3]), 0);
}

TEST(Lesson22, TheReadmeQuotesTheRealOutput) {
  testing::expect_readme_quotes_output(kName);
}

}  // namespace
}  // namespace simul
