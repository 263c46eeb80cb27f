// get_page against servers that behave, and against servers that stall, drip, lie and hang up; and
// what no blocking client needs: being cancelled, and losing its reactor, at every stage.
//
// The rules of HTTP are tested in http/exchange_test; here it is the driver. Each server is a
// thread of this test that sends exactly the bytes written here.
#include "runtime/web/get_page.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "lessons/common/loopback_server.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/observer.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/deferred/deferred_list.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/http/error.hpp"
#include "runtime/net/resolver.hpp"
#include "runtime/net/socket.hpp"
#include "tests/support/child.hpp"
#include "tests/support/full_listener.hpp"
#include "tests/support/raw_server.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul::web {
namespace {

using namespace std::chrono_literals;
using http::RequestOptions;
using http::Response;
using simul::testing::Child;
using simul::testing::FullListener;
using simul::testing::OccupiedPool;
using simul::testing::RawPeer;
using simul::testing::RawServer;
using simul::testing::ServerProcess;
using simul::testing::TempDir;

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

RequestOptions patience(Duration connect, Duration read, Duration total) {
  RequestOptions options;
  options.timeouts = {connect, read, total};
  return options;
}

http::Request post(const std::string& url, std::size_t body_size) {
  return {"POST", http::Url::parse(url), {}, std::string(body_size, 'q')};
}

template <class T>
T result_of(const Deferred<T>& deferred) {
  return await(deferred.wait());
}

// The text of the exception with which `deferred` fails, which must be an `Error`.
template <class Error, class T>
std::string error_of(const Deferred<T>& deferred) {
  try {
    await(deferred.wait());
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "it did not fail";
  return "";
}

net::Address closed_port() {
  return net::local_address(net::listen_on(net::Address::loopback(0)).get());
}

// --- Answers -------------------------------------------------------------------------------------

TEST(GetPage, FiresWithTheBody) {
  Reactor loop;
  RawServer server = always(answer("hello"));
  EXPECT_EQ(result_of(get_page(server.url())), "hello");
}

TEST(GetPage, CallbacksGetThePageAndSendNothingBeforeTheLoopTurns) {
  Reactor loop;
  RawServer server = always(answer("hello"));
  std::string got;
  get_page(server.url()).add_callback([&](std::string body) {
    got = std::move(body);
    loop.stop();
  });
  EXPECT_EQ(server.connections(), 0);
  loop.run_forever();
  EXPECT_EQ(got, "hello");
}

TEST(GetPage, AFiberMayWaitForIt) {
  Reactor loop;
  RawServer server = always(answer("hello"));
  const Fiber<std::string> fiber = spawn([&] { return await(get_page(server.url()).wait()); });
  EXPECT_EQ(fiber.result(), "hello");
}

TEST(GetPage, TheWholeAnswerIsToBeHadToo) {
  Reactor loop;
  RawServer server = always(answer("hello", "X-Thing: yes\r\n"));
  const Response response = result_of(get_response(server.url("/a?b=c")));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "hello");
  EXPECT_EQ(response.headers.get("x-thing"), "yes");
  EXPECT_EQ(response.url.to_string(), server.url("/a?b=c"));
}

TEST(GetPage, AStatusOf400OrMoreIsAnErrorWithTheAnswerInIt) {
  Reactor loop;
  RawServer server = always("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n");
  try {
    result_of(get_page(server.url("/x")));
    FAIL() << "nothing was thrown";
  } catch (const http::StatusError& error) {
    EXPECT_EQ(error.what(), "get " + server.url("/x") + ": 404 Not Found");
    EXPECT_EQ(error.status(), 404);
    EXPECT_EQ(error.response().body, "no\n");
  }
  EXPECT_EQ(result_of(get_response(server.url("/x"))).status, 404) << "an answer like any other";
  RawServer terse = always("HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(error_of<http::StatusError>(get_page(terse.url())), "get " + terse.url() + ": 599");
}

TEST(GetPage, TheRequestIsWhatItShouldBe) {
  Reactor loop;
  std::string seen;
  {
    RawServer server([&seen](RawPeer& peer) {
      seen = peer.read_request(4);
      peer.send(answer(""));
    });
    http::Request request = post(server.url("/form"), 4);
    request.headers.add("X-Mine", "1");
    result_of(get_response(std::move(request)));
  }
  EXPECT_TRUE(seen.starts_with("POST /form HTTP/1.1\r\nHost: 127.0.0.1:")) << seen;
  EXPECT_NE(seen.find("\r\nX-Mine: 1\r\n"), std::string::npos) << seen;
  EXPECT_TRUE(seen.ends_with("\r\n\r\nqqqq")) << seen;
}

TEST(GetPage, AnAnswerInPiecesOfOneByteIsPutTogether) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    for (const char c :
         std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n"
                     "0\r\n\r\n")) {
      peer.send(std::string(1, c));
    }
    peer.wait_until_closed();
  });
  EXPECT_EQ(result_of(get_page(server.url())), "abcde");
}

