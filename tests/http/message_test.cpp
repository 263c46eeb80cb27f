#include "runtime/http/message.hpp"

#include <gtest/gtest.h>

#include <string>

#include "runtime/http/error.hpp"

namespace simul::http {
namespace {

Request get(std::string_view url) {
  Request request;
  request.url = Url::parse(url);
  return request;
}

std::string written(const Request& request) {
  std::string out;
  write_request_head(out, request);
  return out;
}

std::string written(const Response& response, const ResponseFraming& framing = {}) {
  std::string out;
  write_response(out, response, framing);
  return out;
}

/// Is the message refused, and is nothing of it written?
template <class Message, class... Framing>
bool refused(const Message& message, const Framing&... framing) {
  std::string out = "before";
  try {
    if constexpr (std::is_same_v<Message, Request>)
      write_request_head(out, message);
    else
      write_response_head(out, message, framing...);
  } catch (const InvalidMessage&) {
    return out == "before";
  }
  return false;
}

TEST(WriteRequest, PutsHostFirst) {
  Request request = get("http://User:Pw@A.example:8080/p%20q?r#f");
  request.headers.add("Accept", "*/*");
  EXPECT_EQ(written(request),
            "GET /p%20q?r HTTP/1.1\r\nHost: a.example:8080\r\nAccept: */*\r\n\r\n");
}

TEST(WriteRequest, LetsTheCallerChooseAnotherHost) {
  Request request = get("http://127.0.0.1/");
  request.headers.add("Accept", "*/*");
  request.headers.add("host", "b.example");
  EXPECT_EQ(written(request), "GET / HTTP/1.1\r\nHost: b.example\r\nAccept: */*\r\n\r\n");
  request.headers.add("Host", "c.example");
  EXPECT_TRUE(refused(request));
}

TEST(WriteRequest, ComputesTheLength) {
  Request request = get("http://a/");
  request.body = "hello";
  EXPECT_EQ(written(request), "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  request.headers.add("content-length", "5");  // once is enough
  EXPECT_EQ(written(request), "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
}

// RFC 9110 section 8.6: a method that usually has a body says when it has none.
TEST(WriteRequest, StatesALengthOfZeroWhereABodyIsExpected) {
  Request request = get("http://a/");
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    request.method = method;
    EXPECT_NE(written(request).find("Content-Length: 0\r\n"), std::string::npos) << method;
  }
  for (const char* method : {"GET", "HEAD", "DELETE", "OPTIONS"}) {
    request.method = method;
    EXPECT_EQ(written(request).find("Content-Length"), std::string::npos) << method;
  }
}

TEST(WriteRequest, GivesConnectAHostAndPort) {
  Request request = get("http://a.example/ignored");
  request.method = "CONNECT";
  EXPECT_TRUE(written(request).starts_with("CONNECT a.example:80 HTTP/1.1\r\n"));
}

TEST(WriteRequest, LetsNobodyContradictTheFraming) {
  for (const char* length : {"4", "6", "-5", "5, 5", "x", ""}) {
    Request request = get("http://a/");
    request.body = "hello";
    request.headers.add("Content-Length", length);
    EXPECT_TRUE(refused(request)) << length;
  }
  Request request = get("http://a/");
  request.headers.add("transfer-encoding", "chunked");
  EXPECT_TRUE(refused(request));
}

// CWE-113, and RFC 9110 section 5.5: whatever the application was talked into.
TEST(WriteRequest, CannotBeMadeToSmuggle) {
  for (const std::string& evil :
       {std::string("x\r\nEvil: 1"), std::string("x\nEvil: 1"), std::string("x\ry"),
        std::string("x\0y", 3), std::string("x\x7f"), std::string("x\x1b"), std::string("x y z")}) {
    Request method = get("http://a/");
    method.method = evil;
    EXPECT_TRUE(refused(method)) << quote(evil);

    Request path = get("http://a/");
    path.url.path = "/" + evil;
    EXPECT_TRUE(refused(path)) << quote(evil);

    Request query = get("http://a/");
    query.url.query = evil;
    EXPECT_TRUE(refused(query)) << quote(evil);

    Request host = get("http://a/");
    host.url.host = evil;
    EXPECT_TRUE(refused(host)) << quote(evil);
  }
  Request method = get("http://a/");
  method.method = "";
  EXPECT_TRUE(refused(method));
  method.method = "GET /evil HTTP/1.1\r\nHost: b\r\n\r\nGET";
  EXPECT_TRUE(refused(method));
  Request host = get("http://a/");
  host.url.host = "";
  EXPECT_TRUE(refused(host));
}

Response hello() {
  Response response;
  response.headers.add("Content-Type", "text/plain");
  response.body = "hello";
  return response;
}

TEST(WriteResponse, ComputesTheLength) {
  EXPECT_EQ(written(hello()),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(written(Response{}), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

TEST(WriteResponse, AnswersHeadWithTheLengthAlone) {
  EXPECT_EQ(written(hello(), {.without_body = true}),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n");
  Response response;  // the length of a file that nobody had to read
  response.headers.add("Content-Length", "123");
  EXPECT_EQ(written(response, {.without_body = true}),
            "HTTP/1.1 200 OK\r\nContent-Length: 123\r\n\r\n");
}

TEST(WriteResponse, SaysWhetherTheConnectionStays) {
  const Response empty;
  EXPECT_EQ(written(empty, {.keep_alive = false}),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(written(empty, {.keep_alive = true, .minor_version = 0}),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
}

TEST(WriteResponse, FramesAStreamByItsVersion) {
  const Response empty;
  EXPECT_EQ(written(empty, {.streamed = true}),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(written(empty, {.minor_version = 0, .streamed = true}),
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  Response known;
  known.headers.add("Content-Length", "1000000");
  EXPECT_EQ(written(known, {.streamed = true}),
            "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
}

TEST(WriteResponse, GivesNoBodyWhereThereIsNone) {
  Response response;
  for (int status : {100, 204}) {
    response.status = status;
    EXPECT_EQ(written(response).find("Content-Length"), std::string::npos) << status;
  }
  response.status = 304;
  EXPECT_EQ(written(response), "HTTP/1.1 304 Not Modified\r\n\r\n");
  for (int status : {100, 101, 204, 304}) {
    response.status = status;
    response.body = "x";
    EXPECT_TRUE(refused(response)) << status;
    response.body = "";
    EXPECT_TRUE(refused(response, ResponseFraming{.streamed = true})) << status;
  }
}

TEST(WriteResponse, LeavesConnectionTo101) {
  Response response;
  response.headers.add("Connection", "Upgrade");
  EXPECT_TRUE(refused(response));
  response.status = 101;
  EXPECT_EQ(written(response), "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n");
}

TEST(WriteResponse, CannotBeMadeToSmuggle) {
  Response response;
  response.reason = "OK\r\nEvil: 1";
  EXPECT_TRUE(refused(response));
  response.reason = std::string("O\0K", 3);
  EXPECT_TRUE(refused(response));
  response.reason = "Fine";
  EXPECT_FALSE(refused(response));
  response.headers.add("Content-Length", "5");
  EXPECT_TRUE(refused(response));
  response.headers.set("Content-Length", "0");
  EXPECT_FALSE(refused(response));
  response.headers.add("Transfer-Encoding", "chunked");
  EXPECT_TRUE(refused(response));
  for (int status : {-1, 0, 99, 1000}) {
    Response bad;
    bad.status = status;
    EXPECT_TRUE(refused(bad)) << status;
  }
}

TEST(IncomingRequest, SplitsItsTarget) {
  IncomingRequest request;
  request.target = "/a?b?c";
  EXPECT_EQ(request.path(), "/a");
  EXPECT_EQ(request.query(), "b?c");
  request.target = "/a";
  EXPECT_EQ(request.path(), "/a");
  EXPECT_EQ(request.query(), "");
}

}  // namespace
}  // namespace simul::http
