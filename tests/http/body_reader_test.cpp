#include "runtime/http/body_reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/http/error.hpp"
#include "tests/http/splits.hpp"

namespace simul::http {
namespace {

using Kind = Framing::Kind;

std::string name_of(const Framing& framing) {
  switch (framing.kind) {
    case Kind::none:
      return "none";
    case Kind::length:
      return "length " + std::to_string(framing.length);
    case Kind::chunked:
      return "chunked";
    case Kind::until_close:
      return "until close";
  }
  return "?";
}

template <class Function>
std::string outcome(Function function) {
  try {
    return name_of(function());
  } catch (const ProtocolError& error) {
    return std::to_string(error.status()) + " " + error.what();
  }
}

std::string of_request(const Headers& headers, int minor_version = 1) {
  return outcome([&] { return request_framing(headers, minor_version); });
}

std::string of_response(const Headers& headers, int status = 200, std::string_view method = "GET",
                        int minor_version = 1) {
  return outcome([&] { return response_framing(headers, minor_version, status, method); });
}

// RFC 9112 section 6.3.
TEST(Framing, FollowsTheHeaders) {
  EXPECT_EQ(of_request({}), "none");
  EXPECT_EQ(of_response({}), "until close");
  EXPECT_EQ(of_request({{"Content-Length", "0"}}), "none");
  EXPECT_EQ(of_response({{"Content-Length", "0"}}), "none");
  EXPECT_EQ(of_request({{"content-length", "12"}}), "length 12");
  EXPECT_EQ(of_response({{"content-length", "0012"}}), "length 12");
  EXPECT_EQ(of_request({{"transfer-encoding", "Chunked"}}), "chunked");
  EXPECT_EQ(of_response({{"transfer-encoding", "Chunked"}}), "chunked");
}

TEST(Framing, OfAResponseWithoutABodyDoesNotFollowTheHeaders) {
  for (const Headers& headers :
       {Headers{{"Content-Length", "12"}}, Headers{{"Transfer-Encoding", "chunked"}}, Headers{}}) {
    EXPECT_EQ(of_response(headers, 200, "HEAD"), "none");
    EXPECT_EQ(of_response(headers, 404, "HEAD"), "none");
    EXPECT_EQ(of_response(headers, 101), "none");
    EXPECT_EQ(of_response(headers, 204), "none");
    EXPECT_EQ(of_response(headers, 304), "none");
    EXPECT_EQ(of_response(headers, 200, "CONNECT"), "none");
    EXPECT_NE(of_response(headers, 407, "CONNECT"), "none");
    EXPECT_NE(of_response(headers, 200, "head"), "none");  // methods have a case
  }
}

TEST(Framing, RefusesWhatHasBeenUsedForAttacks) {
  const struct {
    const char* source;
    Headers headers;
    int status;
    int minor_version = 1;
  } attacks[] = {
      {"RFC 9112 6.1, litespeedtech/openlitespeed#392: both lengths",
       {{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}},
       400},
      {"nodejs/http-parser#517: both, the other way round",
       {{"Transfer-Encoding", "chunked"}, {"Content-Length", "5"}},
       400},
      {"RFC 9112 6.3: lengths that differ",
       {{"Content-Length", "5"}, {"Content-Length", "6"}},
       400},
      {"RFC 9112 6.3: a list", {{"Content-Length", "5, 6"}}, 400},
      {"RFC 9112 6.3: a list of equals", {{"Content-Length", "5, 5"}}, 400},
      {"RFC 9110 8.6: a plus sign", {{"Content-Length", "+5"}}, 400},
      {"RFC 9110 8.6: a minus sign", {{"Content-Length", "-5"}}, 400},
      {"RFC 9110 8.6: minus nothing", {{"Content-Length", "-0"}}, 400},
      {"RFC 9110 8.6: empty", {{"Content-Length", ""}}, 400},
      {"RFC 9110 8.6: hexadecimal", {{"Content-Length", "0x5"}}, 400},
      {"RFC 9110 8.6: a fraction", {{"Content-Length", "5.0"}}, 400},
      {"RFC 9110 8.6: an exponent", {{"Content-Length", "1e3"}}, 400},
      {"RFC 9110 8.6: an underscore", {{"Content-Length", "1_0"}}, 400},
      {"RFC 9110 8.6: space between digits", {{"Content-Length", "1 0"}}, 400},
      {"RFC 9110 8.6: 2 to the 64th", {{"Content-Length", "18446744073709551616"}}, 400},
      {"RFC 9110 8.6: many digits", {{"Content-Length", "99999999999999999999999999"}}, 400},
      {"RFC 9112 6.1: an unknown coding", {{"Transfer-Encoding", "gzip"}}, 501},
      {"RFC 9112 6.1: chunked is not last", {{"Transfer-Encoding", "chunked, gzip"}}, 501},
      {"RFC 9112 6.1: a coding that we do not decode",
       {{"Transfer-Encoding", "gzip, chunked"}},
       501},
      {"RFC 9112 7: identity", {{"Transfer-Encoding", "identity"}}, 501},
      {"RFC 9112 7.1: chunked twice", {{"Transfer-Encoding", "chunked, chunked"}}, 501},
      {"RFC 9112 6.1: chunked in two fields",
       {{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
       400},
      {"RFC 9112 6.1: another coding behind it",
       {{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "x"}},
       400},
      {"RFC 9112 6.1: almost chunked", {{"Transfer-Encoding", "xchunked"}}, 501},
      {"RFC 9112 6.1: quoted", {{"Transfer-Encoding", "\"chunked\""}}, 501},
      {"RFC 9112 6.1: with a parameter", {{"Transfer-Encoding", "chunked;q=1"}}, 501},
      {"RFC 9112 6.1: empty", {{"Transfer-Encoding", ""}}, 501},
      {"RFC 9112 6.1: in HTTP/1.0", {{"Transfer-Encoding", "chunked"}}, 400, 0},
  };
  for (const auto& [source, headers, status, minor_version] : attacks) {
    const std::string refused = std::to_string(status) + " ";
    EXPECT_TRUE(of_request(headers, minor_version).starts_with(refused)) << source;
    EXPECT_TRUE(of_response(headers, 200, "GET", minor_version).starts_with(refused)) << source;
  }
}

TEST(Framing, TakesTheLargestLengthAndARepeatedOne) {
  EXPECT_EQ(of_request({{"Content-Length", "18446744073709551615"}}),
            "length 18446744073709551615");
  EXPECT_EQ(of_request({{"Content-Length", "5"}, {"Content-Length", "5"}}), "length 5");
}

// RFC 9112 section 9.3.
TEST(KeepAlive, DependsOnVersionAndConnection) {
  EXPECT_TRUE(wants_keep_alive({}, 1));
  EXPECT_FALSE(wants_keep_alive({}, 0));
  EXPECT_TRUE(wants_keep_alive({{"Connection", "Keep-Alive"}}, 0));
  EXPECT_FALSE(wants_keep_alive({{"Connection", "Close"}}, 1));
  EXPECT_FALSE(wants_keep_alive({{"Connection", "keep-alive"}, {"Connection", "x, close"}}, 1));
  EXPECT_TRUE(wants_keep_alive({{"Connection", "upgrade"}}, 1));
}

/// The body, how it ended, and what was left.
std::string read(const Framing& framing, const std::vector<std::string_view>& pieces,
                 std::uint64_t max_bytes = 1000) {
  std::string body;
  std::string rest;
  BodyReader reader(max_bytes);
  try {
    reader.begin(framing);
    for (std::string_view bytes : pieces) {
      for (std::string_view piece; !(piece = reader.next(bytes)).empty();) body += piece;
      rest += bytes;
    }
    EXPECT_EQ(reader.received(), body.size());
    const bool done = reader.done();
    reader.end_of_stream();
    return body + (done ? "|done|" : "|done at the end of the stream|") + rest;
  } catch (const Truncated& error) {
    return body + "|" + error.what();
  } catch (const TooLarge& error) {
    return body + "|" + std::to_string(error.status()) + " " + error.what();
  }
}

std::string read(const Framing& framing, std::string_view bytes, std::uint64_t max_bytes = 1000) {
  const std::string whole = read(framing, std::vector{bytes}, max_bytes);
  testing::for_each_split(bytes, [&](const auto& pieces, const std::string& cut) {
    EXPECT_EQ(read(framing, pieces, max_bytes), whole) << cut;
  });
  return whole;
}

TEST(BodyReader, EndsWhereTheFramingSays) {
  EXPECT_EQ(read({}, "next"), "|done|next");
  EXPECT_EQ(read({Kind::length, 5}, "hellonext"), "hello|done|next");
  EXPECT_EQ(read({Kind::chunked, 0}, "5\r\nhello\r\n0\r\n\r\nnext"), "hello|done|next");
  EXPECT_EQ(read({Kind::until_close, 0}, "hello"), "hello|done at the end of the stream|");
  EXPECT_EQ(read({Kind::until_close, 0}, ""), "|done at the end of the stream|");
}

TEST(BodyReader, TakesAnEarlyEndForAnErrorAndNeverForAShortBody) {
  EXPECT_EQ(read({Kind::length, 50}, "0123456789"),
            "0123456789|the connection ended after 10 of 50 body bytes");
  EXPECT_EQ(read({Kind::length, 50}, ""), "|the connection ended after 0 of 50 body bytes");
  for (const std::string_view bytes :
       {"5\r\nhello", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n", "5\r\nhello\r\n0\r\nA: b\r\n"}) {
    EXPECT_EQ(read({Kind::chunked, 0}, bytes),
              "hello|the connection ended after 5 body bytes, before the last chunk");
  }
}

TEST(BodyReader, LimitsABodyThatStatesItsLengthBeforeItComes) {
  EXPECT_EQ(read({Kind::length, 5}, "hello", 5), "hello|done|");
  EXPECT_EQ(read({Kind::length, 6}, "hello!", 5), "|413 the body is longer than 5 bytes");
}

TEST(BodyReader, LimitsABodyThatDoesNot) {
  EXPECT_EQ(read({Kind::chunked, 0}, "5\r\nhello\r\n0\r\n\r\n", 5), "hello|done|");
  EXPECT_EQ(read({Kind::chunked, 0}, "3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n", 5),
            "hello|413 the body is longer than 5 bytes");
  EXPECT_EQ(read({Kind::until_close, 0}, "hello", 5), "hello|done at the end of the stream|");
  EXPECT_EQ(read({Kind::until_close, 0}, "hello!", 5), "hello|413 the body is longer than 5 bytes");
}

TEST(BodyReader, CanBeUsedAgain) {
  BodyReader reader(1000);
  for (int i = 0; i < 3; ++i) {
    std::string_view bytes = "1\r\nx\r\n0\r\nA: b\r\n\r\n";
    reader.begin({Kind::chunked, 0});
    EXPECT_EQ(reader.next(bytes), "x");
    EXPECT_EQ(reader.next(bytes), "");
    EXPECT_TRUE(reader.done());
    EXPECT_EQ(reader.trailers().size(), 1u);
  }
  reader.begin({Kind::length, 3});
  EXPECT_EQ(reader.received(), 0u);
}

}  // namespace
}  // namespace simul::http
