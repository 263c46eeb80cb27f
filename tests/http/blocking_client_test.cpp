// The blocking client against servers that behave, and against servers that stall, drip, lie, hang
// up and never end. Each server is a thread of this test that sends exactly the bytes written here.
#include "runtime/http/blocking_client.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/net/resolver.hpp"
#include "runtime/net/socket.hpp"
#include "tests/support/raw_server.hpp"

namespace simul::http {
namespace {

using namespace std::chrono_literals;
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

RequestOptions patience(Duration connect, Duration read, Duration total) {
  RequestOptions options;
  options.timeouts = {connect, read, total};
  return options;
}

// The text of the exception that `call` throws, which must be an `Error`.
template <class Error>
std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

net::Address closed_port() {
  return net::local_address(net::listen_on(net::Address::loopback(0)).get());
}

TEST(BlockingClient, AGetReturnsStatusHeadersAndBody) {
  RawServer server = always(answer("hello", "X-Thing: yes\r\n"));
  const Response response = get(server.url("/a?b=c"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.reason, "OK");
  EXPECT_EQ(response.body, "hello");
  EXPECT_EQ(response.headers.get("x-thing"), "yes");
  EXPECT_EQ(response.url.to_string(), server.url("/a?b=c"));
}

TEST(BlockingClient, TheRequestIsWhatItShouldBe) {
  std::string seen;
  {
    RawServer server([&seen](RawPeer& peer) {
      seen = peer.read_request(4);
      peer.send(answer(""));
    });
    Request post;
    post.method = "POST";
    post.url = Url::parse(server.url("/form"));
    post.headers.add("X-Mine", "1");
    post.body = "a=b&";
    request(std::move(post));
  }
  EXPECT_TRUE(seen.starts_with("POST /form HTTP/1.1\r\nHost: 127.0.0.1:")) << seen;
  EXPECT_NE(seen.find("\r\nContent-Length: 4\r\n"), std::string::npos) << seen;
  EXPECT_NE(seen.find("\r\nX-Mine: 1\r\n"), std::string::npos) << seen;
  EXPECT_TRUE(seen.ends_with("\r\n\r\na=b&")) << seen;
}

TEST(BlockingClient, AnErrorStatusIsAnAnswerAndNoException) {
  RawServer server = always("HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\nno\n");
  const Response response = get(server.url());
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, "no\n");
}

TEST(BlockingClient, AnAnswerInPiecesOfOneByteIsPutTogether) {
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    for (const char c :
         std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n"
                     "0\r\n\r\n")) {
      peer.send(std::string(1, c));
    }
    peer.wait_until_closed();
  });
  EXPECT_EQ(get(server.url()).body, "abcde");
}

TEST(BlockingClient, ABodyLargerThanEveryBufferComesWhole) {
  const std::string body(20'000'000, 'b');
  RawServer server = always(answer(body));
  EXPECT_EQ(get(server.url()).body, body);
}

TEST(BlockingClient, ALargeRequestBodyGoesOutWholeWhileTheServerIsSlowToRead) {
  const std::string body(5'000'000, 'q');
  RawServer server([&body](RawPeer& peer) {
    peer.pause(50ms);
    const std::string request = peer.read_request(body.size());
    peer.send(answer(request.ends_with(body) ? "whole" : "cut"));
  });
  Request post{"POST", Url::parse(server.url()), {}, body};
  EXPECT_EQ(request(std::move(post)).body, "whole");
}

TEST(BlockingClient, AServerThatAnswersBeforeItHasReadTheBodyIsHeard) {
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno\n");
    peer.pause(60s);  // reads no more: who only sends waits in vain
  });
  Request post{"POST", Url::parse(server.url()), {}, std::string(20'000'000, 'q')};
  RequestOptions options;
  options.timeouts.total = 10s;
  EXPECT_EQ(request(std::move(post), std::move(options)).status, 413);
}

TEST(BlockingClient, TheBodyCanBeTakenPieceByPiece) {
  const std::string body(1'000'000, 'p');
  RawServer server = always(answer(body));
  std::string pieces;
  RequestOptions options;
  options.exchange.on_body = [&pieces](std::string_view piece) { pieces += piece; };
  EXPECT_EQ(get(server.url(), std::move(options)).body, "");
  EXPECT_EQ(pieces, body);
}

// --- Failures: one clear line that names the URL -------------------------------------------------

TEST(BlockingClient, ARefusedConnectionNamesUrlAddressAndReason) {
  const std::string host = closed_port().to_string();
  EXPECT_EQ(error_of<std::system_error>([&] { get("http://" + host + "/x"); }),
            "get http://" + host + "/x: connect " + host + ": Connection refused");
}

