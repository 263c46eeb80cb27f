// The client against a real Redis, where there is one.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "runtime/fiber/fiber.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/task/bridges.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "tests/support/redis_server.hpp"

namespace simul::redis {
namespace {

using namespace std::chrono_literals;
using simul::testing::RedisServer;

// Each test gets a server that holds nothing. (An embedded one could be a second way to get a URL.)
class RealRedis : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server = new RedisServer({.tcp = true}); }
  static void TearDownTestSuite() { delete server; }

  void SetUp() override {
    if (server->url().empty()) GTEST_SKIP() << "redis-server is not installed";
    Reactor loop;
    Client client(server->url());
    await(client.call("FLUSHALL"));
    await(client.call("SCRIPT", "FLUSH"));
  }

  static inline RedisServer* server = nullptr;
};

TEST_F(RealRedis, ServesTasksFibersAndPlainCode) {
  Reactor loop;
  Client client(server->url());
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

TEST_F(RealRedis, DoesTransactions) {
  Reactor loop;
  Client client(server->tcp_url());
  Transaction transaction;
  transaction.add("INCR", "n").add("RPUSH", "list", std::vector<std::string>{"a", "b"});
  const auto replies = await(client.execute(transaction));
  ASSERT_TRUE(replies);
  EXPECT_EQ((*replies)[0].as_integer(), 1);
  EXPECT_EQ((*replies)[1].as_integer(), 2);
}

}  // namespace
}  // namespace simul::redis