TEST(GetPage, LargeBodiesGoBothWays) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    const std::string request = peer.read_request(8'000'000);
    peer.send(answer(request.substr(request.size() - 8'000'000)));
    peer.wait_until_closed();
  });
  EXPECT_EQ(result_of(get_response(post(server.url(), 8'000'000))).body,
            std::string(8'000'000, 'q'));
}

TEST(GetPage, TheAnswerToARequestThatNeedNotReadTheBodyIsHeard) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno\n");
    peer.pause(10s);  // and reads no more
  });
  EXPECT_EQ(result_of(get_response(post(server.url(), 20'000'000), patience(5s, 2s, 5s))).status,
            413);
}

TEST(GetPage, TheBodyCanBeTakenPieceByPiece) {
  Reactor loop;
  const std::string body(1'000'000, 'p');
  RawServer server = always(answer(body));
  std::string pieces;
  RequestOptions options;
  options.exchange.on_body = [&pieces](std::string_view piece) { pieces += piece; };
  EXPECT_EQ(result_of(get_page(server.url(), std::move(options))), "");
  EXPECT_EQ(pieces, body);
}

TEST(GetPage, WhatTakesTheBodyMayThrow) {
  Reactor loop;
  RawServer server = always(answer("body"));
  RequestOptions options;
  options.exchange.on_body = [](std::string_view) { throw std::runtime_error("disk full"); };
  EXPECT_EQ(error_of<std::runtime_error>(get_page(server.url(), std::move(options))), "disk full");
}

TEST(GetPage, APinnedNameIsFetchedFromWhereItLeads) {
  Reactor loop;
  RawServer server = always(answer("not google"));
  const net::Pin google = net::pin("google.com", server.address());
  EXPECT_EQ(result_of(get_page("http://google.com")), "not google");
}

TEST(GetPage, ACallbackMayAskForTheNextPage) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    const std::string request = peer.read_request();
    peer.send(answer(request.starts_with("GET /first ") ? "second" : "the end"));
  });
  const auto page = get_page(server.url("/first")).add_callback([&](std::string next) {
    return get_page(server.url("/" + next));
  });
  EXPECT_EQ(result_of(page), "the end");
}

// --- Redirects and connections -------------------------------------------------------------------

TEST(GetPage, EveryPageHasAConnectionOfItsOwnAndTheHopsOfOneOriginShareIt) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    for (;;) {
      const std::string request = peer.read_request();
      if (request.empty()) return;
      peer.send(request.starts_with("GET /old ")
                    ? "HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"
                    : answer("new"));
    }
  });
  EXPECT_EQ(result_of(get_page(server.url("/old"))), "new");
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(result_of(get_page(server.url("/old"))), "new");
  EXPECT_EQ(server.connections(), 2);
}

TEST(GetPage, AHopWhoseConnectionHasDiedGetsAnotherOne) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    const std::string request = peer.read_request();
    peer.send(request.starts_with("GET /old ")
                  ? "HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"
                  : answer("new"));
    peer.read_request();  // it looks alive, but hangs up when it gets its second request
  });
  EXPECT_EQ(result_of(get_page(server.url("/old"))), "new");
  EXPECT_EQ(server.connections(), 2);
}

