// The client against a real Redis, where there is one; and whatever else serves the same commands.
//
// What a test needs of a server is its URL; who serves it is the suite's parameter.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/task/bridges.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "tests/redis/embedded_server.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul::redis {
namespace {

using namespace std::chrono_literals;
using simul::testing::RedisServer;

/// A server that holds nothing, as long as `server` is kept. `url` is "" if there is none here.
struct Place {
  std::string url;
  std::shared_ptr<void> server;
};

/// One way to get such a server.
struct Way {
  const char* name;
  Place (*get)();
};
std::ostream& operator<<(std::ostream& out, const Way& way) {
  return out << way.name;
}

Place over_unix_socket() {
  const auto server = std::make_shared<RedisServer>();
  return {server->url(), server};
}
Place over_tcp() {
  RedisServer::Options options;
  options.tcp = true;
  const auto server = std::make_shared<RedisServer>(options);
  return {server->tcp_url(), server};
}
Place embedded() {
  const auto server = std::make_shared<testing::EmbeddedServer>();
  return {server->url(), server};
}
Place embedded_over_unix_socket() {
  struct InFolder {
    testing::TempDir folder;
    testing::EmbeddedServer server{{.path = (folder / "mini.sock").string()}};
  };
  const auto both = std::make_shared<InFolder>();
  return {both->server.url(), both};
}

class AnyRedis : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    if (place_.url.empty()) GTEST_SKIP() << "redis-server is not installed";
  }
  const std::string& url() const { return place_.url; }

 private:
  Place place_ = GetParam().get();
};

INSTANTIATE_TEST_SUITE_P(, AnyRedis,
                         ::testing::Values(Way{"Unix", over_unix_socket}, Way{"Tcp", over_tcp},
                                           Way{"Embedded", embedded},
                                           Way{"EmbeddedUnix", embedded_over_unix_socket}),
                         [](const auto& way) { return way.param.name; });

TEST_P(AnyRedis, ServesTasksFibersAndPlainCode) {
  Reactor loop;
  Client client(url());
  EXPECT_TRUE(await(client.call("SET", "key", "plain")).is_ok());
  auto fiber = spawn([&] { return await(client.call("GET", "key")).as_text(); });
  EXPECT_EQ(fiber.result(), "plain");
  const auto main = [&]() -> Task<std::string> {
    const Reply reply = co_await client.call("GET", "key");
    co_return reply.as_text() + " in a task";
  };
  EXPECT_EQ(run(main()), "plain in a task");
  EXPECT_EQ(await(client.call("STRLEN", "key")).as_integer(), 5) << "after run";
}

TEST_P(AnyRedis, KeepsAnyBytes) {
  Reactor loop;
  Client client(url());
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i * 7);
  await(client.call("HSET", "hash", bytes, bytes));
  EXPECT_EQ(await(client.call("HGETALL", "hash")).pairs(),
            (std::vector<std::pair<std::string, std::string>>{{bytes, bytes}}));
  EXPECT_TRUE(await(client.call("HGET", "hash", "none")).is_nil());
}

TEST_P(AnyRedis, AnswersManyCallersAtOnceEachWithHisOwn) {
  Reactor loop;
  Client client(url());
  const auto main = [&]() -> Task<> {
    const auto caller = [&](std::string name) -> Task<> {
      for (int i = 0; i < 20; ++i) {
        const std::string value = name + "." + std::to_string(i);
        co_await client.call("SET", name, value);
        const Reply reply = co_await client.call("GET", name);
        EXPECT_EQ(reply.as_text(), value);
      }
    };
    std::vector<Task<>> callers;
    for (int i = 0; i < 50; ++i) callers.push_back(caller(std::to_string(i)));
    co_await gather(std::move(callers));
  };
  run(main());
}

