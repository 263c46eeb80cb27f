// The servers that the queue's tests run against: each test runs once for each of them.
//
//     class MyTest : public testing::QueueTest {};
//     TEST_P(MyTest, SaysWhatItPromises) { Client client = connect(); ... }
//     INSTANTIATE_TEST_SUITE_P(On, MyTest, testing::queue_servers(), testing::queue_server_name);
//
// A server is started for each test. Another sort of server is another name in `queue_servers` and
// another branch in `SetUp`.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "runtime/reactor/reactor.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/task/run.hpp"
#include "tests/redis/embedded_server.hpp"
#include "tests/support/redis_server.hpp"

namespace simul::testing {

inline auto queue_servers() {
  return ::testing::Values("RedisServer", "MiniServer");
}
inline std::string queue_server_name(const ::testing::TestParamInfo<const char*>& info) {
  return info.param;
}

/// What a test may do to its server, whichever it is.
class QueueServer {
 public:
  virtual ~QueueServer() = default;
  virtual std::string url() const = 0;  ///< "" if there is none of that sort here
  virtual void kill() = 0;
  virtual void start() = 0;  ///< again, after `kill`; it knows nothing any more
};

template <class Server>
class QueueServerOf final : public QueueServer {
 public:
  std::string url() const override { return server_.url(); }
  void kill() override { server_.kill(); }
  void start() override { server_.start(); }

 private:
  Server server_;
};

class QueueTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (GetParam() == std::string("RedisServer")) {
      server_ = std::make_unique<QueueServerOf<RedisServer>>();
    } else {
      server_ = std::make_unique<QueueServerOf<EmbeddedServer>>();
    }
    if (server_->url().empty()) GTEST_SKIP() << "redis-server is not installed";
  }

  redis::Url url() const { return redis::Url::parse(server_->url()); }
  redis::Client connect() const { return redis::Client(url()); }

  QueueServer& server() { return *server_; }

 private:
  std::unique_ptr<QueueServer> server_;
};

}  // namespace simul::testing
