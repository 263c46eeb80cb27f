// Session against servers that behave, and against servers that stall, drip, lie and hang up; and
// what only a session can get wrong: whose answer it is, after a request that was cancelled, ran
// out of time or was left unread.
//
// The rules of HTTP are tested in http/exchange_test, the pool in connection_pool_test. Each server
// here is a thread of this test that sends exactly the bytes written here.
#include "runtime/web/session.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/http/error.hpp"
#include "runtime/net/resolver.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/bridges.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/timeout.hpp"
#include "tests/http/compressed.hpp"
#include "tests/support/full_listener.hpp"
#include "tests/support/nginx.hpp"
#include "tests/support/raw_server.hpp"

namespace simul::web {
namespace {

using namespace std::chrono_literals;
using http::Response;
using simul::testing::FullListener;
using simul::testing::RawPeer;
using simul::testing::RawServer;

std::string answer(const std::string& body, const std::string& more = "") {
  return "HTTP/1.1 200 OK\r\n" + more + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

// A server that gives every request on every connection this answer.
RawServer always(std::string text) {
  return RawServer([text](RawPeer& peer) {
    while (!peer.read_request().empty() && peer.send(text)) {
    }
  });
}

// What was asked for in "GET /path HTTP/1.1".
std::string target_of(const std::string& request) {
  const std::size_t from = request.find(' ') + 1;
  return request.substr(from, request.find(' ', from) - from);
}

// A server that answers every request with its target.
RawServer echo() {
  return RawServer([](RawPeer& peer) {
    for (;;) {
      const std::string request = peer.read_request();
      if (request.empty() || !peer.send(answer(target_of(request)))) return;
    }
  });
}

// A server that answers every request with its text, from the request line on.
RawServer mirror(std::size_t body_bytes = 0) {
  return RawServer([body_bytes](RawPeer& peer) {
    for (;;) {
      const std::string request = peer.read_request(body_bytes);
      if (request.empty() || !peer.send(answer(request))) return;
    }
  });
}

// The text of the exception with which `task` fails, which must be an `Error`.
template <class Error, class T>
std::string error_of(Task<T> task) {
  try {
    run(std::move(task));
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "it did not fail";
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

SessionOptions patience(Duration connect, Duration read, Duration total) {
  SessionOptions options;
  options.timeouts = {connect, read, total};
  return options;
}

// A signal from a server's thread to the test's loop.
class Signal {
 public:
  explicit Signal(Reactor& loop) : remote_(loop.remote()) {}
  void give() {
    remote_.call_soon_threadsafe([this] { event_.set(); });
  }
  auto given() { return event_.wait(); }

 private:
  Remote remote_;
  Event event_;
};

// --- Requests ------------------------------------------------------------------------------------

TEST(Session, GetsAPage) {
  Reactor loop;
  RawServer server = always(answer("hello", "X-Mine: yes\r\n"));
  Session session;
  const Response response = run(session.get(server.url("/page")));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "hello");
  EXPECT_EQ(response.headers.get("X-Mine"), "yes");
  EXPECT_EQ(response.url.to_string(), server.url("/page"));
}

TEST(Session, AFiberWaitsForIt) {
  Reactor loop;
  RawServer server = always(answer("hello"));
  Session session;
  const auto fiber = spawn([&] { return await(session.get(server.url())).body; });
  EXPECT_EQ(fiber.result(), "hello");
}

TEST(Session, EveryMethodIsSentByItsName) {
  Reactor loop;
  RawServer server = mirror();
  Session session;
  const std::string url = server.url("/x");
  EXPECT_TRUE(run(session.get(url)).body.starts_with("GET /x HTTP/1.1\r\n"));
  EXPECT_TRUE(run(session.post(url)).body.starts_with("POST /x HTTP/1.1\r\n"));
  EXPECT_TRUE(run(session.put(url)).body.starts_with("PUT /x HTTP/1.1\r\n"));
  EXPECT_TRUE(run(session.patch(url)).body.starts_with("PATCH /x HTTP/1.1\r\n"));
  EXPECT_TRUE(run(session.delete_(url)).body.starts_with("DELETE /x HTTP/1.1\r\n"));
  EXPECT_TRUE(run(session.options(url)).body.starts_with("OPTIONS /x HTTP/1.1\r\n"));
  EXPECT_TRUE(run(session.request("REPORT", url)).body.starts_with("REPORT /x HTTP/1.1\r\n"));
  EXPECT_EQ(server.connections(), 1);
  const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
  RawServer head_server = always(text);
  const Response head = run(session.head(head_server.url()));
  EXPECT_EQ(head.headers.get("Content-Length"), "1000");
  EXPECT_EQ(head.body, "");
}

TEST(Session, ParametersAreEncodedIntoTheQuery) {
  Reactor loop;
  RawServer server = echo();
  Session session;
  CallOptions options;
  options.params = {{"q", "fish & chips"}, {"empty", ""}, {"\xC3\xA9", "a=b/c?d#e+f*-._"}};
  EXPECT_EQ(run(session.get(server.url("/s"), options)).body,
            "/s?q=fish+%26+chips&empty=&%C3%A9=a%3Db%2Fc%3Fd%23e%2Bf*-._");
  EXPECT_EQ(run(session.get(server.url("/s?a=1#part"), options)).body.substr(0, 14),
            "/s?a=1&q=fish+");
}

TEST(Session, BodiesAreTextOrForms) {
  Reactor loop;
  Session session;
  {
    RawServer server = mirror(5);
    CallOptions options;
    options.body = "hello";
    options.headers.add("Content-Type", "text/plain");
    const std::string got = run(session.post(server.url(), options)).body;
    EXPECT_TRUE(got.ends_with("\r\n\r\nhello")) << got;
    EXPECT_TRUE(contains(got, "Content-Type: text/plain\r\n")) << got;
    EXPECT_TRUE(contains(got, "Content-Length: 5\r\n")) << got;
  }
  {
    RawServer server = mirror(11);
    CallOptions options;
    options.form = {{"a", "1"}, {"b", "x y"}};
    EXPECT_EQ(http::encode_form(*options.form), "a=1&b=x+y");
    options.form->emplace_back("", "");
    const std::string got = run(session.put(server.url(), options)).body;
    EXPECT_TRUE(got.ends_with("\r\n\r\na=1&b=x+y&=")) << got;
    EXPECT_TRUE(contains(got, "Content-Type: application/x-www-form-urlencoded\r\n")) << got;
    options.body = "both";
    EXPECT_THROW(run(session.put(server.url(), options)), http::InvalidMessage);
  }
}

TEST(Session, TheSessionsHeadersAreDefaults) {
  Reactor loop;
  RawServer server = mirror();
  SessionOptions defaults;
  defaults.headers = {{"User-Agent", "mine"}, {"X-One", "session"}};
  Session session(std::move(defaults));
  CallOptions options;
  options.headers = {{"x-one", "call"}};
  const std::string got = run(session.get(server.url(), options)).body;
  EXPECT_TRUE(contains(got, "User-Agent: mine\r\n")) << got;
  EXPECT_TRUE(contains(got, "x-one: call\r\n")) << got;
  EXPECT_FALSE(contains(got, "session")) << got;
  EXPECT_TRUE(contains(run(session.get(server.url())).body, "X-One: session\r\n"));
}

TEST(Session, NothingIsDoneBeforeItIsAwaitedAndTheSessionMayBeMovedOrGoneByThen) {
  Reactor loop;
  RawServer server = echo();
  std::optional<Session> session(std::in_place);
  Task<Response> first = session->get(server.url("/1"));
  Task<Response> second = session->get(server.url("/2"));
  Session moved = std::move(*session);
  EXPECT_EQ(run(std::move(first)).body, "/1");
  session.reset();
  { const Session gone = std::move(moved); }
  EXPECT_EQ(error_of<SessionClosed>(std::move(second)),
            "get " + server.url("/2") + ": the session is closed");
}

// --- Connections ---------------------------------------------------------------------------------

TEST(Session, RequestsOneAfterAnotherShareAConnection) {
  Reactor loop;
  RawServer server = echo();
  const auto main = [&]() -> Task<> {
    Session session;
    for (int i = 0; i < 20; ++i) {
      const std::string path = "/" + std::to_string(i);
      EXPECT_EQ((co_await session.get(server.url(path))).body, path);
    }
    EXPECT_EQ(session.pool().idle(), 1u);
    EXPECT_EQ(session.pool().in_use(), 0u);
  };
  run(main());
  EXPECT_EQ(server.connections(), 1);
}

TEST(Session, RequestsAtOnceHaveAConnectionEach) {
  Reactor loop;
  RawServer server = echo();
  const auto main = [&]() -> Task<> {
    Session session;
    std::vector<TaskHandle<Response>> tasks;
    for (int i = 0; i < 10; ++i) {
      tasks.push_back(create_task(session.get(server.url("/" + std::to_string(i)))));
    }
    for (std::size_t i = 0; i < 10; ++i) {
      EXPECT_EQ((co_await tasks[i]).body, "/" + std::to_string(i));
    }
  };
  run(main());
  EXPECT_EQ(server.connections(), 10);
}

TEST(Session, NoMoreConnectionsThanTheLimitEvenForAHundredRequests) {
  Reactor loop;
  RawServer server = echo();
  SessionOptions options;
  options.connections.per_origin = 4;
  Session session(std::move(options));
  const auto main = [&]() -> Task<> {
    std::vector<TaskHandle<Response>> tasks;
    for (int i = 0; i < 100; ++i) {
      tasks.push_back(create_task(session.get(server.url("/" + std::to_string(i)))));
    }
    for (std::size_t i = 0; i < 100; ++i) {
      EXPECT_EQ((co_await tasks[i]).body, "/" + std::to_string(i));
    }
  };
  run(main());
  EXPECT_EQ(server.connections(), 4);
}

TEST(Session, ARedirectWithinTheOriginStaysOnItsConnection) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    while (true) {
      const std::string target = target_of(peer.read_request());
      if (target.empty()) return;
      peer.send(target == "/new"
                    ? answer("here")
                    : "HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 4\r\n\r\ngone");
    }
  });
  Session session;
  const Response response = run(session.get(server.url("/old")));
  EXPECT_EQ(response.body, "here");
  EXPECT_EQ(response.url.to_string(), server.url("/new"));
  EXPECT_EQ(server.connections(), 1);
  CallOptions options;
  options.follow_redirects = false;
  EXPECT_EQ(run(session.get(server.url("/old"), options)).body, "gone");
}

TEST(Session, ARedirectToAnotherOriginWorksWithASingleConnectionInAll) {
  Reactor loop;
  RawServer target = echo();
  RawServer server = always("HTTP/1.1 307 x\r\nLocation: " + target.url("/there") +
                            "\r\nContent-Length: 0\r\n\r\n");
  SessionOptions options;
  options.connections.in_all = 1;
  Session session(std::move(options));
  EXPECT_EQ(run(session.get(server.url())).body, "/there");
  EXPECT_EQ(run(session.get(server.url())).body, "/there");
}

TEST(Session, AStaleConnectionIsReplacedOnceWhereThatIsSafe) {
  Reactor loop;
  // The server hangs up without an answer when the second request has come, on each connection.
  RawServer server([](RawPeer& peer) {
    if (peer.read_request().empty()) return;
    peer.send(answer(std::to_string(peer.number())));
    peer.read_request();
  });
  Session session;
  EXPECT_EQ(run(session.get(server.url())).body, "1");
  EXPECT_EQ(run(session.get(server.url())).body, "2");
  EXPECT_EQ(error_of<http::Truncated>(session.post(server.url())),
            "post " + server.url() + ": the server closed the connection without an answer");
  EXPECT_EQ(session.pool().idle(), 0u);
  EXPECT_EQ(run(session.post(server.url())).body, "3");
}

TEST(Session, AConnectionThatTheServerClosesIsNotKept) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send(answer(std::to_string(peer.number()), "Connection: close\r\n"));
  });
  Session session;
  EXPECT_EQ(run(session.get(server.url())).body, "1");
  EXPECT_EQ(session.pool().idle(), 0u);
  EXPECT_EQ(run(session.get(server.url())).body, "2");
}