TEST(BlockingClient, AnUnknownHostNamesUrlAndHost) {
  const std::string message = error_of<net::ResolveError>([] { get("http://nosuch.invalid/"); });
  EXPECT_TRUE(message.starts_with("get http://nosuch.invalid/: resolve nosuch.invalid: "))
      << message;
}

TEST(BlockingClient, HttpsIsRefusedInOneLineThatSaysWhy) {
  const std::string message = error_of<UnsupportedScheme>([] { get("https://127.0.0.1/x"); });
  EXPECT_NE(message.find("https://127.0.0.1/x"), std::string::npos) << message;
  EXPECT_NE(message.find("TLS"), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST(BlockingClient, WhatIsNoUrlIsRefused) {
  EXPECT_THROW(get("example.org"), InvalidUrl);
  EXPECT_THROW(get(""), InvalidUrl);
  EXPECT_THROW(get("ftp://example.org/"), InvalidUrl);
}

TEST(BlockingClient, EveryAddressOfANameIsTriedInTurn) {
  // Nobody listens on 127.0.0.1 at this port, but somebody does on ::1.
  try {
    RawServer server([](RawPeer& peer) { peer.read_request(), peer.send(answer("six")); },
                     net::Address::loopback6(0));
    const std::string port = std::to_string(server.address().port());
    EXPECT_EQ(get("http://localhost:" + port + "/").body, "six");
  } catch (const std::system_error& error) {
    GTEST_SKIP() << error.what();
  }
}

TEST(BlockingClient, WhenNoAddressAnswersTheErrorOfEachIsNamed) {
  const std::string port = std::to_string(closed_port().port());
  const std::string message =
      error_of<std::system_error>([&] { get("http://localhost:" + port + "/"); });
  EXPECT_TRUE(message.starts_with("get http://localhost:" + port + "/: connect 127.0.0.1:" + port +
                                  ": Connection refused; connect [::1]:" + port + ": "))
      << message;
}

TEST(BlockingClient, AServerThatDoesNotAcceptMeetsTheConnectTimeout) {
  // A full queue: the kernel lets further handshakes wait, for as long as nobody accepts.
  const UniqueFd listener = net::listen_on(net::Address::loopback(0), 0);
  const net::Address address = net::local_address(listener.get());
  std::vector<UniqueFd> queued;
  for (int i = 0; i < 4; ++i) queued.push_back(net::start_connect(address).socket);
  const std::string message = error_of<TimedOut>(
      [&] { get("http://" + address.to_string() + "/", patience(100ms, 5s, 10s)); });
  EXPECT_EQ(message, "get http://" + address.to_string() + "/: connect " + address.to_string() +
                         ": timed out after 0.1 s");
}

TEST(BlockingClient, AStalledServerMeetsTheReadTimeout) {
  for (const char* first : {"", "HTTP/1.1 200 OK\r\nContent-Le",
                            "HTTP/1.1 200 OK\r\n"
                            "Content-Length: 9\r\n\r\nhalf"}) {
    RawServer server([first](RawPeer& peer) {
      peer.read_request();
      peer.send(first);
      peer.wait_until_closed();
    });
    const Stopwatch watch;
    EXPECT_EQ(error_of<TimedOut>([&] { get(server.url(), patience(5s, 100ms, 10s)); }),
              "get " + server.url() + ": nothing received for 0.1 s");
    EXPECT_GE(watch.elapsed(), 100ms);
    EXPECT_LT(watch.elapsed(), 5s);
  }
}

TEST(BlockingClient, AServerThatReadsNothingMeetsTheReadTimeout) {
  RawServer server([](RawPeer& peer) { peer.pause(10s); });
  Request post{"POST", Url::parse(server.url()), {}, std::string(50'000'000, 'q')};
  EXPECT_EQ(error_of<TimedOut>([&] { request(std::move(post), patience(5s, 100ms, 10s)); }),
            "post " + server.url() + ": nothing sent or received for 0.1 s");
}

TEST(BlockingClient, AServerThatDripsMeetsTheTotalTimeout) {
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (peer.pause(10ms) && peer.send("x")) {
    }
  });
  const Stopwatch watch;
  EXPECT_EQ(error_of<TimedOut>([&] { get(server.url(), patience(5s, 200ms, 400ms)); }),
            "get " + server.url() + ": not finished within 0.4 s");
  EXPECT_GE(watch.elapsed(), 400ms);
}

TEST(BlockingClient, AServerThatSendsWithoutEndAndPauseMeetsTheTotalTimeout) {
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.send(std::string(100'000, 'x'))) {
    }
  });
  RequestOptions options = patience(5s, 5s, 300ms);
  options.exchange.on_body = [](std::string_view) {};
  EXPECT_EQ(error_of<TimedOut>([&] { get(server.url(), std::move(options)); }),
            "get " + server.url() + ": not finished within 0.3 s");
}