TEST(GetPage, ARedirectIsFollowedToAnotherServerUnlessToldOtherwise) {
  Reactor loop;
  RawServer there = always(answer("arrived"));
  RawServer here = always("HTTP/1.1 301 Moved\r\nLocation: " + there.url("/x") +
                          "\r\nContent-Length: 4\r\n\r\nmove");
  const Response followed = result_of(get_response(here.url()));
  EXPECT_EQ(followed.body, "arrived");
  EXPECT_EQ(followed.url.to_string(), there.url("/x"));
  RequestOptions options;
  options.exchange.follow_redirects = false;
  EXPECT_EQ(result_of(get_page(here.url(), std::move(options))), "move");
}

TEST(GetPage, ARedirectLoopMeetsItsLimit) {
  Reactor loop;
  RawServer server = always("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
  const std::string message = error_of<LimitExceeded>(get_page(server.url()));
  EXPECT_NE(message.find("20"), std::string::npos) << message;
  EXPECT_EQ(server.connections(), 1);
}

// --- Failures: the blocking client's own words ---------------------------------------------------

TEST(GetPage, WhatCannotBeAskedForFailsThroughTheDeferred) {
  Reactor loop;
  EXPECT_NE(error_of<http::UnsupportedScheme>(get_page("https://127.0.0.1/x")).find("TLS"),
            std::string::npos);
  error_of<http::InvalidUrl>(get_page("example.org"));
  error_of<http::InvalidUrl>(get_page(""));
  http::Request request;
  request.url = http::Url::parse("http://127.0.0.1/");
  request.method = "NO GET";
  error_of<http::InvalidMessage>(get_response(std::move(request)));
}

TEST(GetPage, ARefusedConnectionNamesUrlAddressAndReason) {
  Reactor loop;
  const std::string host = closed_port().to_string();
  EXPECT_EQ(error_of<std::system_error>(get_page("http://" + host + "/x")),
            "get http://" + host + "/x: connect " + host + ": Connection refused");
}

TEST(GetPage, AnUnknownHostNamesUrlAndHost) {
  Reactor loop;
  const std::string message = error_of<net::ResolveError>(get_page("http://nosuch.invalid/"));
  EXPECT_TRUE(message.starts_with("get http://nosuch.invalid/: resolve nosuch.invalid: "))
      << message;
}

TEST(GetPage, WhenNoAddressAnswersTheErrorOfEachIsNamed) {
  Reactor loop;
  const std::string port = std::to_string(closed_port().port());
  const std::string message =
      error_of<std::system_error>(get_page("http://localhost:" + port + "/"));
  EXPECT_TRUE(message.starts_with("get http://localhost:" + port + "/: connect 127.0.0.1:" + port +
                                  ": Connection refused; connect [::1]:" + port + ": "))
      << message;
}

TEST(GetPage, AServerThatDoesNotAcceptMeetsTheConnectTimeout) {
  Reactor loop;
  const FullListener full;
  const std::string host = full.address().to_string();
  EXPECT_EQ(error_of<TimedOut>(get_page("http://" + host + "/", patience(50ms, 5s, 10s))),
            "get http://" + host + "/: connect " + host + ": timed out after 0.05 s");
}

TEST(GetPage, TheTotalTimeoutEndsALookUpAndAConnectToo) {
  Reactor loop;
  const FullListener full;
  const OccupiedPool pool;
  const std::string url = "http://" + full.address().to_string() + "/";
  EXPECT_EQ(error_of<TimedOut>(get_page(url, patience(5s, 5s, 50ms))),
            "get " + url + ": not finished within 0.05 s");
  EXPECT_EQ(error_of<TimedOut>(get_page("http://nosuch.invalid/", patience(5s, 5s, 50ms))),
            "get http://nosuch.invalid/: not finished within 0.05 s");
}

TEST(GetPage, AStalledServerMeetsTheReadTimeout) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    peer.send(peer.read_request().starts_with("GET /half ")
                  ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
                  : "");
    peer.wait_until_closed();
  });
  for (const char* path : {"/nothing", "/half"}) {
    const Stopwatch watch;
    EXPECT_EQ(error_of<TimedOut>(get_page(server.url(path), patience(5s, 50ms, 10s))),
              "get " + server.url(path) + ": nothing received for 0.05 s");
    EXPECT_GE(watch.elapsed(), 50ms);
  }
}

