// The server: what it answers, in which order, what it refuses and why, and how it ends. The
// clients are sockets that send exactly the bytes written here, on the server's own loop and in
// virtual time, so that a minute of patience costs nothing.
#include "runtime/web/server.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/fiber/fiber.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/task_group.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/web/server_fixture.hpp"

namespace simul::web {
namespace {

using namespace std::chrono_literals;

// Everything that a handler was asked, so that a test can say what must never reach one.
class ServerTest : public ServerFixture {
 public:
  ServerTest() {
    router.get("/", [this](Request& request) -> Task<Response> {
      asked.push_back(request.target());
      co_return Response(200, "hello");
    });
    router.post("/echo", [this](Request& request) -> Task<Response> {
      asked.push_back(request.target());
      std::string body = co_await request.read_all();
      co_return Response(200, body);
    });
    router.get("/slow/{seconds}", [this](Request& request) -> Task<Response> {
      asked.push_back(request.target());
      try {
        co_await sleep(std::chrono::seconds(std::stoi(request.param("seconds"))));
      } catch (const Cancelled&) {
        note("cancelled");
        throw;
      }
      co_return Response(200, request.param("seconds"));
    });
  }

  std::vector<std::string> asked;
};

// --- What is answered ---------------------------------------------------------------------------

TEST_F(ServerTest, AnswersRequestAfterRequestOnOneConnection) {
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    for (int i = 0; i < 40; ++i) {
      co_await talk.send(get("/"));
      EXPECT_EQ(co_await talk.answer(), "HTTP/1.1 200 OK|hello");
    }
    EXPECT_EQ(server->statistics()->accepted, 1u);
    EXPECT_EQ(server->statistics()->answered, 40u);
    EXPECT_EQ(server->idle_connections(), 1u);
  });
}

TEST_F(ServerTest, SaysDateAndLength) {
  with_server([&]() -> Task<> {
    const std::string all = co_await ask(get("/", "Connection: close\r\n"));
    EXPECT_NE(all.find("\r\nDate: "), std::string::npos) << all;
    EXPECT_NE(all.find(" GMT\r\n"), std::string::npos) << all;
    EXPECT_NE(all.find("\r\nContent-Length: 5\r\n"), std::string::npos) << all;
    EXPECT_NE(all.find("\r\nConnection: close\r\n"), std::string::npos) << all;
    EXPECT_EQ(body_of(all), "hello");
  });
}

TEST_F(ServerTest, AnswersPipelinedRequestsInTheirOrderHoweverLongEachTakes) {
  with_server([&]() -> Task<> {
    const std::string all =
        co_await ask(get("/slow/3") + get("/slow/1") +
                     "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" +
                     get("/", "Connection: close\r\n") + get("/never"));
    const auto first = all.find("\r\n\r\n3");
    const auto second = all.find("\r\n\r\n1");
    const auto third = all.find("\r\n\r\nabc");
    EXPECT_TRUE(first < second && second < third && third < all.find("\r\n\r\nhello")) << all;
    EXPECT_TRUE(all.ends_with("hello")) << all;
    EXPECT_EQ(asked, (std::vector<std::string>{"/slow/3", "/slow/1", "/echo", "/"}));
    EXPECT_EQ(Clock::now() - start, 4s);
  });
}

TEST_F(ServerTest, AHundredPipelinedRequestsCutAnywhereAreAHundredAnswers) {
  with_server([&]() -> Task<> {
    std::string all;
    for (int i = 0; i < 99; ++i) all += get("/");
    all += get("/", "Connection: close\r\n");
    for (const std::size_t cut : {1u, 7u, 40u, 65u}) {
      Talk talk(server->address());
      auto sender = [&]() -> Task<> {
        for (std::size_t at = 0; at < all.size(); at += cut) {
          co_await talk.send(all.substr(at, cut));
          co_await Yield();
        }
      };
      const TaskHandle<> sending = create_task(sender());
      const std::string answers = co_await talk.receive();
      co_await sending;
      std::size_t count = 0;
      for (std::size_t at = 0; (at = answers.find("\r\n\r\nhello", at)) != std::string::npos;
           ++at) {
        ++count;
      }
      EXPECT_EQ(count, 100u) << cut;
    }
  });
}

