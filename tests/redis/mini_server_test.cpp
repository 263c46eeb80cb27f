// The embedded server: is it the real one, as far as it reaches, and what can its clients do to it?
// (What the client, the queue and the workers see of it is in their tests, which run against both.)
#include "runtime/redis/mini_server.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/net/socket.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "tests/redis/embedded_server.hpp"
#include "tests/support/redis_server.hpp"

namespace simul::redis {
namespace {

using namespace std::chrono_literals;
using simul::testing::EmbeddedServer;
using simul::testing::RedisServer;

// A client without manners: whatever bytes, and what came back, byte by byte.
class RawClient {
 public:
  explicit RawClient(const std::string& url) : socket_(connect(Url::parse(url))) {}

  /// Sends as much as the server takes within ten seconds.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const net::Transfer sent = net::try_send(socket_.get(), bytes);
      if (sent.outcome == net::Outcome::failed) return false;
      if (sent.outcome == net::Outcome::would_block && !ready(POLLOUT)) return false;
      bytes.remove_prefix(sent.bytes);
    }
    return true;
  }

  /// The bytes of the next reply; what there is if the server closes, or says nothing for ten
  /// seconds.
  std::string reply() {
    ReplyReader reader;
    std::string whole;
    while (!reader.ready()) {
      if (unread_.empty() && !receive()) return whole;
      const std::size_t used = reader.feed(unread_);
      whole += unread_.substr(0, used);
      unread_.erase(0, used);
    }
    return whole;
  }

  std::string ask(std::string_view line) {
    send(std::string(line) + "\r\n");
    return reply();
  }

  /// Everything up to the end of the stream.
  std::string rest() {
    while (receive()) {
    }
    return std::exchange(unread_, {});
  }