// --- Whose answer it is --------------------------------------------------------------------------

TEST(Session, WhatFollowsAResponseIsNobodysAnswer) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send(answer(std::to_string(peer.number())) + answer("smuggled"));
    peer.read_request();
    peer.send(answer("late"));
  });
  Session session;
  EXPECT_EQ(run(session.get(server.url())).body, "1");
  EXPECT_EQ(session.pool().idle(), 0u);
  EXPECT_EQ(run(session.get(server.url())).body, "2");
}

TEST(Session, WhatIsSaidToAnIdleConnectionIsNobodysAnswer) {
  Reactor loop;
  Signal said(loop);
  RawServer server([&](RawPeer& peer) {
    peer.read_request();
    peer.send(answer(std::to_string(peer.number())));
    if (peer.number() == 1) {
      peer.pause(20ms);  // so that it comes as a packet of its own
      peer.send(answer("unasked"));
      said.give();
    }
    peer.wait_until_closed();
  });
  Session session;
  const auto main = [&]() -> Task<> {
    EXPECT_EQ((co_await session.get(server.url())).body, "1");
    EXPECT_EQ(session.pool().idle(), 1u);
    co_await said.given();
    EXPECT_EQ((co_await session.get(server.url())).body, "2");
  };
  run(main());
}

TEST(Session, ABodyWhereNoneMayBeIsNobodysAnswer) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send(peer.number() == 1 ? "HTTP/1.1 204 No Content\r\n\r\n" + answer("smuggled")
                                 : answer("mine"));
    peer.wait_until_closed();
  });
  Session session;
  const Response empty = run(session.get(server.url()));
  EXPECT_EQ(empty.status, 204);
  EXPECT_EQ(empty.body, "");
  EXPECT_EQ(run(session.get(server.url())).body, "mine");
}