TEST_P(AnyRedis, ExecutesPipelines) {
  Reactor loop;
  Client client(url());
  Pipeline pipeline;
  pipeline.add("SET", "a", 1).add("INCR", "a").add("LPUSH", "a", "x").add("GET", "a");
  const std::vector<Reply> replies = await(client.execute(pipeline, Errors::keep));
  ASSERT_EQ(replies.size(), 4u);
  EXPECT_EQ(replies[1].as_integer(), 2);
  EXPECT_TRUE(replies[2].as_error().starts_with("WRONGTYPE"));
  EXPECT_EQ(replies[3].as_text(), "2");
  try {
    await(client.execute(pipeline));
    ADD_FAILURE();
  } catch (const ServerError& error) {
    EXPECT_EQ(error.code(), "WRONGTYPE");
    EXPECT_TRUE(std::string(error.what()).starts_with("LPUSH: ")) << error.what();
  }
  EXPECT_TRUE(await(client.execute(Pipeline())).empty());
  EXPECT_EQ(await(client.execute(Pipeline().add("GET", "a")))[0].as_text(), "2");
}

TEST_P(AnyRedis, ExecutesTransactions) {
  Reactor loop;
  Client client(url());
  Transaction transaction;
  transaction.add("INCR", "n").add("RPUSH", "list", std::vector<std::string>{"a", "b"});
  const auto replies = await(client.execute(transaction));
  ASSERT_TRUE(replies);
  EXPECT_EQ((*replies)[0].as_integer(), 1);
  EXPECT_EQ((*replies)[1].as_integer(), 2);
  EXPECT_TRUE(await(client.execute(Transaction()))->empty());
}

TEST_P(AnyRedis, TellsErrorsOfATransactionApart) {
  Reactor loop;
  Client client(url());
  Transaction refused;  // one is not even queued: none is done
  refused.add("SET", "a", 1).add("NOSUCHCOMMAND").add("SET", "b", 2);
  try {
    await(client.execute(refused));
    ADD_FAILURE();
  } catch (const ServerError& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("NOSUCHCOMMAND: ERR")) << error.what();
  }
  EXPECT_TRUE(await(client.call("GET", "a")).is_nil());
  Transaction failed;  // one fails: the others are done
  failed.add("SET", "a", "x").add("INCR", "a").add("SET", "b", 2);
  EXPECT_THROW(await(client.execute(failed)), ServerError);
  EXPECT_EQ(await(client.call("GET", "b")).as_text(), "2");
  const auto replies = await(client.execute(failed, Errors::keep));
  ASSERT_TRUE(replies);
  EXPECT_TRUE((*replies)[1].is_error());
}

TEST_P(AnyRedis, DoesNothingIfAWatchedKeyHasChanged) {
  Reactor loop;
  Client client(url());
  Session session = await(client.session());
  Transaction transaction;
  transaction.add("SET", "done", "yes");
  await(session.watch("stock", "price"));
  await(client.call("SET", "price", 3));
  EXPECT_EQ(await(session.execute(transaction)), std::nullopt);
  EXPECT_TRUE(await(client.call("GET", "done")).is_nil());
  EXPECT_TRUE(await(session.execute(transaction))) << "the watch has ended with the first one";
  await(session.watch("price"));
  await(session.unwatch());
  await(client.call("SET", "price", 4));
  EXPECT_TRUE(await(session.execute(transaction)));
}

TEST_P(AnyRedis, BlocksWithoutHoldingAnybodyUp) {
  Reactor loop;
  Client client(url());
  const auto main = [&]() -> Task<> {
    auto item = create_task(client.call_blocking("BLPOP", "first", "second", 0));
    for (int i = 0; i < 10; ++i) co_await client.call("PING");
    EXPECT_FALSE(item.done());
    co_await client.call("RPUSH", "second", "x");
    const Reply taken = co_await item;
    EXPECT_EQ(taken.texts(), (std::vector<std::string>{"second", "x"}));
    const Reply none = co_await client.call_blocking("BLPOP", "first", 0.01);
    EXPECT_TRUE(none.is_nil());
    EXPECT_EQ(none.size(), 0u);
    auto cancelled = create_task(client.call_blocking("BLPOP", "first", 0));
    co_await client.call("PING");
    cancelled.cancel();
    co_await sleep(0s);
    EXPECT_TRUE(cancelled.cancelled());
  };
  run(main());
}

