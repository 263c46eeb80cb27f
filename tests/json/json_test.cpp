// Values, objects and the writer; and that reading and writing are each other's inverse.
#include "runtime/json/json.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tests/support/child.hpp"

namespace simul::json {
namespace {

using namespace std::string_literals;

template <class Access>
std::string complaint(Access access) {
  try {
    access();
    return "none";
  } catch (const AccessError& error) {
    return error.what();
  }
}

// ---- Values
// --------------------------------------------------------------------------------------

TEST(JsonValue, IsReadTheWayItIsNested) {
  const Value page = parse(R"({"kind": "Listing", "data": {"children": [
      {"data": {"score": 50, "title": "Undershoot: Parsing theory in 1965", "ratio": 0.97,
                "stickied": false, "edited": null}},
      {"data": {"score": 12}}]}})");
  const Value& post = page["data"]["children"][0]["data"];
  EXPECT_EQ(post["title"].as_string(), "Undershoot: Parsing theory in 1965");
  EXPECT_EQ(post["score"].as_int(), 50);
  EXPECT_EQ(post["score"].as_uint(), 50u);
  EXPECT_EQ(post["ratio"].as_double(), 0.97);
  EXPECT_FALSE(post["stickied"].as_bool());
  EXPECT_TRUE(post["edited"].is_null());
  EXPECT_EQ(post.find("nothing"), nullptr);
  EXPECT_TRUE(post.contains("edited"));
  std::vector<std::int64_t> scores;
  for (const Value& child : page["data"]["children"].as_array())
    scores.push_back(child["data"]["score"].as_int());
  EXPECT_EQ(scores, (std::vector<std::int64_t>{50, 12}));
  std::string keys;
  for (const Member& member : post.as_object()) keys += member.key + " ";
  EXPECT_EQ(keys, "score title ratio stickied edited ");
}

TEST(JsonValue, SaysWhatWasExpectedAndWhatIsThere) {
  const Value value = parse(R"({"a": [1, 2, 3], "b": "text", "c": 1.5, "d": {}, "e": null})");
  EXPECT_EQ(complaint([&] { value["x"]; }),
            R"(expected the key "x", found an object with "a", "b", "c", "d", "e")");
  EXPECT_EQ(complaint([&] { value["d"]["x"]; }),
            R"(expected the key "x", found an object without keys)");
  EXPECT_EQ(complaint([&] { value["a"]["x"]; }), R"(expected the key "x", found an array of 3)");
  EXPECT_EQ(complaint([&] { value["a"][3]; }), "expected the index 3, found an array of 3");
  EXPECT_EQ(complaint([&] { value["b"][0]; }), R"(expected the index 0, found the string "text")");
  EXPECT_EQ(complaint([&] { value["a"][0].as_string(); }), "expected a string, found the number 1");
  EXPECT_EQ(complaint([&] { value["b"].as_int(); }),
            R"(expected a whole number of 64 bits, found the string "text")");
  EXPECT_EQ(complaint([&] { value["c"].as_int(); }),
            "expected a whole number of 64 bits, found the number 1.5");
  EXPECT_EQ(complaint([&] { value["e"].as_double(); }), "expected a number, found null");
  EXPECT_EQ(complaint([&] { value["e"].as_bool(); }), "expected true or false, found null");
  EXPECT_EQ(complaint([&] { value["c"].as_array(); }), "expected an array, found the number 1.5");
  EXPECT_EQ(complaint([&] { value["a"].as_object(); }), "expected an object, found an array of 3");
  EXPECT_EQ(complaint([&] { value["b"].size(); }),
            R"(expected an array or an object, found the string "text")");
  EXPECT_EQ(complaint([&] { value["b"].find("x"); }),
            R"(expected the key "x", found the string "text")");
  const std::string found = complaint([] { Value("\xd0\xb6" + std::string(99, 'x')).as_bool(); });
  EXPECT_LT(found.size(), 100u);
  EXPECT_NE(found.find("...\""), found.npos);
}