TEST(Session, InterimAnswersAreSkipped) {
  Reactor loop;
  RawServer server =
      always("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nA: b\r\n\r\n" + answer("final"));
  Session session;
  EXPECT_EQ(run(session.get(server.url())).body, "final");
  EXPECT_EQ(run(session.get(server.url())).body, "final");
  EXPECT_EQ(server.connections(), 1);
}

TEST(Session, AnAnswerBeforeTheRequestIsWholeEndsTheRequest) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    if (peer.number() == 1) {
      peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
      peer.pause(10s);  // and reads nothing
    } else {
      peer.read_request();
      peer.send(answer("mine"));
    }
  });
  Session session;
  CallOptions options;
  options.body.assign(30'000'000, 'q');
  const Response refused = run(session.post(server.url(), options));
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(refused.body, "no");
  EXPECT_EQ(run(session.get(server.url())).body, "mine");
  EXPECT_EQ(server.connections(), 2);
}

TEST(Session, AHalfAnswerAResetAndNonsenseAreErrorsThatNameTheUrl) {
  Reactor loop;
  Session session;
  const auto failing = [](std::string text, bool reset) {
    return [text, reset](RawPeer& peer) {
      peer.read_request();
      peer.send(text);
      if (reset) peer.reset();
    };
  };
  RawServer half(failing("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive5", false));
  EXPECT_EQ(error_of<http::Truncated>(session.get(half.url())),
            "get " + half.url() + ": the connection ended after 5 of 10 body bytes");
  RawServer none(failing("", false));
  EXPECT_EQ(error_of<http::Truncated>(session.get(none.url())),
            "get " + none.url() + ": the server closed the connection without an answer");
  RawServer reset(failing("HTTP/1.1 200 OK\r\nContent-", true));
  EXPECT_TRUE(error_of<std::system_error>(session.get(reset.url()))
                  .starts_with("get " + reset.url() + ": receive: Connection reset"));
  RawServer nonsense(failing("SSH-2.0-OpenSSH\r\n\r\n", false));
  EXPECT_TRUE(error_of<http::ProtocolError>(session.get(nonsense.url()))
                  .starts_with("get " + nonsense.url() + ": "));
  EXPECT_EQ(session.pool().in_use(), 0u);
  EXPECT_EQ(session.pool().idle(), 0u);
}

