// RESP2: the reader at every split and against everything that lies, the writer, and what a Reply
// says when it is asked for something else.
#include "runtime/redis/resp.hpp"

#include <gtest/gtest.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/redis/error.hpp"

namespace simul::redis {
namespace {

using std::string_literals::operator""s;

// All replies in `bytes`, which come in pieces of `step` bytes.
std::vector<Reply> read_in_steps(std::string_view bytes, std::size_t step, ReplyReader& reader) {
  std::vector<Reply> replies;
  while (!bytes.empty()) {
    std::string_view piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    while (!piece.empty()) {
      // In memory of its own, so that a sanitizer sees a byte that is read beyond it.
      const std::vector<char> copy(piece.begin(), piece.end());
      piece.remove_prefix(reader.feed({copy.data(), copy.size()}));
      if (reader.ready()) replies.push_back(reader.take());
    }
  }
  return replies;
}

std::vector<Reply> read_all(std::string_view bytes, ReplyLimits limits = {},
                            ReadAs what = ReadAs::replies) {
  ReplyReader reader(limits, what);
  return read_in_steps(bytes, bytes.size(), reader);
}

Reply read_one(std::string_view bytes, ReplyLimits limits = {}) {
  std::vector<Reply> replies = read_all(bytes, limits);
  EXPECT_EQ(replies.size(), 1u);
  return replies.empty() ? Reply() : replies[0];
}

// The message of the `Error` that reading `bytes` throws, at every split the same.
template <class Error>
std::string error_of(std::string_view bytes, ReplyLimits limits = {}) {
  std::string message;
  for (const std::size_t step : {bytes.size(), std::size_t{1}, std::size_t{3}}) {
    try {
      ReplyReader reader(limits);
      read_in_steps(bytes, step, reader);
      ADD_FAILURE() << "nothing wrong with it in steps of " << step;
    } catch (const Error& error) {
      if (!message.empty()) {
        EXPECT_EQ(error.what(), message) << "in steps of " << step;
      }
      message = error.what();
    }
  }
  return message;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  while (times-- > 0) all += text;
  return all;
}

// --- Reading -------------------------------------------------------------------------------------

TEST(ReplyReader, ReadsEachKind) {
  EXPECT_EQ(read_one("+OK\r\n"), Reply::status("OK"));
  EXPECT_EQ(read_one("-ERR no such key\r\n"), Reply::error("ERR no such key"));
  EXPECT_EQ(read_one(":42\r\n"), Reply::integer(42));
  EXPECT_EQ(read_one(":-9223372036854775808\r\n"),
            Reply::integer(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(read_one(":+7\r\n"), Reply::integer(7));
  EXPECT_EQ(read_one("$5\r\nhello\r\n"), Reply::text("hello"));
  EXPECT_EQ(read_one("$0\r\n\r\n"), Reply::text(""));
  EXPECT_EQ(read_one("$-1\r\n"), Reply::nil());
  EXPECT_EQ(read_one("*-1\r\n"), Reply::nil());
  EXPECT_EQ(read_one("*0\r\n"), Reply::array({}));
  EXPECT_EQ(read_one("+\r\n"), Reply::status(""));
  EXPECT_EQ(read_one("*3\r\n:1\r\n*2\r\n+a\r\n$-1\r\n$1\r\nb\r\n"),
            Reply::array({Reply::integer(1), Reply::array({Reply::status("a"), Reply::nil()}),
                          Reply::text("b")}));
}

TEST(ReplyReader, TakesAnyBytesInAText) {
  const std::string bytes = "\r\n\0$5\r\n\xff+OK\r\n"s;
  EXPECT_EQ(read_one("$" + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n"),
            Reply::text(bytes));
}

TEST(ReplyReader, ReadsTheSameAtEverySplit) {
  const std::string bytes =
      "*4\r\n$3\r\nSET\r\n$4\r\na\r\nb\r\n:-12\r\n*2\r\n*0\r\n$-1\r\n"
      "+PONG\r\n-WRONGTYPE no\r\n$0\r\n\r\n*-1\r\n:0\r\n"
      "*1\r\n*1\r\n*1\r\n$10\r\n0123456789\r\n";
  const std::vector<Reply> expected = read_all(bytes);
  ASSERT_EQ(expected.size(), 7u);
  for (std::size_t step = 1; step < bytes.size(); ++step) {
    ReplyReader reader;
    EXPECT_EQ(read_in_steps(bytes, step, reader), expected) << "in steps of " << step;
    EXPECT_TRUE(reader.idle());
  }
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    ReplyReader reader;
    std::vector<Reply> replies = read_in_steps(bytes.substr(0, at), bytes.size(), reader);
    for (Reply& reply : read_in_steps(bytes.substr(at), bytes.size(), reader)) {
      replies.push_back(std::move(reply));
    }
    EXPECT_EQ(replies, expected) << "cut at " << at;
  }
}

TEST(ReplyReader, TakesNoByteBeyondTheFirstWholeReply) {
  ReplyReader reader;
  EXPECT_EQ(reader.feed(":1\r\n:2\r\n"), 4u);
  EXPECT_TRUE(reader.ready());
  EXPECT_EQ(reader.feed(":2\r\n"), 0u) << "while there is one to take";
  EXPECT_EQ(reader.take(), Reply::integer(1));
  EXPECT_EQ(reader.feed(":2\r\n"), 4u);
  EXPECT_EQ(reader.take(), Reply::integer(2));
}

TEST(ReplyReader, KnowsWhetherItIsInTheMiddleOfAReply) {
  for (const char* cut : {"+", "+OK\r", "$5\r\n", "$5\r\nhel", "$5\r\nhello\r", "*2\r\n:1\r\n"}) {
    ReplyReader reader;
    EXPECT_TRUE(reader.idle());
    reader.feed(cut);
    EXPECT_FALSE(reader.ready()) << cut;
    EXPECT_FALSE(reader.idle()) << cut;
  }
}

TEST(ReplyReader, RefusesWhatIsNotResp) {
  EXPECT_EQ(error_of<ProtocolError>("HTTP/1.1 400 Bad Request\r\n"),
            "RESP: a reply begins with one of + - : $ *, got \"HTTP/1.1 400 Bad Request\\x0d\"");
  for (const char* wrong : {"\r\n",          "+OK\n",
                            "OK\r\n",        ":\r\n",
                            ":1x\r\n",       ":1 \r\n",
                            ": 1\r\n",       ":--1\r\n",
                            ":+-1\r\n",      ":9223372036854775808\r\n",
                            ":0x10\r\n",     "$\r\n",
                            "$-2\r\n",       "$1e3\r\n",
                            "$\xff\r\n",     "$99999999999999999999\r\n",
                            "*-2\r\n",       "*\r\n",
                            "*1\r\nx\r\n",   "$1\r\nab\r\n",
                            "$3\r\nabc\n\n", "$3\r\nabcd\r\n",
                            "_\r\n",         "%1\r\n+a\r\n:1\r\n",
                            "#t\r\n"}) {
    EXPECT_NE(error_of<ProtocolError>(wrong), "") << wrong;
  }
}

TEST(ReplyReader, StaysBrokenOnceItIsBroken) {
  ReplyReader reader;
  EXPECT_THROW(reader.feed("x\r\n"), ProtocolError);
  EXPECT_THROW(reader.feed("+OK\r\n"), ProtocolError);
  EXPECT_FALSE(reader.ready());
}

// --- Limits --------------------------------------------------------------------------------------

TEST(ReplyReader, HasALimitForEachThingAndNamesIt) {
  ReplyLimits limits;
  limits.bulk = 10;
  EXPECT_EQ(read_one("$10\r\n0123456789\r\n", limits).as_text().size(), 10u);
  EXPECT_EQ(error_of<LimitExceeded>("$11\r\n", limits),
            "RESP: a text of 11 bytes is more than the limit of 10");
  limits = {};
  limits.array = 3;
  EXPECT_EQ(read_one("*3\r\n:1\r\n:2\r\n:3\r\n", limits).size(), 3u);
  EXPECT_EQ(error_of<LimitExceeded>("*4\r\n", limits),
            "RESP: an array of 4 items is more than the limit of 3");
  limits = {};
  limits.depth = 2;
  EXPECT_EQ(read_one("*1\r\n*1\r\n:1\r\n", limits).size(), 1u);
  EXPECT_EQ(error_of<LimitExceeded>("*1\r\n*1\r\n*1\r\n", limits),
            "RESP: arrays are nested more than 2 deep");
  limits = {};
  limits.line = 5;
  EXPECT_EQ(read_one("+12345\r\n", limits).as_text(), "12345");
  EXPECT_EQ(error_of<LimitExceeded>("+1234567890", limits),
            "RESP: a line is longer than the limit of 5 bytes");
  EXPECT_NE(error_of<LimitExceeded>("+123456\r\n", limits), "");
  limits = {};
  limits.total = 1000;
  EXPECT_NE(error_of<LimitExceeded>("*1000\r\n" + repeated(":1\r\n", 1000), limits), "");
  EXPECT_NE(
      error_of<LimitExceeded>("*2\r\n$600\r\n" + std::string(600, 'x') + "\r\n$600\r\n", limits),
      "");
  EXPECT_EQ(read_all(repeated("$600\r\n" + std::string(600, 'x') + "\r\n", 5), limits).size(), 5u)
      << "it is a limit for each reply, not for all of them";
  limits = {};
  limits.depth = ReplyLimits::kMostDepth + 1;
  EXPECT_THROW(ReplyReader{limits}, std::invalid_argument);
}

TEST(ReplyReader, HasDefaultLimits) {
  EXPECT_EQ(error_of<LimitExceeded>("$536870913\r\n"),
            "RESP: a text of 536870913 bytes is more than the limit of 536870912");
  EXPECT_EQ(read_one(repeated("*1\r\n", 128) + ":1\r\n").size(), 1u);
  EXPECT_EQ(error_of<LimitExceeded>(repeated("*1\r\n", 129)),
            "RESP: arrays are nested more than 128 deep");
}

#if defined(__GLIBC__)
TEST(ReplyReader, DoesNotAllocateWhatIsOnlyAnnounced) {
  const auto in_use = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  const std::size_t before = in_use();
  ReplyReader reader;
  reader.feed("$536870912\r\nonly this");
  EXPECT_LT(in_use(), before + 1'000'000);
  ReplyReader other;
  other.feed(repeated("*16777216\r\n", 128));
  EXPECT_LT(in_use(), before + 1'000'000);
}
#endif

TEST(ReplyReader, SurvivesABombOfNestedArrays) {
  ReplyLimits limits;
  limits.depth = ReplyLimits::kMostDepth;
  const std::string bomb = repeated("*2\r\n:1\r\n", ReplyLimits::kMostDepth) + ":2\r\n";
  Reply deep = read_one(bomb, limits);
  EXPECT_EQ(deep.size(), 2u);
  std::string again;
  write_reply(again, deep);
  EXPECT_EQ(again, bomb);
}

TEST(Reply, IsDestroyedWithoutRecursionHoweverDeepItIs) {
  Reply deep = Reply::integer(1);
  for (int i = 0; i < 100'000; ++i) {
    Reply::Array one;
    one.push_back(std::move(deep));
    deep = Reply::array(std::move(one));
  }
  EXPECT_EQ(deep.size(), 1u);
}

// --- Requests ------------------------------------------------------------------------------------

TEST(ReplyReader, ReadsRequestsForAServer) {
  std::string bytes;
  write_command(bytes, {"SET", "key", "a\r\nb"});
  write_command(bytes, {"PING"});
  const std::vector<Reply> requests = read_all(bytes, {}, ReadAs::requests);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].texts(), (std::vector<std::string>{"SET", "key", "a\r\nb"}));
  EXPECT_EQ(requests[1].texts(), (std::vector<std::string>{"PING"}));
}

TEST(ReplyReader, ReadsCommandsTypedByHand) {
  const std::string bytes = "PING\r\n\r\n  set  key\tvalue \nGET key\r\n*1\r\n$4\r\nPING\r\n$3\r\n";
  const std::vector<std::vector<std::string>> expected = {
      {"PING"}, {"set", "key", "value"}, {"GET", "key"}, {"PING"}, {"$3"}};
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    ReplyReader reader({}, ReadAs::requests);
    std::vector<std::vector<std::string>> words;
    for (const Reply& request : read_in_steps(bytes, step, reader)) {
      words.push_back(request.texts());
    }
    EXPECT_EQ(words, expected) << "in steps of " << step;
  }
}

// --- Writing -------------------------------------------------------------------------------------

TEST(RespWriter, WritesWhatTheReaderReads) {
  std::string out;
  write_command(out, {"GET", "", "\0\r\n"s});
  EXPECT_EQ(out, "*3\r\n$3\r\nGET\r\n$0\r\n\r\n$3\r\n\0\r\n\r\n"s);
  const std::vector<Reply> replies = {
      Reply::nil(),
      Reply::status("OK"),
      Reply::integer(std::numeric_limits<std::int64_t>::min()),
      Reply::text("x\r\n\0"s),
      Reply::error("ERR no"),
      Reply::array({}),
      Reply::array({Reply::array({Reply::array({}), Reply::integer(3)}), Reply::text("")})};
  out.clear();
  for (const Reply& reply : replies) write_reply(out, reply);
  EXPECT_EQ(read_all(out), replies);
  out.clear();
  write_nil(out, true);
  EXPECT_EQ(out, "*-1\r\n");
}

TEST(RespWriter, RefusesALineThatIsTwo) {
  std::string out;
  EXPECT_THROW(write_error(out, "ERR no\r\n+OK"), std::invalid_argument);
  EXPECT_THROW(write_status(out, "a\nb"), std::invalid_argument);
  EXPECT_EQ(out, "");
}

// --- Reply ---------------------------------------------------------------------------------------

template <class Call>
std::string unexpected(Call call) {
  try {
    call();
  } catch (const UnexpectedReply& error) {
    return error.what();
  }
  return "";
}

TEST(Reply, SaysWhatWasExpectedAndWhatIsThere) {
  EXPECT_EQ(unexpected([] { Reply::text("abc").as_integer(); }),
            "expected an integer, got the text \"abc\"");
  EXPECT_EQ(unexpected([] { Reply::nil().as_text(); }), "expected a text, got nil");
  EXPECT_EQ(unexpected([] { Reply::integer(5).as_array(); }),
            "expected an array, got the integer 5");
  EXPECT_EQ(unexpected([] { Reply::error("ERR x").as_bool(); }),
            "expected an integer or OK, got the error \"ERR x\"");
  EXPECT_EQ(unexpected([] { Reply::array({Reply::nil()})[1].is_nil(); }),
            "expected an array with an item 1, got an array of 1");
  EXPECT_EQ(unexpected([] { Reply::array({Reply::text("a")}).pairs(); }),
            "expected an array of names and values, got an array of 1");
}

TEST(Reply, GivesWhatItIs) {
  EXPECT_EQ(Reply::text("a").text_or_nil(), "a");
  EXPECT_EQ(Reply::nil().text_or_nil(), std::nullopt);
  EXPECT_TRUE(Reply::status("OK").as_bool());
  EXPECT_TRUE(Reply::integer(2).as_bool());
  EXPECT_FALSE(Reply::integer(0).as_bool());
  EXPECT_EQ(Reply::nil().size(), 0u);
  const Reply hash =
      Reply::array({Reply::text("a"), Reply::text("1"), Reply::text("b"), Reply::text("2")});
  EXPECT_EQ(hash.pairs(),
            (std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(hash.texts(), (std::vector<std::string>{"a", "1", "b", "2"}));
  EXPECT_EQ(hash[2].as_text(), "b");
}

TEST(Reply, IsNilOnceItWasMovedAway) {
  Reply first = Reply::text("abc");
  const Reply second = std::move(first);
  EXPECT_TRUE(first.is_nil());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second, Reply::text("abc"));
}

}  // namespace
}  // namespace simul::redis