TEST_F(ServerTest, HeadIsAnsweredAsGetWithoutTheBody) {
  with_server([&]() -> Task<> {
    const std::string all = co_await ask("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(all.starts_with("HTTP/1.1 200 OK\r\n")) << all;
    EXPECT_NE(all.find("\r\nContent-Length: 5\r\n"), std::string::npos) << all;
    EXPECT_TRUE(all.ends_with("\r\n\r\n")) << all;
  });
}

TEST_F(ServerTest, AnHttp10ClientIsServedAndKeptOnlyIfItAsks) {
  with_server([&]() -> Task<> {
    const std::string all = co_await ask("GET / HTTP/1.0\r\n\r\n" + get("/"));
    EXPECT_TRUE(all.ends_with("hello")) << all;
    EXPECT_EQ(asked.size(), 1u);
    const std::string kept = co_await ask(
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        "GET / HTTP/1.0\r\n\r\n");
    EXPECT_NE(kept.find("\r\nConnection: keep-alive\r\n"), std::string::npos) << kept;
    EXPECT_EQ(asked.size(), 3u);
  });
}

TEST_F(ServerTest, AWholeUrlAsTargetNamesItsHost) {
  std::string host;
  router.get("/a", [&](Request& request) -> Task<Response> {
    host = *request.headers().get("Host");
    co_return Response(200, std::string(request.query()));
  });
  with_server([&]() -> Task<> {
    const std::string all = co_await ask(
        "GET http://b.example:80/a?q HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(body_of(all), "q");
    EXPECT_EQ(host, "b.example:80");
  });
}

// --- Routes -------------------------------------------------------------------------------------

TEST_F(ServerTest, RoutesByMethodAndPathWithParameters) {
  auto show = [](std::string what) {
    return [what](Request& request) -> Task<Response> {
      std::string text = what;
      for (const auto& [name, value] : request.params) text += " " + name + "=" + value;
      co_return Response(200, text);
    };
  };
  router.get("/users/{id}", show("user"));
  router.get("/users/me", show("me"));
  router.post("/users/{id}/posts/{post}", show("post"));
  router.get("/files/{path...}", show("file"));
  router.put("/users/{id}", show("put"));
  with_server([&]() -> Task<> {
    const std::vector<std::pair<std::string, std::string>> table = {
        {"GET /users/42", "200 user id=42"},
        {"GET /users/me", "200 me"},
        {"GET /users/%6De", "200 me"},
        {"GET /users/a%2Fb", "200 user id=a/b"},
        {"PUT /users/7", "200 put id=7"},
        {"POST /users/1/posts/2", "200 post id=1 post=2"},
        {"GET /files/a/b%20c/", "200 file path=a/b c/"},
        {"GET /files/", "200 file path="},
        {"GET /users/", "404 there is nothing at this address\n"},
        {"GET /users", "404 there is nothing at this address\n"},
        {"GET //", "404 there is nothing at this address\n"},
        {"GET /users/%zz", "400 a percent sign in the path is not followed by two digits\n"},
        {"DELETE /users/1", "405 this resource answers GET, PUT, HEAD, OPTIONS\n"},
        {"BREW /echo", "405 this resource answers POST, OPTIONS\n"},
        {"CONNECT a:80", "501 this server is no proxy\n"},
    };
    for (const auto& [line, answer] : table) {
      const std::string all =
          co_await ask(line + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      EXPECT_EQ(all.substr(9, 3) + " " + body_of(all), answer) << line;
    }
    const std::string answers = co_await ask(
        "OPTIONS /users/1 HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n"
        "Connection: close\r\n\r\n");
    EXPECT_NE(answers.find("\r\nAllow: GET, PUT, HEAD, OPTIONS\r\n"), std::string::npos) << answers;
    EXPECT_NE(answers.rfind("HTTP/1.1 204 No Content\r\n"), 0u) << answers;
  });
}

TEST_F(ServerTest, ARouteThatContradictsAnotherIsAnError) {
  auto handler = [](Request&) -> Task<Response> { co_return Response(200); };
  router.get("/u/{id}", handler);
  EXPECT_THROW(router.get("/u/{id}", handler), std::invalid_argument);
  EXPECT_THROW(router.get("/u/{name}/x", handler), std::invalid_argument);
  EXPECT_THROW(router.get("u", handler), std::invalid_argument);
  EXPECT_THROW(router.get("/{a}/{a}", handler), std::invalid_argument);
  EXPECT_THROW(router.get("/{a...}/b", handler), std::invalid_argument);
  EXPECT_THROW(router.get("/{a", handler), std::invalid_argument);
}

// --- Bodies -------------------------------------------------------------------------------------

TEST_F(ServerTest, ReceivesABodyInEitherFraming) {
  with_server([&]() -> Task<> {
    EXPECT_EQ(body_of(co_await ask("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                                   "Content-Length: 5\r\n\r\nhello")),
              "hello");
    EXPECT_EQ(body_of(co_await ask("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                                   "Transfer-Encoding: chunked\r\n\r\n"
                                   "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: t\r\n\r\n")),
              "hello");
    const std::string large(3'000'000, 'x');
    EXPECT_EQ(body_of(co_await ask("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                                   "Content-Length: 3000000\r\n\r\n" +
                                   large)),
              large);
  });
}

TEST_F(ServerTest, InvitesABodyWhenTheHandlerWantsIt) {
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    co_await talk.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_EQ(co_await talk.head(), "HTTP/1.1 100 Continue\r\n\r\n");
    co_await talk.send("ok");
    EXPECT_EQ(co_await talk.answer(), "HTTP/1.1 200 OK|ok");
  });
}

TEST_F(ServerTest, DoesNotInviteABodyThatNobodyWants) {
  with_server([&]() -> Task<> {
    const std::string all = co_await ask(
        "POST /nowhere HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_TRUE(all.starts_with("HTTP/1.1 404 ")) << all;
    EXPECT_NE(all.find("\r\nConnection: close\r\n"), std::string::npos) << all;
  });
}

TEST_F(ServerTest, SkipsASmallBodyThatNobodyReadAndClosesAfterALargeOne) {
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    co_await talk.send("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    EXPECT_TRUE((co_await talk.answer()).starts_with("HTTP/1.1 404 "));
    co_await talk.send(std::string(1000, 'x') + get("/"));
    EXPECT_EQ(co_await talk.answer(), "HTTP/1.1 200 OK|hello");
    const std::string all =
        co_await ask("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n" +
                     std::string(10'000'000, 'x') + get("/"));
    EXPECT_TRUE(all.starts_with("HTTP/1.1 404 ")) << all;
    EXPECT_EQ(all.find("HTTP/1.1 200"), std::string::npos) << all;
  });
}

TEST_F(ServerTest, AStreamedRequestIsTakenAsItComes) {
  router.post("/pieces", [this](Request& request) -> Task<Response> {
    for (std::string_view piece; !(piece = co_await request.read()).empty();) {
      note(std::string(piece));
    }
    co_return Response(200, "done");
  });
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    co_await talk.send("POST /pieces HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const char* piece : {"2\r\nab\r\n", "3\r\ncde\r\n", "0\r\n\r\n"}) {
      co_await sleep(1s);
      co_await talk.send(piece);
    }
    EXPECT_EQ(co_await talk.answer(), "HTTP/1.1 200 OK|done");
    EXPECT_EQ(log, (Log{"1s ab", "2s cde"}));
  });
}

TEST_F(ServerTest, AStreamedAnswerGoesOutPieceByPieceInTheFormThatTheClientKnows) {
  router.get("/stream", [](Request&) -> Task<Response> {
    Response response(200, "", "text/plain");
    response.stream = [](BodyWriter& out) -> Task<> {
      for (const char* word : {"one ", "", "two ", "three"}) {
        co_await out.write(word);
        co_await sleep(1s);
      }
    };
    co_return response;
  });
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    co_await talk.send(get("/stream"));
    const std::string head = co_await talk.head();
    EXPECT_NE(head.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos) << head;
    EXPECT_EQ(co_await talk.receive(9), "4\r\none \r\n");
    EXPECT_EQ(Clock::now() - start, 0s);
    EXPECT_EQ(co_await talk.receive(9 + 10 + 5), "4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n");
    co_await talk.send(get("/"));
    EXPECT_EQ(co_await talk.answer(), "HTTP/1.1 200 OK|hello");
    const std::string old = co_await ask("GET /stream HTTP/1.0\r\n\r\n");
    EXPECT_EQ(body_of(old), "one two three");
    const std::string head_only =
        co_await ask("HEAD /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(body_of(head_only), "");
  });
}

