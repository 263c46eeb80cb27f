#include "runtime/http/message_parser.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/http/splits.hpp"

namespace simul::http {
namespace {

std::string head_of(RequestParser& parser) {
  const IncomingRequest& request = parser.request();
  return request.method + " " + request.target + " 1." + std::to_string(request.minor_version);
}

std::string head_of(ResponseParser& parser) {
  const Response& response = parser.response();
  return std::to_string(response.status) + " [" + response.reason + "] 1." +
         std::to_string(response.minor_version);
}

const Headers& headers_of(RequestParser& parser) {
  return parser.request().headers;
}
const Headers& headers_of(ResponseParser& parser) {
  return parser.response().headers;
}

/// Everything that a parser finds in the pieces: all messages, one after the other, then the end of
/// the stream, as one text.
template <class Parser>
class Transcript {
 public:
  explicit Transcript(const Limits& limits = {}, std::string method = "GET")
      : parser_(make(limits, method)), method_(method) {}

  std::string of(const std::vector<std::string_view>& pieces) {
    try {
      for (std::string_view piece : pieces) feed(piece);
      const bool idle = parser_.idle();
      parser_.end_of_stream();
      if (!idle) feed("");
      text_ += "(end of stream)";
    } catch (const Truncated& error) {
      text_.append("(truncated: ").append(error.what()).append(")");
    } catch (const TooLarge& error) {
      text_ += "(" + std::to_string(error.status()) + " too large: " + error.what() + ")";
    } catch (const ProtocolError& error) {
      text_ += "(" + std::to_string(error.status()) + ")";
    }
    return text_;
  }

 private:
  static Parser make(const Limits& limits, const std::string& method) {
    if constexpr (std::is_same_v<Parser, RequestParser>)
      return Parser(limits);
    else
      return Parser(method, limits);
  }

  void feed(std::string_view bytes) {
    for (;;) {
      switch (parser_.next(bytes)) {
        case Event::need_input:
          EXPECT_TRUE(bytes.empty());
          return;
        case Event::head:
          text_ += "{" + head_of(parser_);
          for (const auto [name, value] : headers_of(parser_)) {
            text_.append("; ").append(name).append("=").append(value);
          }
          text_ += parser_.keep_alive() ? "; keep} " : "; close} ";
          break;
        case Event::body:
          EXPECT_FALSE(parser_.piece().empty());
          text_ += parser_.piece();
          break;
        case Event::end:
          EXPECT_EQ(parser_.next(bytes), Event::end);  // it stays
          text_ += " (end)";
          for (const auto [name, value] : parser_.trailers()) {
            text_.append(" ").append(name).append("=").append(value);
          }
          if constexpr (std::is_same_v<Parser, RequestParser>)
            parser_.reset();
          else
            parser_.reset(method_);
          break;
      }
    }
  }