TEST(GetPage, AServerThatReadsNothingMeetsTheReadTimeout) {
  Reactor loop;
  RawServer server([](RawPeer& peer) { peer.pause(10s); });
  EXPECT_EQ(
      error_of<TimedOut>(get_response(post(server.url(), 20'000'000), patience(5s, 50ms, 10s))),
      "post " + server.url() + ": nothing sent or received for 0.05 s");
}

TEST(GetPage, AServerThatDripsMeetsTheTotalTimeout) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (peer.pause(5ms) && peer.send("x")) {
    }
  });
  EXPECT_EQ(error_of<TimedOut>(get_page(server.url(), patience(5s, 5s, 100ms))),
            "get " + server.url() + ": not finished within 0.1 s");
}

TEST(GetPage, RedirectsShareOneTotalTimeout) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    while (!peer.read_request().empty() && peer.pause(30ms)) {
      peer.send("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    }
  });
  EXPECT_EQ(error_of<TimedOut>(get_page(server.url(), patience(5s, 5s, 100ms))),
            "get " + server.url("/again") + ": not finished within 0.1 s");
}

TEST(GetPage, AnEndlessAnswerMeetsTheTotalTimeoutAndKeepsNobodyWaiting) {
  Reactor loop;
  std::promise<void> much_is_there;
  RawServer server([&](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    peer.send(std::string(2'000'000, 'x'));
    much_is_there.set_value();
    while (peer.send(std::string(1'000'000, 'x'))) {
    }
  });
  // How many pieces come within one turn, once there is more to be had than anybody should take?
  std::size_t pieces = 0, of_this_turn = 0, most = 0;
  RequestOptions options = patience(5s, 5s, 200ms);
  options.exchange.on_body = [&](std::string_view) {
    if (++pieces == 1) much_is_there.get_future().wait_for(100ms);
    most = std::max(most, ++of_this_turn);
  };
  const Fiber<> other = spawn([&] {
    for (;; of_this_turn = 0) this_fiber::yield();
  });
  EXPECT_EQ(error_of<TimedOut>(get_page(server.url(), std::move(options))),
            "get " + server.url() + ": not finished within 0.2 s");
  EXPECT_GT(pieces, 16u);
  EXPECT_LE(most, 16u);
  other.kill();
}

TEST(GetPage, AnAnswerThatEndsEarlyIsNeverAShortSuccess) {
  Reactor loop;
  for (const char* part :
       {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nonly this",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "HT", ""}) {
    RawServer server([part](RawPeer& peer) {
      peer.read_request();
      peer.send(part);
    });
    const std::string message = error_of<http::ProtocolError>(get_page(server.url()));
    EXPECT_TRUE(message.starts_with("get " + server.url() + ": ")) << message;
    EXPECT_EQ(server.connections(), 1) << "asked again after: " << part;
  }
}

TEST(GetPage, AResetInTheMiddleIsAnError) {
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf");
    peer.pause(20ms);
    peer.reset();
  });
  EXPECT_EQ(error_of<std::system_error>(get_page(server.url())),
            "get " + server.url() + ": receive: Connection reset by peer");
}

TEST(GetPage, LimitsHold) {
  Reactor loop;
  RawServer header([](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nX-Long: ");
    while (peer.send(std::string(4096, 'x'))) {
    }
  });
  error_of<LimitExceeded>(get_page(header.url()));
  RawServer body = always("HTTP/1.1 200 OK\r\nContent-Length: 2000000000000\r\n\r\n");
  error_of<LimitExceeded>(get_page(body.url()));
  RawServer chunked([](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (peer.send("400\r\n" + std::string(1024, 'c') + "\r\n")) {
    }
  });
  RequestOptions options;
  options.exchange.limits.body = 100'000;
  error_of<LimitExceeded>(get_page(chunked.url(), std::move(options)));
}

// --- Cancelled, and without a reactor, at every stage --------------------------------------------

// What a page waits for at each stage, and a URL that keeps it there.
class InFlight : public ::testing::TestWithParam<const char*> {
 protected:
  // Turns until the page is there, and returns its Deferred.
  Deferred<Response> page_at_that_stage(Reactor& loop) {
    const std::string stage = GetParam();
    auto page = get_response(request_for(stage));
    loop.run_until([&] {
      const std::string report = loop.waiting_report() + "\n";
      return report.find(" waits for " + stage + "\n") != std::string::npos ||
             report.find(" is " + stage + "\n") != std::string::npos;
    });
    return page;
  }