TEST_F(ServerTest, WhoWritesFasterThanTheClientReadsHasToWait) {
  std::size_t written = 0;
  router.get("/flood", [&](Request&) -> Task<Response> {
    Response response(200);
    response.stream = [&](BodyWriter& out) -> Task<> {
      const std::string piece(100'000, 'x');
      for (int i = 0; i < 1000; ++i) {
        co_await out.write(piece);
        written += piece.size();
      }
    };
    co_return response;
  });
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    co_await talk.send(get("/flood"));
    co_await talk.head();
    co_await sleep(30s);
    EXPECT_LT(written, 30'000'000u) << "no more than the two sockets hold";
    const std::size_t before = written;
    co_await talk.receive(20'000'000);
    EXPECT_GT(written, before);
  });
}

// --- Handlers -----------------------------------------------------------------------------------

TEST_F(ServerTest, AHandlerMayBeAFiber) {
  router.post("/fiber/{n}", [](Request& request) {
    this_fiber::sleep_for(1s);
    const std::string body = await(request.read_all());
    Response response(200, request.param("n") + body);
    response.stream = [](BodyWriter& out) {
      this_fiber::sleep_for(1s);
      await(out.write("from a fiber"));
    };
    return response;
  });
  router.get("/plain", [](Request&) {
    http::Response response;
    response.body = "plain";
    return response;
  });
  with_server([&]() -> Task<> {
    const std::string all = co_await ask(
        "POST /fiber/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
    EXPECT_EQ(body_of(all), "c\r\nfrom a fiber\r\n0\r\n\r\n");
    EXPECT_EQ(Clock::now() - start, 2s);
    EXPECT_EQ(body_of(co_await ask(get("/plain", "Connection: close\r\n"))), "plain");
  });
}

TEST_F(ServerTest, AHandlerThatThrowsIsStatus500WithoutDetailsAndIsReported) {
  router.get("/bad", [](Request&) -> Task<Response> {
    throw std::runtime_error("the password is secret");
    co_return Response(200);
  });
  router.get("/odd", [](Request&) -> Task<Response> {
    Response response(200);
    response.headers.add("Transfer-Encoding", "chunked");
    co_return response;
  });
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    co_await talk.send(get("/bad") + get("/odd") + get("/"));
    const std::string expected = "HTTP/1.1 500 Internal Server Error|something went wrong here\n";
    EXPECT_EQ(co_await talk.answer(), expected);
    EXPECT_EQ(co_await talk.answer(), expected);
    EXPECT_EQ(co_await talk.answer(), "HTTP/1.1 200 OK|hello");
    const std::string where = "server " + server->address().to_string() + ": GET ";
    EXPECT_EQ(reported, (Log{where + "/bad failed: the password is secret",
                             where + "/odd failed: Transfer-Encoding is not the caller's to set"}));
  });
}

