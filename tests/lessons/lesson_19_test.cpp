// Lesson 19 as a reader runs it: its scene and its tables, which have times in them and are
// therefore compared without them; what the tables say where the machine stops; the three ways to
// serve, and the two tools, against curl and against sockets that say what no client would.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <future>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/sanitizers.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/net/address.hpp"
#include "tests/support/child.hpp"
#include "tests/support/lessons.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul {
namespace {

using testing::contents;
using testing::lines_of;
using testing::program;
using testing::run;
using testing::run_program;
using testing::RunResult;

const std::string kName = "19-web-server";
const std::string kServe = kName + ".serve";
const std::string kLoad = kName + ".load";
#if defined(SIMUL_ASAN) || defined(SIMUL_TSAN)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

const std::string kHost = "Host: x\r\n";

// ---- A server beside the test, and what one says to it ----

class Server {
 public:
  Server(const std::string& name, std::vector<std::string> arguments)
      : child_([&] {
          arguments.insert(arguments.begin(), program(name));
          return arguments;
        }()) {
    std::string line;
    for (char byte = 0; ::read(child_.out.get(), &byte, 1) == 1 && byte != '\n';) line += byte;
    if (!line.starts_with("http://")) throw std::runtime_error("no server: " + line);
    url_ = line;
    address_ = net::Address::parse(line.substr(7));
  }

  std::string url(const std::string& path = "/") const { return url_ + path; }
  const net::Address& address() const { return address_; }
  void signal(int number) { child_.signal(number); }
  int wait() { return child_.wait(); }

 private:
  testing::Child child_;
  std::string url_;
  net::Address address_;
};

/// A client's socket. Whatever it waits for must come within ten seconds.
class Talk {
 public:
  explicit Talk(const Server& server) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval limit{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::connect(fd_.get(), server.address().data(), server.address().size()) < 0) {
      throw_errno("connect");
    }
  }

  void say(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) throw_errno("send");
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  /// What came, up to the first `end`; less if the connection ended.
  std::string hear(const std::string& end) {
    std::string text;
    for (char byte = 0; !text.ends_with(end) && ::recv(fd_.get(), &byte, 1, 0) == 1;) text += byte;
    return text;
  }
  std::string hear_all() {
    std::string text;
    char bytes[65536];
    ssize_t got = 0;
    while ((got = ::recv(fd_.get(), bytes, sizeof bytes, 0)) > 0)
      text.append(bytes, static_cast<std::size_t>(got));
    return got == 0 ? text : text + "<reset>";
  }
  /// Has anything come, or the end?
  bool hears_something() {
    char byte = 0;
    return ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
  }

 private:
  UniqueFd fd_;
};

std::string get(const std::string& path, const std::string& more = "") {
  return "GET " + path + " HTTP/1.1\r\n" + kHost + more + "\r\n";
}

RunResult curl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"curl", "-sS", "--noproxy", "*", "-m", "20"});
  return run_program(arguments);
}
bool has_curl() {
  static const bool has = std::system("curl --version >/dev/null 2>&1") == 0;
  return has;
}

// ---- main ----

/// The same text with `#` for each figure that a machine decides.
std::string without_figures(const std::string& text) {
  static const std::regex kRow("^(.{16} +[\\d,]+)( +[>\\d.,#-]+){6}$");
  static const std::regex kScene(
      "^((?:one at a|a thread|an event) \\w+ +)\\d\\.\\d +\\d\\.\\d +\\d\\.\\d$");
  std::string masked;
  for (std::string line : lines_of(text)) {
    std::smatch found;
    if (std::regex_match(line, kScene)) {
      line = std::regex_replace(line, kScene, "$1# # #");
    } else if (std::regex_match(line, found, kRow)) {
      for (std::size_t at = 24; at < line.size(); ++at) {
        if (line[at] == ' ') continue;
        const std::size_t end = std::min(line.find(' ', at), line.size());
        line.replace(at, end - at, std::string(end - at - 1, ' ') + "#");
        at = end;
      }
    }
    masked += std::regex_replace(line, std::regex("needs [\\d,#]+ bytes"), "needs # bytes") + "\n";
  }
  return masked;
}

