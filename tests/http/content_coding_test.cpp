#include "runtime/http/content_coding.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/http/error.hpp"
#include "runtime/http/exchange.hpp"
#include "tests/http/compressed.hpp"
#include "tests/http/splits.hpp"

namespace simul::http {
namespace {

using simul::testing::gzip_of;
using simul::testing::squeeze;
using simul::testing::zlib_of;

Headers coded(std::string_view codings) {
  return {{"Content-Encoding", codings}};
}

/// What a decoder makes of the pieces, and behind it how that ended.
std::string transcript(const Headers& headers, const std::vector<std::string_view>& pieces,
                       const ExpansionLimits& limits = {}) {
  std::string content;
  try {
    ContentDecoder decoder(headers, limits);
    for (const std::string_view bytes : pieces) {
      decoder.feed(bytes, [&](std::string_view piece) { content += piece; });
    }
    decoder.finish();
    return content + "|whole";
  } catch (const Truncated& error) {
    return content + "|truncated: " + error.what();
  } catch (const ProtocolError& error) {
    return content + "|" + std::to_string(error.status()) + ": " + error.what();
  } catch (const LimitExceeded& error) {
    return content + "|too large: " + error.what();
  }
}

/// The same, after making sure that it does not depend on how the body was cut.
std::string decode(const Headers& headers, std::string_view body) {
  const std::string whole = transcript(headers, {body});
  testing::for_each_split(body, [&](const auto& pieces, const std::string& cut) {
    EXPECT_EQ(transcript(headers, pieces), whole) << cut;
  });
  return whole;
}

TEST(ContentDecoder, HandsOnABodyWithoutCoding) {
  EXPECT_EQ(decode({}, "hello"), "hello|whole");
  EXPECT_EQ(decode(coded("identity"), "hello"), "hello|whole");
  EXPECT_EQ(decode(coded(""), "hello"), "hello|whole");
  EXPECT_TRUE(ContentDecoder().is_identity());
  EXPECT_TRUE(ContentDecoder(coded("Identity, ,")).is_identity());
  EXPECT_FALSE(ContentDecoder(coded("gzip")).is_identity());
  // And without a copy.
  ContentDecoder decoder;
  const std::string_view body = "hello";
  std::string_view bytes = body;
  EXPECT_EQ(static_cast<const void*>(decoder.next(bytes).data()), body.data());
}

TEST(ContentDecoder, TakesOffGzipUnderBothItsNames) {
  EXPECT_EQ(decode(coded("gzip"), gzip_of("hello")), "hello|whole");
  EXPECT_EQ(decode(coded("x-gzip"), gzip_of("hello")), "hello|whole");
  EXPECT_EQ(decode(coded(" GZip "), gzip_of("hello")), "hello|whole");
}

TEST(ContentDecoder, TakesOffDeflateWithTheZlibFrameAndWithout) {
  EXPECT_EQ(decode(coded("deflate"), zlib_of("hello")), "hello|whole");
  EXPECT_EQ(decode(coded("Deflate"), squeeze("hello")), "hello|whole");
}

TEST(ContentDecoder, TakesOffTheLastCodingFirst) {
  EXPECT_EQ(decode(coded("deflate, gzip"), gzip_of(zlib_of("hello"))), "hello|whole");
  EXPECT_EQ(decode(coded("gzip,identity,,deflate"), zlib_of(gzip_of("hello"))), "hello|whole");
  const Headers two = {{"Content-Encoding", "deflate"}, {"Content-Encoding", "gzip, gzip"}};
  EXPECT_EQ(decode(two, gzip_of(gzip_of(zlib_of("hello")))), "hello|whole");
}

TEST(ContentDecoder, TakesOffCodingsOfABodyThatIsLargerThanItsMemory) {
  std::string content;
  for (int i = 0; i < 50; ++i) content += std::to_string(i) + std::string(9000, '\0');
  const std::string body = gzip_of(zlib_of(gzip_of(content)));
  const Headers headers = coded("gzip, deflate, gzip");
  EXPECT_TRUE(transcript(headers, {body}) == content + "|whole");
  EXPECT_TRUE(transcript(headers, testing::Cut::into_bytes(body).pieces) == content + "|whole");
}

TEST(ContentDecoder, RefusesAnUnknownCodingByName) {
  EXPECT_EQ(decode(coded("br"), "hello"), "|415: Content-Encoding: \"br\" is not known here");
  EXPECT_EQ(decode(coded("gzip, zstd"), "hello"),
            "|415: Content-Encoding: \"zstd\" is not known here");
  EXPECT_EQ(decode(coded("gzip; level=9"), "hello"),
            "|415: Content-Encoding: \"gzip; level=9\" is not known here");
}

TEST(ContentDecoder, RefusesMoreThanFourCodings) {
  const auto wrapped = [](int times) {
    std::string body = "hello";
    for (; times > 0; --times) body = gzip_of(body);
    return body;
  };
  EXPECT_EQ(decode(coded("gzip, gzip, gzip, gzip, identity"), wrapped(4)), "hello|whole");
  EXPECT_EQ(transcript(coded("gzip, gzip, gzip, gzip, gzip"), {wrapped(5)}),
            "|400: Content-Encoding: more than 4 codings");
}

// The answer to HEAD, and 204 and 304, may name any coding; and servers name one over an empty
// body.
TEST(ContentDecoder, HasNothingToDecodeWithoutABody) {
  for (const char* codings : {"gzip", "deflate", "gzip, deflate", "br", "identity"}) {
    EXPECT_EQ(decode(coded(codings), ""), "|whole") << codings;
    EXPECT_EQ(transcript(coded(codings), {}), "|whole") << codings;
  }
}

TEST(ContentDecoder, ComplainsAboutABodyThatIsNotWhatItsHeaderSays) {
  EXPECT_EQ(decode(coded("gzip"), "<html>"), "|400: gzip: wrong first byte");
  EXPECT_EQ(decode(coded("deflate"), gzip_of("hello")),
            "|400: deflate: a block is of the kind 3, which does not exist");
  EXPECT_EQ(decode(coded("gzip"), gzip_of("hello") + "more"),
            "hello|400: gzip: something follows the end of the stream");
  EXPECT_EQ(decode(coded("deflate, gzip"), gzip_of(zlib_of("hello") + "more")),
            "hello|400: zlib: something follows the end of the stream");
}

TEST(ContentDecoder, EveryShorterBodyIsTruncated) {
  for (const auto& [codings, body] :
       {std::pair{"gzip", gzip_of("hello")}, std::pair{"deflate", zlib_of("hello")},
        std::pair{"deflate", squeeze("hello")},
        std::pair{"deflate, gzip", gzip_of(zlib_of("hello"))},
        // The outer stream is whole here, and the inner one is not.
        std::pair{"deflate, gzip", gzip_of(zlib_of("hello").substr(0, 9)) + "x"}}) {
    for (std::size_t size = 1; size < body.size(); ++size) {
      const std::string text = transcript(coded(codings), {std::string_view(body).substr(0, size)});
      EXPECT_NE(text.find("|truncated: "), text.npos) << codings << ' ' << size << ' ' << text;
    }
  }
}

// Two codings make a bomb of a bomb: here 21 MB of zeros in some 400 bytes.
TEST(ContentDecoder, LimitsAllCodingsTogether) {
  const std::string zeros(21 << 20, '\0');
  const std::string inner = squeeze(zeros);
  const std::string body = squeeze(inner);
  ASSERT_LT(body.size(), 500u);
  const std::string text = transcript(coded("deflate, deflate"), {body});
  EXPECT_EQ(text.substr(text.find('|')),
            "|too large: the expanded content is more than 1000 times as large as what was sent");
  EXPECT_LT(text.find('|'), 2u << 20);
  ExpansionLimits limits;
  limits.expanded = 1000;
  EXPECT_EQ(
      transcript(coded("deflate"), {squeeze("x" + std::string(1000, '\0'))}, limits),
      "x" + std::string(999, '\0') + "|too large: the expanded content is larger than 1000 bytes");
  // What lies between two codings counts, too: here 5,006 bytes that mean one.
  testing::BitWriter empty_blocks;
  for (int i = 0; i < 1000; ++i) empty_blocks.stored(false, "");
  const std::string wordy = squeeze(empty_blocks.stored(true, "x").done());
  EXPECT_EQ(transcript(coded("deflate, deflate"), {wordy}), "x|whole");
  EXPECT_EQ(transcript(coded("deflate, deflate"), {wordy}, limits),
            "|too large: the expanded content is larger than 1000 bytes");
  // What is not coded does not expand.
  EXPECT_EQ(transcript({}, {zeros}, limits).size(), zeros.size() + 6);
}

TEST(ContentDecoder, StandsBetweenAnExchangeAndItsUser) {
  Request request;
  request.url = Url::parse("http://127.0.0.1/");
  request.headers.add("Accept-Encoding", kAcceptEncoding);
  std::string content;
  ContentDecoder decoder;
  ExchangeOptions options;
  options.on_head = [&](const Response& r) { decoder = ContentDecoder(r.headers); };
  options.on_body = [&](std::string_view bytes) {
    decoder.feed(bytes, [&](std::string_view piece) { content += piece; });
  };
  Exchange exchange(std::move(request), std::move(options));
  exchange.connected(false);
  EXPECT_NE(exchange.to_send().find("Accept-Encoding: gzip, deflate\r\n"), std::string::npos);
  exchange.sent(exchange.to_send().size());
  const std::string body = gzip_of("hello");
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " +
                       std::to_string(body.size()) + "\r\n\r\n" + body;
  for (const char byte : answer) exchange.feed({&byte, 1});
  EXPECT_EQ(exchange.step(), Exchange::Step::done);
  decoder.finish();
  EXPECT_EQ(content, "hello");
}

}  // namespace
}  // namespace simul::http
