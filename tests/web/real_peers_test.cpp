// The server before peers that none of us wrote: curl as its client, nginx in front of it as a
// proxy, wrk, and a thousand clients that mean it no good. What is not installed is skipped, and
// the test says so.
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/stopwatch.hpp"
#include "runtime/http/blocking_client.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/web/server.hpp"
#include "runtime/web/static_files.hpp"
#include "tests/support/child.hpp"
#include "tests/support/nginx.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul::web {
namespace {

using namespace std::chrono_literals;
using simul::testing::run_program;
using simul::testing::RunResult;
using simul::testing::TempDir;

// The server in a thread of its own: "/" says hello, "/echo" echoes, "/count/N" streams N lines,
// and the rest are files.
class ServerThread {
 public:
  explicit ServerThread(const std::string& folder, std::size_t connections = 10'000) {
    std::promise<void> started;
    std::future<void> ready = started.get_future();
    thread_ = std::thread([&, this] {
      Reactor reactor;
      Router router;
      router.get("/", [](Request&) -> Task<Response> { co_return Response(200, "hello\n"); });
      router.post("/echo", [](Request& request) -> Task<Response> {
        std::string body = co_await request.read_all();
        co_return Response(200, body, "application/octet-stream");
      });
      router.get("/count/{n}", [](Request& request) -> Task<Response> {
        Response response(200, "");
        response.stream = [n = std::stoi(request.param("n"))](BodyWriter& out) -> Task<> {
          for (int i = 0; i < n; ++i) {
            const std::string line = std::to_string(i) + "\n";
            co_await out.write(line);
          }
        };
        co_return response;
      });
      router.get("/{path...}", StaticFiles(folder));
      ServerOptions options;
      options.max_connections = connections;
      Server server(std::move(router), std::move(options));
      address_ = server.address();
      statistics_ = server.statistics();
      remote_ = reactor.remote();
      started.set_value();
      reactor.run_forever();
    });
    ready.get();
  }
  ~ServerThread() {
    remote_.call_soon_threadsafe([] { Reactor::current().stop(); });
    thread_.join();
  }

  std::string url(const std::string& path) const { return "http://" + address_.to_string() + path; }
  const net::Address& address() const { return address_; }
  const ServerStatistics& statistics() const { return *statistics_; }

 private:
  net::Address address_;
  std::shared_ptr<const ServerStatistics> statistics_;
  Remote remote_;
  std::thread thread_;
};

bool installed(const std::string& program) {
  try {
    return run_program({program, "--version"}).status >= 0;
  } catch (const std::system_error&) {
    return false;
  }
}

std::string curl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"curl", "-sS", "--max-time", "30"});
  const RunResult result = run_program(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  return result.out;
}

class RealPeers : public ::testing::Test {
 public:
  RealPeers() {
    large.resize(5'000'000);
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 + i / 257);
    file = folder.write("large.bin", large).string();
  }

  TempDir folder;
  std::string large;
  std::string file;
};

TEST_F(RealPeers, CurlGetsPostsAndKeepsItsConnection) {
  if (!installed("curl")) GTEST_SKIP() << "curl is not installed";
  const ServerThread server(folder.path().string());
  EXPECT_EQ(curl({server.url("/"), server.url("/"), server.url("/count/3")}),
            "hello\nhello\n0\n1\n2\n");
  EXPECT_EQ(server.statistics().accepted, 1u);
  EXPECT_EQ(curl({"-0", server.url("/count/3")}), "0\n1\n2\n");
  EXPECT_EQ(curl({"-d", "some words", server.url("/echo")}), "some words");
  EXPECT_TRUE(curl({"-I", server.url("/large.bin")}).find("Content-Length: 5000000") !=
              std::string::npos);
  EXPECT_EQ(curl({"-o", "/dev/null", "-w", "%{http_code}", server.url("/none")}), "404");
  EXPECT_EQ(curl({"--path-as-is", "-o", "/dev/null", "-w", "%{http_code}",
                  server.url("/../../../etc/passwd")}),
            "404");
}

