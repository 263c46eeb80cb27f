// The loopback server and the stand-in internet: good clients, hostile clients, ten thousand
// clients, and a prompt end. The clients are plain sockets that send exactly the bytes written
// here.
#include "lessons/common/loopback_server.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lessons/common/standin.hpp"
#include "runtime/base/sanitizers.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/http/blocking_client.hpp"
#include "runtime/net/socket.hpp"
#include "tests/support/server_process.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

#ifdef SIMUL_TSAN
constexpr std::size_t kMany = 1000;  // its bookkeeping ends near 8,000 fibers
#else
constexpr std::size_t kMany = 10'000;
#endif

bool wait_for(int fd, short events, int milliseconds = 20000) {
  pollfd entry{fd, events, 0};
  return ::poll(&entry, 1, milliseconds) == 1;
}

// A client that speaks bytes.
class Talk {
 public:
  explicit Talk(const net::Address& address) {
    net::Connecting connecting = net::start_connect(address);
    if (!connecting.connected) {
      EXPECT_TRUE(wait_for(connecting.socket.get(), POLLOUT));
      net::finish_connect(connecting.socket.get(), address);
    }
    fd_ = std::move(connecting.socket);
  }

  Talk& send(std::string_view bytes) {
    while (!bytes.empty()) {
      const net::Transfer sent = net::try_send(fd_.get(), bytes);
      if (sent.outcome == net::Outcome::failed) break;  // the server has had enough
      bytes.remove_prefix(sent.bytes);
      if (!bytes.empty() && !wait_for(fd_.get(), POLLOUT | POLLIN)) break;
      if (!bytes.empty() && sent.outcome == net::Outcome::would_block && !net::is_quiet(fd_.get()))
        break;
    }
    return *this;
  }

  Talk& end() {
    ::shutdown(fd_.get(), SHUT_WR);
    return *this;
  }

  // Everything until the server closes, or until `enough` bytes are there.
  std::string receive(std::size_t enough = static_cast<std::size_t>(-1)) {
    std::string all;
    char buffer[65536];
    while (all.size() < enough) {
      const net::Transfer got =
          net::try_receive(fd_.get(), {buffer, std::min(sizeof buffer, enough - all.size())});
      if (got.outcome == net::Outcome::done)
        all.append(buffer, got.bytes);
      else if (got.outcome != net::Outcome::would_block)
        break;
      else if (!wait_for(fd_.get(), POLLIN))
        return all + "(nothing more came)";
    }
    return all;
  }

  // The head of one answer, byte by byte so that what follows stays.
  std::string receive_head() {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const std::string next = receive(1);
      if (next.size() != 1) return head + "(cut)";
      head += next;
    }
    return head;
  }

  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

std::string ask(const net::Address& address, std::string_view bytes) {
  return Talk(address).send(bytes).receive();
}

constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kLastGet = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

// Says what it was asked.
http::Response echo(const http::IncomingRequest& request) {
  return text_response(200, request.method + " " + request.target + " " + request.body);
}

LoopbackServer::Options impatient() {
  LoopbackServer::Options options;
  options.header = options.body = options.idle = options.send = 100ms;
  return options;
}

TEST(LoopbackServer, AnswersAndKeepsTheConnection) {
  LoopbackServer server(echo);
  http::Client client;
  for (int i = 0; i < 3; ++i) {
    const http::Response response = client.get(server.url("/page?q"));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "GET /page?q ");
  }
  EXPECT_EQ(server.accepted(), 1u);
  EXPECT_EQ(server.answered(), 3u);
}