struct Scene {
  double first, median, last;
};
std::map<std::string, Scene> scene_in(const std::string& text) {
  static const std::regex kScene(
      "^((?:one at a|a thread|an event) \\w+) +([\\d.]+) +([\\d.]+) +([\\d.]+)$");
  std::map<std::string, Scene> scene;
  std::smatch row;
  for (const std::string& line : lines_of(text)) {
    if (!std::regex_match(line, row, kScene)) continue;
    scene[row[1]] = {std::stod(row[2]), std::stod(row[3]), std::stod(row[4])};
  }
  return scene;
}

TEST(Lesson19, OneAtATimeTheLastOfTwentyWaitsForAllOthersAndElseNobodyForAnybody) {
  const RunResult result = run(kName, {"--seconds", "0.03"});
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(without_figures(result.out),
            without_figures(contents("lessons/" + kName + "/expected.txt")));
  std::map<std::string, Scene> scene = scene_in(result.out);
  ASSERT_EQ(scene.size(), 3u);
  const Scene one = scene["one at a time"];
  // Never earlier; later on a busy machine.
  EXPECT_GE(one.first, 0.1);
  EXPECT_LE(one.first, 0.6);
  EXPECT_GE(one.median, 1.1);
  EXPECT_GE(one.last, 2.0);
  EXPECT_LE(one.median, one.last - 0.8);
  for (const char* other : {"a thread each", "an event loop"}) {
    EXPECT_GE(scene[other].first, 0.1) << other;
    EXPECT_LE(scene[other].last, 1.0) << other;
  }
}

TEST(Lesson19, ThePageShowsARealRunAndExpectedTheFiguresOfTheArticle) {
  const std::string expected = contents("lessons/" + kName + "/expected.txt");
  const std::string page = contents("lessons/" + kName + "/README.md");
  const std::string fence = "```text\n";
  const std::size_t from = page.find(fence, page.find("\n## What it prints\n")) + fence.size();
  EXPECT_EQ(without_figures(page.substr(from, page.find("```", from) - from)),
            without_figures(expected));
  std::map<std::string, Scene> scene = scene_in(expected);
  const Scene one = scene["one at a time"], loop = scene["an event loop"];
  EXPECT_EQ(one.first, 0.1);
  EXPECT_EQ(one.median, 1.1);
  EXPECT_EQ(one.last, 2.0);
  EXPECT_EQ(loop.last, 0.1);
}

TEST(Lesson19, TheTableIsAlsoAPicture) {
  const testing::TempDir folder;
  const std::string file = (folder / "plot.svg").string();
  const RunResult result =
      run(kName, {"--only", "table", "--up-to", "10", "--seconds", "0.02", "--plot", file});
  EXPECT_EQ(result.status, 0) << result.err;
  const std::string svg = contents(file);
  for (const char* wanted :
       {"<svg ", "prefers-color-scheme:dark", "one at a time", "a thread each", "an event loop",
        "GET /: requests per second", "GET /: seconds until the answer", "</svg>\n"}) {
    EXPECT_NE(svg.find(wanted), svg.npos) << wanted;
  }
  EXPECT_EQ(svg.find("nan"), svg.npos);
  EXPECT_EQ(svg.find("inf"), svg.npos);
  const RunResult nowhere = run(kName, {"--only", "table", "--up-to", "1", "--seconds", "0.01",
                                        "--plot", "/no/such/folder/x.svg"});
  EXPECT_EQ(nowhere.status, 1);
  EXPECT_EQ(nowhere.out, "") << "it is known before anything is measured";
  EXPECT_EQ(nowhere.err, kName + ": write plot /no/such/folder/x.svg: No such file or directory\n");
}