TEST(Session, ErrorsBeforeAnythingWasSentAreTheBlockingClients) {
  Reactor loop;
  Session session;
  const std::string closed =
      net::local_address(net::listen_on(net::Address::loopback(0)).get()).to_string();
  EXPECT_EQ(error_of<std::system_error>(session.get("http://" + closed)),
            "get http://" + closed + ": connect " + closed + ": Connection refused");
  EXPECT_TRUE(error_of<net::ResolveError>(session.get("http://nosuch.invalid/"))
                  .starts_with("get http://nosuch.invalid/: resolve nosuch.invalid: "));
  EXPECT_TRUE(contains(error_of<http::UnsupportedScheme>(session.get("https://a/")), "TLS"));
  EXPECT_THROW(run(session.get("no url")), http::InvalidUrl);
  EXPECT_THROW(run(session.request("BAD METHOD", "http://a/")), http::InvalidMessage);
  EXPECT_EQ(session.pool().in_use(), 0u);
}

TEST(Session, ABodyBeyondTheLimitIsRefused) {
  Reactor loop;
  RawServer stated = always(answer(std::string(2000, 'x')));
  RawServer chunked = always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" +
                             std::string(2000, 'x') + "\r\n0\r\n\r\n");
  SessionOptions options;
  options.limits.body = 1999;
  Session session(std::move(options));
  for (RawServer* server : {&stated, &chunked}) {
    EXPECT_EQ(error_of<http::TooLarge>(session.get(server->url())),
              "get " + server->url() + ": the body is longer than 1999 bytes");
  }
  const auto main = [&]() -> Task<> {
    StreamedResponse response = co_await session.stream("GET", stated.url());
    EXPECT_EQ((co_await response.read_all()).size(), 2000u) << "a streamed body has no limit";
  };
  run(main());
}

// --- Time ----------------------------------------------------------------------------------------

TEST(Session, EachTimeoutNamesItself) {
  Reactor loop;
  RawServer silent([](RawPeer& peer) { peer.wait_until_closed(); });
  RawServer dribble([](RawPeer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (peer.send("x") && peer.pause(5ms)) {
    }
  });
  const FullListener full;
  const std::string url = "http://" + full.address().to_string() + "/";
  Session connect(patience(50ms, 5s, 5s));
  EXPECT_EQ(error_of<TimedOut>(connect.get(url)),
            "get " + url + ": connect " + full.address().to_string() + ": timed out after 0.05 s");
  Session read(patience(5s, 50ms, 5s));
  EXPECT_EQ(error_of<TimedOut>(read.get(silent.url())),
            "get " + silent.url() + ": nothing received for 0.05 s");
  Session total(patience(5s, 1s, 60ms));
  EXPECT_EQ(error_of<TimedOut>(total.get(dribble.url())),
            "get " + dribble.url() + ": not finished within 0.06 s");
  EXPECT_EQ(error_of<TimedOut>(total.get(url)), "get " + url + ": not finished within 0.06 s");
  EXPECT_EQ(total.pool().in_use(), 0u);
}