TEST_F(ServerTest, AnAnswerThatFailsHalfWayIsCutSoThatNobodyTakesItForWhole) {
  router.get("/half", [](Request&) -> Task<Response> {
    Response response(200);
    response.stream = [](BodyWriter& out) -> Task<> {
      co_await out.write("half");
      co_await sleep(1s);
      throw std::runtime_error("the other half is lost");
    };
    co_return response;
  });
  router.get("/short", [](Request&) -> Task<Response> {
    Response response(200);
    response.headers.add("Content-Length", "10");
    response.stream = [](BodyWriter& out) -> Task<> { co_await out.write("short"); };
    co_return response;
  });
  with_server([&]() -> Task<> {
    EXPECT_TRUE((co_await ask(get("/half"))).ends_with("4\r\nhalf\r\n(reset)"));
    EXPECT_TRUE((co_await ask("GET /half HTTP/1.0\r\n\r\n")).ends_with("half(reset)"));
    const std::string all = co_await ask(get("/short"));
    EXPECT_TRUE(all.ends_with("(reset)")) << all;
    EXPECT_EQ(reported.size(), 3u);
  });
}

TEST_F(ServerTest, AHandlerIsCancelledWhenItsClientIsGone) {
  router.get("/fiber", [this](Request&) -> Response {
    try {
      this_fiber::sleep_for(100s);
    } catch (const Cancelled&) {
      note("fiber cancelled");
      throw;
    }
    return Response(200);
  });
  router.post("/after-body", [this](Request& request) -> Task<Response> {
    co_await request.read_all();
    try {
      co_await sleep(100s);
    } catch (const Cancelled&) {
      note("cancelled after the body");
      throw;
    }
    co_return Response(200);
  });
  with_server([&]() -> Task<> {
    Talk reset(server->address());
    co_await reset.send(get("/slow/100"));
    co_await sleep(1s);
    reset.reset();  // at once
    co_await sleep(1s);
    Talk closed(server->address());
    co_await closed.send(get("/slow/100"));
    co_await sleep(1s);
    closed.close();  // a second later, for it might only have said all
    co_await sleep(3s);
    Talk fiber(server->address());
    co_await fiber.send(get("/fiber"));
    co_await sleep(1s);
    fiber.reset();
    co_await sleep(1s);
    Talk body(server->address());
    co_await body.send("POST /after-body HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    co_await sleep(1s);
    body.reset();
    co_await sleep(1s);
    EXPECT_EQ(server->connections(), 0u);
    EXPECT_EQ(log, (Log{"1s cancelled", "4s cancelled", "7s fiber cancelled",
                        "9s cancelled after the body"}));
  });
}

TEST_F(ServerTest, AClientThatHasOnlySaidAllIsAnswered) {
  with_server([&]() -> Task<> {
    for (const char* path : {"/", "/slow/0"}) {
      Talk talk(server->address());
      co_await talk.send(get(path));
      talk.end();
      EXPECT_TRUE((co_await talk.receive()).starts_with("HTTP/1.1 200 ")) << path;
    }
    EXPECT_EQ(log, Log{});
  });
}

TEST_F(ServerTest, AStreamIsCancelledWhenItsClientIsGone) {
  router.get("/events", [this](Request&) -> Task<Response> {
    Response response(200);
    response.stream = [this](BodyWriter& out) -> Task<> {
      co_await out.write("hello");
      try {
        co_await sleep(1000s);
      } catch (const Cancelled&) {
        note("stream cancelled");
        throw;
      }
    };
    co_return response;
  });
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    co_await talk.send(get("/events"));
    co_await talk.head();
    talk.reset();
    co_await sleep(1s);
    EXPECT_EQ(log, Log{"0s stream cancelled"});
    EXPECT_EQ(server->connections(), 0u);
    EXPECT_EQ(reported, Log{});
  });
}

// --- What is refused, and why -------------------------------------------------------------------

struct Refused {
  const char* name;
  std::string bytes;
  int status;
  const char* why;  // part of the line that says it
};