TEST(BlockingClient, RedirectsShareOneTotalTimeout) {
  RawServer server([](RawPeer& peer) {
    while (!peer.read_request().empty() && peer.pause(60ms)) {
      peer.send("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    }
  });
  const std::string message =
      error_of<TimedOut>([&] { get(server.url(), patience(5s, 5s, 200ms)); });
  EXPECT_EQ(message, "get " + server.url("/again") + ": not finished within 0.2 s");
}

TEST(BlockingClient, AnAnswerThatEndsEarlyIsNeverAShortSuccess) {
  for (const char* part : {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nonly this",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\n", "HT"}) {
    RawServer server([part](RawPeer& peer) {
      peer.read_request();
      peer.send(part);
    });
    const std::string message = error_of<ProtocolError>([&] { get(server.url()); });
    EXPECT_TRUE(message.starts_with("get " + server.url() + ": ")) << message;
    EXPECT_EQ(server.connections(), 1) << "asked again after: " << part;
  }
}

TEST(BlockingClient, AServerThatHangsUpWithoutAWordIsAnError) {
  RawServer server([](RawPeer& peer) { peer.read_request(); });
  const std::string message = error_of<std::runtime_error>([&] { get(server.url()); });
  EXPECT_TRUE(message.starts_with("get " + server.url() + ": ")) << message;
}

TEST(BlockingClient, AResetInTheMiddleIsAnError) {
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf");
    peer.pause(20ms);
    peer.reset();
  });
  const std::string message = error_of<std::system_error>([&] { get(server.url()); });
  EXPECT_TRUE(message.starts_with("get " + server.url() + ": ")) << message;
  EXPECT_TRUE(message.ends_with("Connection reset by peer")) << message;
}

TEST(BlockingClient, AServerThatSpeaksSomethingElseIsAnError) {
  for (const char* text : {"220 mail.example ESMTP\r\n", "SSH-2.0-OpenSSH_9\r\n", "\0\0\r\n",
                           "HTTP/2 200\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"}) {
    RawServer server([text](RawPeer& peer) {
      peer.read_request();
      peer.send(std::string_view(text, *text != '\0' ? std::string_view(text).size() : 4));
      peer.wait_until_closed();
    });
    const std::string message = error_of<ProtocolError>([&] { get(server.url()); });
    EXPECT_TRUE(message.starts_with("get " + server.url() + ": ")) << message;
  }
}

TEST(BlockingClient, AnEndlessHeaderMeetsItsLimit) {
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nX-Long: ");
    while (peer.send(std::string(4096, 'x'))) {
    }
  });
  EXPECT_THROW(get(server.url()), LimitExceeded);
  RawServer many([](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\n");
    while (peer.send("X: y\r\n")) {
    }
  });
  EXPECT_THROW(get(many.url()), LimitExceeded);
}

TEST(BlockingClient, ABodyOverTheLimitIsRefusedBeforeItIsReceived) {
  RawServer server = always("HTTP/1.1 200 OK\r\nContent-Length: 2000000000000\r\n\r\n");
  EXPECT_THROW(get(server.url()), LimitExceeded);
  RawServer chunked([](RawPeer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (peer.send("400\r\n" + std::string(1024, 'c') + "\r\n")) {
    }
  });
  RequestOptions options;
  options.exchange.limits.body = 100'000;
  EXPECT_THROW(get(chunked.url(), std::move(options)), LimitExceeded);
}

TEST(BlockingClient, ARedirectLoopMeetsItsLimit) {
  RawServer server = always("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
  const std::string message = error_of<LimitExceeded>([&] { get(server.url()); });
  EXPECT_NE(message.find("20"), std::string::npos) << message;
  EXPECT_EQ(server.connections(), 1) << "the hops of one origin share a connection";
}

TEST(BlockingClient, ARedirectIsFollowedToAnotherServerUnlessToldOtherwise) {
  RawServer there = always(answer("arrived"));
  RawServer here = always("HTTP/1.1 301 Moved\r\nLocation: " + there.url("/x") +
                          "\r\nContent-Length: 4\r\n\r\nmove");
  const Response followed = get(here.url());
  EXPECT_EQ(followed.body, "arrived");
  EXPECT_EQ(followed.url.to_string(), there.url("/x"));
  RequestOptions options;
  options.exchange.follow_redirects = false;
  const Response plain = get(here.url(), std::move(options));
  EXPECT_EQ(plain.status, 301);
  EXPECT_EQ(plain.body, "move");
}

// --- Connections that are kept -------------------------------------------------------------------

TEST(BlockingClient, RequestsOfOneClientShareAConnection) {
  RawServer server = always(answer("same"));
  Client client;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.get(server.url()).body, "same");
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(client.idle(), 1u);
  get(server.url());
  EXPECT_EQ(server.connections(), 2) << "a plain get keeps nothing";
}