 private:
  static UniqueFd connect(const Url& url) {
    const net::Address address =
        url.path.empty() ? net::Address::loopback(url.port) : net::Address::unix_path(url.path);
    net::Connecting connecting = net::start_connect(address);
    pollfd writable{connecting.socket.get(), POLLOUT, 0};
    ::poll(&writable, 1, 10'000);
    if (!connecting.connected) net::finish_connect(connecting.socket.get(), address);
    return std::move(connecting.socket);
  }

  bool ready(short events) {
    pollfd socket{socket_.get(), events, 0};
    return ::poll(&socket, 1, 10'000) == 1;
  }

  bool receive() {
    if (!ready(POLLIN)) return false;
    char buffer[16'384];
    const net::Transfer got = net::try_receive(socket_.get(), buffer);
    if (got.outcome != net::Outcome::done) return false;
    unread_.append(buffer, got.bytes);
    return true;
  }

  UniqueFd socket_;
  std::string unread_;
};

Reply parsed(const std::string& bytes) {
  ReplyReader reader;
  reader.feed(bytes);
  return reader.ready() ? reader.take() : Reply::error("not whole: " + bytes);
}

// --- Is it the same? -----------------------------------------------------------------------------

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  std::size_t operator()(std::size_t below) { return random_() % below; }
  const char* one_of(const std::vector<const char*>& choice) {
    return choice[(*this)(choice.size())];
  }

 private:
  std::mt19937 random_;
};

// k: a key, f: a field, v: any value, n: a whole number or nearly one, s: a score, b: a bound, t: a
// time to live, i: an id. Whatever stands behind a '?' is there every other time.
const std::vector<const char*> kCommands = {"DEL k",
                                            "DEL k k",
                                            "EXISTS k k",
                                            "TYPE k",
                                            "EXPIRE k t",
                                            "PEXPIRE k t ?NX",
                                            "EXPIRE k 99950 GT",
                                            "EXPIRE k 100050 LT",
                                            "EXPIRE k t XX",
                                            "EXPIRE k n",
                                            "TTL k",
                                            "TTL k",
                                            "PERSIST k",
                                            "DBSIZE",
                                            "KEYS *",
                                            "KEYS k[0-2]",
                                            "KEYS ?k?[^1]",
                                            "GET k",
                                            "SET k v",
                                            "SET k n",
                                            "SET k v NX",
                                            "SET k v XX ?GET",
                                            "SET k v EX t",
                                            "SET k n PX t ?KEEPTTL",
                                            "SET k v KEEPTTL",
                                            "SET k v EX n",
                                            "SETNX k v",
                                            "SETEX k t v",
                                            "GETDEL k",
                                            "MGET k k k",
                                            "MSET k v k v",
                                            "STRLEN k",
                                            "APPEND k v",
                                            "INCR k",
                                            "DECR k",
                                            "INCRBY k n",
                                            "DECRBY k n",
                                            "INCRBYFLOAT k s",
                                            "HSET k f v",
                                            "HSET k f v f v",
                                            "HMSET k f v f n",
                                            "HSETNX k f v",
                                            "HGET k f",
                                            "HMGET k f f",
                                            "HGETALL k",
                                            "HDEL k f ?f",
                                            "HEXISTS k f",
                                            "HLEN k",
                                            "HKEYS k",
                                            "HVALS k",
                                            "HINCRBY k f n",
                                            "HINCRBYFLOAT k f s",
                                            "LPUSH k v ?v",
                                            "RPUSH k v ?v",
                                            "RPUSH k v v",
                                            "LPOP k",
                                            "RPOP k",
                                            "LPOP k n",
                                            "RPOP k n",
                                            "LLEN k",
                                            "LRANGE k n n",
                                            "LRANGE k 0 -1",
                                            "LINDEX k n",
                                            "LREM k n v",
                                            "LTRIM k n n",
                                            "LMOVE k k LEFT RIGHT",
                                            "LMOVE k k right left",
                                            "LMOVE k k LEFT v",
                                            "RPOPLPUSH k k",
                                            "BLPOP k k 0.001",
                                            "BRPOP k 0.001",
                                            "BLMOVE k k LEFT RIGHT 0.001",
                                            "BRPOPLPUSH k k 0.001",
                                            "BLPOP k -1",
                                            "BLPOP k x",
                                            "SADD k f ?f",
                                            "SREM k f ?f",
                                            "SMEMBERS k",
                                            "SISMEMBER k f",
                                            "SCARD k",
                                            "ZADD k s f",
                                            "ZADD k s f s f",
                                            "ZADD k NX s f",
                                            "ZADD k XX CH s f",
                                            "ZADD k GT CH s f ?s ?f",
                                            "ZADD k LT s f",
                                            "ZADD k INCR s f",
                                            "ZADD k ?NX ?XX ?GT INCR s f",
                                            "ZINCRBY k s f",
                                            "ZREM k f ?f",
                                            "ZSCORE k f",
                                            "ZCARD k",
                                            "ZCOUNT k b b",
                                            "ZRANK k f",
                                            "ZRANGE k n n ?WITHSCORES",
                                            "ZRANGE k b b BYSCORE ?REV ?LIMIT ?n ?n",
                                            "ZRANGE k 0 -1",
                                            "ZRANGE k n n REV",
                                            "ZRANGE k b b BYSCORE LIMIT n n WITHSCORES",
                                            "ZREVRANGE k n n ?WITHSCORES",
                                            "ZRANGEBYSCORE k b b ?WITHSCORES",
                                            "ZRANGEBYSCORE k b b LIMIT n n",
                                            "ZREVRANGEBYSCORE k b b",
                                            "ZRANGEBYSCORE k -inf +inf WITHSCORES",
                                            "ZREMRANGEBYSCORE k b b",
                                            "ZREMRANGEBYRANK k n n",
                                            "XADD k i f v",
                                            "XADD k i f v f v",
                                            "XADD k MAXLEN 3 i f v",
                                            "XADD k MAXLEN = n i f v",
                                            "XADD k NOMKSTREAM i f v",
                                            "XLEN k",
                                            "XRANGE k - +",
                                            "XRANGE k i i",
                                            "XREVRANGE k + - COUNT n",
                                            "XREVRANGE k i i",
                                            "XRANGE k (i +",
                                            "XDEL k i ?i",
                                            "MULTI",
                                            "MULTI",
                                            "EXEC",
                                            "EXEC",
                                            "EXEC",
                                            "DISCARD",
                                            "WATCH k",
                                            "UNWATCH",
                                            "PING",
                                            "PING v",
                                            "ECHO v",
                                            "SELECT 1",
                                            "SELECT 0",
                                            "SELECT 0",
                                            "SELECT n",
                                            "PUBLISH f v",
                                            "PUBSUB NUMSUB f",
                                            "CLIENT SETNAME f",
                                            "CLIENT GETNAME",
                                            "CLIENT SETNAME v",
                                            "CLIENT f",
                                            "FLUSHDB",
                                            "NOSUCH k v",
                                            "AUTH v",
                                            "AUTH f v"};

std::vector<std::string> words_of(Dice& dice, std::string_view text) {
  const auto word_for = [&dice](std::string_view word) -> std::string {
    if (word == "k") return dice.one_of({"k0", "k1", "k2", "k3", "k4"});
    if (word == "f") return dice.one_of({"a", "b", "c", "d", ""});
    if (word == "v")
      return dice.one_of({"", "x", "10", "-3", "3.5", "two words", "line\r\nend", "10"});
    if (word == "n") {
      return dice.one_of({"0", "1", "-1", "2", "-2", "7", "-100", "9223372036854775807",
                          "-9223372036854775808", "01", "+1", "x", "", "1.0", "2", "3"});
    }
    if (word == "s") {
      return dice.one_of(
          {"1", "2", "-2.5", "0.1", "3", "inf", "-inf", "1e3", "nan", "x", "2.", ""});
    }
    if (word == "b") {
      return dice.one_of(
          {"-inf", "+inf", "0", "(1", "2", "(2", "-3", "1000", "x", "(x", "(", "(inf"});
    }
    if (word == "t") return "100000";
    if (word == "i")
      return dice.one_of({"1-1", "2", "3-7", "3-*", "9-9", "0-0", "5-x", "12", "15-3", "-"});
    return std::string(word);
  };
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const bool maybe = word.size() > 1 && word[0] == '?' && words.size() > 1;
    if (maybe && dice(2) == 0) continue;
    words.push_back(word_for(maybe ? word.substr(1) : word));
    if (word.starts_with("(i")) words.back() = "(" + word_for("i");
  }
  if (dice(50) == 0) words.pop_back();
  if (dice(50) == 0 && words != std::vector<std::string>{"EXEC"}) words.push_back("x");
  if (dice(10) == 0 && !words.empty()) {
    for (char& letter : words[0]) letter = static_cast<char>(std::tolower(letter));
  }
  return words;
}

bool is(std::string_view word, std::string_view name) {
  return std::equal(word.begin(), word.end(), name.begin(), name.end(),
                    [](char a, char b) { return std::toupper(a) == b; });
}

// Redis keeps hashes and sets in no particular order.
bool has_no_order(const std::string& command) {
  for (const char* name : {"HGETALL", "HKEYS", "HVALS", "SMEMBERS", "KEYS"}) {
    if (is(command, name)) return true;
  }
  return false;
}

void sort_items(Reply& reply, std::size_t in_twos) {
  if (!reply.is_array()) return;
  std::vector<std::string> items;
  for (std::size_t i = 0; i < reply.size(); i += in_twos) {
    std::string item;
    for (std::size_t j = 0; j < in_twos; ++j) item += reply[i + j].as_text() + "|";
    items.push_back(item);
  }
  std::sort(items.begin(), items.end());
  Reply::Array sorted;
  for (std::string& item : items) sorted.push_back(Reply::text(std::move(item)));
  reply = Reply::array(std::move(sorted));
}

void settle(Reply& reply, const std::string& command) {
  const bool in_twos = command.size() == 7;  // HGETALL
  if (has_no_order(command)) sort_items(reply, in_twos ? 2 : 1);
  if (reply.is_integer() && std::abs(reply.as_integer() - 100'000) < 100) {
    reply = Reply::integer(100'000);  // what is left of a lifetime: they are not asked at once
  }
}

// The same replies, byte by byte, but for the order where there is none and for the seconds that
// have passed.
bool same(const std::string& a, const std::string& b, const std::string& command,
          const std::vector<std::string>& lined_up) {
  if (a == b) return true;
  Reply left = parsed(a);
  Reply right = parsed(b);
  if (left.is_array() && right.is_array() && left.size() == right.size() &&
      left.size() == lined_up.size() && is(command, "EXEC")) {
    Reply::Array of_left = left.as_array();
    Reply::Array of_right = right.as_array();
    for (std::size_t i = 0; i < lined_up.size(); ++i) {
      settle(of_left[i], lined_up[i]);
      settle(of_right[i], lined_up[i]);
    }
    return of_left == of_right;
  }
  settle(left, command);
  settle(right, command);
  return !left.is_nil() && left == right;  // *-1 and $-1 are both nil, and not the same
}

std::string shown(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += "[" + word + "] ";
  return text;
}

// The commands before that one which may have to do with it.
std::string about_the_same(const std::vector<std::vector<std::string>>& commands, std::size_t at) {
  const auto is_key = [](const std::string& word) { return word.size() == 2 && word[0] == 'k'; };
  std::string text;
  for (std::size_t i = 0; i < at; ++i) {
    const auto& words = commands[i];
    const bool related = std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return is_key(word) &&
             std::find(commands[at].begin(), commands[at].end(), word) != commands[at].end();
    });
    if (related || words.size() < 3) text += shown(words) + "\n";
  }
  return text;
}

TEST(MiniServer, AnswersAsTheRealOneDoes) {
  RedisServer real;
  if (real.url().empty()) GTEST_SKIP() << "redis-server is not installed";
  EmbeddedServer embedded;
  const char* const given = std::getenv("SIMUL_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : 15;
  constexpr int kRounds = 10;  // the real one looks only ten times a second whose wait is over
  constexpr int kInARow = 200;
  for (unsigned round = 0; round < kRounds; ++round) {
    Dice dice(seed * 1'000 + round);
    RawClient here(embedded.url());
    RawClient there(real.url());
    ASSERT_EQ(here.ask("FLUSHALL"), there.ask("FLUSHALL"));
    std::vector<std::vector<std::string>> commands;
    std::string bytes;
    for (int i = 0; i < kInARow; ++i) {
      commands.push_back(words_of(dice, kCommands[dice(kCommands.size())]));
      write_command(bytes, commands.back());
    }
    ASSERT_TRUE(here.send(bytes));
    ASSERT_TRUE(there.send(bytes));
    std::vector<std::string> lined_up;
    for (std::size_t i = 0; i < commands.size(); ++i) {
      const auto& words = commands[i];
      if (words.empty()) continue;  // neither answers that
      const std::string ours = here.reply();
      const std::string theirs = there.reply();
      if (ours == "+QUEUED\r\n") lined_up.push_back(words[0]);
      if (!same(ours, theirs, words[0], lined_up)) {
        ADD_FAILURE() << shown(words) << "\nours:   " << ours << "\ntheirs: " << theirs
                      << "\nSIMUL_SEED=" << seed << ", round " << round << ", after\n"
                      << about_the_same(commands, i);
        break;
      }
      if (is(words[0], "EXEC") || is(words[0], "DISCARD")) lined_up.clear();
    }
  }
}

// What two clients see of each other, told step by step: "who: line -> what is answered".
TEST(MiniServer, TreatsSeveralClientsAsTheRealOneDoes) {
  RedisServer real;
  if (real.url().empty()) GTEST_SKIP() << "redis-server is not installed";
  EmbeddedServer embedded;
  const auto story = [](const std::string& url) {
    std::string told;
    RawClient a(url), b(url), c(url);
    const auto say = [&told](RawClient& who, std::string_view line) {
      told += std::string(line) + " -> " + who.ask(line) + "\n";
    };
    const auto hear = [&told](RawClient& who) { told += "heard " + who.reply() + "\n"; };
    // Until the one who waits waits, for that has no answer: what it sends next is kept for later.
    a.send("BLPOP x y 0\r\nPING first\r\n");
    b.send("CLIENT ID\r\n"), b.reply();
    for (std::string info; info.find("blocked") == info.npos && info.empty();) info = b.ask("PING");
    say(b, "LPUSH other 1");
    say(b, "RPUSH y one two");
    hear(a), hear(a);
    say(b, "LRANGE y 0 -1");
    // A key that is watched and expires, is made again, or is only looked at.
    say(a, "WATCH k"), say(b, "GET k"), say(a, "MULTI"), say(a, "PING"), say(a, "EXEC");
    say(a, "WATCH k"), say(b, "SET k 1"), say(b, "DEL k"), say(a, "MULTI"), say(a, "EXEC");
    say(a, "SET k 1"), say(a, "WATCH k"), say(b, "EXPIRE k 100"), say(a, "MULTI"), say(a, "EXEC");
    say(a, "WATCH k"), say(b, "FLUSHALL"), say(a, "MULTI"), say(a, "EXEC");
    say(a, "WATCH k"), say(b, "SELECT 3"), say(b, "SET k 1"), say(a, "MULTI"), say(a, "EXEC");
    // Channels.
    say(c, "SUBSCRIBE one two"), hear(c);
    say(c, "PSUBSCRIBE o*");
    say(b, "PUBLISH one x");
    hear(c), hear(c);
    say(c, "GET k"), say(c, "PING"), say(c, "PING x"), say(c, "UNSUBSCRIBE none");
    say(b, "PUBSUB NUMSUB one none"), say(b, "PUBSUB NUMPAT"), say(b, "PUBSUB CHANNELS t*");
    say(c, "UNSUBSCRIBE one"), say(c, "UNSUBSCRIBE"), say(c, "PUNSUBSCRIBE"), say(c, "UNSUBSCRIBE");
    say(b, "PUBLISH one x");
    say(c, "PING");
    say(c, "MULTI"), say(c, "RESET"), say(c, "EXEC"), say(c, "QUIT");
    told += "rest " + c.rest();
    return told;
  };
  EXPECT_EQ(story(embedded.url()), story(real.url()));
}

// --- Who waits for a list ------------------------------------------------------------------------

// Waits until the command has been seen: nothing else tells that it waits now.
Task<> until_asked(Client& client) {
  for (int i = 0; i < 5; ++i) co_await client.call("PING");
}

class MiniServerLoop : public ::testing::Test {
 protected:
  Reactor loop_;
  MiniServer server_;
  Client client_{server_.url()};
};

TEST_F(MiniServerLoop, ServesThoseWhoWaitInTheOrderOfTheirComing) {
  run([&]() -> Task<> {
    std::vector<TaskHandle<Reply>> waiting;
    for (int i = 0; i < 3; ++i) {
      waiting.push_back(create_task(client_.call_blocking("BLPOP", "a", "b", 0)));
      co_await until_asked(client_);
    }
    co_await client_.call("RPUSH", "b", 1, 2);
    co_await client_.call("RPUSH", "a", 3);
    for (int i = 0; i < 3; ++i) {
      const Reply taken = co_await waiting[static_cast<std::size_t>(i)];
      EXPECT_EQ(taken[1].as_text(), std::to_string(i + 1));
    }
    const Reply left = co_await client_.call("EXISTS", "a", "b");
    EXPECT_EQ(left.as_integer(), 0);
  }());
}

TEST_F(MiniServerLoop, GivesNothingToWhoeverHasGone) {
  run([&]() -> Task<> {
    auto gone = create_task(client_.call_blocking("BLPOP", "list", 0));
    co_await until_asked(client_);
    auto stays = create_task(client_.call_blocking("BLPOP", "list", 0));
    co_await until_asked(client_);
    gone.cancel();
    while (server_.connections() > 2) co_await client_.call("PING");
    co_await client_.call("RPUSH", "list", "x");
    const Reply taken = co_await stays;
    EXPECT_EQ(taken[1].as_text(), "x");
  }());
}

TEST_F(MiniServerLoop, HandsAnItemDownAChainOfThoseWhoWait) {
  run([&]() -> Task<> {
    auto last = create_task(client_.call_blocking("BLPOP", "c", 0));
    co_await until_asked(client_);
    auto second = create_task(client_.call_blocking("BLMOVE", "b", "c", "LEFT", "RIGHT", 0));
    co_await until_asked(client_);
    auto first = create_task(client_.call_blocking("BLMOVE", "a", "b", "LEFT", "RIGHT", 0));
    co_await until_asked(client_);
    Transaction push;  // to one that nobody waits for, too; all at once
    push.add("RPUSH", "z", 1).add("RPUSH", "a", "x").add("LLEN", "a");
    const auto replies = co_await client_.execute(push);
    EXPECT_EQ((*replies)[2].as_integer(), 1) << "nobody comes between";
    const Reply taken = co_await last;
    EXPECT_EQ(taken[1].as_text(), "x");
    EXPECT_EQ((co_await first).as_text(), "x");
    EXPECT_EQ((co_await second).as_text(), "x");
    const Reply left = co_await client_.call("EXISTS", "a", "b", "c");
    EXPECT_EQ(left.as_integer(), 0);
  }());
}

// --- Time ----------------------------------------------------------------------------------------

TEST(MiniServer, ForgetsAKeyToTheSecond) {
  const VirtualTime time;
  Reactor loop;
  MiniServer server;
  Client client(server.url());
  run([&]() -> Task<> {
    co_await client.call("SET", "short", 1, "EX", 10);
    co_await client.call("SET", "long", 1, "PX", 3'600'000);
    co_await client.call("SET", "kept", 1, "EX", 10);
    co_await client.call("PERSIST", "kept");
    Clock::advance_to(Clock::now() + 9'999ms);
    EXPECT_EQ((co_await client.call("EXISTS", "short", "long", "kept")).as_integer(), 3);
    Clock::advance_to(Clock::now() + 1ms);
    EXPECT_TRUE((co_await client.call("GET", "short")).is_nil());
    EXPECT_EQ((co_await client.call("TTL", "short")).as_integer(), -2);
    EXPECT_EQ((co_await client.call("TTL", "long")).as_integer(), 3'590);
    EXPECT_EQ((co_await client.call("TTL", "kept")).as_integer(), -1);
    Clock::advance_to(Clock::now() + 1h);
    EXPECT_EQ((co_await client.call("DBSIZE")).as_integer(), 1);
  }());
}

TEST(MiniServer, TellsWhoeverWatchedThatAKeyHasExpired) {
  const VirtualTime time;
  Reactor loop;
  MiniServer server;
  Client client(server.url());
  run([&]() -> Task<> {
    co_await client.call("SET", "key", 1, "EX", 10);
    Session session = co_await client.session();
    co_await session.watch("key");
    Clock::advance_to(Clock::now() + 10s);
    Transaction nothing;
    nothing.add("PING");
    const auto done = co_await session.execute(nothing);
    EXPECT_EQ(done, std::nullopt);
  }());
}

TEST(MiniServer, AWaitForAListEndsInTime) {
  const VirtualTime time;
  Reactor loop;
  MiniServer server;
  Client client(server.url());
  run([&]() -> Task<> {
    auto waiting = create_task(client.call_blocking("BLPOP", "list", 30));
    co_await until_asked(client);
    Clock::advance_to(Clock::now() + 29'999ms);
    co_await until_asked(client);
    EXPECT_FALSE(waiting.done());
    Clock::advance_to(Clock::now() + 1ms);
    co_await until_asked(client);  // the loop looks at its timers
    EXPECT_TRUE((co_await waiting).is_nil());
    co_await client.call("RPUSH", "list", 1);
    EXPECT_EQ((co_await client.call("LLEN", "list")).as_integer(), 1) << "nobody waits any more";
  }());
}

// --- What its clients may do to it ---------------------------------------------------------------

TEST(MiniServer, AnswersNonsenseByAnErrorAndTheEnd) {
  EmbeddedServer server;
  for (const std::string_view nonsense :
       {"*1\r\n:5\r\n", "*1\r\n$-1\r\n", "*x\r\n", "*1\r\n*1\r\n$4\r\nPING\r\n",
        "*1\r\n$4\r\nPINGxx", "*1\r\n$999999999\r\n", "*99999999\r\n", "*1\n", "*1\r\n+PING\r\n",
        "*-2\r\n"}) {
    RawClient client(server.url());
    EXPECT_EQ(client.ask("PING"), "+PONG\r\n");
    client.send(nonsense);
    const std::string said = client.rest();
    EXPECT_TRUE(said.starts_with("-ERR Protocol error") && said.ends_with("\r\n")) << said;
    EXPECT_EQ(said.find('\n'), said.size() - 1) << said;
  }
}

TEST(MiniServer, PutsACommandTogetherFromSingleBytes) {
  EmbeddedServer server;
  RawClient client(server.url());
  for (const char byte :
       std::string_view("*0\r\n\r\n*-1\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$2\r\n\r\n\r\n")) {
    ASSERT_TRUE(client.send(std::string_view(&byte, 1)));
  }
  EXPECT_EQ(client.reply(), "+PONG\r\n");
  EXPECT_EQ(client.reply(), "$2\r\n\r\n\r\n");
}

TEST(MiniServer, LivesOnWhateverItIsTold) {
  EmbeddedServer server({.requests = {.bulk = 4096, .depth = 1, .array = 64, .total = 1 << 16}});
  Dice dice(7);
  RawClient good(server.url());
  for (int i = 0; i < 60; ++i) {
    std::string bytes;
    for (int j = 0; j < 40; ++j)
      write_command(bytes, words_of(dice, kCommands[dice(kCommands.size())]));
    for (std::size_t flips = dice(4); flips-- > 0;)
      bytes[dice(bytes.size())] = static_cast<char>(dice(256));
    RawClient bad(server.url());
    bad.send(std::string_view(bytes).substr(0, dice(bytes.size())));  // and goes
    ASSERT_EQ(good.ask("PING"), "+PONG\r\n");
  }
}

TEST(MiniServer, ATransactionHasALimit) {
  EmbeddedServer server({.pending = 10'000});
  RawClient client(server.url());
  EXPECT_EQ(client.ask("MULTI"), "+OK\r\n");
  const std::string line = "SET key " + std::string(1'000, 'x');
  int lined_up = 0;
  while (client.ask(line) == "+QUEUED\r\n") ASSERT_LT(++lined_up, 20);
  EXPECT_GT(lined_up, 5);
  EXPECT_TRUE(client.ask("EXEC").starts_with("-EXECABORT"));
  EXPECT_EQ(client.ask("GET key"), "$-1\r\n");
}

TEST(MiniServer, WhoeverDoesNotReadHoldsUpNobodyButItself) {
  EmbeddedServer server({.unsent = 4 << 20});
  RawClient greedy(server.url());
  RawClient other(server.url());
  ASSERT_EQ(other.ask("SET key " + std::string(60'000, 'x')), "+OK\r\n");
  std::string many;
  for (int i = 0; i < 500; ++i) many += "GET key\r\n";  // 30 MB of answers, if they were made
  ASSERT_TRUE(greedy.send(many));
  ASSERT_EQ(other.ask("PING"), "+PONG\r\n");
  for (int i = 0; i < 500; ++i) ASSERT_EQ(greedy.reply().size(), 60'010u);
}

TEST(MiniServer, ASubscriberThatDoesNotReadIsCutOff) {
  EmbeddedServer server({.unsent = 1 << 20});
  RawClient deaf(server.url());
  deaf.ask("SUBSCRIBE news");
  RawClient other(server.url());
  const std::string line = "PUBLISH news " + std::string(50'000, 'x');
  int heard = 0;
  while (other.ask(line) == ":1\r\n") ASSERT_LT(++heard, 1'000) << "for ever more memory";
  EXPECT_GT(heard, 20);
}

TEST(MiniServer, HasNoMoreClientsThanItMay) {
  EmbeddedServer server({.max_connections = 2});
  RawClient first(server.url());
  std::optional<RawClient> second(server.url());
  EXPECT_EQ(first.ask("PING"), "+PONG\r\n");
  EXPECT_EQ(second->ask("PING"), "+PONG\r\n");
  RawClient third(server.url());
  third.send("PING\r\n");
  EXPECT_EQ(first.ask("INFO").find("connected_clients:3"), std::string::npos);
  second.reset();
  EXPECT_EQ(third.reply(), "+PONG\r\n") << "its turn, now that there is a place";
}

TEST(MiniServer, ClosedInTheMiddleOfEverythingItLeavesNothing) {
  Reactor loop;
  run([&]() -> Task<> {
    MiniServer server;
    Client client(server.url());
    auto waiting = create_task(client.call_blocking("BLPOP", "list", 0));
    Subscription news = co_await client.subscribe("news");
    co_await until_asked(client);
    server.close();
    co_await server.wait_closed();
    EXPECT_EQ(server.connections(), 0u);
    bool lost = false;
    try {
      co_await waiting;
    } catch (const FateUnknown&) {
      lost = true;
    }
    EXPECT_TRUE(lost);
  }());
}

}  // namespace
}  // namespace simul::redis
