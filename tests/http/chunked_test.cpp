#include "runtime/http/chunked.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/http/error.hpp"
#include "tests/http/splits.hpp"

namespace simul::http {
namespace {

/// What a decoder makes of the pieces, as text: the body, the trailers, and how it ended.
std::string decode(const std::vector<std::string_view>& pieces, const ChunkLimits& limits = {}) {
  ChunkedDecoder decoder(limits);
  std::string body;
  std::string rest;
  try {
    for (std::string_view bytes : pieces) {
      for (std::string_view piece; !(piece = decoder.next(bytes)).empty();) {
        // A piece is a view of the caller's bytes, not of a copy.
        EXPECT_LE(piece.data() + piece.size(), bytes.data() + bytes.size());
        body += piece;
      }
      EXPECT_TRUE(decoder.done() || bytes.empty());
      rest += bytes;
    }
  } catch (const TooLarge& error) {
    return body + "|too large: " + error.what();
  } catch (const ProtocolError& error) {
    return body + "|refused";
  }
  if (!decoder.done()) return body + "|unfinished";
  for (const auto [name, value] : decoder.trailers()) {
    body.append("|").append(name).append("=").append(value);
  }
  return body + "|done|" + rest;
}

/// The same, after making sure that it does not depend on how the bytes were cut.
std::string decode(std::string_view bytes, const ChunkLimits& limits = {}) {
  const std::string whole = decode(std::vector{bytes}, limits);
  testing::for_each_split(bytes, [&](const auto& pieces, const std::string& cut) {
    EXPECT_EQ(decode(pieces, limits), whole) << cut;
  });
  return whole;
}

TEST(ChunkedDecoder, JoinsTheChunks) {
  EXPECT_EQ(decode("5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n"), "hello world|done|");
}

TEST(ChunkedDecoder, DecodesAnEmptyBody) {
  EXPECT_EQ(decode("0\r\n\r\n"), "|done|");
}

TEST(ChunkedDecoder, LeavesWhatFollowsTheBody) {
  EXPECT_EQ(decode("3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"), "abc|done|HTTP/1.1 200 OK\r\n");
}

TEST(ChunkedDecoder, ReadsSizesInBothCasesAndWithLeadingZeros) {
  EXPECT_EQ(decode("a\r\n0123456789\r\nB\r\n0123456789a\r\n000001\r\nx\r\n00\r\n\r\n"),
            "01234567890123456789ax|done|");
}

TEST(ChunkedDecoder, HandsOutDataThatLooksLikeFraming) {
  EXPECT_EQ(decode("9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n"), "\r\n0\r\n\r\n\r\n|done|");
}

TEST(ChunkedDecoder, SkipsExtensions) {
  EXPECT_EQ(decode("1;a\r\nx\r\n1 ; a=b;c=\"d e\"\r\ny\r\n0;z\r\n\r\n"), "xy|done|");
}

TEST(ChunkedDecoder, CollectsTrailers) {
  EXPECT_EQ(decode("1\r\nx\r\n0\r\nChecked: yes\r\nSum:  1 \r\n\r\nrest"),
            "x|Checked=yes|Sum=1|done|rest");
}

TEST(ChunkedDecoder, IsNotDoneBeforeTheLastByte) {
  const std::string_view body = "1\r\nx\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_EQ(decode(std::vector{body.substr(0, size)}), size < 4 ? "|unfinished" : "x|unfinished");
  }
}

TEST(ChunkedDecoder, StopsAtTheEndOfTheBodyForGood) {
  ChunkedDecoder decoder;
  std::string_view bytes = "0\r\n\r\n1\r\nx\r\n";
  EXPECT_EQ(decoder.next(bytes), "");
  EXPECT_EQ(decoder.next(bytes), "");
  EXPECT_EQ(bytes, "1\r\nx\r\n");
  decoder.reset();
  EXPECT_FALSE(decoder.done());
  EXPECT_EQ(decoder.next(bytes), "x");
}

// Each line here has let somebody smuggle a request past somebody's proxy, or could.
TEST(ChunkedDecoder, RefusesWhatHasBeenUsedForAttacks) {
  const struct {
    const char* source;
    std::string_view bytes;
    const char* body_before;
  } attacks[] = {
      {"h2o/picohttpparser#82: bare LF after the size", "1\nx\r\n0\r\n\r\n", ""},
      {"nginx/nginx#1016: bare LF after the last size", "1\r\nx\r\n0\n\r\n", "x"},
      {"golang/go#71988: bare LF in an extension", "1;a\nx\r\n0\r\n\r\n", ""},
      {"netty/netty#15611: CR in an extension", "1;a\rb\r\nx\r\n0\r\n\r\n", ""},
      {"valyala/fasthttp#1899: CR without LF", "1\rx\r\n0\r\n\r\n", ""},
      {"CVE-2025-43859 (h11): other bytes after the data", "1\r\nxAB0\r\n\r\n", "x"},
      {"CVE-2025-43859 (h11): one byte of data too many", "1\r\nxy\r\n0\r\n\r\n", "x"},
      {"RFC 9112 7.1: bare LF after the data", "1\r\nx\n0\r\n\r\n", "x"},
      {"RFC 9112 7.1: LF CR after the data", "1\r\nx\n\r0\r\n\r\n", "x"},
      {"RFC 9112 7.1: CR CR LF after the data", "1\r\nx\r\r\n0\r\n\r\n", "x"},
      {"h2o/picohttpparser#78: junk after the size", "1x\r\nx\r\n0\r\n\r\n", ""},
      {"apache/trafficserver#10580: a second number", "1 2\r\nx\r\n0\r\n\r\n", ""},
      {"RFC 9112 7.1: a comma after the size", "1,2\r\nx\r\n0\r\n\r\n", ""},
      {"RFC 9112 7.1: whitespace after the size", "1 \r\nx\r\n0\r\n\r\n", ""},
      {"RFC 9112 7.1: whitespace before the size", " 1\r\nx\r\n0\r\n\r\n", ""},
      {"RFC 9112 7.1: a tab before the size", "\t1\r\nx\r\n0\r\n\r\n", ""},
      {"RFC 9112 7.1: vertical tab before the extension", "1\v;a\r\nx\r\n0\r\n\r\n", ""},
      {"RFC 9112 7.1: no size", "\r\nx\r\n0\r\n\r\n", ""},
      {"RFC 9112 7.1: an extension alone", ";a\r\nx\r\n0\r\n\r\n", ""},
      {"RFC 9112 7.1: a sign", "+1\r\nx\r\n0\r\n\r\n", ""},
      {"RFC 9112 7.1: a negative size", "-1\r\nx\r\n0\r\n\r\n", ""},
      {"RFC 9112 7.1: a prefix of C", "0x1\r\nx\r\n0\r\n\r\n", ""},
      {"RFC 9112 7.1: an underscore, as Python's int() takes", "1_0\r\nx\r\n0\r\n\r\n", ""},
      {"RFC 9112 7.1: 17 digits, 1 after overflow", "10000000000000001\r\nx\r\n0\r\n\r\n", ""},
      {"RFC 9112 7.1: 17 digits, leading zeros", "00000000000000001\r\nx\r\n0\r\n\r\n", ""},
      {"RFC 9112 7.1.1: NUL in an extension", std::string_view("1;\0\r\nx\r\n0\r\n\r\n", 14), ""},
      {"RFC 9112 5.1: space before a trailer's colon", "0\r\nA : b\r\n\r\n", ""},
      {"RFC 9112 5.2: a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", ""},
      {"RFC 9112 2.2: bare LF after a trailer", "0\r\nA: b\n\r\n", ""},
      {"RFC 9112 2.2: bare LF as the end", "0\r\n\n", ""},
      {"RFC 9110 5.5: bare CR in a trailer", "0\r\nA: b\rc\r\n\r\n", ""},
      {"RFC 9112 5: a trailer without a colon", "0\r\nA\r\n\r\n", ""},
  };
  for (const auto& [source, bytes, body_before] : attacks) {
    EXPECT_EQ(decode(bytes), std::string(body_before) + "|refused") << source;
  }
}

TEST(ChunkedDecoder, TakesASizeOf16Digits) {
  EXPECT_EQ(decode("ffffffffffffffff\r\nabc"), "abc|unfinished");
  EXPECT_EQ(decode("0000000000000003\r\nabc\r\n0\r\n\r\n"), "abc|done|");
}

TEST(ChunkedDecoder, LimitsASizeLine) {
  ChunkLimits limits;
  limits.line = 8;
  EXPECT_EQ(decode("1;23456\r\nx\r\n0\r\n\r\n", limits), "x|done|");
  EXPECT_EQ(decode("1;234567\r\nx\r\n0\r\n\r\n", limits),
            "|too large: the size line of a chunk is longer than 8 bytes");
  EXPECT_EQ(decode("1;23456789", limits),
            "|too large: the size line of a chunk is longer than 8 bytes");
}

// h2o/picohttpparser#81: extensions on every one-byte chunk make a small body arbitrarily dear.
TEST(ChunkedDecoder, LimitsAllExtensionsTogether) {
  ChunkLimits limits;
  limits.overhead = 10;
  EXPECT_EQ(decode("1;2345\r\nx\r\n1;2345\r\ny\r\n0\r\n\r\n", limits), "xy|done|");
  EXPECT_EQ(decode("1;2345\r\nx\r\n1;2345\r\ny\r\n0;\r\n\r\n", limits),
            "xy|too large: the chunk extensions of a body are longer than 10 bytes");
}

TEST(ChunkedDecoder, LimitsTheTrailers) {
  ChunkLimits limits;
  limits.trailer_fields = 1;
  EXPECT_EQ(decode("0\r\nA: b\r\n\r\n", limits), "|A=b|done|");
  EXPECT_EQ(decode("0\r\nA: b\r\nC: d\r\n\r\n", limits),
            "|too large: there are more than 1 header fields");
  limits.trailer_bytes = 8;
  EXPECT_EQ(decode("0\r\nA: b\r\n\r\n", limits), "|A=b|done|");
  EXPECT_EQ(decode("0\r\nA: bc\r\n\r\n", limits),
            "|too large: the header fields are longer than 8 bytes");
}

TEST(ChunkedDecoder, ReadsBackWhatWriteChunkWrote) {
  std::string coded;
  std::string plain;
  for (std::size_t size : {1, 0, 9, 10, 15, 16, 17, 255, 256, 4096, 70000}) {
    const std::string data(size, static_cast<char>('a' + size % 26));
    plain += data;
    write_chunk(coded, data);  // one of no bytes is not written: it would end the body
  }
  write_last_chunk(coded);
  EXPECT_EQ(decode(std::vector<std::string_view>{coded}), plain + "|done|");
}

}  // namespace
}  // namespace simul::http