TEST(LoopbackServer, ReceivesABodyInEitherFraming) {
  LoopbackServer server(echo);
  EXPECT_TRUE(ask(server.address(),
                  "POST /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                  "Content-Length: 5\r\n\r\nhello")
                  .ends_with("\r\n\r\nPOST /p hello"));
  EXPECT_TRUE(ask(server.address(),
                  "POST /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")
                  .ends_with("\r\n\r\nPOST /p hello"));
}

TEST(LoopbackServer, AnswersPipelinedRequestsInOrder) {
  LoopbackServer server(echo);
  const std::string all =
      ask(server.address(), std::string(kGet) + std::string(kGet) + std::string(kLastGet));
  const std::size_t first = all.find("GET /x ");
  const std::size_t second = all.find("GET /x ", first + 1);
  const std::size_t last = all.find("GET /last ");
  EXPECT_NE(second, std::string::npos) << all;
  EXPECT_LT(second, last);
  EXPECT_NE(last, std::string::npos) << all;
}

TEST(LoopbackServer, HeadHasTheLengthAndNoBody) {
  LoopbackServer server(echo);
  const std::string all =
      ask(server.address(), "HEAD /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(all.find("\r\nContent-Length: 11\r\n"), std::string::npos) << all;
  EXPECT_TRUE(all.ends_with("\r\n\r\n")) << all;
}

TEST(LoopbackServer, AnHttp10ClientGetsItsAnswerAndTheEnd) {
  LoopbackServer server(echo);
  const std::string all = ask(server.address(), "GET /old HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(all.ends_with("GET /old ")) << all;
}

TEST(LoopbackServer, InvitesABodyThatWaitsToBeAskedFor) {
  LoopbackServer server(echo);
  Talk talk(server.address());
  talk.send("POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_TRUE(talk.receive_head().starts_with("HTTP/1.1 100 ")) << "asked to go on";
  talk.send("ok");
  EXPECT_TRUE(talk.receive_head().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(talk.receive(10), "POST /p ok");
}

TEST(LoopbackServer, AHandlerThatThrowsIsStatus500AndTheServerGoesOn) {
  LoopbackServer server([](const http::IncomingRequest& request) -> http::Response {
    if (request.path() == "/bad") throw std::runtime_error("no such luck");
    return text_response(200, "fine");
  });
  http::Client client;
  const http::Response bad = client.get(server.url("/bad"));
  EXPECT_EQ(bad.status, 500);
  EXPECT_NE(bad.body.find("no such luck"), std::string::npos);
  EXPECT_EQ(client.get(server.url("/good")).body, "fine");
}

TEST(LoopbackServer, AHandlerThatWaitsHoldsUpNobodyElse) {
  LoopbackServer server([](const http::IncomingRequest& request) {
    if (request.path() == "/slow") this_fiber::sleep_for(60s);
    return text_response(200, "here");
  });
  Talk slow(server.address());
  slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(http::get(server.url("/fast")).body, "here");
}

TEST(LoopbackServer, EndsAtOnceWhateverItsClientsAreDoing) {
  std::vector<Talk> talks;
  Stopwatch ending;
  {
    LoopbackServer server([](const http::IncomingRequest&) {
      this_fiber::sleep_for(60s);
      return text_response(200, "too late");
    });
    for (int i = 0; i < 30; ++i) talks.emplace_back(server.address());
    for (int i = 0; i < 10; ++i) talks[i].send(kGet);                     // in the handler
    for (int i = 10; i < 20; ++i) talks[i].send("GET / HTTP/1.1\r\nHo");  // half a request
    while (server.accepted() < 30) std::this_thread::sleep_for(1ms);
    ending.restart();
  }
  EXPECT_LT(ending.elapsed(), 2s);
  for (Talk& talk : talks) EXPECT_EQ(talk.receive(), "");
}

// --- Hostile clients -----------------------------------------------------------------------------

TEST(LoopbackServer, RefusesWhatIsNoRequest) {
  LoopbackServer server(echo);
  for (const char* bytes :
       {"hello\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    const std::string all = ask(server.address(), bytes);
    EXPECT_TRUE(all.starts_with("HTTP/1.1 400 ")) << all;
    EXPECT_NE(all.find("\r\nConnection: close\r\n"), std::string::npos) << all;
  }
  EXPECT_EQ(http::get(server.url()).status, 200);
}

TEST(LoopbackServer, RefusesWhatIsTooLargeAndTheClientHearsIt) {
  LoopbackServer::Options options;
  options.limits.body = 100'000;
  LoopbackServer server(echo, options);
  EXPECT_TRUE(ask(server.address(), "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(200'000, 'x'))
                  .starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(
      ask(server.address(), "GET /" + std::string(200'000, 'x')).starts_with("HTTP/1.1 414 "));
  EXPECT_TRUE(ask(server.address(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" +
                                        std::string(200'000, 'x'))
                  .starts_with("HTTP/1.1 413 "));
}

TEST(LoopbackServer, HangsUpOnAClientThatIsTooSlowAndTellsOneThatHasBegun) {
  LoopbackServer server(echo, impatient());
  for (const char* start : {"", "G", "GET / HTTP/1.1\r\nHost: a\r\n",
                            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf"}) {
    Stopwatch watch;
    const std::string all = ask(server.address(), start);
    EXPECT_EQ(all.substr(0, 13), *start == '\0' ? "" : "HTTP/1.1 408 ") << start;
    EXPECT_GE(watch.elapsed(), 100ms) << start;
    EXPECT_LT(watch.elapsed(), 10s) << start;
  }
}

TEST(LoopbackServer, HangsUpOnAClientThatDripsForEver) {
  LoopbackServer server(echo, impatient());
  Talk talk(server.address());
  talk.send("GET / HTTP/1.1\r\n");
  Stopwatch watch;
  while (watch.elapsed() < 10s && !wait_for(talk.fd(), POLLIN, 10)) talk.send("X: y\r\n");
  EXPECT_LT(watch.elapsed(), 5s);
}

TEST(LoopbackServer, HangsUpOnAClientThatDoesNotRead) {
  LoopbackServer::Options options = impatient();
  options.connections = 1;  // so the next client is served when this one has been given up
  LoopbackServer server(
      [](const http::IncomingRequest& request) {
        return text_response(200, std::string(request.path() == "/x" ? 50'000'000 : 1, 'x'));
      },
      options);
  Talk talk(server.address());
  talk.send(kGet);
  EXPECT_EQ(http::get(server.url("/small")).body, "x");
  EXPECT_LT(talk.receive().size(), 50'000'000u);
}

TEST(LoopbackServer, AClientThatHasSaidAllMayStillReadSlowlyAndHoldsUpNobody) {
  LoopbackServer server([](const http::IncomingRequest& request) {
    return text_response(200, std::string(request.path() == "/x" ? 30'000'000 : 1, 'x'));
  });
  Talk talk(server.address());
  talk.send(kGet).end();
  EXPECT_TRUE(wait_for(talk.fd(), POLLIN));
  EXPECT_EQ(http::get(server.url("/small")).body, "x") << "while the other answer is under way";
  EXPECT_GT(talk.receive().size(), 30'000'000u);
}

TEST(LoopbackServer, ConnectionsBeyondTheLimitWaitForTheirTurn) {
  LoopbackServer::Options options;
  options.connections = 2;
  LoopbackServer server(echo, options);
  std::vector<Talk> talks;
  for (int i = 0; i < 2; ++i) {
    talks.emplace_back(server.address()).send(kGet);
    EXPECT_NE(talks.back().receive_head(), "");
  }
  Talk third(server.address());
  third.send(kLastGet);
  EXPECT_FALSE(wait_for(third.fd(), POLLIN, 100));
  talks.pop_back();
  EXPECT_TRUE(third.receive().ends_with("GET /last "));
}

TEST(LoopbackServer, ServesManyThousandsAtOnce) {
  using simul::testing::ServerProcess;
  if (simul::testing::raise_descriptor_limit() < kMany + 100) {
    GTEST_SKIP() << "this process may not open " << kMany << " descriptors";
  }
  ServerProcess server([](const http::IncomingRequest& request) {
    this_fiber::sleep_for(1s);
    return text_response(200, request.target);
  });
  Stopwatch watch;
  std::vector<UniqueFd> sockets;
  std::vector<pollfd> waiting;
  for (std::size_t i = 0; i < kMany; ++i) {
    sockets.push_back(net::start_connect(server.address()).socket);
    waiting.push_back({sockets.back().get(), POLLOUT, 0});
  }
  std::size_t whole = 0;
  std::vector<std::string> answers(kMany);
  while (!waiting.empty() && watch.elapsed() < 60s) {
    ASSERT_GT(::poll(waiting.data(), waiting.size(), 30000), 0) << "all of them stand still";
    for (std::size_t i = 0; i < kMany; ++i) {
      pollfd& entry = waiting[i];
      if (entry.revents == 0) continue;
      if (entry.events == POLLOUT) {
        net::finish_connect(entry.fd, server.address());
        const std::string request = "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
        ASSERT_EQ(net::try_send(entry.fd, request).bytes, request.size());
        entry.events = POLLIN;
        continue;
      }
      char buffer[4096];
      const net::Transfer got = net::try_receive(entry.fd, buffer);
      ASSERT_EQ(got.outcome, net::Outcome::done) << "connection " << i;
      answers[i].append(buffer, got.bytes);
      if (answers[i].ends_with("\r\n\r\n/" + std::to_string(i))) {
        ++whole;
        entry.fd = -1;  // poll passes over it
      }
    }
    if (whole == kMany) break;
  }
  EXPECT_EQ(whole, kMany);
  RecordProperty("seconds", watch.rounded());
}

// --- The stand-in internet -----------------------------------------------------------------------

TEST(StandIn, KnowsTheArticlesHostsByTheirLatencies) {
  const StandIn internet;
  const Stopwatch watch;
  const http::Response google = http::get("http://google.com");
  EXPECT_EQ(watch.rounded(), "0.3");
  EXPECT_EQ(google.status, 200);
  EXPECT_NE(google.body.find("google.com"), std::string::npos);
  const Stopwatch watch2;
  http::get("http://yahoo.com/");
  EXPECT_EQ(watch2.rounded(), "0.8");
  EXPECT_EQ(StandIn::hosts().size(), 9u);
}

TEST(StandIn, TheNamesAreTheirOwnAgainWhenItIsGone) {
  { const StandIn internet; }
  const net::Pin mark = net::pin("google.com", net::Address::loopback(7));
  EXPECT_EQ(net::resolve("google.com", 80).front(), net::Address::loopback(7));
}

}  // namespace
}  // namespace simul