  Parser parser_;
  std::string method_;
  std::string text_;
};

template <class Parser>
std::string parse(std::string_view bytes, const Limits& limits = {}, std::string method = "GET") {
  const std::string whole = Transcript<Parser>(limits, method).of({bytes});
  testing::for_each_split(bytes, [&](const auto& pieces, const std::string& cut) {
    EXPECT_EQ(Transcript<Parser>(limits, method).of(pieces), whole) << cut;
  });
  return whole;
}

std::string requests(std::string_view bytes, const Limits& limits = Limits::for_server()) {
  return parse<RequestParser>(bytes, limits);
}

std::string responses(std::string_view bytes, std::string method = "GET",
                      const Limits& limits = {}) {
  return parse<ResponseParser>(bytes, limits, std::move(method));
}

TEST(RequestParser, ReadsOneRequestAfterTheOther) {
  EXPECT_EQ(requests("GET /a?b HTTP/1.1\r\nHost: h\r\nX:  y \r\n\r\n"
                     "POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
                     "PUT /d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "5\r\nhello\r\n0\r\nT: u\r\n\r\n"
                     "GET / HTTP/1.0\r\n\r\n"),
            "{GET /a?b 1.1; Host=h; X=y; keep}  (end)"
            "{POST /c 1.1; Host=h; Content-Length=5; keep} hello (end)"
            "{PUT /d 1.1; Host=h; Transfer-Encoding=chunked; keep} hello (end) T=u"
            "{GET / 1.0; close}  (end)(end of stream)");
}

TEST(RequestParser, KnowsTheFourFormsOfATarget) {  // RFC 9112 section 3.2
  for (const char* line : {"GET / HTTP/1.0", "GET http://a/b HTTP/1.0", "OPTIONS * HTTP/1.0",
                           "CONNECT a:80 HTTP/1.0", "CONNECT [::1]:80 HTTP/1.0"}) {
    const std::string text(line);
    EXPECT_EQ(requests(text + "\r\n\r\n"),
              "{" + text.substr(0, text.size() - 8) + "1.0; close}  (end)(end of stream)");
  }
}

TEST(RequestParser, IgnoresOneEmptyLineBeforeARequest) {  // RFC 9112 section 2.2
  EXPECT_EQ(requests("\r\nGET / HTTP/1.0\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n\r\n"),
            "{GET / 1.0; close}  (end){GET / 1.0; close}  (end)(end of stream)");
  EXPECT_EQ(requests("\r\n\r\nGET / HTTP/1.0\r\n\r\n"), "(400)");
}

TEST(RequestParser, KeepsTheConnectionAsTheClientAsks) {
  EXPECT_NE(requests("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").find("keep}"),
            std::string::npos);
  EXPECT_NE(requests("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").find("close}"),
            std::string::npos);
}

TEST(RequestParser, RefusesWhatHasBeenUsedForAttacks) {
  const struct {
    const char* source;
    std::string_view bytes;
    int status = 400;
  } attacks[] = {
      {"nodejs/llhttp#877: bare LF in the start line", "GET / HTTP/1.1\nHost: h\r\n\r\n"},
      {"RFC 9112 2.2: bare LF after a header", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n"},
      {"RFC 9112 2.2: bare LF as the empty line", "GET / HTTP/1.1\r\nHost: h\r\n\n"},
      {"RFC 9112 2.2: bare CR in the start line", "GET /\r HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"RFC 9112 2.2: bare CR in a header", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n"},
      {"RFC 9112 2.2: CR CR LF", "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n"},
      {"RFC 9112 3: two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"RFC 9112 3: two spaces before the version", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"RFC 9112 3: a tab for a space", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"RFC 9112 3: a space in front", " GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"RFC 9112 3: a space behind", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"},
      {"RFC 9112 3: a space in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"RFC 9112 3: no version (HTTP/0.9)", "GET /\r\n\r\n"},
      {"RFC 9112 3: a method that is no token", "G(T / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"RFC 9112 3.2: no target", "GET  HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"RFC 9112 3.2: a target of no form", "GET a HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"RFC 9112 3.2.4: * is for OPTIONS", "GET * HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"RFC 9112 3.2.3: a path for CONNECT", "CONNECT /a HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"RFC 3986: a raw byte in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"RFC 9112 3.2: NUL in the target",
       std::string_view("GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n", 28)},
      {"RFC 9112 2.3: lower case", "GET / http/1.1\r\nHost: h\r\n\r\n"},
      {"RFC 9112 2.3: two digits", "GET / HTTP/1.10\r\nHost: h\r\n\r\n"},
      {"RFC 9112 2.3: HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {"RFC 9112 2.3: HTTP/2 in earnest", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"RFC 9112 2.3: HTTP/0.9 in words", "GET / HTTP/0.9\r\nHost: h\r\n\r\n", 505},
      {"RFC 9112 5.1: space before the colon", "GET / HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n"},
      {"RFC 9112 5.1: tab before the colon", "GET / HTTP/1.1\r\nHost: h\r\nX\t: y\r\n\r\n"},
      {"RFC 9112 5.1: no colon", "GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n"},
      {"RFC 9112 5.1: no name", "GET / HTTP/1.1\r\nHost: h\r\n: y\r\n\r\n"},
      {"RFC 9112 5.1: a space in a name", "GET / HTTP/1.1\r\nHost: h\r\nX Y: z\r\n\r\n"},
      {"RFC 9112 5.2: obs-fold", "GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n z\r\n\r\n"},
      {"RFC 9112 5.2: obs-fold with a tab", "GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\tz\r\n\r\n"},
      {"RFC 9112 2.2: space before the first header", "GET / HTTP/1.1\r\n Host: h\r\n\r\n"},
      {"RFC 9110 5.5: NUL in a value",
       std::string_view("GET / HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n", 32)},
      {"RFC 9110 5.5: NUL in a name",
       std::string_view("GET / HTTP/1.1\r\nHost: h\r\nX\0: y\r\n\r\n", 33)},
      {"RFC 9110 5.5: a control byte in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: \x01\r\n\r\n"},
      {"RFC 9112 3.2: no Host", "GET / HTTP/1.1\r\n\r\n"},
      {"RFC 9112 3.2: Host twice", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"},
      {"RFC 9112 3.2: Host twice in HTTP/1.0", "GET / HTTP/1.0\r\nHost: h\r\nhost: i\r\n\r\n"},
      {"RFC 9112 3.2: two hosts in one", "GET / HTTP/1.1\r\nHost: h, i\r\n\r\n"},
      {"RFC 9112 3.2: a path in Host", "GET / HTTP/1.1\r\nHost: h/i\r\n\r\n"},
      {"RFC 9112 6.1: both lengths",
       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
       "0\r\n\r\nGET /evil HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"RFC 9112 6.3: lengths that differ",
       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"},
      {"RFC 9112 6.1: space before the colon hides a coding",
       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding : chunked\r\n\r\nabc"},
      {"RFC 9112 6.1: unknown coding",
       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
      {"RFC 9112 6.1: chunked in HTTP/1.0",
       "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"TLS on a plain port", std::string_view("\x16\x03\x01\x02\0\x01\n", 7)},
  };
  for (const auto& [source, bytes, status] : attacks) {
    EXPECT_EQ(requests(bytes), "(" + std::to_string(status) + ")") << source;
  }
}

TEST(RequestParser, GivesEachLimitItsStatus) {
  Limits limits = Limits::for_server();
  limits.start_line = 20;
  EXPECT_EQ(requests("GET /123456 HTTP/1.0\r\n\r\n", limits),
            "(414 too large: the request line is longer than 20 bytes)");
  EXPECT_EQ(requests("GET /12345 HTTP/1.0\r\n\r\n", limits),
            "{GET /12345 1.0; close}  (end)(end of stream)");

  limits = Limits::for_server();
  limits.header_fields = 2;
  EXPECT_EQ(requests("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\nC: d\r\n\r\n", limits),
            "(431 too large: there are more than 2 header fields)");

  limits = Limits::for_server();
  limits.header_bytes = 20;
  EXPECT_EQ(requests("GET / HTTP/1.1\r\nHost: 1234567890\r\n\r\n", limits),
            "{GET / 1.1; Host=1234567890; keep}  (end)(end of stream)");
  EXPECT_EQ(requests("GET / HTTP/1.1\r\nHost: 12345678901\r\n\r\n", limits),
            "(431 too large: the header fields are longer than 20 bytes)");

  limits = Limits::for_server();
  limits.body = 4;
  EXPECT_EQ(requests("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", limits),
            "(413 too large: the body is longer than 4 bytes)");
}

TEST(RequestParser, HasTheDefaultsOfTheDesign) {
  const Limits limits = Limits::for_server();
  EXPECT_EQ(limits.start_line, 16u * 1024);
  EXPECT_EQ(limits.header_bytes, 64u * 1024);
  EXPECT_EQ(limits.header_fields, 100u);
  EXPECT_EQ(limits.body, 16u * 1024 * 1024);
  EXPECT_EQ(Limits().body, 1u << 30);
}

TEST(RequestParser, HoldsItsLimitsAgainstLinesThatNeverEnd) {
  for (const std::string start : {"", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nX: "}) {
    RequestParser parser;
    std::string_view bytes = start;
    parser.next(bytes);
    const std::string junk(1000, 'x');
    std::size_t fed = 0;
    try {
      for (; fed < 1'000'000; fed += junk.size()) {
        bytes = junk;
        parser.next(bytes);
      }
      ADD_FAILURE() << "no limit after " << fed << " bytes";
    } catch (const TooLarge&) {
      EXPECT_LE(fed, 65u * 1024);
    }
  }
}

TEST(ResponseParser, ReadsOneResponseAfterTheOther) {
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
                      "HTTP/1.1 404 Not  Found \r\nTransfer-Encoding: chunked\r\n\r\n"
                      "5\r\nhello\r\n0\r\nT: u\r\n\r\n"
                      "HTTP/1.1 204 No Content\r\n\r\n"
                      "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"
                      "HTTP/1.0 200 OK\r\nX: y\r\n\r\nto the end"),
            "{200 [OK] 1.1; Content-Length=5; keep} hello (end)"
            "{404 [Not  Found ] 1.1; Transfer-Encoding=chunked; keep} hello (end) T=u"
            "{204 [No Content] 1.1; keep}  (end)"
            "{304 [Not Modified] 1.1; Content-Length=5; keep}  (end)"
            "{200 [OK] 1.0; X=y; close} to the end (end)(end of stream)");
}

TEST(ResponseParser, KnowsThatHeadHasNoBody) {
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "HTTP/1.1 200 OK\r\n\r\n",
                      "HEAD"),
            "{200 [OK] 1.1; Content-Length=5; keep}  (end)"
            "{200 [OK] 1.1; Transfer-Encoding=chunked; keep}  (end)"
            "{200 [OK] 1.1; keep}  (end)(end of stream)");
}

TEST(ResponseParser, SkipsInterimResponses) {
  EXPECT_EQ(responses("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
            "{200 [OK] 1.1; Content-Length=1; keep} x (end)(end of stream)");
  EXPECT_EQ(responses("HTTP/1.1 100 Continue\r\n\r\n"),
            "(truncated: the connection ended inside the status line)");
}

TEST(ResponseParser, LimitsInterimResponses) {
  std::string_view one = "HTTP/1.1 100 Continue\r\nA: b\r\n\r\n";
  ResponseParser parser;
  EXPECT_THROW(
      {
        for (int i = 0; i < 100'000; ++i) {
          std::string_view bytes = one;
          parser.next(bytes);
        }
      },
      TooLarge);
}

TEST(ResponseParser, Takes101ForFinalAndLeavesWhatFollows) {
  ResponseParser parser;
  std::string_view bytes = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05";
  EXPECT_EQ(parser.next(bytes), Event::head);
  EXPECT_FALSE(parser.keep_alive());
  EXPECT_EQ(parser.next(bytes), Event::end);
  EXPECT_EQ(bytes, "\x81\x05");
}

TEST(ResponseParser, LeavesTheTunnelBehindConnectAlone) {
  ResponseParser parser("CONNECT");
  std::string_view bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntunnel";
  EXPECT_EQ(parser.next(bytes), Event::head);
  EXPECT_EQ(parser.next(bytes), Event::end);
  EXPECT_EQ(bytes, "tunnel");
  EXPECT_FALSE(parser.keep_alive());
}

TEST(ResponseParser, TakesAStatusLineWithoutAReason) {
  EXPECT_EQ(responses("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"
                      "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"
                      "HTTP/1.1 599 \xc3\xa4\r\nContent-Length: 0\r\n\r\n"),
            "{200 [] 1.1; Content-Length=0; keep}  (end)"
            "{200 [] 1.1; Content-Length=0; keep}  (end)"
            "{599 [\xc3\xa4] 1.1; Content-Length=0; keep}  (end)(end of stream)");
}

TEST(ResponseParser, TakesAnEarlyEndForAnErrorAndNeverForAShortSuccess) {
  const std::string_view message = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello";
  for (std::size_t size = 1; size < message.size(); ++size) {
    const std::string text = responses(message.substr(0, size));
    EXPECT_NE(text.find("(truncated: the connection ended "), std::string::npos) << size << text;
  }
  const std::string_view chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n";
  for (std::size_t size = 1; size < chunked.size(); ++size) {
    const std::string text = responses(chunked.substr(0, size));
    EXPECT_NE(text.find("(truncated: the connection ended "), std::string::npos) << size << text;
  }
  // Nor is a head cut short where the body would have gone on to the end of the stream.
  EXPECT_EQ(responses("HTTP/1.0 200 OK\r\nX: y\r\n"),
            "(truncated: the connection ended inside the header fields)");
}

TEST(ResponseParser, TellsAnEndBeforeTheFirstByteFromOneInside) {
  ResponseParser parser;
  EXPECT_TRUE(parser.idle());
  parser.end_of_stream();
  EXPECT_TRUE(parser.idle());
  EXPECT_FALSE(parser.done());
  std::string_view bytes = "H";
  parser.next(bytes);
  EXPECT_FALSE(parser.idle());
  EXPECT_THROW(parser.end_of_stream(), Truncated);
}

TEST(ResponseParser, RefusesWhatHasBeenUsedForAttacks) {
  const struct {
    const char* source;
    std::string_view bytes;
  } attacks[] = {
      {"nodejs/llhttp#877: bare LF in the start line", "HTTP/1.1 200 OK\nA: b\r\n\r\n"},
      {"RFC 9112 4: bare CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n"},
      {"RFC 9112 4: NUL in the reason", std::string_view("HTTP/1.1 200 O\0K\r\n\r\n", 20)},
      {"RFC 9112 4: two digits", "HTTP/1.1 20 OK\r\n\r\n"},
      {"RFC 9112 4: four digits", "HTTP/1.1 2000 OK\r\n\r\n"},
      {"RFC 9112 4: a sign", "HTTP/1.1 +20 OK\r\n\r\n"},
      {"RFC 9110 15: below 100", "HTTP/1.1 099 OK\r\n\r\n"},
      {"RFC 9112 4: two spaces", "HTTP/1.1  200 OK\r\n\r\n"},
      {"RFC 9112 4: a tab", "HTTP/1.1\t200 OK\r\n\r\n"},
      {"RFC 9112 4: something glued to the status", "HTTP/1.1 200OK\r\n\r\n"},
      {"RFC 9112 4: ICY is not HTTP", "ICY 200 OK\r\n\r\n"},
      {"RFC 9112 4: no HTTP at all", "<html>\r\n\r\n"},
      {"RFC 9112 2.2: an empty line in front", "\r\nHTTP/1.1 200 OK\r\n\r\n"},
      {"RFC 9112 5.1: space before the colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"},
      {"RFC 9112 5.2: obs-fold", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"},
      {"RFC 9112 6.1: both lengths",
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
  };
  for (const auto& [source, bytes] : attacks) EXPECT_EQ(responses(bytes), "(400)") << source;
  EXPECT_EQ(responses("HTTP/2.0 200 OK\r\n\r\n"), "(505)");
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), "(501)");
}

TEST(ResponseParser, LimitsABodyInMemory) {
  Limits limits;
  limits.body = 4;
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "GET", limits),
            "(413 too large: the body is longer than 4 bytes)");
  EXPECT_EQ(responses("HTTP/1.0 200 OK\r\n\r\nhello", "GET", limits),
            "{200 [OK] 1.0; close} hell(413 too large: the body is longer than 4 bytes)");
}

// twisted/twisted#3795: searching the whole header block again for every byte that comes.
TEST(MessageParser, TakesTimeLinearInTheBytesHoweverTheyCome) {
  std::string message = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 60; ++i) message += "X: " + std::string(1000, 'x') + "\r\n";
  message += "\r\n";
  const auto seconds_for = [&](std::size_t piece_size) {
    const auto start = std::chrono::steady_clock::now();
    for (int round = 0; round < 20; ++round) {
      ResponseParser parser("HEAD");
      for (std::size_t at = 0; at < message.size(); at += piece_size) {
        std::string_view piece = std::string_view(message).substr(at, piece_size);
        parser.next(piece);
      }
      EXPECT_FALSE(parser.idle());
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  // Byte by byte costs a call for each, some hundred times the whole; quadratic would be 30,000.
  EXPECT_LT(seconds_for(1), 2000 * seconds_for(message.size()) + 0.05);
}

TEST(MessageParser, HandsOutViewsOfTheCallersBuffer) {
  ResponseParser parser;
  const std::string message = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  std::string_view bytes = message;
  EXPECT_EQ(parser.next(bytes), Event::head);
  EXPECT_EQ(parser.next(bytes), Event::body);
  EXPECT_EQ(parser.piece().data(), message.data() + message.size() - 5);
}

}  // namespace
}  // namespace simul::http