TEST(Session, WaitingForAConnectionCountsAsTimeToo) {
  Reactor loop;
  RawServer silent([](RawPeer& peer) { peer.wait_until_closed(); });
  SessionOptions options;
  options.connections.in_all = 1;
  Session session(std::move(options));
  const auto main = [&]() -> Task<> {
    const auto holder = create_task(session.get(silent.url("/holder")));
    co_await Yield();
    CallOptions hasty;
    hasty.timeouts = http::Timeouts{5s, 5s, 30ms};
    std::string text;
    try {
      co_await session.get(silent.url("/hasty"), hasty);
    } catch (const TimedOut& error) {
      text = error.what();
    }
    EXPECT_EQ(text, "get " + silent.url("/hasty") + ": not finished within 0.03 s");
    EXPECT_FALSE(holder.done());
  };
  run(main());
}

// --- Cancellation, wherever it strikes -----------------------------------------------------------

TEST(Session, ARequestCancelledInLineLeavesTheLine) {
  Reactor loop;
  Signal asked(loop);
  std::atomic<bool> go = false;
  RawServer server([&](RawPeer& peer) {
    for (;;) {
      const std::string target = target_of(peer.read_request());
      if (target.empty()) return;
      if (target == "/first") {
        asked.give();
        while (!go && peer.pause(1ms)) {
        }
      }
      peer.send(answer(target));
    }
  });
  SessionOptions options;
  options.connections.in_all = 1;
  Session session(std::move(options));
  const auto main = [&]() -> Task<> {
    const auto first = create_task(session.get(server.url("/first")));
    const auto second = create_task(session.get(server.url("/second")));
    const auto third = create_task(session.get(server.url("/third")));
    co_await asked.given();
    second.cancel();
    go = true;
    EXPECT_EQ((co_await first).body, "/first");
    EXPECT_EQ((co_await third).body, "/third");
    EXPECT_TRUE(second.cancelled());
  };
  run(main());
  EXPECT_EQ(server.connections(), 1);
}

TEST(Session, ARequestCancelledWhileConnectingLeavesNothing) {
  Reactor loop;
  const FullListener full;
  RawServer server = echo();
  SessionOptions options;
  options.connections.in_all = 1;
  Session session(std::move(options));
  const auto main = [&]() -> Task<> {
    const auto stuck = create_task(session.get("http://" + full.address().to_string() + "/"));
    for (int i = 0; i < 5; ++i) co_await Yield();
    EXPECT_EQ(session.pool().in_use(), 1u);
    stuck.cancel();
    EXPECT_EQ((co_await session.get(server.url("/mine"))).body, "/mine");
    EXPECT_TRUE(stuck.cancelled());
  };
  run(main());
}

// A server that answers "/first" in two parts, the second only when it is told to, so that it comes
// too late; and everything else at once.
struct LateServer {
  LateServer(Reactor& loop, std::string first_part, std::string late_part)
      : asked(loop), server([this, first_part, late_part](RawPeer& peer) {
          for (;;) {
            const std::string target = target_of(peer.read_request());
            if (target.empty()) return;
            if (target != "/first") {
              peer.send(answer(target));
              continue;
            }
            peer.send(first_part);
            asked.give();
            while (!go && peer.pause(1ms)) {
            }
            peer.send(late_part);
          }
        }) {}
  std::atomic<bool> go = false;
  Signal asked;
  RawServer server;
};

TEST(Session, TheAnswerToACancelledRequestNeverReachesTheNextOne) {
  const std::vector<std::pair<std::string, std::string>> cuts = {
      {"", answer("late")},
      {"HTTP/1.1 200 OK\r\nContent-Le", "ngth: 4\r\n\r\nlate"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nla", "te"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nlate\r\n", "0\r\n\r\n"},
  };
  for (const auto& [first, late] : cuts) {
    Reactor loop;
    LateServer late_server(loop, first, late);
    RawServer& server = late_server.server;
    Session session;
    const auto main = [&]() -> Task<> {
      const auto cancelled = create_task(session.get(server.url("/first")));
      co_await late_server.asked.given();
      co_await sleep(2ms);  // what was sent may have been read by now, or not: either must do
      cancelled.cancel();
      late_server.go = true;
      EXPECT_EQ((co_await session.get(server.url("/second"))).body, "/second");
      EXPECT_TRUE(cancelled.cancelled());
      EXPECT_EQ((co_await session.get(server.url("/third"))).body, "/third");
    };
    run(main());
    EXPECT_EQ(server.connections(), 2) << first;
  }
}