/// The table, in a world with this limit.
RunResult limited(const std::string& limit) {
  return run_program({"sh", "-c", "ulimit " + limit + " && exec \"$@\"", "sh", program(kName),
                      "--only", "table", "--up-to", "100", "--seconds", "0.05"});
}

TEST(Lesson19, WhereTheMachineStopsTheTableSaysSoAndNothingCrashes) {
  auto few_threads = std::async(std::launch::async, [] {
    // No room for a hundred stacks. (A sanitizer has no room for itself then.)
    return kSanitized ? RunResult{} : limited("-S -s 8192 && ulimit -v 700000");
  });
  const RunResult few_descriptors = limited("-n 64");
  EXPECT_EQ(few_descriptors.status, 0) << few_descriptors.err;
  EXPECT_NE(few_descriptors.out.find("an event loop, 100 clients, "), std::string::npos);
  EXPECT_NE(few_descriptors.out.find(": Too many open files\n"), std::string::npos)
      << few_descriptors.out;
  const RunResult result = few_threads.get();
  if (kSanitized) return;
  EXPECT_EQ(result.status, 0) << result.err;
  static const std::regex kNote(
      "a thread each, 100 clients, \\d+ times: 503 no thread beside \\d+: Resource temporarily "
      "unavailable");
  EXPECT_TRUE(std::regex_search(result.out, kNote)) << result.out;
}