TEST(JsonValue, GivesAWholeNumberOnlyIfItIsOneAndFits) {
  EXPECT_EQ(Value(3.0).as_int(), 3);
  EXPECT_EQ(Value(-0x1p63).as_int(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(Value(0x1p63).as_uint(), std::uint64_t{1} << 63);
  for (const Value& value : {Value(0x1p63), Value(-0x1.1p63), Value(1e300), Value(0.5),
                             Value(std::nan("")), Value(std::uint64_t{1} << 63)})
    EXPECT_THROW(value.as_int(), AccessError) << value.as_double();
  for (const Value& value : {Value(-1), Value(-1.0), Value(0x1p64), Value(0.5)})
    EXPECT_THROW(value.as_uint(), AccessError) << value.as_double();
  EXPECT_EQ(Value(std::numeric_limits<std::uint64_t>::max()).as_double(), 0x1p64);
}

TEST(JsonValue, IsMadeOfWhatCppHas) {
  const std::string text = "text";
  const Value value = Object{{"n", nullptr},
                             {"t", true},
                             {"i", -1},
                             {"s", std::size_t{7}},
                             {"c", static_cast<signed char>(-3)},
                             {"f", 1.5F},
                             {"p", text.c_str()},
                             {"v", std::string_view(text)},
                             {"a", Array{1, "two", Array{}, Array(1, Array{3})}},
                             {"o", Object{}}};
  EXPECT_EQ(write(value), R"({"n":null,"t":true,"i":-1,"s":7,"c":-3,"f":1.5,"p":"text","v":"text",)"
                          R"("a":[1,"two",[],[[3]]],"o":{}})");
  static_assert(!std::is_constructible_v<Value, int*>);
  static_assert(!std::is_constructible_v<Value, char>);
}

TEST(JsonValue, ComparesByWhatItSays) {
  EXPECT_EQ(parse(R"({"a":1,"b":[2]})"), parse(R"({"b":[2],"a":1})"));
  EXPECT_NE(parse("[1,2]"), parse("[2,1]"));
  EXPECT_NE(parse("[1]"), parse("[1,1]"));
  EXPECT_NE(parse(R"({"a":1})"), parse(R"({"b":1})"));
  EXPECT_NE(parse(R"({"a":1})"), parse(R"({"a":1,"b":1})"));
  EXPECT_NE(parse(R"({"a":[{"b":1}]})"), parse(R"({"a":[{"b":2}]})"));
  EXPECT_NE(Value(2), Value(2.0));
  EXPECT_NE(Value(0.0), Value(-0.0));
  EXPECT_NE(Value(nullptr), Value(false));
  EXPECT_NE(Value(true), Value(false));
  EXPECT_NE(Value("a"), Value("b"));
  EXPECT_EQ(Value(std::uint64_t{5}), Value(5));
}

TEST(JsonValue, CopiesAllOfItAndMovesTheThingItself) {
  Value value = parse(R"({"a":[1,{"b":"text"}],"c":2})");
  Value copy = value;
  copy["a"][1].as_object().set("b", 7);
  copy["c"] = "changed";
  EXPECT_EQ(write(value), R"({"a":[1,{"b":"text"}],"c":2})");
  EXPECT_EQ(write(copy), R"({"a":[1,{"b":7}],"c":"changed"})");
  const std::string* text = &value["a"][1]["b"].as_string();
  Value moved = std::move(value);
  EXPECT_TRUE(value.is_null());  // NOLINT(bugprone-use-after-move): that is promised
  EXPECT_EQ(&moved["a"][1]["b"].as_string(), text);
  // From a part of itself, where the part goes with the whole.
  moved = std::move(moved["a"][1]["b"]);
  EXPECT_EQ(moved, Value("text"));
  copy = copy["a"];
  EXPECT_EQ(write(copy), R"([1,{"b":7}])");
}

TEST(JsonValue, IsDestroyedWhateverItsShape) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    // A tree that grows at a random place, so that it is deep here and wide there.
    Value root = Array{};
    std::vector<Value*> path = {&root};
    for (int i = 0; i < 200; ++i) {
      while (path.size() > 1 && random() % 3 == 0) path.pop_back();
      Value child = random() % 2 == 0 ? Value(Array{}) : Value(Object{});
      for (auto n = random() % 3; n > 0; --n) {
        if (child.is_array())
          child.as_array().push_back("a string too long to lie in place");
        else
          child.as_object().set("k" + std::to_string(n), 1);
      }
      Value& inner = *path.back();
      if (inner.is_array()) {
        inner.as_array().push_back(std::move(child));
        path.push_back(&inner.as_array().back());
      } else {
        const std::string key = std::to_string(i);
        inner.as_object().set(key, std::move(child));
        path.push_back(inner.as_object().find(key));
      }
    }
    const Value copy = root;
    EXPECT_EQ(copy, root);
    EXPECT_EQ(parse(write(copy)), root);
  }
}