 private:
  http::Request request_for(const std::string& stage) {
    if (stage == "connect") return post("http://" + full_.address().to_string() + "/", 0);
    if (stage == "name look-up") {
      pool_.emplace();
      return post("http://nosuch.invalid/", 0);
    }
    return post(server_.url(), stage == "readable or writable" ? 20'000'000 : 0);
  }

  const FullListener full_;
  RawServer server_{[](RawPeer& peer) { peer.pause(10s); }};
  std::optional<OccupiedPool> pool_;
};

TEST_P(InFlight, CancelEndsItAtOnce) {
  Reactor loop;
  const auto page = page_at_that_stage(loop);
  bool cancelled = false;
  page.add_errback([&](std::exception_ptr error) -> Response {
    cancelled = is_cancelled(error);
    return {};
  });
  page.cancel();
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(loop.waiting_report(), "") << "it is gone";
  page.cancel();  // no effect
}

TEST_P(InFlight, AReactorThatGoesDropsItAndTheDeferredNeverFires) {
  std::optional<Deferred<Response>> page;
  bool fired = false;
  {
    Reactor loop;
    page = page_at_that_stage(loop);
    page->add_both([&](auto) { fired = true; });
  }
  EXPECT_FALSE(page->called());
  page->cancel();  // there is nothing left to stop
  EXPECT_TRUE(fired);
}

TEST_P(InFlight, NobodyNeedHoldTheDeferred) {
  Reactor loop;
  page_at_that_stage(loop);
}

TEST_P(InFlight, AFiberThatWaitsForItMayBeKilledAndThePageCancelled) {
  Reactor loop;
  std::optional<Deferred<Response>> page = page_at_that_stage(loop);
  const Fiber<> fiber = spawn([&] { await(page->wait()); });
  this_fiber::yield();
  fiber.kill();
  fiber.join();
  EXPECT_FALSE(page->called());
  page->cancel();
  EXPECT_TRUE(page->called());
}

INSTANTIATE_TEST_SUITE_P(GetPage, InFlight,
                         ::testing::Values("ready", "name look-up", "connect",
                                           "readable or writable", "readable"),
                         [](const auto& stage) {
                           std::string name = stage.param;
                           std::erase_if(name, [](char c) { return c == ' ' || c == '-'; });
                           return name;
                         });