TEST(Lesson19, CtrlCEndsItWithItsServersWhereverItIs) {
  for (const char* part : {"scene", "table"}) {
    testing::Child child({program(kName), "--only", part, "--seconds", "10"});
    std::string seen;
    for (char byte = 0; !seen.ends_with("clients  ") && !seen.ends_with("in s:\n");) {
      ASSERT_EQ(::read(child.out.get(), &byte, 1), 1) << seen;
      seen += byte;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // it must end anywhere
    // Only the program itself is told: its servers are its own affair.
    ASSERT_EQ(::kill(child.pid(), SIGINT), 0);
    EXPECT_EQ(child.wait(), 128 + SIGINT);
    // stderr ends when nobody is left who could write to it.
    std::string complaint;
    for (char byte = 0; ::read(child.err.get(), &byte, 1) == 1;) complaint += byte;
    EXPECT_EQ(complaint, "");
  }
}

// ---- The three ways ----

class Way : public ::testing::TestWithParam<std::string> {
 protected:
  bool one_at_a_time() const { return GetParam() == "one"; }
};
INSTANTIATE_TEST_SUITE_P(Lesson19, Way, ::testing::Values("one", "threads", "loop"),
                         [](const auto& way) { return way.param; });

TEST_P(Way, SpeaksHttp) {
  Server server(kName, {"--serve", GetParam(), "--query", "0.01"});
  const auto ask = [&](const std::string& text) {
    Talk talk(server);
    talk.say(text);
    return talk.hear_all();
  };
  const std::string close = "Connection: close\r\n";
  const std::string front = ask(get("/", close));
  EXPECT_TRUE(front.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << front;
  EXPECT_TRUE(front.ends_with("\r\n\r\nhello\n")) << front;
  EXPECT_TRUE(ask(get("/query?q=1", close)).ends_with("\r\n\r\n42 rows\n"));
  EXPECT_TRUE(ask("HEAD / HTTP/1.1\r\n" + kHost + close + "\r\n").ends_with("\r\n\r\n"));
  EXPECT_TRUE(ask(get("/nothing", close)).starts_with("HTTP/1.1 404 "));
  const std::string refused =
      ask("POST / HTTP/1.1\r\n" + kHost + close + "Content-Length: 2\r\n\r\nhi");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 405 ")) << refused;
  EXPECT_NE(refused.find("\r\nAllow: "), refused.npos) << refused;
  EXPECT_TRUE(ask("GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask("nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask(get("/" + std::string(20'000, 'x'))).starts_with("HTTP/1.1 414 "));
  EXPECT_TRUE(
      ask(get("/", "X: " + std::string(70'000, 'x') + "\r\n")).starts_with("HTTP/1.1 431 "));
}

TEST_P(Way, KeepsAConnectionAndAnswersWhatIsAskedInOneBreathInOrder) {
  Server server(kName, {"--serve", GetParam(), "--query", "0.01"});
  Talk talk(server);
  talk.say(get("/query") + get("/"));
  EXPECT_TRUE(talk.hear("42 rows\n").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(talk.hear("hello\n").starts_with("HTTP/1.1 200 "));
  // A body that nobody wants is not the next request.
  talk.say("POST / HTTP/1.1\r\n" + kHost + "Content-Length: 19\r\n\r\nGET / HTTP/1.1\r\n\r\n\n");
  EXPECT_TRUE(talk.hear("\r\n\r\n").starts_with("HTTP/1.1 405 "));
  talk.hear("\n");
  talk.say(get("/query", "Connection: close\r\n"));
  EXPECT_TRUE(talk.hear("42 rows\n").starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(talk.hear_all(), "");
}

TEST_P(Way, AClientThatSaysHalfARequestKeepsTheOthersOutOfTheSimplisticServerOnly) {
  Server server(kName, {"--serve", GetParam()});
  std::vector<Talk> slow;
  for (int i = 0; i < 50; ++i) slow.emplace_back(server).say("GET / HT");
  Talk quick(server);
  quick.say(get("/", "Connection: close\r\n"));
  if (one_at_a_time()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_FALSE(quick.hears_something());
    slow.clear();  // they give up, and it is his turn
  }
  EXPECT_TRUE(quick.hear_all().ends_with("hello\n"));
}

TEST_P(Way, AsksAClientThatKeepsItsConnectionToLeaveWhereOthersWait) {
  Server server(kName, {"--serve", GetParam()});
  Talk first(server);
  first.say(get("/"));
  EXPECT_TRUE(first.hear("hello\n").starts_with("HTTP/1.1 200 "));
  Talk second(server);
  second.say(get("/"));
  EXPECT_TRUE(second.hear("hello\n").starts_with("HTTP/1.1 200 "));
  if (one_at_a_time()) {
    EXPECT_EQ(first.hear_all(), "") << "it was idle, and has been closed";
  } else {
    first.say(get("/"));
    EXPECT_TRUE(first.hear("hello\n").starts_with("HTTP/1.1 200 "));
  }
}

TEST_P(Way, AnswersWhatItIsAtWhenItIsToldToEndAndExitsWithZero) {
  Server server(kName, {"--serve", GetParam(), "--query", "0.2"});
  Talk idle(server);
  idle.say(get("/"));
  idle.hear("hello\n");
  Talk busy(server);
  busy.say(get("/query"));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // it is at it now
  server.signal(SIGTERM);
  const std::string answer = busy.hear_all();
  EXPECT_TRUE(answer.ends_with("42 rows\n")) << answer;
  EXPECT_EQ(server.wait(), 0);
  EXPECT_EQ(idle.hear_all(), "");
}

// ---- serve ----

TEST(Lesson19, ServeAnswersAndGivesBodiesBack) {
  Server server(kServe, {"--port", "0"});
  const std::string body(5'000'000, 'b');
  Talk talk(server);
  talk.say(get("/"));
  EXPECT_TRUE(talk.hear("\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\n"));
  talk.hear("\n");
  talk.say("POST /echo HTTP/1.1\r\n" + kHost +
           "Connection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  talk.say(body);
  const std::string answer = talk.hear_all();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), body);

  Talk large(server);
  large.say("POST /echo HTTP/1.1\r\n" + kHost + "Content-Length: 99999999\r\n\r\n");
  EXPECT_TRUE(large.hear("\r\n").starts_with("HTTP/1.1 413 "));

  if (!has_curl()) GTEST_SKIP() << "curl is missing";
  const testing::TempDir folder;
  const std::string file = folder.write("body", body).string();
  for (const char* coding : {"Expect: 100-continue", "Transfer-Encoding: chunked"}) {
    const RunResult echoed =
        curl({"-H", coding, "-H", "Content-Type: a/b", "--data-binary", "@" + file,
              server.url("/echo"), "-w", "%{http_code} %{content_type}"});
    EXPECT_EQ(echoed.out, body + "200 a/b") << coding;
  }
}

TEST(Lesson19, ServeAnswersWithTheFilesOfAFolder) {
  const testing::TempDir folder;
  folder.write("page.html", "0123456789");
  folder.write("sub/index.html", "index");
  Server server(kServe, {"--root", folder.path().string()});
  const auto ask = [&](const std::string& text) {
    Talk talk(server);
    talk.say(text);
    return talk.hear_all();
  };
  const std::string close = "Connection: close\r\n";
  const std::string part = ask(get("/page.html", "Range: bytes=2-5\r\n" + close));
  EXPECT_TRUE(part.starts_with("HTTP/1.1 206 ")) << part;
  EXPECT_NE(part.find("\r\nContent-Range: bytes 2-5/10\r\n"), part.npos) << part;
  EXPECT_TRUE(part.ends_with("\r\n\r\n2345")) << part;
  EXPECT_NE(ask(get("/page.html", close)).find("\r\nContent-Type: text/html"), part.npos);
  EXPECT_TRUE(ask(get("/sub/", close)).ends_with("\r\n\r\nindex"));
  EXPECT_TRUE(ask(get("/", close)).starts_with("HTTP/1.1 200 ")) << "also without an index.html";
  for (const char* out : {"/../etc/passwd", "/%2e%2e/etc/passwd", "/sub/../../etc/passwd"}) {
    EXPECT_TRUE(ask(get(out, close)).starts_with("HTTP/1.1 4")) << out;
  }
  EXPECT_EQ(run(kServe, {"--root", "/no/such/folder"}).err,
            kServe + ": open /no/such/folder: No such file or directory\n");
}

TEST(Lesson19, ServeDoesNotWaitForAHeadForEver) {
  Server server(kServe, {"--header-timeout", "0.2"});
  Talk slow(server);
  slow.say("GET / HTTP/1.1\r\nHos");
  Talk quick(server);
  quick.say(get("/", "Connection: close\r\n"));
  EXPECT_TRUE(quick.hear_all().starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(slow.hear_all().starts_with("HTTP/1.1 408 "));
  Talk silent(server);
  EXPECT_EQ(silent.hear_all(), "");
}

TEST(Lesson19, ServeDrainsAtCtrlCAndExitsWithZero) {
  for (const int signal : {SIGINT, SIGTERM}) {
    Server server(kServe, {});
    Talk slow(server);
    slow.say("POST /echo HTTP/1.1\r\n" + kHost +
             "Expect: 100-continue\r\nContent-Length: 6\r\n\r\n");
    EXPECT_EQ(slow.hear("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");  // so it is at it
    slow.say("fir");
    server.signal(signal);
    while (true) {  // until it has heard of it, and the port is free
      try {
        const Talk late(server);
        std::this_thread::yield();
      } catch (const std::system_error&) {
        break;
      }
    }
    slow.say("st\n");
    const std::string answer = slow.hear_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), answer.npos) << answer;
    EXPECT_TRUE(answer.ends_with("first\n")) << answer;
    EXPECT_EQ(server.wait(), 0);
  }
}

TEST(Lesson19, ServeSaysWhyItCannotListen) {
  Server server(kServe, {});
  const std::string port = std::to_string(server.address().port());
  const RunResult second = run(kServe, {"--port", port});
  EXPECT_EQ(second.status, 1);
  EXPECT_EQ(second.err, kServe + ": listen 127.0.0.1:" + port + ": Address already in use\n");
}

// ---- load ----

TEST(Lesson19, LoadPrintsWhatItGot) {
  Server server(kServe, {});
  const RunResult result = run(kLoad, {server.url(), "--clients", "20", "--seconds", "0.2"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  static const std::regex kFigures(
      "answered (\\d+) requests\nunanswered 0 requests\nfailed 0 requests\nrate ([\\d.]+) 1/s\n"
      "median ([\\d.]+) s\np99 ([\\d.]+) s\nmax ([\\d.]+) s\n");
  std::smatch found;
  ASSERT_TRUE(std::regex_match(result.out, found, kFigures)) << result.out;
  EXPECT_GE(std::stod(found[1]), 20);
  EXPECT_GT(std::stod(found[2]), 0);
  EXPECT_LE(std::stod(found[3]), std::stod(found[4]));
  EXPECT_LE(std::stod(found[4]), std::stod(found[5]));
}

TEST(Lesson19, LoadCountsThoseWhoWaitInVain) {
  Server server(kName, {"--serve", "one", "--query", "0.2"});
  const RunResult result =
      run(kLoad, {server.url("/query"), "--clients", "10", "--seconds", "0.5", "--patience", "0"});
  EXPECT_EQ(result.status, 0) << result.err;
  static const std::regex kFigures(
      "answered [12] requests\nunanswered 10 requests\nfailed 0 requests\nrate [\\d.]+ 1/s\n"
      "median 0\\.[4-9]\\d+ s at_least\np99 [\\d.]+ s at_least\nmax [\\d.]+ s at_least\n");
  EXPECT_TRUE(std::regex_match(result.out, kFigures)) << result.out;
}

TEST(Lesson19, LoadSaysWhatFailedAndFailsWhereNothingWasAnswered) {
  Server server(kServe, {});
  const RunResult missing = run(kLoad, {server.url("/nix"), "--clients", "2", "--seconds", "0.05"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_EQ(missing.out, "");
  EXPECT_NE(missing.err.find(" failed: 404 "), missing.err.npos) << missing.err;
  const std::string url = server.url();
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  const RunResult nobody = run(kLoad, {url, "--seconds", "0.05"});
  EXPECT_EQ(nobody.status, 1);
  EXPECT_NE(nobody.err.find(": Connection refused\n"), nobody.err.npos) << nobody.err;
}

// ---- The miniature, and the command lines ----

TEST(Lesson19, TheMiniatureServesTwoWhileThirdSaysHalfOfWhatItWants) {
  testing::expect_output(run(kName + ".miniature"),
                         "One says 22 bytes\nTwo says 56 bytes\nTwo hears: You asked for /a\n"
                         "Two hears: You asked for /b\nOne says 28 bytes\n"
                         "One hears: You asked for /slow\n");
}

TEST(Lesson19, WrongCommandLinesAreRefused) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> kWrong = {
      {kServe, {"--port", "65536"}},
      {kServe, {"--port", "http"}},
      {kServe, {"--header-timeout", "0"}},
      {kServe, {"file"}},
      {kLoad, {}},
      {kLoad, {"not a url"}},
      {kLoad, {"https://127.0.0.1/"}},
      {kLoad, {"http://127.0.0.1/", "http://127.0.0.1/"}},
      {kLoad, {"http://127.0.0.1/", "--clients", "0"}},
      {kName, {"--serve", "nobody"}},
      {kName, {"--only", "nothing"}},
      {kName, {"--virtual-time"}},
  };
  for (const auto& [name, arguments] : kWrong) {
    const RunResult refused = run(name, arguments);
    EXPECT_EQ(refused.status, 2) << name << " " << (arguments.empty() ? "" : arguments[0]);
    EXPECT_EQ(refused.out, "");
    EXPECT_NE(refused.err.find("\nusage: " + name + " "), std::string::npos) << refused.err;
  }
}

}  // namespace
}  // namespace simul