// ---- Objects
// -------------------------------------------------------------------------------------

TEST(JsonObject, KeepsTheOrderOfItsKeysHoweverManyThereAre) {
  for (const int count : {0, 1, 7, 8, 9, 10, 500}) {
    Object object;
    std::vector<std::string> keys;
    for (int i = 0; i < count; ++i) {
      keys.push_back("key " + std::to_string(i * 7919 % 503));
      object.set(keys.back(), i);
    }
    ASSERT_EQ(object.size(), keys.size());
    std::size_t place = 0;
    for (const Member& member : object) EXPECT_EQ(member.key, keys[place++]);
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(object.contains(keys[i])) << keys[i];
      EXPECT_EQ(*object.find(keys[i]), Value(i));
    }
    EXPECT_FALSE(object.contains("key"));
    EXPECT_FALSE(object.contains(""));
    const Object copy = object;
    EXPECT_EQ(Value(copy), Value(object));
    EXPECT_EQ(parse(write(object)), Value(object));
  }
}

TEST(JsonObject, AgreesWithAListThatIsSearched) {
  std::mt19937 random(3);
  Object object;
  std::vector<std::pair<std::string, int>> model;
  for (int step = 0; step < 5'000; ++step) {
    const std::string key = std::string(random() % 3 * 9, 'k') + std::to_string(random() % 20);
    const auto there = std::find_if(model.begin(), model.end(),
                                    [&](const auto& member) { return member.first == key; });
    if (random() % 2 == 0) {
      object.set(key, step);
      if (there == model.end())
        model.emplace_back(key, step);
      else
        there->second = step;
    } else {
      EXPECT_EQ(object.remove(key), there != model.end());
      if (there != model.end()) model.erase(there);
    }
    ASSERT_EQ(object.size(), model.size());
    std::size_t place = 0;
    for (const Member& member : object) {
      ASSERT_EQ(member.key, model[place].first);
      ASSERT_EQ(member.value, Value(model[place].second));
      ASSERT_EQ(object.find(member.key), &member.value);
      ++place;
    }
  }
}

