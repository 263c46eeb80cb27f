#include "runtime/http/uri.hpp"

#include <gtest/gtest.h>

#include <string>

#include "runtime/http/error.hpp"

namespace simul::http {
namespace {

TEST(Uri, TakesApartTheExampleOfTheRfc) {
  const Uri uri = Uri::parse("foo://user@example.com:8042/over/there?name=ferret#nose");
  EXPECT_EQ(uri.scheme, "foo");
  EXPECT_EQ(uri.authority, "user@example.com:8042");
  EXPECT_EQ(uri.path, "/over/there");
  EXPECT_EQ(uri.query, "name=ferret");
  EXPECT_EQ(uri.fragment, "nose");
}

// RFC 3986 section 1.1.2.
TEST(Uri, PutsTogetherWhatItTookApart) {
  for (const char* text :
       {"ftp://ftp.is.co.za/rfc/rfc1808.txt", "http://www.ietf.org/rfc/rfc2396.txt",
        "ldap://[2001:db8::7]/c=GB?objectClass?one", "mailto:John.Doe@example.com",
        "news:comp.infosystems.www.servers.unix", "tel:+1-816-555-1212", "telnet://192.0.2.16:80/",
        "urn:oasis:names:specification:docbook:dtd:xml:4.1.2", "", "#", "?", "//", "//host", "a/b",
        "?q#f", "http://a?q", "http://a#f/g?h"}) {
    EXPECT_EQ(Uri::parse(text).to_string(), text);
  }
}

TEST(Uri, TellsAnEmptyPartFromAnAbsentOne) {
  EXPECT_EQ(Uri::parse("http://a/?").query, "");
  EXPECT_EQ(Uri::parse("http://a/").query, std::nullopt);
  EXPECT_EQ(Uri::parse("///x").authority, "");
  EXPECT_EQ(Uri::parse("/x").authority, std::nullopt);
}

std::string resolved(std::string_view reference, std::string_view base = "http://a/b/c/d;p?q") {
  return resolve(Uri::parse(base), Uri::parse(reference)).to_string();
}

// RFC 3986 section 5.4.1, the whole table.
TEST(UriResolve, GivesTheNormalExamplesOfTheRfc) {
  const char* examples[][2] = {
      {"g:h", "g:h"},
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q#s"},
      {"g#s", "http://a/b/c/g#s"},
      {"g?y#s", "http://a/b/c/g?y#s"},
      {";x", "http://a/b/c/;x"},
      {"g;x", "http://a/b/c/g;x"},
      {"g;x?y#s", "http://a/b/c/g;x?y#s"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../", "http://a/"},
      {"../../g", "http://a/g"},
  };
  for (const auto& [reference, expected] : examples) {
    EXPECT_EQ(resolved(reference), expected) << reference;
  }
}

// RFC 3986 section 5.4.2, the whole table; of the last, the strict reading.
TEST(UriResolve, GivesTheAbnormalExamplesOfTheRfc) {
  const char* examples[][2] = {
      {"../../../g", "http://a/g"},
      {"../../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {".g", "http://a/b/c/.g"},
      {"g..", "http://a/b/c/g.."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/./x", "http://a/b/c/g?y/./x"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"g#s/./x", "http://a/b/c/g#s/./x"},
      {"g#s/../x", "http://a/b/c/g#s/../x"},
      {"http:g", "http:g"},
  };
  for (const auto& [reference, expected] : examples) {
    EXPECT_EQ(resolved(reference), expected) << reference;
  }
}

TEST(UriResolve, PutsASlashAfterABaseWithoutAPath) {
  EXPECT_EQ(resolved("g", "http://a"), "http://a/g");
  EXPECT_EQ(resolved("?y", "http://a"), "http://a?y");
  EXPECT_EQ(resolved("../g", "http://a?q"), "http://a/g");
}

TEST(UriResolve, NeverTurnsAPathIntoAHost) {
  EXPECT_EQ(resolved("/.//evil", "a:/b"), "a:/.//evil");
  EXPECT_EQ(resolved("..//evil", "http://a/b/c"), "http://a//evil");
}

TEST(Uri, RemovesDotSegmentsAsTheRfcShows) {
  EXPECT_EQ(remove_dot_segments("/a/b/c/./../../g"), "/a/g");     // section 5.2.4
  EXPECT_EQ(remove_dot_segments("mid/content=5/../6"), "mid/6");  // section 5.2.4
  EXPECT_EQ(remove_dot_segments("/.."), "/");
  EXPECT_EQ(remove_dot_segments("../a/.."), "/");
  EXPECT_EQ(remove_dot_segments("..."), "...");
  EXPECT_EQ(remove_dot_segments("//a//../b"), "//a/b");
  EXPECT_EQ(remove_dot_segments(""), "");
}

TEST(Uri, RemovesAMillionDotSegmentsInLinearTime) {
  std::string path;
  for (int i = 0; i < 500'000; ++i) path += "/a";
  for (int i = 0; i < 500'000; ++i) path += "/..";
  EXPECT_EQ(remove_dot_segments(path), "/");
}

TEST(Uri, RefusesEveryByteThatTheRfcDoesNotAllow) {
  const std::string_view forbidden = " \"<>\\^`{|}";
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    if (byte > 0x20 && byte < 0x7f && forbidden.find(c) == forbidden.npos) continue;
    for (const std::string before : {"", "h", "http://", "http://a/", "http://a/?", "http://a/#"}) {
      EXPECT_THROW(Uri::parse(before + c + "x"), InvalidUrl) << before << " and byte " << byte;
    }
  }
}

TEST(Uri, RefusesAPercentSignWithoutTwoDigits) {
  for (const char* text : {"%", "/%", "/%4", "/%4g", "/%g4", "/%%41", "/?%", "/#%1", "//%"}) {
    EXPECT_THROW(Uri::parse(text), InvalidUrl) << text;
  }
  EXPECT_EQ(Uri::parse("/%41%fF").path, "/%41%fF");
}

TEST(Uri, RefusesASchemeThatIsNone) {
  for (const char* text : {"1http://a", ":", "://a", "ht_tp://a", "a%41:b", "-x:y"}) {
    EXPECT_THROW(Uri::parse(text), InvalidUrl) << text;
  }
}

TEST(Uri, RefusesWhatIsTooLong) {
  const std::string text = "http://a/" + std::string(kMaxUrlLength - 9, 'x');
  EXPECT_EQ(Uri::parse(text).path.size(), kMaxUrlLength - 8);
  EXPECT_THROW(Uri::parse(text + "x"), InvalidUrl);
  EXPECT_THROW(Uri::parse("/12345", 5), InvalidUrl);
}

TEST(Uri, EncodesWhatBrowsersEncode) {
  EXPECT_EQ(percent_encode_unsafe("/gr\xc3\xbc\xc3\x9f e?a[]={x|y}"),
            "/gr%C3%BC%C3%9F%20e?a%5B%5D=%7Bx%7Cy%7D");
  EXPECT_EQ(percent_encode_unsafe("http://[::1]/%41#[x]"), "http://[::1]/%41#%5Bx%5D");
  // Not made harmless, so that they are refused.
  EXPECT_EQ(percent_encode_unsafe("\r\n\\\x7f"), "\r\n\\\x7f");
}

TEST(Uri, QuotesHostileTextInOneShortLine) {
  EXPECT_EQ(quote("a\r\n\"\\\x80"), "\"a\\x0d\\x0a\\\"\\\\\\x80\"");
  EXPECT_EQ(quote(std::string(1000, 'x')), "\"" + std::string(80, 'x') + "...\"");
}

}  // namespace
}  // namespace simul::http
