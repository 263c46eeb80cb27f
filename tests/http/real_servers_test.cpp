// The clients as scripts use them, in both fetch tools, against servers that none of us wrote:
// Python's http.server and nginx. Where one is not installed, its tests are skipped and say so. The
// tools are found as the lessons' own tests find theirs: in SIMUL_BUILD, else in `build`.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/http/blocking_client.hpp"
#include "runtime/net/socket.hpp"
#include "tests/support/child.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul::http {
namespace {

using namespace std::chrono_literals;
using simul::testing::Child;
using simul::testing::run_program;
using simul::testing::RunResult;
using simul::testing::TempDir;

constexpr std::size_t kBigSize = 50'000'000;

// FNV-1a, 64 bits: any byte that is wrong, missing or out of place changes it.
std::uint64_t checksum(std::string_view bytes, std::uint64_t sum = 14695981039346656037u) {
  for (const char byte : bytes) sum = (sum ^ static_cast<unsigned char>(byte)) * 1099511628211u;
  return sum;
}

// A folder to serve: a page, a sub-folder, and 50 MB that do not compress.
struct Site {
  Site() {
    folder.write("index.html", "<p>index\n");
    folder.write("sub/index.html", "<p>sub\n");
    folder.write("page.shtml", "one <!--#echo var=\"request_method\" --> two\n");
    std::string big(kBigSize, '\0');
    std::mt19937_64 random(7);
    for (std::size_t i = 0; i + 8 <= big.size(); i += 8) {
      const std::uint64_t word = random();
      std::memcpy(&big[i], &word, 8);
    }
    sum = checksum(big);
    folder.write("big.bin", big);
  }