TEST(GetPage, ACancelFromItsOwnBodyEndsIt) {
  Reactor loop;
  RawServer server = always(answer(std::string(100'000, 'b')));
  for (const bool at_head : {true, false}) {
    std::optional<Deferred<std::string>> page;
    int calls = 0;
    const auto cancel = [&](const auto&) {
      ++calls;
      page->cancel();
    };
    RequestOptions options;
    if (at_head)
      options.exchange.on_head = cancel;
    else
      options.exchange.on_body = cancel;
    page = get_page(server.url(), std::move(options));
    EXPECT_THROW(result_of(*page), Cancelled);
    EXPECT_GE(calls, 1);
    EXPECT_EQ(loop.waiting_report(), "");
  }
}

TEST(GetPage, ATimeoutOfTheDeferredCancelsIt) {
  Reactor loop;
  RawServer server([](RawPeer& peer) { peer.pause(10s); });
  EXPECT_THROW(result_of(get_page(server.url()).add_timeout(20ms)), TimedOut);
  EXPECT_EQ(loop.waiting_report(), "");
}

TEST(GetPage, AnObserverSeesItAsARoutineThatWaits) {
  struct Notes final : Observer {
    std::map<std::uint64_t, std::string> names;
    std::string waits_for;
    int ends = 0;
    void created(std::uint64_t id, const char*, std::string_view name) override {
      if (name.starts_with("get http")) names.emplace(id, name);
    }
    void ready(std::uint64_t, std::uint64_t) override {}
    void runs(std::uint64_t) override {}
    void waits(std::uint64_t id, const char* label) override {
      if (names.count(id) != 0) waits_for += std::string(label) + ",";
    }
    void ended(std::uint64_t id) override { ends += static_cast<int>(names.count(id)); }
  } notes;
  Reactor loop;
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.pause(20ms);
    peer.send(answer("x"));
  });
  set_observer(&notes);
  result_of(get_page(server.url()));
  set_observer(nullptr);
  ASSERT_EQ(notes.names.size(), 1u);
  EXPECT_EQ(notes.names.begin()->second, "get " + server.url());
  EXPECT_TRUE(notes.waits_for.starts_with("yield,connect,readable,")) << notes.waits_for;
  EXPECT_EQ(notes.ends, 1);
}

// --- A server that none of us wrote --------------------------------------------------------------

std::string find_nginx() {
  for (const char* path : {"/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return "";
}

TEST(GetPage, NginxServesAHundredPagesAtOnceARedirectAndAnError) {
  const std::string program = find_nginx();
  if (program.empty()) GTEST_SKIP() << "nginx is not installed";
  const TempDir folder;
  const std::string here = folder.path().string();
  const std::string url = "http://" + closed_port().to_string();
  const std::string big(3'000'000, 'b');
  folder.write("big.bin", big);
  folder.write("nginx.conf", "daemon off; master_process off; pid " + here +
                                 "/pid;\n"
                                 "error_log " +
                                 here +
                                 "/error.log; events { worker_connections 256; }\n"
                                 "http { access_log off; client_body_temp_path " +
                                 here +
                                 "/t1;\n"
                                 "proxy_temp_path " +
                                 here + "/t2; fastcgi_temp_path " + here +
                                 "/t3;\n"
                                 "uwsgi_temp_path " +
                                 here + "/t4; scgi_temp_path " + here +
                                 "/t5;\n"
                                 "server { listen " +
                                 url.substr(7) + "; root " + here +
                                 ";\n"
                                 "location /page/ { return 200 \"$request_uri\"; }\n"
                                 "location = /old { return 301 /page/new; } } }\n");
  const Child server({program, "-e", here + "/error.log", "-p", here, "-c", here + "/nginx.conf"});
  Reactor loop;
  for (int i = 0; i < 500; ++i) {  // it has no way to tell when it is ready
    try {
      result_of(get_page(url + "/page/"));
      break;
    } catch (const std::system_error&) {
      await(sleep(10ms));
    }
  }
  std::vector<Deferred<std::string>> pages;
  for (int i = 0; i < 100; ++i) pages.push_back(get_page(url + "/page/" + std::to_string(i)));
  const std::vector<std::string> bodies = result_of(gather_results(pages));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bodies[i], "/page/" + std::to_string(i));
  EXPECT_EQ(result_of(get_page(url + "/old")), "/page/new");
  EXPECT_EQ(result_of(get_page(url + "/big.bin")), big);
  EXPECT_EQ(error_of<http::StatusError>(get_page(url + "/nosuch")),
            "get " + url + "/nosuch: 404 Not Found");
}

// --- Many ----------------------------------------------------------------------------------------

TEST(GetPage, AThousandPagesAtOnceTakeTheTimeOfOne) {
  ServerProcess server([](const http::IncomingRequest& request) {
    this_fiber::sleep_for(200ms);
    return text_response(200, "page " + request.target);
  });
  if (simul::testing::raise_descriptor_limit() < 1500) GTEST_SKIP() << "too few descriptors";
  Reactor loop;
  const Stopwatch watch;
  std::vector<Deferred<std::string>> pages;
  for (int i = 0; i < 1000; ++i) pages.push_back(get_page(server.url("/" + std::to_string(i))));
  const std::vector<std::string> bodies = result_of(gather_results(pages));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(bodies[i], "page /" + std::to_string(i));
  EXPECT_LT(watch.elapsed(), 20s) << "one after the other they would take 200 s";
}

TEST(GetPage, AThousandPagesInFlightGoWithTheirReactor) {
  ServerProcess server([](const http::IncomingRequest&) {
    this_fiber::sleep_for(60s);
    return text_response(200, "");
  });
  if (simul::testing::raise_descriptor_limit() < 1500) GTEST_SKIP() << "too few descriptors";
  Reactor loop;
  for (int i = 0; i < 1000; ++i) get_page(server.url());
  await(sleep(20ms));
}

}  // namespace
}  // namespace simul::web
