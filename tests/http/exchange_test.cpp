#include "runtime/http/exchange.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "runtime/http/error.hpp"
#include "tests/http/splits.hpp"

namespace simul::http {
namespace {

using Step = Exchange::Step;

Request get(std::string_view url = "http://host/path") {
  Request request;
  request.url = Url::parse(url);
  return request;
}

Request post(std::string body, std::string_view url = "http://host/path") {
  Request request = get(url);
  request.method = "POST";
  request.body = std::move(body);
  return request;
}

/// Connects, sends everything, and returns what was sent.
std::string send_all(Exchange& exchange, bool reused = false) {
  EXPECT_EQ(exchange.step(), Step::connect);
  exchange.connected(reused);
  std::string bytes;
  while (exchange.step() == Step::send) {
    EXPECT_FALSE(exchange.to_send().empty());
    bytes += exchange.to_send();
    exchange.sent(exchange.to_send().size());
  }
  EXPECT_EQ(exchange.step(), Step::receive);
  return bytes;
}

/// What `function` throws, as text.
template <class Function>
std::string failure(Function function) {
  try {
    function();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

const std::string kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

TEST(Exchange, ConnectsSendsReceivesAndIsDone) {
  Exchange exchange(get("http://host:8080/path?q#f"));
  EXPECT_EQ(exchange.origin().to_string(), "host:8080");
  EXPECT_EQ(send_all(exchange),
            "GET /path?q HTTP/1.1\r\nHost: host:8080\r\nUser-Agent: simul\r\nAccept: */*\r\n\r\n");
  EXPECT_EQ(exchange.feed(kHello), kHello.size());
  EXPECT_EQ(exchange.step(), Step::done);
  EXPECT_TRUE(exchange.can_keep_connection());
  const Response response = exchange.take_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.reason, "OK");
  EXPECT_EQ(response.body, "hello");
  EXPECT_EQ(response.headers.get("Content-Length"), "5");
  EXPECT_EQ(response.url.to_string(), "http://host:8080/path?q#f");
}

TEST(Exchange, ReceivesTheSameHoweverTheBytesAreSplit) {
  testing::for_each_split(kHello, [](const auto& pieces, const std::string& cut) {
    Exchange exchange(get());
    send_all(exchange);
    for (const std::string_view piece : pieces) {
      EXPECT_EQ(exchange.feed(piece), piece.size()) << cut;
    }
    ASSERT_EQ(exchange.step(), Step::done) << cut;
    EXPECT_TRUE(exchange.can_keep_connection()) << cut;
    EXPECT_EQ(exchange.take_response().body, "hello") << cut;
  });
}

TEST(Exchange, SendsInAsManyPiecesAsTheDriverNeeds) {
  for (const std::size_t body_size : {std::size_t{10}, std::size_t{100'000}}) {
    Exchange exchange(post(std::string(body_size, 'x')));
    exchange.connected(false);
    std::string bytes;
    while (exchange.step() == Step::send) {
      bytes += exchange.to_send().substr(0, 7);
      exchange.sent(std::min<std::size_t>(7, exchange.to_send().size()));
    }
    const auto end_of_head = bytes.find("\r\n\r\n");
    EXPECT_NE(bytes.find("Content-Length: " + std::to_string(body_size)), std::string::npos);
    EXPECT_EQ(bytes.substr(end_of_head + 4), std::string(body_size, 'x'));
  }
}

TEST(Exchange, SendsASmallBodyTogetherWithTheHead) {
  Exchange exchange(post("data"));
  exchange.connected(false);
  EXPECT_TRUE(exchange.to_send().ends_with("\r\n\r\ndata"));
}

TEST(Exchange, KeepsTheCallersOwnUserAgent) {
  Request request = get();
  request.headers.add("user-agent", "mine");
  request.headers.add("accept", "text/html");
  Exchange exchange(std::move(request));
  EXPECT_EQ(send_all(exchange),
            "GET /path HTTP/1.1\r\nHost: host\r\nuser-agent: mine\r\naccept: text/html\r\n\r\n");
}

TEST(Exchange, RefusesHttpsWithOneLineThatSaysWhy) {
  EXPECT_EQ(failure([] { Exchange exchange(get("https://u:secret@host/path#f")); }),
            "get https://host/path: this runtime speaks no TLS: http:// only");
  EXPECT_THROW(Exchange(get("https://host/")), UnsupportedScheme);
}

TEST(Exchange, HandsTheBodyToASinkWithoutALimit) {
  std::vector<std::string> pieces;
  int status_at_head = 0;
  ExchangeOptions options;
  options.limits.body = 4;
  options.on_head = [&](const Response& response) {
    EXPECT_TRUE(pieces.empty());
    status_at_head = response.status;
  };
  options.on_body = [&](std::string_view piece) { pieces.emplace_back(piece); };
  Exchange exchange(get(), std::move(options));
  send_all(exchange);
  exchange.feed(kHello.substr(0, kHello.size() - 3));
  exchange.feed(kHello.substr(kHello.size() - 3));
  EXPECT_EQ(exchange.step(), Step::done);
  EXPECT_EQ(status_at_head, 200);
  EXPECT_EQ(pieces, (std::vector<std::string>{"he", "llo"}));
  EXPECT_EQ(exchange.take_response().body, "");
}

TEST(Exchange, LimitsABodyThatItCollects) {
  ExchangeOptions options;
  options.limits.body = 4;
  Exchange exchange(get(), std::move(options));
  send_all(exchange);
  EXPECT_EQ(failure([&] { exchange.feed(kHello); }),
            "get http://host/path: the body is longer than 4 bytes");
}

TEST(Exchange, LetsWhatTheSinkThrowsThroughUnchanged) {
  struct DiskFull {};
  ExchangeOptions options;
  options.on_body = [](std::string_view) { throw DiskFull(); };
  Exchange exchange(get(), std::move(options));
  send_all(exchange);
  EXPECT_THROW(exchange.feed(kHello), DiskFull);
}

// ---- When may the connection be used again? ----

bool kept(const std::string& response, Request request = get(), ExchangeOptions options = {}) {
  Exchange exchange(std::move(request), std::move(options));
  send_all(exchange);
  exchange.feed(response);
  if (exchange.step() != Step::done) exchange.end_of_stream();
  EXPECT_EQ(exchange.step(), Step::done);
  return exchange.can_keep_connection();
}

TEST(Exchange, KeepsAConnectionOnlyAfterACleanEnd) {
  EXPECT_TRUE(kept(kHello));
  EXPECT_TRUE(kept("HTTP/1.1 204 No Content\r\n\r\n"));
  EXPECT_TRUE(kept("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
  EXPECT_TRUE(kept("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(kept("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(kept("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(kept("HTTP/1.1 200 OK\r\n\r\nuntil the end"));
}

TEST(Exchange, DoesNotKeepAConnectionWithBytesLeftOver) {
  Exchange exchange(get());
  send_all(exchange);
  EXPECT_EQ(exchange.feed(kHello + "HTTP/1.1 200 OK\r\n"), kHello.size());
  EXPECT_EQ(exchange.step(), Step::done);
  EXPECT_FALSE(exchange.can_keep_connection());
  EXPECT_EQ(exchange.take_response().body, "hello");
}

TEST(Exchange, DoesNotKeepAConnectionThatWeAskedToClose) {
  ExchangeOptions options;
  options.keep_alive = false;
  EXPECT_FALSE(kept(kHello, get(), std::move(options)));
  Request request = get();
  request.headers.add("Connection", "close");
  EXPECT_FALSE(kept(kHello, std::move(request)));
}

TEST(Exchange, LeavesAnotherProtocolsBytesTo101) {
  Exchange exchange(get());
  send_all(exchange);
  const std::string head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n";
  EXPECT_EQ(exchange.feed(head + "\x81\x05"), head.size());
  EXPECT_EQ(exchange.step(), Step::done);
  EXPECT_FALSE(exchange.can_keep_connection());
  EXPECT_EQ(exchange.take_response().status, 101);
}

TEST(Exchange, ExpectsNoBodyAfterHead) {
  Request request = get();
  request.method = "HEAD";
  EXPECT_TRUE(kept("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", std::move(request)));
}

// ---- How it fails ----

TEST(Exchange, NamesTheUrlAndHowFarItCame) {
  Exchange exchange(get("http://user:secret@host/path#f"));
  send_all(exchange);
  exchange.feed("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n0123456789");
  EXPECT_EQ(failure([&] { exchange.end_of_stream(); }),
            "get http://host/path: the connection ended after 10 of 50 body bytes");
}

TEST(Exchange, IsNeverDoneWithAResponseThatDidNotComeWhole) {
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  for (const std::string& whole : {kHello, chunked}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      Exchange ended(get());
      send_all(ended);
      ended.feed(std::string_view(whole).substr(0, size));
      EXPECT_THROW(ended.end_of_stream(), Truncated) << size;

      Exchange reset(get());
      send_all(reset);
      reset.feed(std::string_view(whole).substr(0, size));
      EXPECT_THROW(reset.receive_failed(ECONNRESET), std::system_error) << size;
    }
  }
}

TEST(Exchange, TakesAResetInsteadOfAnEndForAFailure) {
  Exchange exchange(get());
  send_all(exchange);
  exchange.feed("HTTP/1.1 200 OK\r\n\r\nuntil close");
  EXPECT_EQ(failure([&] { exchange.receive_failed(ECONNRESET); }),
            "get http://host/path: receive: Connection reset by peer");
}

TEST(Exchange, SaysThatThereWasNoAnswer) {
  Exchange exchange(post("x"));
  send_all(exchange);
  EXPECT_EQ(failure([&] { exchange.end_of_stream(); }),
            "post http://host/path: the server closed the connection without an answer");
}

TEST(Exchange, NamesTheUrlOfAMalformedResponse) {
  Exchange exchange(get());
  send_all(exchange);
  EXPECT_EQ(failure([&] { exchange.feed("SSH-2.0-x\r\n"); }),
            "get http://host/path: status line \"SSH-2.0-x\" is malformed");
}

TEST(Exchange, RefusesARequestThatCannotBeWritten) {
  Request request = get();
  request.method = "GET /evil HTTP/1.1\r\n";
  EXPECT_THROW(Exchange(std::move(request)), InvalidMessage);
}

// ---- An answer that comes early ----

TEST(Exchange, StopsSendingWhenTheServerHasRefused) {
  Exchange exchange(post(std::string(100'000, 'x')));
  exchange.connected(false);
  exchange.sent(20'000);
  exchange.feed("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(exchange.step(), Step::receive);
  exchange.feed("long");
  EXPECT_EQ(exchange.step(), Step::done);
  EXPECT_FALSE(exchange.can_keep_connection());  // the server still waits for the rest
  EXPECT_EQ(exchange.take_response().status, 413);
}

TEST(Exchange, GoesOnSendingToAServerThatAnswersAsItReads) {
  Exchange exchange(post(std::string(100'000, 'x')));
  exchange.connected(false);
  exchange.sent(20'000);
  exchange.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
  EXPECT_EQ(exchange.step(), Step::send);
  while (exchange.step() == Step::send) exchange.sent(exchange.to_send().size());
  exchange.feed("lo");
  EXPECT_EQ(exchange.step(), Step::done);
  EXPECT_TRUE(exchange.can_keep_connection());
}

TEST(Exchange, LooksForAnAnswerWhenSendingFails) {
  Exchange exchange(post(std::string(100'000, 'x')));
  exchange.connected(false);
  exchange.sent(20'000);
  exchange.send_failed(EPIPE);
  EXPECT_EQ(exchange.step(), Step::receive);
  exchange.feed("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(exchange.step(), Step::done);
  EXPECT_FALSE(exchange.can_keep_connection());
  EXPECT_EQ(exchange.take_response().status, 413);
}

TEST(Exchange, ReportsWhySendingFailedWhenThereIsNoAnswer) {
  for (const bool reset : {false, true}) {
    Exchange exchange(post(std::string(100'000, 'x')));
    exchange.connected(false);
    exchange.sent(20'000);
    exchange.send_failed(EPIPE);
    EXPECT_EQ(
        failure([&] { reset ? exchange.receive_failed(ECONNRESET) : exchange.end_of_stream(); }),
        "post http://host/path: send: Broken pipe");
  }
}

// ---- A kept-alive connection that had died ----

TEST(Exchange, RetriesADeadKeptConnectionOnceOnAFreshOne) {
  for (int how = 0; how < 3; ++how) {
    Exchange exchange(get());
    if (how == 0) {
      exchange.connected(true);
      exchange.send_failed(EPIPE);
    } else {
      send_all(exchange, /*reused=*/true);
      how == 1 ? exchange.end_of_stream() : exchange.receive_failed(ECONNRESET);
    }
    EXPECT_EQ(exchange.step(), Step::connect);
    EXPECT_TRUE(exchange.needs_fresh_connection());
    EXPECT_FALSE(exchange.can_keep_connection());
    EXPECT_TRUE(send_all(exchange).starts_with("GET /path HTTP/1.1\r\n"));  // all of it again
    exchange.feed(kHello);
    EXPECT_EQ(exchange.step(), Step::done);
    EXPECT_EQ(exchange.take_response().body, "hello");
  }
}

TEST(Exchange, RetriesOnlyOnce) {
  Exchange exchange(get());
  send_all(exchange, true);
  exchange.end_of_stream();
  send_all(exchange, true);  // a driver that does not listen
  EXPECT_THROW(exchange.end_of_stream(), Truncated);
}

TEST(Exchange, DoesNotRetryAFreshConnection) {
  Exchange exchange(get());
  send_all(exchange, false);
  EXPECT_THROW(exchange.end_of_stream(), Truncated);
}

TEST(Exchange, DoesNotRetryOnceAByteOfTheAnswerHasCome) {
  Exchange exchange(get());
  send_all(exchange, true);
  exchange.feed("H");
  EXPECT_THROW(exchange.end_of_stream(), Truncated);
}

// RFC 9110 section 9.2.2.
TEST(Exchange, RetriesWhatIsNotIdempotentOnlyIfNothingWasSent) {
  Exchange sent(post("data"));
  send_all(sent, true);
  EXPECT_THROW(sent.end_of_stream(), Truncated);

  Exchange unsent(post("data"));
  unsent.connected(true);
  unsent.send_failed(EPIPE);
  EXPECT_EQ(unsent.step(), Step::connect);

  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"}) {
    Request request = get();
    request.method = method;
    Exchange exchange(std::move(request));
    send_all(exchange, true);
    exchange.end_of_stream();
    EXPECT_EQ(exchange.step(), Step::connect) << method;
  }
  for (const char* method : {"PATCH", "CONNECT", "get"}) {
    Request request = get();
    request.method = method;
    Exchange exchange(std::move(request));
    send_all(exchange, true);
    EXPECT_THROW(exchange.end_of_stream(), Truncated) << method;
  }
}

// ---- Redirects ----

std::string redirect_to(const std::string& location, const std::string& more = "") {
  return "HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 4\r\n" + more +
         "\r\ngone";
}

TEST(Exchange, FollowsARedirectOverTheSameConnection) {
  std::string body;
  ExchangeOptions options;
  options.on_body = [&](std::string_view piece) { body += piece; };
  Exchange exchange(get("http://a/b#f"), std::move(options));
  send_all(exchange);
  exchange.feed(redirect_to("/c"));
  EXPECT_EQ(exchange.step(), Step::connect);
  EXPECT_TRUE(exchange.can_keep_connection());
  EXPECT_FALSE(exchange.needs_fresh_connection());
  EXPECT_EQ(exchange.origin().to_string(), "a:80");
  EXPECT_TRUE(send_all(exchange, true).starts_with("GET /c HTTP/1.1\r\n"));
  exchange.feed(kHello);
  EXPECT_EQ(exchange.step(), Step::done);
  EXPECT_EQ(body, "hello");  // and nothing of the page in between
  EXPECT_EQ(exchange.redirects(), 1);
  EXPECT_EQ(exchange.take_response().url.to_string(), "http://a/c#f");
}

TEST(Exchange, FollowsARedirectToAnotherOriginWithoutSecrets) {
  Request request = get("http://a/b");
  request.headers.add("Authorization", "secret");
  Exchange exchange(std::move(request));
  EXPECT_NE(send_all(exchange).find("secret"), std::string::npos);
  exchange.feed(redirect_to("http://c:81/d", "Connection: close\r\n"));
  EXPECT_FALSE(exchange.can_keep_connection());
  EXPECT_EQ(exchange.origin().to_string(), "c:81");
  EXPECT_EQ(send_all(exchange),
            "GET /d HTTP/1.1\r\nHost: c:81\r\nUser-Agent: simul\r\nAccept: */*\r\n\r\n");
}

TEST(Exchange, SendsTheBodyAgainWhenTheRedirectSaysSo) {
  const std::string body(100'000, 'x');
  Exchange exchange(post(body));
  send_all(exchange);
  exchange.feed("HTTP/1.1 307 Temporary Redirect\r\nLocation: /d\r\nContent-Length: 0\r\n\r\n");
  const std::string again = send_all(exchange, true);
  EXPECT_TRUE(again.starts_with("POST /d HTTP/1.1\r\n"));
  EXPECT_TRUE(again.ends_with("\r\n\r\n" + body));
}

TEST(Exchange, ExpectsNoBodyAfterARedirectedHead) {
  Request request = get();
  request.method = "HEAD";
  Exchange exchange(std::move(request));
  send_all(exchange);
  exchange.feed("HTTP/1.1 302 Found\r\nLocation: /d\r\nContent-Length: 4\r\n\r\n");
  EXPECT_TRUE(send_all(exchange, true).starts_with("HEAD /d "));
  exchange.feed("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(exchange.step(), Step::done);
}

TEST(Exchange, ReturnsTheRedirectItselfWhenToldNotToFollow) {
  ExchangeOptions options;
  options.follow_redirects = false;
  Exchange exchange(get(), std::move(options));
  send_all(exchange);
  exchange.feed(redirect_to("https://elsewhere/"));
  EXPECT_EQ(exchange.step(), Step::done);
  const Response response = exchange.take_response();
  EXPECT_EQ(response.status, 302);
  EXPECT_EQ(response.body, "gone");
}

TEST(Exchange, ReturnsARedirectThatLeadsNowhere) {
  Exchange exchange(get());
  send_all(exchange);
  exchange.feed("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(exchange.step(), Step::done);
}

TEST(Exchange, DoesNotReadALongPageThatNobodyWillSee) {
  for (const char* framing : {"Content-Length: 1000000\r\n", "X: until-close\r\n"}) {
    Exchange exchange(get());
    send_all(exchange);
    exchange.feed(std::string("HTTP/1.1 302 Found\r\nLocation: /d\r\n") + framing + "\r\n");
    EXPECT_EQ(exchange.step(), Step::connect) << framing;
    EXPECT_FALSE(exchange.can_keep_connection()) << framing;
  }
  Exchange exchange(get());
  send_all(exchange);
  exchange.feed(
      "HTTP/1.1 302 Found\r\nLocation: /d\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n");
  for (int i = 0; i < 65; ++i) {
    EXPECT_EQ(exchange.step(), Step::receive);
    exchange.feed(std::string(1024, 'x'));
  }
  EXPECT_EQ(exchange.step(), Step::connect);
  EXPECT_FALSE(exchange.can_keep_connection());
}

TEST(Exchange, StopsAfterTwentyRedirects) {
  Exchange exchange(get("http://a/b"));
  for (int i = 0; i < 20; ++i) {
    send_all(exchange, i > 0);
    exchange.feed(redirect_to("/b"));
  }
  send_all(exchange, true);
  EXPECT_EQ(failure([&] { exchange.feed(redirect_to("/b")); }),
            "get http://a/b: more than 20 redirects");
}

TEST(Exchange, SaysWhichUrlRedirectedToHttps) {
  Exchange exchange(get("http://a/b"));
  send_all(exchange);
  EXPECT_EQ(failure([&] { exchange.feed(redirect_to("https://a/b")); }),
            "get http://a/b: redirected to https://a/b, but this runtime speaks no TLS: "
            "http:// only");
}

TEST(Exchange, RetriesEachHopOnItsOwn) {
  Exchange exchange(get());
  send_all(exchange, true);
  exchange.end_of_stream();
  send_all(exchange);
  exchange.feed(redirect_to("/c"));
  send_all(exchange, true);
  exchange.end_of_stream();
  EXPECT_EQ(exchange.step(), Step::connect);
  EXPECT_TRUE(exchange.needs_fresh_connection());
  send_all(exchange);
  exchange.feed(kHello);
  EXPECT_EQ(exchange.step(), Step::done);
}

}  // namespace
}  // namespace simul::http