TEST(Session, TheAnswerToARequestThatTimedOutNeverReachesTheNextOne) {
  Reactor loop;
  LateServer late_server(loop, "HTTP/1.1 200 OK\r\n", "Content-Length: 4\r\n\r\nlate");
  RawServer& server = late_server.server;
  Session session;
  CallOptions hasty;
  hasty.timeouts = http::Timeouts{5s, 30ms, 5s};
  EXPECT_EQ(error_of<TimedOut>(session.get(server.url("/first"), hasty)),
            "get " + server.url("/first") + ": nothing received for 0.03 s");
  late_server.go = true;
  EXPECT_EQ(run(session.get(server.url("/second"))).body, "/second");
}

TEST(Session, ARequestCancelledWhileSendingLeavesNothing) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    if (peer.number() == 1) {
      peer.pause(10s);  // reads nothing
    } else {
      peer.send(answer(target_of(peer.read_request())));
    }
  });
  Session session;
  const auto main = [&]() -> Task<> {
    CallOptions options;
    options.body.assign(30'000'000, 'q');
    const auto stuck = create_task(session.post(server.url("/first"), options));
    while (server.connections() == 0) co_await sleep(1ms);
    stuck.cancel();
    EXPECT_EQ((co_await session.get(server.url("/second"))).body, "/second");
    EXPECT_TRUE(stuck.cancelled());
  };
  run(main());
}

// --- Streams -------------------------------------------------------------------------------------

TEST(Session, AStreamHasItsHeadBeforeItsBody) {
  Reactor loop;
  std::atomic<bool> go = false;
  RawServer server([&](RawPeer& peer) {
    while (!peer.read_request().empty()) {
      peer.send("HTTP/1.1 201 Made\r\nContent-Length: 6\r\nX-A: b\r\n\r\none");
      while (!go && peer.pause(1ms)) {
      }
      peer.send("two");
    }
  });
  Session session;
  const auto main = [&]() -> Task<> {
    StreamedResponse response = co_await session.stream("GET", server.url());
    EXPECT_EQ(response.status(), 201);
    EXPECT_EQ(response.headers().get("X-A"), "b");
    EXPECT_EQ(response.head().url.to_string(), server.url());
    EXPECT_EQ(co_await response.read(), "one");
    go = true;
    EXPECT_EQ(co_await response.read(), "two");
    EXPECT_EQ(co_await response.read(), "");
    EXPECT_EQ(co_await response.read(), "");
    EXPECT_EQ(session.pool().idle(), 1u) << "read to the end, the connection is as good as new";
  };
  run(main());
}

TEST(Session, WhoDoesNotReadMakesTheServerWait) {
  Reactor loop;
  std::atomic<std::size_t> sent = 0;
  const std::string chunk(64 * 1024, 'x');
  constexpr std::size_t kSize = 64 * 1024 * 1024;
  RawServer server([&](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
    for (std::size_t n = 0; n < kSize && peer.send(chunk); n += chunk.size()) sent += chunk.size();
  });
  Session session;
  const auto main = [&]() -> Task<> {
    StreamedResponse response = co_await session.stream("GET", server.url());
    std::size_t before = 0;
    do {  // until the server has got no further for a while
      before = sent;
      co_await sleep(30ms);
    } while (sent != before || before == 0);
    EXPECT_LT(before, kSize / 2) << "the kernel's buffers, and no more";
    EXPECT_EQ((co_await response.read_all()).size(), kSize);
  };
  run(main());
}

TEST(Session, AStreamLeftUnreadClosesItsConnection) {
  Reactor loop;
  Signal closed(loop);
  RawServer server([&](RawPeer& peer) {
    if (target_of(peer.read_request()) == "/first") {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive5");
      peer.wait_until_closed();
      closed.give();
    } else {
      peer.send(answer("mine"));
    }
  });
  Session session;
  const auto main = [&]() -> Task<> {
    {
      StreamedResponse response = co_await session.stream("GET", server.url("/first"));
      EXPECT_EQ(co_await response.read(), "five5");
      EXPECT_EQ(session.pool().in_use(), 1u);
    }
    EXPECT_EQ(session.pool().in_use(), 0u);
    EXPECT_EQ(session.pool().idle(), 0u);
    co_await closed.given();
    EXPECT_EQ((co_await session.get(server.url("/second"))).body, "mine");
  };
  run(main());
}

TEST(Session, ACancelledReadLosesNothing) {
  Reactor loop;
  std::atomic<bool> go = false;
  RawServer server([&](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none");
    while (!go && peer.pause(1ms)) {
    }
    peer.send("two");
    peer.wait_until_closed();
  });
  Session session;
  const auto main = [&]() -> Task<> {
    StreamedResponse response = co_await session.stream("GET", server.url());
    EXPECT_EQ(co_await response.read(), "one");
    const auto read = [&]() -> Task<> { co_await response.read(); };
    bool timed_out = false;
    try {
      co_await timeout(10ms, read);
    } catch (const TimedOut&) {
      timed_out = true;
    }
    EXPECT_TRUE(timed_out);
    go = true;
    EXPECT_EQ(co_await response.read(), "two");
    EXPECT_EQ(co_await response.read(), "");
    EXPECT_EQ(session.pool().idle(), 1u);
  };
  run(main());
}