TEST_F(RealPeers, CurlSendsALargeBodyWithAndWithoutBeingAsked) {
  if (!installed("curl")) GTEST_SKIP() << "curl is not installed";
  const ServerThread server(folder.path().string());
  const std::string data = "@" + file;
  EXPECT_TRUE(curl({"--data-binary", data, "-H", "Expect: 100-continue", server.url("/echo")}) ==
              large);
  EXPECT_TRUE(curl({"--data-binary", data, "-H", "Expect:", server.url("/echo")}) == large);
  EXPECT_TRUE(curl({"--data-binary", data, "-H", "Transfer-Encoding: chunked",
                    server.url("/echo")}) == large);
  const std::string huge = folder.write("huge.bin", std::string(17'000'000, 'x')).string();
  EXPECT_EQ(curl({"--data-binary", "@" + huge, "-H", "Expect:", "-o", "/dev/null", "-w",
                  "%{http_code}", server.url("/echo")}),
            "413");
}

TEST_F(RealPeers, CurlGetsPartsAndWhatIsNew) {
  if (!installed("curl")) GTEST_SKIP() << "curl is not installed";
  const ServerThread server(folder.path().string());
  EXPECT_TRUE(curl({server.url("/large.bin")}) == large);
  EXPECT_TRUE(curl({"-r", "1000-2999999", server.url("/large.bin")}) ==
              large.substr(1000, 2'999'000));
  const std::string half = folder.write("half.bin", large.substr(0, 1'234'567)).string();
  curl({"-C", "-", "-o", half, server.url("/large.bin")});
  EXPECT_EQ(run_program({"cmp", half, file}).status, 0);
  EXPECT_EQ(curl({"-z", file, "-o", "/dev/null", "-w", "%{http_code}", server.url("/large.bin")}),
            "304");
}

TEST_F(RealPeers, NginxPassesRequestsOnOverConnectionsThatItKeeps) {
  const ServerThread server(folder.path().string());
  const std::string target = "http://" + server.address().to_string();
  const simul::testing::Nginx nginx(
      "client_max_body_size 20m; location / { proxy_pass " + target +
      "; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_request_buffering off; }");
  if (nginx.url().empty()) GTEST_SKIP() << "nginx is not installed";
  http::Client client;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.get(nginx.url() + "/").body, "hello\n");
  EXPECT_EQ(client.get(nginx.url() + "/count/3").body, "0\n1\n2\n");
  EXPECT_TRUE(client.get(nginx.url() + "/large.bin").body == large);
  http::Request post;
  post.method = "POST";
  post.url = http::Url::parse(nginx.url() + "/echo");
  post.body = large;
  EXPECT_TRUE(client.request(post).body == large);
  EXPECT_EQ(client.get(nginx.url() + "/none").status, 404);
}

TEST_F(RealPeers, WrkFindsNoError) {
  if (!installed("wrk")) GTEST_SKIP() << "wrk is not installed";
  const ServerThread server(folder.path().string());
  const RunResult result =
      run_program({"wrk", "-t1", "-c100", "-d1s", server.url("/")}, {.limit = 30});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out.find("Socket errors"), std::string::npos) << result.out;
  EXPECT_EQ(result.out.find("Non-2xx"), std::string::npos) << result.out;
  EXPECT_GT(server.statistics().answered, 100u);
}

// Most of them begin a request and do not go on, the others ask for much and do not read.
TEST_F(RealPeers, AThousandSlowClientsHoldUpNobodyElse) {
  if (simul::testing::raise_descriptor_limit() < 2500) {
    GTEST_SKIP() << "this process may not open so many descriptors";
  }
  const ServerThread server(folder.path().string());
  std::vector<UniqueFd> slow;
  for (int i = 0; i < 1000; ++i) {
    slow.push_back(net::start_connect(server.address()).socket);
    pollfd entry{slow.back().get(), POLLOUT, 0};
    ASSERT_EQ(::poll(&entry, 1, 20'000), 1);
    const std::string_view bytes = i % 10 != 0 ? "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "
                                               : "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n";
    ASSERT_EQ(net::try_send(slow.back().get(), bytes).bytes, bytes.size());
  }
  while (server.statistics().answered < 100) std::this_thread::sleep_for(1ms);
  const Stopwatch watch;
  http::Client client;
  for (int i = 0; i < 100; ++i) {
    for (int j = i; j < 1000; j += 201) net::try_send(slow[j].get(), "x");  // they drip on
    EXPECT_EQ(client.get(server.url("/")).body, "hello\n");
  }
  EXPECT_LT(watch.elapsed(), 10s);
  RecordProperty("seconds", watch.rounded());
}

}  // namespace
}  // namespace simul::web