TEST_P(AnyRedis, DeliversWhatIsPublished) {
  Reactor loop;
  Client client(url());
  const auto main = [&]() -> Task<> {
    Subscription news = co_await client.subscribe("news");
    EXPECT_EQ((co_await client.call("PUBLISH", "news", "one")).as_integer(), 1);
    news.psubscribe("weather.*");
    for (int count = 0; count == 0;) {  // until the server has read that
      const Reply heard = co_await client.call("PUBLISH", "weather.today", "rain");
      count = static_cast<int>(heard.as_integer());
    }
    const Message first = co_await news.next();
    EXPECT_EQ(first.channel + ":" + first.payload, "news:one");
    const Message second = co_await news.next();
    EXPECT_EQ(second.pattern + ":" + second.channel + ":" + second.payload,
              "weather.*:weather.today:rain");
    news.unsubscribe("news");
    for (int count = 1; count == 1;) {
      const Reply heard = co_await client.call("PUBLISH", "news", "nobody hears this");
      count = static_cast<int>(heard.as_integer());
    }
  };
  run(main());
}

// --- What only a real Redis does -----------------------------------------------------------------

TEST(RealRedis, RunsScriptsAndSendsTheirTextAgainOnceItHasForgottenThem) {
  RedisServer server;
  if (server.url().empty()) GTEST_SKIP() << "redis-server is not installed";
  Reactor loop;
  Client client(server.url());
  const Script script("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}");
  const auto run_it = [&] { return await(client.eval(script, {"n"}, {"x"}))[2].as_integer(); };
  EXPECT_EQ(run_it(), 1);
  EXPECT_EQ(run_it(), 2);
  await(client.call("SCRIPT", "FLUSH"));
  EXPECT_EQ(run_it(), 3);
  EXPECT_EQ(run_it(), 4);
  EXPECT_THROW(await(client.eval(Script("syntax error"))), ServerError);
}

TEST(RealRedis, AsksForAPassword) {
  RedisServer::Options options;
  options.arguments = {"--requirepass", "open sesame"};
  RedisServer server(options);
  if (server.url().empty()) GTEST_SKIP() << "redis-server is not installed";
  Reactor loop;
  Client without(server.url());
  try {
    await(without.connect());
    ADD_FAILURE();
  } catch (const ServerError& error) {
    EXPECT_EQ(error.code(), "NOAUTH");
  }
  Client wrong(server.url() + "&password=x");
  EXPECT_THROW(await(wrong.connect()), ServerError);
  Client right(server.url() + "&password=open%20sesame&client_name=me");
  await(right.connect());
  EXPECT_EQ(await(right.call("CLIENT", "GETNAME")).as_text(), "me");
}

TEST(RealRedis, KeepsDatabasesApart) {
  RedisServer server;
  if (server.url().empty()) GTEST_SKIP() << "redis-server is not installed";
  Reactor loop;
  Client zero(server.url());
  Url url = zero.url();
  url.database = 5;
  Client five(url);
  await(five.call("SET", "a", 1));
  EXPECT_TRUE(await(zero.call("GET", "a")).is_nil());
  EXPECT_EQ(await(five.call("GET", "a")).as_text(), "1");
}

TEST(RealRedis, IsFoundAgainAfterACrashWithAllThatItHadPromised) {
  RedisServer server({.persistent = true});
  if (server.url().empty()) GTEST_SKIP() << "redis-server is not installed";
  Reactor loop;
  ClientOptions options;
  options.reconnect.first = 1ms;
  Client client(server.url(), options);
  Subscription subscription = await(client.subscribe({"news"}));
  for (int round = 1; round <= 3; ++round) {
    EXPECT_EQ(await(client.call("INCR", "n")).as_integer(), round);
    server.kill();
    server.start();
    EXPECT_TRUE(await(subscription.next()).gap);
    await(client.call("PUBLISH", "news", round));
    EXPECT_EQ(await(subscription.next()).payload, std::to_string(round));
  }
}

TEST(RealRedis, MayHaveDoneWhatItDidNotAnswer) {
  RedisServer server;
  if (server.url().empty()) GTEST_SKIP() << "redis-server is not installed";
  Reactor loop;
  Client client(server.url());
  await(client.connect());
  server.freeze();
  EXPECT_THROW(await(client.call(Command("INCR", "n"), 50ms)), FateUnknown);
  server.thaw();
  EXPECT_EQ(await(client.call("INCR", "n")).as_integer(), 2) << "it had been done, once";
}

}  // namespace
}  // namespace simul::redis
