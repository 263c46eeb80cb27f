#include "runtime/http/headers.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/http/error.hpp"

namespace simul::http {
namespace {

std::string text_of(const Headers& headers) {
  std::string text;
  for (const auto [name, value] : headers) text.append(name).append("=").append(value).append(";");
  return text;
}

TEST(Headers, KeepsTheOrderAndEveryValue) {
  const Headers headers{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  EXPECT_EQ(text_of(headers), "A=1;B=2;a=3;");
  EXPECT_EQ(headers.get_all("A"), (std::vector<std::string_view>{"1", "3"}));
  EXPECT_EQ(headers.size(), 3u);
}

TEST(Headers, FindsANameWhateverItsCase) {
  const Headers headers{{"Content-Type", "text/plain"}};
  EXPECT_EQ(headers.get("content-TYPE"), "text/plain");
  EXPECT_EQ(headers.get("Content-Typ"), std::nullopt);
  EXPECT_EQ(headers.get(""), std::nullopt);
  // Only letters have two cases: '@' and '`' differ by the same bit as 'A' and 'a'.
  EXPECT_FALSE(equal_ignoring_case("^", "~"));
  EXPECT_FALSE(equal_ignoring_case("@", "`"));
  EXPECT_FALSE(equal_ignoring_case("[", "{"));
}

TEST(Headers, SetReplacesAllAtThePlaceOfTheFirst) {
  Headers headers{{"A", "1"}, {"B", "long value"}, {"C", "3"}, {"b", "4"}, {"D", "5"}};
  headers.set("b", "x");
  EXPECT_EQ(text_of(headers), "A=1;B=x;C=3;D=5;");
  headers.set("B", "a much longer value than before");
  EXPECT_EQ(headers.get("b"), "a much longer value than before");
  headers.set("E", "6");
  EXPECT_EQ(headers[4].name, "E");
}

TEST(Headers, RemoveSaysHowManyThereWere) {
  Headers headers{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  EXPECT_EQ(headers.remove("A"), 2u);
  EXPECT_EQ(headers.remove("A"), 0u);
  EXPECT_EQ(text_of(headers), "B=2;");
}

TEST(Headers, MayBeGivenItsOwnValues) {
  Headers headers{{"A", "0123456789"}};
  for (int i = 0; i < 100; ++i) headers.add(headers[0].name, headers[0].value);  // grows many times
  EXPECT_EQ(headers.size(), 101u);
  for (const auto [name, value] : headers) EXPECT_EQ(value, "0123456789");
  headers.set("A", headers.get("A")->substr(3));
  EXPECT_EQ(text_of(headers), "A=3456789;");
}

TEST(Headers, TrimsSpacesAndTabsRoundAValue) {
  Headers headers;
  headers.add("A", " \t x \t y \t ");
  headers.add("B", " \t ");
  EXPECT_EQ(text_of(headers), "A=x \t y;B=;");
}

TEST(Headers, RefusesANameThatIsNoToken) {
  Headers headers;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool token = std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos ||
                       (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const std::string name = std::string("X") + c + "Y";
    if (token)
      headers.add(name, "1");
    else
      EXPECT_THROW(headers.add(name, "1"), InvalidMessage) << byte;
  }
  EXPECT_THROW(headers.add("", "1"), InvalidMessage);
  EXPECT_EQ(headers.size(), 77u);
}

TEST(Headers, RefusesAValueThatCouldEndItsLine) {
  Headers headers{{"A", "1"}};
  for (int byte = 0; byte < 256; ++byte) {
    const std::string value = std::string("x") + static_cast<char>(byte) + "y";
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
      EXPECT_THROW(headers.add("A", value), InvalidMessage) << byte;
      EXPECT_THROW(headers.set("A", value), InvalidMessage) << byte;
    } else {
      headers.set("A", value);
      headers.set("A", "1");
    }
  }
  // Nor at its ends: only spaces and tabs are trimmed.
  EXPECT_THROW(headers.add("A", "x\r\n"), InvalidMessage);
  EXPECT_THROW(headers.add("A", "\nx"), InvalidMessage);
  EXPECT_EQ(text_of(headers), "A=1;");
}

// The check looks at eight bytes at a time; no length and no place may escape it.
TEST(Headers, FindsAControlByteAtEveryPlaceOfEveryLength) {
  for (std::size_t length = 1; length <= 40; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        for (const char around : {'x', '\t', '\x80', ' '}) {
          std::string value(length, around);
          value[at] = static_cast<char>(byte);
          const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
          ASSERT_EQ(is_field_value(value), !control) << byte << " at " << at << " of " << length;
        }
      }
    }
  }
}

TEST(Headers, FindsATokenInAList) {
  const Headers headers{{"Connection", "Keep-Alive , Upgrade"}, {"Connection", ",,close"}};
  EXPECT_TRUE(headers.has_token("connection", "keep-alive"));
  EXPECT_TRUE(headers.has_token("Connection", "upgrade"));
  EXPECT_TRUE(headers.has_token("Connection", "close"));
  EXPECT_FALSE(headers.has_token("Connection", "keep"));
  EXPECT_FALSE(headers.has_token("Connection", "clos"));
  EXPECT_FALSE(headers.has_token("X", "close"));
}

TEST(Headers, CopiesAndMovesStandOnTheirOwn) {
  Headers headers{{"A", "1"}};
  Headers copy = headers;
  headers.set("A", "22");
  EXPECT_EQ(copy.get("A"), "1");
  const Headers moved = std::move(copy);
  EXPECT_EQ(moved.get("A"), "1");
  headers.clear();
  EXPECT_TRUE(headers.empty());
}

}  // namespace
}  // namespace simul::http