TEST(BlockingClient, AServerThatSaysCloseIsNotKept) {
  RawServer server = always(answer("x", "Connection: close\r\n"));
  Client client;
  client.get(server.url());
  EXPECT_EQ(client.idle(), 0u);
}

TEST(BlockingClient, AConnectionWithBytesLeftOverIsClosedAndNotUsedAgain) {
  RawServer server = always(answer("x") + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  Client client;
  EXPECT_EQ(client.get(server.url()).body, "x");
  EXPECT_EQ(client.idle(), 0u);
  EXPECT_EQ(client.get(server.url()).body, "x");
  EXPECT_EQ(server.connections(), 2);
}

TEST(BlockingClient, BytesThatArriveWhileAConnectionIsIdleMakeItUseless) {
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send(answer("x"));
    if (peer.number() == 1) {
      // The client asks elsewhere next, and by then this has long been here.
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    }
    while (!peer.read_request().empty()) peer.send(answer("x"));
  });
  RawServer elsewhere([](RawPeer& peer) {
    peer.read_request();
    peer.pause(50ms);
    peer.send(answer("y"));
  });
  Client client;
  EXPECT_EQ(client.get(server.url()).body, "x");
  EXPECT_EQ(client.get(elsewhere.url()).body, "y");
  EXPECT_EQ(client.get(server.url()).body, "x");
}

TEST(BlockingClient, AnIdleConnectionThatTheServerClosedIsReplaced) {
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send(answer("x"));
    peer.close();
  });
  Client client;
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(client.get(server.url()).body, "x");
    EXPECT_EQ(server.connections(), i);
  }
}

TEST(BlockingClient, AnIdleConnectionThatDiesUnderARequestIsRetriedOnceWhereThatIsSafe) {
  // It looks alive, but hangs up when it gets its second request.
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.send(answer("x"));
    peer.read_request();
  });
  Client client;
  EXPECT_EQ(client.get(server.url()).body, "x");
  EXPECT_EQ(client.get(server.url()).body, "x");
  EXPECT_EQ(server.connections(), 2);

  Request post{"POST", Url::parse(server.url()), {}, ""};
  EXPECT_THROW(client.request(std::move(post)), std::runtime_error)
      << "nobody knows whether the server acted on the first one";
  EXPECT_EQ(server.connections(), 2);
}

TEST(BlockingClient, AConnectionOnWhichARequestFailedIsNotUsedAgain) {
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    if (peer.number() > 1) peer.send(answer("second"));
    peer.wait_until_closed();
  });
  Client client;
  EXPECT_THROW(client.get(server.url(), patience(5s, 50ms, 10s)), TimedOut);
  EXPECT_EQ(client.idle(), 0u);
  EXPECT_EQ(client.get(server.url()).body, "second");
}

TEST(BlockingClient, OriginsDoNotShareConnections) {
  RawServer a = always(answer("a"));
  RawServer b = always(answer("b"));
  Client client;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.get(a.url()).body, "a");
    EXPECT_EQ(client.get(b.url()).body, "b");
  }
  EXPECT_EQ(a.connections(), 1);
  EXPECT_EQ(b.connections(), 1);
  EXPECT_EQ(client.idle(), 2u);
}

TEST(BlockingClient, IdleConnectionsAreBoundedInNumberAndTime) {
  RawServer a = always(answer("a"));
  RawServer b = always(answer("b"));
  Client few({.per_origin = 1, .in_all = 1, .idle = 15s});
  few.get(a.url());
  few.get(b.url());
  EXPECT_EQ(few.idle(), 1u);
  few.get(b.url());
  EXPECT_EQ(b.connections(), 1);
  few.get(a.url());
  EXPECT_EQ(a.connections(), 2);

  Client none({.per_origin = 0, .in_all = 64, .idle = 15s});
  none.get(a.url());
  EXPECT_EQ(none.idle(), 0u);

  const int before = a.connections();
  Client impatient({.per_origin = 8, .in_all = 64, .idle = 0s});
  impatient.get(a.url());
  impatient.get(a.url());
  EXPECT_EQ(a.connections(), before + 2);
}

TEST(BlockingClient, APinnedNameIsFetchedFromWhereItLeads) {
  RawServer server = always(answer("not google"));
  const net::Pin google = net::pin("google.com", server.address());
  EXPECT_EQ(get("http://google.com").body, "not google");
  EXPECT_EQ(get("http://GOOGLE.com:8080/x").body, "not google");
}

}  // namespace
}  // namespace simul::http
