// What is JSON and what is not: a corpus written from RFC 8259, grammar rule by grammar rule.
#include "runtime/json/parser.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/json/json.hpp"
#include "runtime/json/utf8.hpp"

namespace simul::json {
namespace {

using namespace std::string_literals;

/// Why `text` is refused, or "accepted: " and how it is written.
std::string refusal(std::string_view text, const ParseLimits& limits = {}) {
  // Memory of its own, so that a sanitizer sees a byte read past the end.
  const std::vector<char> copy(text.begin(), text.end());
  try {
    return "accepted: " + write(parse({copy.data(), copy.size()}, limits));
  } catch (const ParseError& error) {
    return error.what();
  } catch (const LimitExceeded& error) {
    return "limit: "s + error.what();
  }
}

bool accepted(std::string_view text) {
  return refusal(text).starts_with("accepted");
}

/// In every place where a value may stand.
std::vector<std::string> everywhere(const std::string& value) {
  return {value,
          " " + value + "\n",
          "[" + value + "]",
          "[1," + value + ",2]",
          "{\"a\":" + value + "}",
          "{\"a\":[" + value + "],\"b\":" + value + "}"};
}

const std::vector<std::string> kValues = {"null",
                                          "true",
                                          "false",
                                          "0",
                                          "-0",
                                          "7",
                                          "-7",
                                          "10",
                                          "1234567890",
                                          "0.5",
                                          "-0.0",
                                          "1.25e2",
                                          "1e5",
                                          "1E5",
                                          "1e+5",
                                          "1e-5",
                                          "1E-05",
                                          "0e0",
                                          "0.0e-0",
                                          "123456789012345678901234567890",
                                          "1e-400",
                                          "0e999999999999999999999",
                                          "0.000e99999999999999999999",
                                          "\"\"",
                                          "\"a\"",
                                          "\" \"",
                                          "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                          "\"\\u0000\\u001f\\u0041\\u00e9\\u20AC\\uFFFF\"",
                                          "\"\\ud83d\\ude00\\uD800\\uDC00\\udbff\\udfff\"",
                                          "\"\x7f\"",
                                          "\"\xc2\x80\xdf\xbf\"",
                                          "\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"",
                                          "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
                                          "\"\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf\"",
                                          "[]",
                                          "[ ]",
                                          "[[]]",
                                          "[\t1 ,\r\n2 ]",
                                          "{}",
                                          "{ }",
                                          "{\"\":{}}",
                                          "{ \"a\" : 1 , \"b\" : [ ] }",
                                          "{\"a\":1,\"a\":2}",
                                          "[1,\"a\",null,{},[]]"};

const std::vector<std::string> kNoValues = {
    // Words, and what others would let pass.
    "", " ", "nul", "nulll", "True", "TRUE", "NaN", "Infinity", "-Infinity", "undefined", "'a'",
    "a", "/**/1", "1//", "#1", "\v1", "\f1",
    "\xc2\xa0"
    "1",
    "\xef\xbb\xbf"
    "1",
    "\0"s, "1\0"s,
    // Numbers (section 6).
    "-", "+1", "--1", "01", "-01", "00", "1.", ".5", "-.5", "1.e5", "1e", "1e+", "1e-", "1e1.5",
    "1e1e1", "1.2.3", "0x10", "1_000", "1,000", "1 000", "1f", "\xef\xbc\x91", "1e400", "-1e400",
    // Strings (section 7).
    "\"", "\"a", "\"\\", "\"\\\"", "\"\\x41\"", "\"\\'\"", "\"\\0\"", "\"\\N\"", "\"\\u\"",
    "\"\\u12\"", "\"\\u123\"", "\"\\u123g\"", "\"\\U0041\"", "\"\\u+041\"", "\"\\u 041\"", "\"\n\"",
    "\"\t\"", "\"\x1f\"", "\"\0\""s, "\"a\"b\"",
    // Halves of surrogate pairs.
    "\"\\ud800\"", "\"\\udc00\"", "\"\\udc00\\udc00\"", "\"\\udfff\\ud800\"", "\"\\ud800\\ud800\"",
    "\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\ud800\\u0041\"", "\"\\ud800\\u\"", "\"\\ud800\\udc0\"",
    "\"\\ud800\\",
    // Bytes that are not UTF-8: a byte alone, a lead byte without its followers, longer than need
    // be, surrogates, beyond U+10FFFF, and bytes that UTF-8 never has.
    "\"\x80\"", "\"\xbf\"", "\"\xc2\"", "\"\xc2\xc2\"", "\"\xe2\x82\"", "\"\xe2\"",
    "\"\xf0\x9f\x98\"", "\"\xc0\x80\"", "\"\xc1\xbf\"", "\"\xe0\x80\x80\"", "\"\xe0\x9f\xbf\"",
    "\"\xf0\x80\x80\x80\"", "\"\xf0\x8f\xbf\xbf\"", "\"\xed\xa0\x80\"", "\"\xed\xbf\xbf\"",
    "\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xf8\x88\x80\x80\x80\"", "\"\xfe\"",
    "\"\xff\"", "\"12345678\xff\"",
    // Arrays and objects (sections 4 and 5).
    "[", "]", "[1", "[1,", "[,1]", "[1,]", "[1,,2]", "[1 2]", "[1:2]", "[1}", "[[]", "[]]", "{",
    "}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{\"a\"}", "{\"a\",1}",
    "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{\"a\"::1}", "{a:1}", "{1:1}", "{null:1}", "{[]:1}",
    "{\"a\":1]", "{\"a\":1}}", "{\"a\":1,,\"b\":2}", "{'a':1}", "[1]2", "1 2", "{}{}", "null null"};

TEST(Parser, AcceptsWhatTheGrammarAllowsWhereverAValueMayStand) {
  for (const std::string& value : kValues)
    for (const std::string& text : everywhere(value)) EXPECT_TRUE(accepted(text)) << refusal(text);
}

TEST(Parser, RefusesWhatTheGrammarForbids) {
  for (const std::string& value : kNoValues) {
    EXPECT_FALSE(accepted(value)) << value << " " << refusal(value);
    const bool blank = value.find_first_not_of(' ') == value.npos;  // [ ] is an array
    EXPECT_FALSE(accepted("[" + value + (blank ? ",]" : "]"))) << value;
    EXPECT_FALSE(accepted("{\"a\":" + value + "}")) << value;
  }
}

TEST(Parser, EveryTruncationOfADocumentIsAnErrorAtItsEnd) {
  for (const std::string& value : kValues) {
    const std::string text = "{\"key\":[" + value + ",{\"\\u0041\":" + value + "}]}";
    ASSERT_TRUE(accepted(text)) << text;
    for (std::size_t length = 0; length < text.size(); ++length) {
      try {
        parse(text.substr(0, length));
        ADD_FAILURE() << text.substr(0, length);
      } catch (const ParseError& error) {
        EXPECT_LE(error.offset(), length);
        EXPECT_LE(length - error.offset(), 12u) << "at the end, or at what is not whole there";
      }
    }
  }
}

TEST(Parser, SaysWhereAndWhat) {
  EXPECT_EQ(refusal("{\"a\": 1,\n \"b\": 2,\n \"c\": \"three\"]"),
            "line 3, column 14: expected ',' or '}' after a value, found ']'");
  EXPECT_EQ(refusal(""), "line 1, column 1: expected a value, found the end");
  EXPECT_EQ(refusal("[1,]"), "line 1, column 4: expected a value, found ']'");
  EXPECT_EQ(refusal("[1 2]"), "line 1, column 4: expected ',' or ']' after a value, found '2'");
  EXPECT_EQ(refusal("{a:1}"), "line 1, column 2: expected a key in double quotes, found 'a'");
  EXPECT_EQ(refusal("{\"a\" 1}"), "line 1, column 6: expected ':' after a key, found '1'");
  EXPECT_EQ(refusal("1 \x01"),
            "line 1, column 3: expected nothing more after the value, found the byte 0x01");
  EXPECT_EQ(refusal("[nul]"), "line 1, column 2: expected true, false or null");
  EXPECT_EQ(refusal("[1.]"), "line 1, column 4: a number needs a digit here");
  EXPECT_EQ(refusal("[-012]"), "line 1, column 3: a number does not begin with 0");
  EXPECT_EQ(refusal("[1e999]"), "line 1, column 2: the number is too large for a double");
  EXPECT_EQ(refusal("\"ab"), "line 1, column 4: the string does not end");
  EXPECT_EQ(refusal("\"a\nb\""),
            "line 1, column 3: a control character in a string must be written as an escape");
  EXPECT_EQ(refusal("\"ab\\x\""), "line 1, column 4: there is no such escape");
  EXPECT_EQ(refusal("\"\\u12x4\""), "line 1, column 2: \\u needs four hexadecimal digits");
  EXPECT_EQ(refusal("\"\\ude00\""), "line 1, column 2: half of a surrogate pair");
  EXPECT_EQ(refusal("\"ab\xff\""), "line 1, column 4: the string is not UTF-8 here");
  EXPECT_EQ(refusal("\xef\xbb\xbf[]"),
            "line 1, column 1: JSON does not begin with a byte order mark");
}

TEST(Parser, CountsColumnsInCharactersAndLinesByTheirFeed) {
  const std::string text = "[\r\n\"\xd0\xb6\xf0\x9f\x98\x80\" x";
  try {
    parse(text);
    FAIL();
  } catch (const ParseError& error) {
    EXPECT_EQ(error.line(), 2u);
    EXPECT_EQ(error.column(), 6u);
    EXPECT_EQ(error.offset(), text.size() - 1);
  }
}

TEST(Parser, KeepsWholeNumbersOf64BitsExactly) {
  EXPECT_EQ(parse("9223372036854775807").as_int(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse("-9223372036854775808").as_int(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse("9223372036854775808").as_uint(), std::uint64_t{1} << 63);
  EXPECT_EQ(parse("18446744073709551615").as_uint(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(parse("9007199254740993").as_int(), 9007199254740993);  // 2^53 + 1: no double has it
  EXPECT_EQ(refusal("[18446744073709551615,-9223372036854775808]"),
            "accepted: [18446744073709551615,-9223372036854775808]");
}

TEST(Parser, TakesTheNearestDoubleBeyond) {
  EXPECT_EQ(parse("18446744073709551616"), Value(0x1p64));
  EXPECT_EQ(parse("-9223372036854775809"), Value(-0x1p63));
  EXPECT_EQ(parse("99999999999999999999"), Value(1e20));
  EXPECT_EQ(parse("1" + std::string(308, '0')), Value(1e308));
  EXPECT_EQ(parse("0." + std::string(400, '0') + "1e401"), Value(1.0));
  EXPECT_EQ(parse("1" + std::string(400, '0') + "e-400"), Value(1.0));
  EXPECT_EQ(parse("1.7976931348623157e308"), Value(std::numeric_limits<double>::max()));
  EXPECT_EQ(parse("5e-324"), Value(std::numeric_limits<double>::denorm_min()));
  EXPECT_EQ(parse("2.2250738585072011e-308"), Value(2.2250738585072011e-308));
  EXPECT_EQ(parse("0.1"), Value(0.1));
  EXPECT_EQ(parse("123456.789e-3"), Value(123.456789));
  EXPECT_EQ(parse("9007199254740993.0"), Value(9007199254740992.0));
  EXPECT_EQ(parse("2.5e22"), Value(2.5e22));
}

TEST(Parser, KnowsTooLargeFromTooSmall) {
  for (const char* text :
       {"1e400", "-1e400", "1e309", "17976931348623159e292", "1e99999999999999999999"})
    EXPECT_EQ(refusal(text), "line 1, column 1: the number is too large for a double") << text;
  EXPECT_FALSE(accepted("1" + std::string(400, '0')));
  EXPECT_FALSE(accepted(std::string(400, '9') + ".5"));
  for (const char* text :
       {"1e-400", "0e400", "0.0e999999999999999999999", "1e-99999999999999999999"})
    EXPECT_EQ(parse(text), Value(0.0)) << text;
  EXPECT_EQ(parse("-1e-400"), Value(-0.0));
  EXPECT_EQ(parse("0." + std::string(400, '0') + "1"), Value(0.0));
}

TEST(Parser, TakesMinusZeroForZeroAndKeepsTheSignOfAFraction) {
  EXPECT_EQ(parse("-0"), Value(0));
  EXPECT_TRUE(std::signbit(parse("-0.0").as_double()));
  EXPECT_TRUE(std::signbit(parse("-0e0").as_double()));
}

TEST(Parser, ResolvesEveryEscape) {
  EXPECT_EQ(parse(R"("\"\\\/\b\f\n\r\t")").as_string(), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(parse(R"("a\u0000b")").as_string(), "a\0b"s);
  EXPECT_EQ(parse(R"("\u007f\u0080\u07ff\u0800\uffff")").as_string(),
            "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf");
  EXPECT_EQ(parse(R"("\uD83D\uDE00 \ud800\udc00 \udbff\udfff")").as_string(),
            "\xf0\x9f\x98\x80 \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf");
  EXPECT_EQ(parse(R"({"\u0061":1})")["a"].as_int(), 1);
}

TEST(Parser, FindsWhatIsSpecialAtEveryPlaceOfAString) {
  // Eight bytes are looked at together: the special one first, last, and after a false alarm.
  for (std::size_t length = 0; length < 40; ++length) {
    for (std::size_t place = 0; place <= length; ++place) {
      std::string text(length, 'x');
      text.insert(place, "\\n");
      std::string meaning(length, 'x');
      meaning.insert(place, "\n");
      EXPECT_EQ(parse("\"" + text + "\"").as_string(), meaning);
      for (const char* bad : {"\x1f", "\xff", "\x80", "\n"}) {
        std::string wrong(length, '\x20');
        wrong.insert(place, bad);
        EXPECT_FALSE(accepted("\"" + wrong + "\""));
      }
    }
  }
}

TEST(Parser, TakesEveryCharacterAndNoOtherBytes) {
  for (unsigned code = 0x20; code <= 0x10FFFF; code += code < 0x900 ? 1 : 97) {
    if (code == '"' || code == '\\') continue;
    std::string text;
    if (code >= 0xD800 && code <= 0xDFFF) {
      for (const unsigned byte : {0xE0 | code >> 12, 0x80 | (code >> 6 & 63), 0x80 | (code & 63)})
        text += static_cast<char>(byte);
      EXPECT_FALSE(accepted("\"" + text + "\"")) << code;
      continue;
    }
    append_utf8(text, code);
    EXPECT_EQ(parse("\"" + text + "\"").as_string(), text) << code;
    text.pop_back();
    EXPECT_EQ(accepted("\"" + text + "\""), code < 0x80) << code;
  }
}

TEST(Parser, LetsTheLastOfSeveralEqualKeysWin) {
  EXPECT_EQ(refusal(R"({"a":1,"b":2,"a":{"c":3}})"), R"(accepted: {"a":{"c":3},"b":2})");
  // Beyond eight members another way is taken.
  std::string text = "{\"a\":0";
  std::string expected = "{\"a\":99";
  for (int i = 0; i < 50; ++i) {
    const std::string member = ",\"key " + std::to_string(i) + "\":" + std::to_string(i);
    text += member + ",\"a\":" + std::to_string(i + 50);
    expected += member;
  }
  EXPECT_EQ(refusal(text + "}"), "accepted: " + expected + "}");
}

TEST(Parser, HoldsADepthOfAThousandAndNamesTheLimitBeyond) {
  const auto nested = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += i % 2 == 0 ? "[" : "{\"a\":";
    text += "1";
    for (int i = depth; i-- > 0;) text += i % 2 == 0 ? "]" : "}";
    return text;
  };
  EXPECT_EQ(refusal(nested(1000)), "accepted: " + nested(1000));
  EXPECT_EQ(refusal(nested(1001)),
            "limit: line 1, column 3001: JSON nested deeper than the limit of 1000");
  EXPECT_EQ(refusal(nested(3), {.depth = 3}), "accepted: " + nested(3));
  EXPECT_EQ(refusal(nested(3), {.depth = 2}).substr(0, 5), "limit");
  EXPECT_EQ(refusal("1", {.depth = 0}), "accepted: 1");
  EXPECT_EQ(refusal("[]", {.depth = 0}).substr(0, 5), "limit");
  EXPECT_EQ(refusal("[[],[],[[]]]", {.depth = 3}).substr(0, 5), "accep");  // closed is not open
}

TEST(Parser, RefusesADocumentBeyondItsLimitBeforeLookingAtIt) {
  EXPECT_EQ(refusal("[1,2]", {.document = 5}), "accepted: [1,2]");
  EXPECT_EQ(refusal("!!!!!!", {.document = 5}),
            "limit: a JSON document of 6 bytes is larger than the limit of 5");
  EXPECT_EQ(ParseLimits().document, 268'435'456u);
}

TEST(Parser, NeedsNoStackForDepth) {
  constexpr std::size_t kDepth = 300'000;
  const auto go = [] {
    std::string text(kDepth, '[');
    text += std::string(kDepth, ']');
    const ParseLimits limits{.depth = kDepth, .document = text.size()};
    Value value = parse(text, limits);
    const Value copy = value;
    EXPECT_TRUE(copy == value);
    EXPECT_EQ(write(copy), text);
    // Cut off in the middle: what was open is destroyed as well.
    EXPECT_THROW(parse(text.substr(0, kDepth + 1), limits), ParseError);
  };
  Reactor loop;
  spawn(go).join();
}

}  // namespace
}  // namespace simul::json