// Awaits `task`, which must fail with an `Error`, and returns its text.
template <class Error, class T>
Task<std::string> failure_of(Task<T> task) {
  try {
    co_await std::move(task);
  } catch (const Error& error) {
    co_return error.what();
  }
  ADD_FAILURE() << "it did not fail";
  co_return "";
}

TEST(Session, AStreamThatBreaksThrowsTheSameEachTime) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive5");
  });
  Session session;
  const auto main = [&]() -> Task<> {
    StreamedResponse response = co_await session.stream("GET", server.url());
    EXPECT_EQ(co_await response.read(), "five5");
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(co_await failure_of<http::Truncated>(response.read()),
                "get " + server.url() + ": the connection ended after 5 of 10 body bytes");
    }
    EXPECT_EQ(session.pool().in_use(), 0u);
  };
  run(main());
}

TEST(Session, ClosingAStreamEndsAReadThatWaits) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    peer.wait_until_closed();
  });
  Session session;
  const auto main = [&]() -> Task<> {
    StreamedResponse response = co_await session.stream("GET", server.url());
    const auto read = create_task(failure_of<SessionClosed>(response.read()));
    co_await sleep(5ms);
    response.close();
    EXPECT_EQ(co_await read, "get " + server.url() + ": its body was closed");
    EXPECT_EQ(session.pool().in_use(), 0u);
  };
  run(main());
}

// --- Content codings -----------------------------------------------------------------------------

std::string coded(const std::string& bytes) {
  return answer(bytes, "Content-Encoding: gzip\r\n");
}