std::vector<Refused> refused() {
  const std::string host = "Host: a\r\n";
  const std::string post = "POST /echo HTTP/1.1\r\nHost: a\r\n";
  return {
      {"no request", "hello\r\n\r\n", 400, "three parts"},
      {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n", 11), 400, "three parts"},
      {"two spaces", "GET  / HTTP/1.1\r\n" + host + "\r\n", 400, "target"},
      {"lower case http", "GET / http/1.1\r\n" + host + "\r\n", 400, "no version"},
      {"HTTP/2.0", "GET / HTTP/2.0\r\n" + host + "\r\n", 505, "HTTP/1 expected"},
      {"a method that is no token", "G(T / HTTP/1.1\r\n" + host + "\r\n", 400, "no token"},
      {"a control byte in the target", "GET /\x01 HTTP/1.1\r\n" + host + "\r\n", 400, "malformed"},
      {"a byte above 127", "GET /\xff HTTP/1.1\r\n" + host + "\r\n", 400, "malformed"},
      {"no path", "GET a HTTP/1.1\r\n" + host + "\r\n", 400, "malformed"},
      {"another scheme", "GET ftp://a/ HTTP/1.1\r\n" + host + "\r\n", 400, "malformed"},
      {"a user in the target", "GET http://u@a/ HTTP/1.1\r\n" + host + "\r\n", 400, "malformed"},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400, "no Host"},
      {"two Hosts", "GET / HTTP/1.1\r\n" + host + "Host: b\r\n\r\n", 400, "Host twice"},
      {"a list in Host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "malformed"},
      {"a user in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, "malformed"},
      {"bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", 400, "bare line feed"},
      {"a bare carriage return", "GET / HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n", 400, "control"},
      {"a NUL", "GET / HTTP/1.1\r\n" + host + std::string("X: a\0b\r\n\r\n", 10), 400, "control"},
      {"a folded line", "GET / HTTP/1.1\r\n" + host + " X: y\r\n\r\n", 400, "obs-fold"},
      {"a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "whitespace"},
      {"no colon", "GET / HTTP/1.1\r\n" + host + "X\r\n\r\n", 400, "no colon"},
      {"no name", "GET / HTTP/1.1\r\n" + host + ": x\r\n\r\n", 400, "no token"},
      {"both lengths", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400, "both"},
      {"two lengths", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400, "differ"},
      {"a list of lengths", post + "Content-Length: 5, 5\r\n\r\nhello", 400, "no number"},
      {"a sign", post + "Content-Length: +5\r\n\r\nhello", 400, "no number"},
      {"a negative length", post + "Content-Length: -5\r\n\r\nhello", 400, "no number"},
      {"a hexadecimal length", post + "Content-Length: 0x5\r\n\r\nhello", 400, "no number"},
      {"a length that overflows", post + "Content-Length: 18446744073709551617\r\n\r\n", 400,
       "no number"},
      {"another coding", post + "Transfer-Encoding: gzip\r\n\r\n", 501, "not \"chunked\""},
      {"chunked twice", post + "Transfer-Encoding: chunked, chunked\r\n\r\n", 501, "not"},
      {"a disguised coding", post + "Transfer-Encoding: xchunked\r\n\r\n", 501, "not"},
      {"a coding behind a vertical tab", post + "Transfer-Encoding: \vchunked\r\n\r\n", 400,
       "control"},
      {"chunked for 1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
       "HTTP/1.0"},
      {"no chunk size", post + "Transfer-Encoding: chunked\r\n\r\n\r\n", 400, "malformed"},
      {"a signed chunk size", post + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n", 400,
       "malformed"},
      {"a chunk size that overflows",
       post + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n", 400, "too long"},
      {"a chunk that is longer than it says",
       post + "Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n", 400, "CRLF"},
      {"a bare line feed after a chunk size",
       post + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400, "bare line feed"},
      {"another expectation", post + "Expect: a miracle\r\nContent-Length: 1\r\n\r\nx", 417,
       "cannot be met"},
      {"a target that is too long", "GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\n", 414,
       "16384 bytes"},
      {"a header that is too long", "GET / HTTP/1.1\r\n" + host + "X: " + std::string(70'000, 'x'),
       431, "65536 bytes"},
      {"too many fields",
       "GET / HTTP/1.1\r\n" + host +
           [] {
             std::string fields;
             for (int i = 0; i < 100; ++i) fields += "X: y\r\n";
             return fields;
           }() +
           "\r\n",
       431, "more than 100"},
      {"a body that is too long", post + "Content-Length: 16777217\r\n\r\n", 413, "16777216 bytes"},
  };
}

// Behind each stands a request that a server would answer which took the first one in another way.
TEST_F(ServerTest, RefusesWhatIsWrongSaysWhyInOneLineAndTakesNothingMore) {
  router.get("/smuggled", [this](Request& request) -> Task<Response> {
    asked.push_back(request.target());
    co_return Response(200);
  });
  with_server([&]() -> Task<> {
    for (const Refused& each : refused()) {
      const std::string all = co_await ask(each.bytes + get("/smuggled"));
      EXPECT_EQ(all.substr(0, 13), "HTTP/1.1 " + std::to_string(each.status) + " ") << each.name;
      EXPECT_NE(all.find("\r\nConnection: close\r\n"), std::string::npos) << each.name;
      const std::string body = body_of(all);
      EXPECT_NE(body.find(each.why), std::string::npos) << each.name << ": " << all;
      EXPECT_EQ(std::count(body.begin(), body.end(), '\n'), 1) << each.name << ": " << all;
    }
    EXPECT_EQ(std::count(asked.begin(), asked.end(), "/smuggled"), 0);
    EXPECT_EQ(reported, Log{});
    EXPECT_TRUE((co_await ask(get("/", "Connection: close\r\n"))).ends_with("hello"));
  });
}

TEST_F(ServerTest, AChunkedBodyOverTheLimitIsRefusedWhenItGetsThere) {
  options.limits.body = 100'000;
  with_server([&]() -> Task<> {
    std::string all = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 20; ++i) all += "2710\r\n" + std::string(10'000, 'x') + "\r\n";
    EXPECT_TRUE((co_await ask(all)).starts_with("HTTP/1.1 413 "));
    EXPECT_EQ(reported, Log{});
  });
}

TEST_F(ServerTest, AnEmptyLineBetweenRequestsIsForgiven) {
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    co_await talk.send(get("/") + "\r\n");
    EXPECT_EQ(co_await talk.answer(), "HTTP/1.1 200 OK|hello");
    co_await talk.send(get("/"));
    EXPECT_EQ(co_await talk.answer(), "HTTP/1.1 200 OK|hello");
  });
}

// --- Time ---------------------------------------------------------------------------------------

TEST_F(ServerTest, AHeadThatDripsIsRefusedAfterFifteenSeconds) {
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    auto drip = [&]() -> Task<> {
      co_await talk.send("GET / HTTP/1.1\r\n");
      for (int i = 0; i < 100; ++i) {
        co_await sleep(1s);
        co_await talk.send("X");
      }
    };
    const TaskHandle<> dripping = create_task(drip());
    const std::string all = co_await talk.receive();
    EXPECT_TRUE(all.starts_with("HTTP/1.1 408 ")) << all;
    EXPECT_NE(all.find("within 15 s"), std::string::npos) << all;
    EXPECT_GE(Clock::now() - start, 15s);
    EXPECT_LE(Clock::now() - start, 17s + 1ms) << "it lingers for two";
    dripping.cancel();
  });
}

TEST_F(ServerTest, WhoSaysNothingIsSentAwayWithoutAWord) {
  with_server([&]() -> Task<> {
    EXPECT_EQ(co_await ask(""), "");
    EXPECT_EQ(Clock::now() - start, 15s);
    Talk talk(server->address());
    co_await talk.send(get("/"));
    co_await talk.answer();
    EXPECT_EQ(co_await talk.receive(), "");
    EXPECT_EQ(Clock::now() - start, 75s) << "60 s of idling";
  });
}

TEST_F(ServerTest, ABodyThatDripsIsRefused) {
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    co_await talk.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    auto drip = [&]() -> Task<> {
      for (int i = 0; i < 1000; ++i) {
        co_await sleep(1s);
        co_await talk.send("x");
      }
    };
    const TaskHandle<> dripping = create_task(drip());
    EXPECT_TRUE((co_await talk.answer()).starts_with("HTTP/1.1 408 "));
    EXPECT_EQ(Clock::now() - start, 60s);
    dripping.cancel();
  });
}