TEST(JsonObject, IsNotSlowedDownByKeysThatLookAlike) {
  // Equal lengths, beginnings and ends: by the hash they are all the same.
  std::string text = "{";
  for (int i = 0; i < 20'000; ++i) {
    if (i > 0) text += ',';
    text += "\"beginning" + std::to_string(100'000 + i) + "the same end\":" + std::to_string(i);
  }
  const Value value = parse(text + "}");
  EXPECT_EQ(value.size(), 20'000u);
  for (int i = 0; i < 20'000; ++i)
    ASSERT_EQ(value["beginning" + std::to_string(100'000 + i) + "the same end"], Value(i));
}

// ---- The writer
// ----------------------------------------------------------------------------------

TEST(JsonWriter, IndentsAsPythonDoes) {
  const Value value = parse(R"({"a":[1,[],{}],"b":{"c":"d"},"e":[]})");
  EXPECT_EQ(write(value, {.indent = 2}), R"({
  "a": [
    1,
    [],
    {}
  ],
  "b": {
    "c": "d"
  },
  "e": []
})");
  EXPECT_EQ(write(Array{}, {.indent = 4}), "[]");
  EXPECT_EQ(write(7, {.indent = 4}), "7");
}

TEST(JsonWriter, WritesTheShortestNumberThatReadsBackTheSame) {
  EXPECT_EQ(write(Array{0.1, 1.0, -0.0, 100.5, 1e21, 1e-7, 5e-324, 123456789.0, 2.5e100}),
            "[0.1,1.0,-0.0,100.5,1e+21,1e-07,5e-324,123456789.0,2.5e+100]");
  EXPECT_EQ(write(1.7976931348623157e308), "1.7976931348623157e+308");
}

TEST(JsonWriter, EscapesWhatItMustAndNothingElse) {
  std::string all;
  for (char c = 0; c < 0x20; ++c) all += c;
  EXPECT_EQ(write(all), R"("\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r)"
                        R"(\u000e\u000f\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018)"
                        R"(\u0019\u001a\u001b\u001c\u001d\u001e\u001f")");
  EXPECT_EQ(write("\"\\/ \x7f \xe2\x82\xac \xf0\x9f\x98\x80"),
            "\"\\\"\\\\/ \x7f \xe2\x82\xac \xf0\x9f\x98\x80\"");
  EXPECT_EQ(write(Object{{"a\"\n", 1}}), "{\"a\\\"\\n\":1}");
}

TEST(JsonWriter, RefusesWhatNoDocumentCanHold) {
  EXPECT_THROW(write(std::numeric_limits<double>::infinity()), InvalidValue);
  EXPECT_THROW(write(-std::numeric_limits<double>::infinity()), InvalidValue);
  EXPECT_THROW(write(std::nan("")), InvalidValue);
  for (const char* text : {"\xff", "a\x80", "\xed\xa0\x80", "\xc0\x80", "12345678\xe2\x82"}) {
    EXPECT_THROW(write(text), InvalidValue);
    EXPECT_THROW(write(Object{{text, 1}}), InvalidValue);
  }
  std::string out = "before";
  EXPECT_THROW(append(out, Array{1, 2, "\xff"}), InvalidValue);
  EXPECT_EQ(out, "before");
  append(out, Array{1});
  EXPECT_EQ(out, "before[1]");
}

// ---- There and back
// ------------------------------------------------------------------------------

std::mt19937_64 dice(2024);

std::string random_string() {
  std::string text;
  for (auto length = dice() % 30; length > 0; --length) {
    switch (dice() % 6) {
      case 0:
        text += static_cast<char>(dice() % 0x20);
        break;
      case 1:
        text += dice() % 2 == 0 ? '"' : '\\';
        break;
      case 2:
        text += "\xd0\xb6";
        break;
      case 3:
        text += dice() % 2 == 0 ? "\xe2\x82\xac" : "\xf0\x9f\x98\x80";
        break;
      default:
        text += static_cast<char>('a' + dice() % 26);
    }
  }
  return text;
}

Value random_value(int depth) {
  switch (dice() % (depth > 0 ? 9 : 7)) {
    case 0:
      return nullptr;
    case 1:
      return dice() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(dice()) >> dice() % 64;
    case 3:
      return dice() >> dice() % 64;
    case 4: {
      const auto number = std::bit_cast<double>(dice());
      return std::isfinite(number) ? number : 0.0;
    }
    case 5:
      return static_cast<double>(dice() % 2'000'000) / 1000;
    case 6:
      return random_string();
    case 7: {
      Array array;
      for (auto n = dice() % 12; n > 0; --n) array.push_back(random_value(depth - 1));
      return array;
    }
    default: {
      Object object;
      for (auto n = dice() % 12; n > 0; --n) object.set(random_string(), random_value(depth - 1));
      return object;
    }
  }
}

TEST(Json, WhatIsWrittenReadsBackTheSame) {
  for (int round = 0; round < 2'000; ++round) {
    const Value value = random_value(4);
    const std::string text = write(value);
    ASSERT_EQ(parse(text), value) << text;
    ASSERT_EQ(write(parse(text)), text);  // canonical
    ASSERT_EQ(parse(write(value, {.indent = 3})), value);
  }
}

TEST(Json, AgreesWithPython) {
  try {
    testing::run_program({"python3", "--version"});
  } catch (const std::system_error&) {
    GTEST_SKIP() << "python3 is missing";
  }
  std::string documents;
  for (int round = 0; round < 500; ++round) documents += write(random_value(3)) + "\n";
  // Python reads ours and writes its own form: escapes for all but ASCII, and spaces.
  const auto python = testing::run_program(
      {"python3", "-c",
       "import json,sys\nfor d in sys.stdin.buffer: print(json.dumps(json.loads(d)))"},
      {.input = documents});
  ASSERT_EQ(python.status, 0) << python.err;
  std::size_t ours = 0;
  std::size_t theirs = 0;
  int count = 0;
  while (ours < documents.size()) {
    const std::string mine = documents.substr(ours, documents.find('\n', ours) - ours);
    const std::string other = python.out.substr(theirs, python.out.find('\n', theirs) - theirs);
    ASSERT_EQ(write(parse(other)), mine);
    ours += mine.size() + 1;
    theirs += other.size() + 1;
    ++count;
  }
  EXPECT_EQ(count, 500);
  EXPECT_EQ(theirs, python.out.size());
}

}  // namespace
}  // namespace simul::json