TEST(Session, AsksForCompressionAndUndoesIt) {
  Reactor loop;
  const std::string page(200'000, 'p');
  RawServer server([&](RawPeer& peer) {
    for (;;) {
      const std::string request = peer.read_request();
      if (request.empty()) return;
      peer.send(contains(request, "Accept-Encoding: gzip, deflate\r\n")
                    ? coded(simul::testing::gzip_of(page))
                    : answer("plain"));
    }
  });
  Session session;
  EXPECT_EQ(run(session.get(server.url())).body, page);
  CallOptions plain;
  plain.decode = false;
  EXPECT_EQ(run(session.get(server.url(), plain)).body, "plain");
  CallOptions ranged;
  ranged.headers.add("Range", "bytes=0-9");
  EXPECT_EQ(run(session.get(server.url(), ranged)).body, "plain");
  const auto main = [&]() -> Task<> {
    StreamedResponse response = co_await session.stream("GET", server.url());
    EXPECT_EQ(co_await response.read_all(), page);
  };
  run(main());
  EXPECT_EQ(server.connections(), 1);
}

TEST(Session, WithTheSwitchOffBytesAreHandedOutAsTheyCame) {
  Reactor loop;
  const std::string bytes = simul::testing::gzip_of("hello");
  RawServer server = always(coded(bytes));
  SessionOptions options;
  options.decode = false;
  Session session(std::move(options));
  EXPECT_EQ(run(session.get(server.url())).body, bytes);
}

TEST(Session, ATruncatedOrBrokenCodingIsAnErrorThatNamesTheUrl) {
  Reactor loop;
  const std::string bytes = simul::testing::gzip_of(std::string(5000, 'x'));
  RawServer truncated = always(coded(bytes.substr(0, bytes.size() - 4)));
  RawServer broken = always(coded("this is no gzip"));
  RawServer unknown = always(answer("x", "Content-Encoding: br\r\n"));
  Session session;
  EXPECT_TRUE(error_of<http::Truncated>(session.get(truncated.url()))
                  .starts_with("get " + truncated.url() + ": "));
  EXPECT_TRUE(error_of<http::ProtocolError>(session.get(broken.url()))
                  .starts_with("get " + broken.url() + ": "));
  EXPECT_TRUE(error_of<http::ProtocolError>(session.get(unknown.url()))
                  .starts_with("get " + unknown.url() + ": "));
  const auto main = [&]() -> Task<> {
    StreamedResponse response = co_await session.stream("GET", truncated.url());
    const std::string text = co_await failure_of<http::Truncated>(response.read_all());
    EXPECT_TRUE(text.starts_with("get " + truncated.url() + ": ")) << text;
  };
  run(main());
}

TEST(Session, ABombIsDefusedByBothLimits) {
  Reactor loop;
  const std::string bytes = simul::testing::gzip_of(std::string(3'000'000, '\0'));
  RawServer server = always(coded(bytes));
  SessionOptions small;
  small.expansion.expanded = 1'000'000;
  Session session(std::move(small));
  EXPECT_EQ(error_of<http::TooLarge>(session.get(server.url())),
            "get " + server.url() + ": the expanded content is larger than 1000000 bytes");
  SessionOptions steep;
  steep.expansion.ratio = 100;
  Session other(std::move(steep));
  std::size_t got = 0;
  const auto read = [&](StreamedResponse& response) -> Task<> {
    for (;;) {
      const std::string_view piece = co_await response.read();
      if (piece.empty()) co_return;
      EXPECT_LE(piece.size(), 96u * 1024);
      got += piece.size();
    }
  };
  const auto main = [&]() -> Task<> {
    StreamedResponse response = co_await other.stream("GET", server.url());
    EXPECT_EQ(co_await failure_of<http::TooLarge>(read(response)),
              "get " + server.url() +
                  ": the expanded content is more than 100 times as large as what was sent");
  };
  run(main());
  EXPECT_LT(got, 1'300'000u);
}

// --- Closing -------------------------------------------------------------------------------------

TEST(Session, ClosingEndsRequestsInFlightWhereverTheyAre) {
  Reactor loop;
  Signal asked(loop);
  const FullListener full;
  const simul::testing::OccupiedPool no_look_ups;
  RawServer silent([&](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    asked.give();
    peer.wait_until_closed();
  });
  SessionOptions options;
  options.connections.per_origin = 1;
  Session session(std::move(options));
  const auto main = [&]() -> Task<> {
    const std::vector<std::string> urls = {silent.url("/reading"), silent.url("/in-line"),
                                           "http://" + full.address().to_string() + "/connecting",
                                           "http://nosuch.invalid/looking-up"};
    std::vector<TaskHandle<std::string>> tasks;
    for (const std::string& url : urls) {
      tasks.push_back(create_task(failure_of<SessionClosed>(session.get(url))));
    }
    co_await asked.given();
    session.close();
    for (std::size_t i = 0; i < urls.size(); ++i) {
      EXPECT_EQ(co_await tasks[i], "get " + urls[i] + ": the session is closed");
    }
  };
  run(main());
  EXPECT_TRUE(session.closed());
  EXPECT_THROW(run(session.get(silent.url())), SessionClosed);
}

TEST(Session, DestroyingItClosesIt) {
  Reactor loop;
  Signal asked(loop);
  RawServer silent([&](RawPeer& peer) {
    peer.read_request();
    asked.give();
    peer.wait_until_closed();
  });
  std::optional<Session> session(std::in_place);
  const auto main = [&]() -> Task<> {
    const auto task = create_task(failure_of<SessionClosed>(session->get(silent.url())));
    co_await asked.given();
    session.reset();
    EXPECT_EQ(co_await task, "get " + silent.url() + ": the session is closed");
  };
  run(main());
}

TEST(Session, ItMayOutliveItsReactor) {
  RawServer server = echo();
  Session session;
  {
    Reactor loop;
    EXPECT_EQ(run(session.get(server.url("/1"))).body, "/1");
  }
  Reactor loop;
  EXPECT_EQ(run(session.get(server.url("/2"))).body, "/2");
  EXPECT_EQ(server.connections(), 1);
}

// --- A server that none of us wrote --------------------------------------------------------------

TEST(Session, TenThousandRequestsWith64AtOnceReuse64ConnectionsToNginx) {
  const simul::testing::Nginx nginx("location = /count { return 200 $connection; }");
  if (nginx.url().empty()) GTEST_SKIP() << "nginx is not installed";
  Reactor loop;
  std::map<std::string, int> requests;  // by connection
  const auto main = [&]() -> Task<> {
    Session session;
    int left = 10'000;
    const auto worker = [&]() -> Task<> {
      while (left-- > 0) {
        const Response response = co_await session.get(nginx.url() + "/count");
        EXPECT_EQ(response.status, 200);
        ++requests[response.body];
      }
    };
    std::vector<TaskHandle<>> workers;
    for (int i = 0; i < 64; ++i) workers.push_back(create_task(worker()));
    for (const auto& task : workers) co_await task;
  };
  run(main());
  int all = 0;
  for (const auto& [connection, count] : requests) all += count;
  EXPECT_EQ(all, 10'000);
  EXPECT_EQ(requests.size(), 64u);
}

TEST(Session, NginxCompressesAndRedirects) {
  const simul::testing::Nginx nginx(
      "gzip on; gzip_types *; gzip_min_length 1; gzip_http_version 1.1;\n"
      "location = /old { return 301 /page.txt; }");
  if (nginx.url().empty()) GTEST_SKIP() << "nginx is not installed";
  const std::string page(500'000, 'g');
  nginx.write("page.txt", page);
  Reactor loop;
  Session session;
  const Response response = run(session.get(nginx.url() + "/old"));
  EXPECT_EQ(response.headers.get("Content-Encoding"), "gzip");
  EXPECT_EQ(response.body, page);
}

}  // namespace
}  // namespace simul::web