  TempDir folder;
  std::uint64_t sum = 0;
};

const Site& site() {
  static const Site site;
  return site;
}

std::uint16_t free_port() {
  return net::local_address(net::listen_on(net::Address::loopback(0)).get()).port();
}

bool has_ipv6() {
  try {
    net::listen_on(net::Address::loopback6(0));
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

// Where `name` is, in PATH or among the programs for administrators; "" if nowhere.
std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path != nullptr ? path : "") + ":/usr/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = folder + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

// One line of a child's output, without its end; blocks until it is there or the child has ended.
std::string read_line(int fd) {
  std::string line;
  for (char c; ::read(fd, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

// The same tool on two clients: each test is run with both.
class Fetch : public ::testing::TestWithParam<const char*> {
 protected:
  static std::string fetch_program() {
    const char* build = std::getenv("SIMUL_BUILD");
    return std::string(build != nullptr ? build : "build") + "/lessons/" + GetParam();
  }

  static RunResult fetch(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), fetch_program());
    return run_program(arguments);
  }
};

std::string name_of(const ::testing::TestParamInfo<const char*>& program) {
  return std::string(program.param).starts_with("05") ? "BlockingClient" : "Session";
}

void expect_one_error_line(const RunResult& finished, const std::string& url) {
  EXPECT_EQ(finished.status, 1);
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  EXPECT_NE(finished.err.find(url), std::string::npos) << finished.err;
}

// --- Python's http.server ------------------------------------------------------------------------

class PythonServer : public Fetch {
 protected:
  void start(const std::string& address) {
    if (find_program("python3").empty()) GTEST_SKIP() << "python3 is not installed";
    server_ = std::make_unique<Child>(std::vector<std::string>{"python3", "-u", "-m", "http.server",
                                                               "--bind", address, "--directory",
                                                               site().folder.path().string(), "0"});
    // "Serving HTTP on 127.0.0.1 port 40123 (http://127.0.0.1:40123/) ..."
    const std::string line = read_line(server_->out.get());
    const std::size_t from = line.find("(http://");
    ASSERT_NE(from, std::string::npos) << line;
    url_ = line.substr(from + 1, line.find("/)", from) - from - 1);
  }

  std::unique_ptr<Child> server_;
  std::string url_;
};

TEST_P(PythonServer, FiftyMegabytesArriveIntact) {
  ASSERT_NO_FATAL_FAILURE(start("127.0.0.1"));
  if (IsSkipped()) return;
  const Response response = get(url_ + "/big.bin");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body.size(), kBigSize);
  EXPECT_EQ(checksum(response.body), site().sum);
  const RunResult finished = fetch({url_ + "/big.bin"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(finished.out.size(), kBigSize);
  EXPECT_EQ(checksum(finished.out), site().sum);
}

TEST_P(PythonServer, ARedirectIsFollowedIfAskedFor) {
  ASSERT_NO_FATAL_FAILURE(start("127.0.0.1"));
  if (IsSkipped()) return;
  EXPECT_EQ(get(url_ + "/sub").body, "<p>sub\n");
  EXPECT_EQ(fetch({"-L", url_ + "/sub"}).out, "<p>sub\n");
  const RunResult plain = fetch({url_ + "/sub"});
  EXPECT_EQ(plain.status, 0) << "a redirect is a whole answer too";
  EXPECT_EQ(plain.out, "");
}

TEST_P(PythonServer, WorksOverIPv6) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no ::1";
  ASSERT_NO_FATAL_FAILURE(start("::1"));
  if (IsSkipped()) return;
  EXPECT_EQ(get(url_ + "/index.html").body, "<p>index\n");
}

TEST_P(PythonServer, AStoppedServerMeetsTheTimeoutAndTheOthersAreFetched) {
  ASSERT_NO_FATAL_FAILURE(start("127.0.0.1"));
  if (IsSkipped()) return;
  const std::string stalled = url_;
  const std::unique_ptr<Child> frozen = std::move(server_);
  ASSERT_NO_FATAL_FAILURE(start("127.0.0.1"));
  frozen->signal(SIGSTOP);  // its kernel still accepts connections, but nobody answers
  const RunResult finished =
      fetch({"--timeout", "0.5", url_ + "/index.html", stalled + "/x", url_ + "/sub/index.html"});
  expect_one_error_line(finished, stalled + "/x");
  EXPECT_NE(finished.err.find("0.5 s"), std::string::npos) << finished.err;
  EXPECT_EQ(finished.out, "<p>index\n<p>sub\n");
  EXPECT_GE(finished.seconds, 0.5);
  EXPECT_LT(finished.seconds, 10);
}

// --- nginx ---------------------------------------------------------------------------------------

class Nginx : public Fetch {
 protected:
  void SetUp() override {
    const std::string program = find_program("nginx");
    if (program.empty()) GTEST_SKIP() << "nginx is not installed";
    const std::string folder = folder_.path().string();
    const std::uint16_t port = free_port();
    const std::string v6 =
        has_ipv6() ? "listen [::1]:" + std::to_string(port) + ";" : std::string();
    std::ofstream(folder + "/nginx.conf")
        << "daemon off; master_process off; pid " << folder << "/pid;\n"
        << "error_log " << folder << "/error.log; events { worker_connections 256; }\n"
        << "http { access_log off; default_type text/html;\n"
        << "client_body_temp_path " << folder << "/t1; proxy_temp_path " << folder << "/t2;\n"
        << "fastcgi_temp_path " << folder << "/t3; uwsgi_temp_path " << folder << "/t4;\n"
        << "scgi_temp_path " << folder << "/t5;\n"
        << "server { listen 127.0.0.1:" << port << "; " << v6 << " root "
        << site().folder.path().string() << ";\n"
        << "location ~ shtml$ { ssi on; ssi_types *; }\n"  // of unknown length, so chunked
        << "location = /moved { return 301 /index.html; }\n"
        << "location = /loop { return 302 /loop; }\n"
        << "location = /tls { return 301 https://$host/; }\n"
        << "location = /count { return 200 \"$connection $connection_requests\\n\"; }\n"
        << "location = /method { return 200 \"$request_method $content_type $http_x_mine\\n\"; }\n"
        << "location /gzip/ { alias " << site().folder.path().string()
        << "/; gzip on; gzip_types *; gzip_min_length 1; }\n"
        << "location /drip/ { alias " << site().folder.path().string() << "/; limit_rate 1000; }\n"
        << "} }\n";
    url_ = "http://127.0.0.1:" + std::to_string(port);
    url6_ = v6.empty() ? "" : "http://[::1]:" + std::to_string(port);
    server_ = std::make_unique<Child>(std::vector<std::string>{
        program, "-e", folder + "/error.log", "-p", folder, "-c", folder + "/nginx.conf"});
    for (int i = 0; i < 500; ++i) {  // it has no way to tell when it is ready
      try {
        get(url_ + "/count");
        return;
      } catch (const std::system_error&) {
        std::this_thread::sleep_for(10ms);
      }
    }
    FAIL() << "nginx did not start: " << read_line(server_->err.get());
  }

  TempDir folder_;
  std::unique_ptr<Child> server_;
  std::string url_;
  std::string url6_;
};

TEST_P(Nginx, FiftyMegabytesArriveIntact) {
  const RunResult finished = fetch({url_ + "/big.bin"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(finished.out.size(), kBigSize);
  EXPECT_EQ(checksum(finished.out), site().sum);
}

TEST_P(Nginx, AChunkedBodyIsPutTogether) {
  RequestOptions options;
  bool chunked = false;
  options.exchange.on_head = [&chunked](const Response& response) {
    chunked = response.headers.has_token("Transfer-Encoding", "chunked");
  };
  EXPECT_EQ(get(url_ + "/page.shtml", std::move(options)).body, "one GET two\n");
  EXPECT_TRUE(chunked) << "this test is meant to see a chunked body";
  EXPECT_EQ(fetch({url_ + "/page.shtml"}).out, "one GET two\n");
}

TEST_P(Nginx, SeveralUrlsShareOneConnection) {
  const RunResult finished = fetch({url_ + "/count", url_ + "/page.shtml", url_ + "/count"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  std::istringstream lines(finished.out);
  std::string first, requests_first, page, last, requests_last;
  lines >> first >> requests_first;
  std::getline(lines, page);
  std::getline(lines, page);
  lines >> last >> requests_last;
  EXPECT_EQ(first, last) << finished.out;
  EXPECT_EQ(requests_first, "1");
  EXPECT_EQ(requests_last, "3");
}

TEST_P(Nginx, WorksOverIPv6) {
  if (url6_.empty()) GTEST_SKIP() << "this machine has no ::1";
  EXPECT_EQ(fetch({url6_ + "/index.html"}).out, "<p>index\n");
}

TEST_P(Nginx, ARedirectIsFollowedIfAskedFor) {
  EXPECT_EQ(fetch({"-L", url_ + "/moved"}).out, "<p>index\n");
  const RunResult plain = fetch({url_ + "/moved"});
  EXPECT_EQ(plain.status, 0);
  EXPECT_NE(plain.out.find("301"), std::string::npos) << plain.out;
  expect_one_error_line(fetch({"-L", url_ + "/loop"}), url_ + "/loop");
}

TEST_P(Nginx, ARedirectToHttpsIsRefusedAndSaysWhy) {
  const RunResult finished = fetch({"-L", url_ + "/tls"});
  expect_one_error_line(finished, url_ + "/tls");
  EXPECT_NE(finished.err.find("TLS"), std::string::npos) << finished.err;
}

TEST_P(Nginx, HeadDataAndHeadersReachTheServer) {
  EXPECT_EQ(fetch({"--header", "X-Mine: yes", url_ + "/method"}).out, "GET  yes\n");
  EXPECT_EQ(fetch({"--data", "a=b", url_ + "/method"}).out,
            "POST application/x-www-form-urlencoded \n");
  EXPECT_EQ(
      fetch({"--data", "{}", "--header", "Content-Type: application/json", url_ + "/method"}).out,
      "POST application/json \n");
  const RunResult head = fetch({"--head", url_ + "/big.bin"});
  EXPECT_EQ(head.status, 0) << head.err;
  EXPECT_EQ(head.out, "");
}

TEST_P(Nginx, ACompressedPageIsWrittenAsItWas) {
  const RunResult finished = fetch({url_ + "/gzip/index.html"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(finished.out, "<p>index\n");
}

TEST_P(Nginx, AnErrorStatusIsAWholeAnswer) {
  const RunResult finished = fetch({url_ + "/nosuch"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_NE(finished.out.find("404"), std::string::npos);
}

TEST_P(Nginx, ADrippingServerMeetsTheTotalTimeout) {
  const RunResult finished = fetch({"--timeout", "1", url_ + "/drip/big.bin"});
  expect_one_error_line(finished, url_ + "/drip/big.bin");
  EXPECT_NE(finished.err.find("1 s"), std::string::npos) << finished.err;
  EXPECT_LT(finished.out.size(), kBigSize);
}

TEST_P(Nginx, AServerThatDiesInTheMiddleIsNoShortSuccess) {
  Child download({fetch_program(), url_ + "/drip/big.bin"});
  char byte;
  ASSERT_EQ(::read(download.out.get(), &byte, 1), 1);
  server_->signal(SIGKILL);
  const std::string error = read_line(download.err.get());
  EXPECT_NE(error.find(url_ + "/drip/big.bin"), std::string::npos) << error;
  EXPECT_EQ(download.wait(), 1);
}

TEST_P(Nginx, EachFailureIsOneLineAndTheOtherDownloadsGoOn) {
  const std::string refused = "http://127.0.0.1:" + std::to_string(free_port()) + "/refused";
  const std::string unknown = "http://nosuch.invalid/unknown";
  const RunResult finished =
      fetch({url_ + "/index.html", refused, url_ + "/sub/index.html", unknown, "https://127.0.0.1/",
             "no url at all", url_ + "/index.html"});
  EXPECT_EQ(finished.status, 1);
  EXPECT_EQ(finished.out, "<p>index\n<p>sub\n<p>index\n");
  std::istringstream lines(finished.err);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_NE(line.find("get " + refused + ": connect 127.0.0.1:"), std::string::npos) << line;
  EXPECT_TRUE(line.ends_with("Connection refused")) << line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_NE(line.find("get " + unknown + ": resolve nosuch.invalid: "), std::string::npos) << line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_NE(line.find("https://127.0.0.1/"), std::string::npos) << line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_NE(line.find("no url at all"), std::string::npos) << line;
  EXPECT_FALSE(std::getline(lines, line)) << line;
}

// --- The tool's own manners ----------------------------------------------------------------------

TEST_P(Fetch, HelpGoesToStdoutAndAWrongCommandLineExitsWithTwo) {
  const RunResult help = fetch({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.out.find("usage:"), std::string::npos);
  EXPECT_EQ(help.err, "");
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"--nosuch", "http://127.0.0.1/"},
      {"--timeout"},
      {"--timeout", "0", "http://127.0.0.1/"},
      {"--timeout", "soon", "http://127.0.0.1/"},
      {"--timeout", "-1", "http://127.0.0.1/"},
      {"--header", "no colon", "http://127.0.0.1/"},
      {"--header", "X: a\r\nEvil: b", "http://127.0.0.1/"},
      {"--head", "--data", "x", "http://127.0.0.1/"},
  };
  for (const auto& arguments : wrong) {
    const RunResult finished = fetch(arguments);
    EXPECT_EQ(finished.status, 2) << (arguments.empty() ? "no arguments" : arguments.front());
    EXPECT_EQ(finished.out, "");
    EXPECT_NE(finished.err.find("usage:"), std::string::npos);
  }
}

constexpr const char* kPrograms[] = {"05-blocking-http.fetch", "11-client-session.fetch"};
INSTANTIATE_TEST_SUITE_P(Both, Fetch, ::testing::ValuesIn(kPrograms), name_of);
INSTANTIATE_TEST_SUITE_P(Both, PythonServer, ::testing::ValuesIn(kPrograms), name_of);
INSTANTIATE_TEST_SUITE_P(Both, Nginx, ::testing::ValuesIn(kPrograms), name_of);

}  // namespace
}  // namespace simul::http
