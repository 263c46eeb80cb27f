// The servers that the queue's tests run against: each test runs once for each of them.
//
//     class MyTest : public testing::QueueTest {};
//     TEST_P(MyTest, SaysWhatItPromises) { Client client = connect(); ... }
//     INSTANTIATE_TEST_SUITE_P(On, MyTest, testing::queue_servers(), testing::queue_server_name);
//
// A server is started once for a test program and emptied before each test. Another sort of server
// is another name in `queue_servers` and another branch in `start`.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "runtime/reactor/reactor.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/task/run.hpp"
#include "tests/support/redis_server.hpp"

namespace simul::testing {

inline auto queue_servers() {
  return ::testing::Values("RedisServer");
}
inline std::string queue_server_name(const ::testing::TestParamInfo<const char*>& info) {
  return info.param;
}

class QueueTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    server_ = std::make_unique<RedisServer>();
    if (server_->url().empty()) GTEST_SKIP() << "redis-server is not installed";
  }

  redis::Url url() const { return redis::Url::parse(server_->url()); }
  redis::Client connect() const { return redis::Client(url()); }

  RedisServer& server() { return *server_; }

 private:
  std::unique_ptr<RedisServer> server_;
};

}  // namespace simul::testing