TEST_F(ServerTest, AClientThatDoesNotReadIsCutOffAndOneThatReadsSteadilyIsNot) {
  router.get("/large", [](Request&) -> Task<Response> {
    co_return Response(200, std::string(30'000'000, 'x'));
  });
  with_server([&]() -> Task<> {
    Talk deaf(server->address());
    co_await deaf.send(get("/large"));
    co_await sleep(59s);
    EXPECT_EQ(server->connections(), 1u);
    co_await sleep(2s);
    EXPECT_EQ(server->connections(), 0u);
    Talk steady(server->address());
    co_await steady.send(get("/large"));
    std::size_t got = 0;
    for (int i = 0; i < 60; ++i) {
      got += (co_await steady.receive(500'000)).size();
      co_await sleep(10s);
    }
    EXPECT_EQ(got, 30'000'000u) << "in ten minutes";
  });
}

// --- Limits on connections ----------------------------------------------------------------------

TEST_F(ServerTest, ConnectionsBeyondTheLimitWaitForTheirTurn) {
  options.max_connections = 2;
  with_server([&]() -> Task<> {
    std::vector<Talk> talks;
    for (int i = 0; i < 3; ++i) {
      talks.emplace_back(server->address());
      co_await talks.back().send(get("/"));
    }
    EXPECT_EQ(co_await talks[0].answer(), "HTTP/1.1 200 OK|hello");
    EXPECT_EQ(co_await talks[1].answer(), "HTTP/1.1 200 OK|hello");
    co_await sleep(5s);
    EXPECT_EQ(asked.size(), 2u);
    talks[1].close();
    EXPECT_EQ(co_await talks[2].answer(), "HTTP/1.1 200 OK|hello");
    EXPECT_EQ(Clock::now() - start, 5s);
  });
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

// SIMUL_CONNECTIONS=100000 for the long one.
TEST_F(ServerTest, ManyConnectionsOpenedAndClosedLeaveNothingBehind) {
  const char* const wanted = std::getenv("SIMUL_CONNECTIONS");
  const int total = wanted != nullptr ? std::atoi(wanted) : 1000;
  with_server([&]() -> Task<> {
    auto round = [&](int count) -> Task<> {
      for (int done = 0; done < count; done += 100) {
        std::vector<Talk> talks;
        for (int i = 0; i < 100; ++i) talks.emplace_back(server->address());
        for (int i = 0; i < 100; ++i) {
          const std::string bytes = i % 3 == 0 ? get("/") : "GET / H";
          co_await talks[i].send(bytes);
        }
        for (int i = 0; i < 100; i += 3) co_await talks[i].answer();
        for (int i = 0; i < 100; ++i) i % 2 == 0 ? talks[i].reset() : talks[i].close();
        talks.clear();
        while (server->connections() != 0) co_await sleep(1ms);
      }
    };
    co_await round(200);  // until every pool has what it keeps
    const std::size_t descriptors = open_descriptors();
    const std::size_t memory = ::mallinfo2().uordblks;
    asked.clear();
    asked.shrink_to_fit();
    co_await round(total);
    asked.clear();
    asked.shrink_to_fit();
    EXPECT_EQ(open_descriptors(), descriptors);
    EXPECT_LE(::mallinfo2().uordblks, memory + 16 * 1024);
  });
}

// A thousand who have begun and do not go on, and others that do not read: one more is served.
TEST_F(ServerTest, AThousandSlowClientsHoldUpNobodyElse) {
  router.get("/large", [](Request&) -> Task<Response> {
    Response response(200);
    response.stream = [](BodyWriter& out) -> Task<> {
      const std::string piece(64 * 1024, 'x');
      for (int i = 0; i < 1000; ++i) co_await out.write(piece);
    };
    co_return response;
  });
  with_server([&]() -> Task<> {
    std::vector<Talk> slow;
    for (int i = 0; i < 450; ++i) {
      slow.emplace_back(server->address());
      const std::string bytes = i % 10 == 0 ? get("/large") : "GET / HTTP/1.1\r\nHo";
      co_await slow.back().send(bytes);
      if (i % 50 == 49) co_await sleep(1ms);
    }
    Talk talk(server->address());
    co_await talk.send(get("/"));
    EXPECT_EQ(co_await talk.answer(), "HTTP/1.1 200 OK|hello");
    EXPECT_LT(Clock::now() - start, 1s);
    EXPECT_EQ(server->connections(), 451u);
  });
}

// --- A change of protocol -----------------------------------------------------------------------

TEST_F(ServerTest, AHandlerMayTakeTheConnectionOverWithWhatHadComeAlready) {
  router.get("/shout", [this](Request& request) -> Task<Response> {
    if (!request.headers().has_token("Upgrade", "shout")) co_return Response(426, "shout\n");
    Response response(101);
    response.headers.add("Upgrade", "shout");
    response.headers.add("Connection", "Upgrade");
    response.upgrade = [this](Upgraded connection) -> Task<> {
      std::string line = connection.received;
      char buffer[100];
      for (;;) {
        for (char& c : line) c = static_cast<char>(std::toupper(c));
        net::try_send(connection.socket.fd(), line);
        if (line.ends_with(".")) break;
        co_await connection.socket.readable();
        const net::Transfer got = net::try_receive(connection.socket.fd(), buffer);
        if (got.outcome == net::Outcome::end) break;
        line.assign(buffer, got.bytes);
      }
      note("over");
    };
    co_return response;
  });
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    co_await talk.send(get("/shout", "Connection: Upgrade\r\nUpgrade: shout\r\n") + "early ");
    const std::string head = co_await talk.head();
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << head;
    EXPECT_EQ(head.find("Content-Length"), std::string::npos) << head;
    EXPECT_EQ(co_await talk.receive(6), "EARLY ");
    co_await talk.send("and late.");
    EXPECT_EQ(co_await talk.receive(), "AND LATE.");
    EXPECT_EQ(log, Log{"0s over"});
    EXPECT_TRUE(
        (co_await ask(get("/shout", "Connection: close\r\n"))).starts_with("HTTP/1.1 426 "));
  });
}

// --- The end ------------------------------------------------------------------------------------

TEST_F(ServerTest, ClosingEndsTheIdleAnswersWhatIsUnderWayAndAcceptsNobody) {
  with_server([&]() -> Task<> {
    Talk idle(server->address());
    co_await idle.send(get("/"));
    co_await idle.answer();
    Talk busy(server->address());
    co_await busy.send(get("/slow/10"));
    Talk begun(server->address());
    co_await begun.send("GET / HTTP/1.1\r\nHo");
    co_await sleep(1s);
    const net::Address address = server->address();
    server->close();
    EXPECT_EQ(co_await idle.receive(), "");
    auto knock = [&] {
      const net::Connecting connecting = net::start_connect(address);
      pollfd entry{connecting.socket.get(), POLLOUT, 0};
      ::poll(&entry, 1, 20'000);
      net::finish_connect(connecting.socket.get(), address);
    };
    EXPECT_THROW(knock(), std::system_error);
    co_await sleep(1s);
    co_await begun.send("st: a\r\n\r\n");
    const std::string last = co_await begun.receive();
    EXPECT_TRUE(last.ends_with("hello")) << last;
    const std::string all = co_await busy.receive();
    EXPECT_NE(all.find("\r\nConnection: close\r\n"), std::string::npos) << all;
    EXPECT_TRUE(all.ends_with("10")) << all;
    co_await server->wait_closed();
    EXPECT_EQ(Clock::now() - start, 10s);
  });
}

TEST_F(ServerTest, ShutdownCutsWhatIsNotDoneInTime) {
  router.get("/polite", [this](Request& request) -> Task<Response> {
    co_await request.closing();
    note("asked to end");
    co_return Response(200, "bye");
  });
  with_server([&]() -> Task<> {
    Talk slow(server->address());
    co_await slow.send(get("/slow/100"));
    Talk polite(server->address());
    co_await polite.send(get("/polite"));
    co_await sleep(1s);
    co_await server->shutdown(7s);
    EXPECT_EQ(Clock::now() - start, 8s);
    EXPECT_EQ(server->connections(), 0u);
    EXPECT_EQ(co_await slow.receive(), "");
    EXPECT_TRUE((co_await polite.receive()).ends_with("bye"));
    EXPECT_EQ(log, (Log{"1s asked to end", "8s cancelled"}));
  });
}

TEST_F(ServerTest, AServerThatIsDroppedIsCancelled) {
  auto main = [&]() -> Task<> {
    std::optional<Server> dropped;
    dropped.emplace(std::move(router), std::move(options));
    Talk talk(dropped->address());
    co_await talk.send(get("/slow/100"));
    co_await sleep(1s);
    dropped.reset();
    EXPECT_EQ(co_await talk.receive(), "");
    EXPECT_EQ(log, Log{"1s cancelled"});
  };
  run(main());
}

// --- Where it listens, and what it writes down --------------------------------------------------

TEST_F(ServerTest, ListensAtAUnixSocketToo) {
  const simul::testing::TempDir folder;
  options.address = net::Address::unix_path((folder / "socket").string());
  with_server([&]() -> Task<> {
    EXPECT_TRUE((co_await ask(get("/", "Connection: close\r\n"))).ends_with("hello"));
  });
}

TEST_F(ServerTest, TwoServersShareAPortIfBothSaySo) {
  options.share_port = true;
  with_server([&]() -> Task<> {
    ServerOptions same;
    same.peer = Peer::here;
    same.address = server->address();
    EXPECT_THROW(static_cast<void>(Server(Router(), std::move(same))), std::system_error);
    ServerOptions shared;
    shared.peer = Peer::here;
    shared.address = server->address();
    shared.share_port = true;
    Server second(Router(), std::move(shared));
    EXPECT_EQ(second.address(), server->address());
    co_await second.shutdown(1s);
  });
}

TEST_F(ServerTest, WritesALineForEachRequest) {
  std::vector<std::string> lines;
  options.access_log = [&](const AccessEntry& entry) {
    std::string line = access_line(entry, 784111777);
    line.erase(0, line.find(' ') + 1);  // the client's port is another each time
    lines.push_back(line);
  };
  with_server([&]() -> Task<> {
    co_await ask(get("/slow/2?\"a") + "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + "nonsense\r\n");
    Talk talk(server->address());
    co_await talk.send(get("/slow/100"));
    co_await sleep(1s);
    talk.reset();
    co_await sleep(1s);
    const std::string when = "[06/Nov/1994:08:49:37 +0000] ";
    EXPECT_EQ(lines, (std::vector<std::string>{
                         when + "\"GET /slow/2?\\\"a HTTP/1.1\" 200 1 2.000",
                         when + "\"HEAD / HTTP/1.1\" 200 0 0.000",
                         when + "\"-\" 400 44 0.000",
                         when + "\"GET /slow/100 HTTP/1.1\" 0 0 1.000 cut",
                     }));
  });
}

}  // namespace
}  // namespace simul::web
