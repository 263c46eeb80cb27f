#include "runtime/http/url.hpp"

#include <gtest/gtest.h>

#include <string>

#include "runtime/http/error.hpp"

namespace simul::http {
namespace {

std::string refusal(std::string_view text) {
  try {
    return "accepted: " + Url::parse(text).to_string();
  } catch (const InvalidUrl& error) {
    return error.what();
  }
}

TEST(Url, TakesApartAFullUrl) {
  const Url url = Url::parse("HTTP://User:Pw@Example.COM:8080/A/b%20c?x=1&y=%2F#Frag");
  EXPECT_EQ(url.scheme, "http");
  EXPECT_EQ(url.userinfo, "User:Pw");
  EXPECT_EQ(url.host, "example.com");
  EXPECT_EQ(url.port, 8080);
  EXPECT_EQ(url.path, "/A/b%20c");
  EXPECT_EQ(url.query, "x=1&y=%2F");
  EXPECT_EQ(url.fragment, "Frag");
}

TEST(Url, FillsInTheSchemesPort) {
  EXPECT_EQ(Url::parse("http://a").port, 80);
  EXPECT_EQ(Url::parse("https://a").port, 443);
  EXPECT_EQ(Url::parse("http://a:443/").port, 443);
  EXPECT_EQ(Url::parse("http://a:00080/").port, 80);
}

TEST(Url, HasATargetForTheRequestLine) {
  EXPECT_EQ(Url::parse("http://a").target(), "/");
  EXPECT_EQ(Url::parse("http://a?q").target(), "/?q");
  EXPECT_EQ(Url::parse("http://a/b/../c?q#f").target(), "/b/../c?q");
  EXPECT_EQ(Url::parse("http://a/?").target(), "/?");
}

TEST(Url, WritesTheHostHeaderAsTheRfcAsks) {
  EXPECT_EQ(Url::parse("http://A.example:80/").host_header(), "a.example");
  EXPECT_EQ(Url::parse("https://a:443/").host_header(), "a");
  EXPECT_EQ(Url::parse("https://a:80/").host_header(), "a:80");
  EXPECT_EQ(Url::parse("http://u:p@a:81/").host_header(), "a:81");
  EXPECT_EQ(Url::parse("http://[::1]/").host_header(), "[::1]");
  EXPECT_EQ(Url::parse("http://[::1]:8080/").host_header(), "[::1]:8080");
}

TEST(Url, KeepsAnIpv6AddressWithoutItsBrackets) {
  EXPECT_EQ(Url::parse("http://[2001:DB8::7]/").host, "2001:db8::7");
  EXPECT_EQ(Url::parse("http://[::ffff:1.2.3.4]:81/").origin().to_string(), "[::ffff:1.2.3.4]:81");
}

TEST(Url, ComparesOriginsBySchemeHostAndPort) {
  const Origin origin = Url::parse("http://a/x").origin();
  EXPECT_EQ(origin, Url::parse("HTTP://A:80/y?z").origin());
  EXPECT_NE(origin, Url::parse("http://a:81/x").origin());
  EXPECT_NE(origin, Url::parse("https://a:80/x").origin());
  EXPECT_NE(origin, Url::parse("http://b/x").origin());
}

TEST(Url, PutsTogetherWhatItTookApart) {
  for (const char* text :
       {"http://a", "http://a/", "http://u@a:8080/b?c#d", "http://u:p@[::1]:1/?#", "https://a?q",
        "http://a//b//", "http://:@a/"}) {
    const Url url = Url::parse(text);
    EXPECT_EQ(Url::parse(url.to_string()), url) << text;
  }
  EXPECT_EQ(Url::parse("http://u:p@[::1]:80/a?b#c").to_string(), "http://u:p@[::1]/a?b#c");
}

TEST(Url, HidesPasswordAndFragmentInMessages) {
  EXPECT_EQ(Url::parse("http://user:secret@a:81/b?c#d").to_display(), "http://a:81/b?c");
}

TEST(Url, ResolvesAReferenceAndRemovesDots) {
  const Url base = Url::parse("http://a.example:8080/b/c?q#f");
  EXPECT_EQ(base.resolve("../d?e").to_string(), "http://a.example:8080/d?e");
  EXPECT_EQ(base.resolve("//B.example/x").to_string(), "http://b.example/x");
  EXPECT_EQ(base.resolve("https://c/").to_string(), "https://c/");
  EXPECT_EQ(base.resolve("").to_string(), "http://a.example:8080/b/c?q");
  EXPECT_THROW(base.resolve("ftp://c/"), InvalidUrl);
  EXPECT_THROW(base.resolve("http:d"), InvalidUrl);
  EXPECT_THROW(base.resolve("//"), InvalidUrl);
  EXPECT_THROW(base.resolve(std::string(kMaxUrlLength, 'x')), InvalidUrl);
}

TEST(Url, RefusesHostileTextAndSaysWhy) {
  const struct {
    std::string_view text;
    const char* why;
  } cases[] = {
      {"", "has no scheme"},
      {"a.example/x", "has no scheme"},
      {"//a/x", "has no scheme"},
      {"/x", "has no scheme"},
      {"localhost:80/x", "neither http nor https"},
      {"ftp://a/", "neither http nor https"},
      {"javascript:alert(1)", "neither http nor https"},
      {"http:", "names no host"},
      {"http:/a", "names no host"},
      {"http:a", "names no host"},
      {"http://", "host is empty"},
      {"http:///x", "host is empty"},
      {"http://:80/", "host is empty"},
      {"http://u@/", "host is empty"},
      {"http://?q", "host is empty"},
      {"http://#f", "host is empty"},
      {"http://a:/", "port is empty"},
      {"http://[::1]:", "port is empty"},
      {"http://a:0/", "port is 0"},
      {"http://a:000/", "port is 0"},
      {"http://a:65536/", "larger than 65535"},
      {"http://a:99999999999999999999/", "larger than 65535"},
      {"http://a:4294967376/", "larger than 65535"},  // 80 in 32 bits
      {"http://a:+80/", "port is no number"},
      {"http://a:-80/", "port is no number"},
      {"http://a:8o/", "port is no number"},
      {"http://a:80:80/", "port is no number"},
      {"http://a:80%20/", "port is no number"},
      {"http://a@b@c/", "\"@\" twice"},
      {"http://good.example:80@evil.example:81@x/", "\"@\" twice"},
      {"http://a\\@b/", "a backslash"},
      {"http://a\\b/", "a backslash"},
      {"http://a/b\\c", "a backslash"},
      {"http:\\\\a\\", "a backslash"},
      {"http://a b/", "a space"},
      {" http://a/", "scheme does not begin with a letter"},
      {"http://a/ ", "a space"},
      {"http://a/\r\nHost: evil", "control byte 0x0d"},
      {"http://a\r\n/", "control byte 0x0d"},
      {"http://a/\n", "control byte 0x0a"},
      {std::string_view("http://a\0.evil/", 15), "control byte 0x00"},
      {std::string_view("http://a/\0", 10), "control byte 0x00"},
      {"http://a/\x7f", "control byte 0x7f"},
      {"http://a/\t", "control byte 0x09"},
      {"http://a/?\x1b[2J", "control byte 0x1b"},
      {"http://\xc3\xa4/", "byte 0xc3"},
      {"http://a/%", "lacks two hexadecimal digits"},
      {"http://a/%0", "lacks two hexadecimal digits"},
      {"http://a/%zz", "lacks two hexadecimal digits"},
      {"http://a%00.evil/", "percent-encoded"},
      {"http://a%2Fb/", "percent-encoded"},
      {"http://[::1/", "never closed"},
      {"http://[]/", "no IPv6 address"},
      {"http://[1.2.3.4]/", "no IPv6 address"},
      {"http://[::1%25lo]/", "no IPv6 address"},
      {"http://[v1.a]/", "no IPv6 address"},
      {"http://[::12345]/", "no IPv6 address"},
      {"http://[::1]x/", "follows the bracketed host"},
      {"http://[::1]80/", "follows the bracketed host"},
      {"http://a]/", "contains a bracket"},
      {"http://::1/", "host is empty"},
      {"http://[u]@a/", "userinfo contains a bracket"},
      {"http://a/[", "its path contains \"[\""},
      {"http://a/<", "its path contains \"<\""},
  };
  for (const auto& [text, why] : cases) {
    EXPECT_NE(refusal(text).find(why), std::string::npos)
        << quote(text) << " gave " << refusal(text);
    // A message is one line whatever the text was.
    EXPECT_EQ(refusal(text).find_first_of("\r\n\x1b"), std::string::npos);
  }
}

TEST(Url, AcceptsWhatLooksOddAndIsLegal) {
  for (const char* text : {"http://a.", "http://1/", "http://256.256.256.256/", "http://a_b/",
                           "http://a!$&'()*+,;=b/", "http://:p@a/", "http://a/:@!$&'()*+,;=",
                           "http://a/?/?:@", "http://xn--bcher-kva.example/", "http://a//"}) {
    EXPECT_EQ(Url::parse(text).to_string(), text);
  }
}

}  // namespace
}  // namespace simul::http
