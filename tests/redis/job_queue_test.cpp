// The queue and its workers against a real server.
#include "runtime/redis/job_queue.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/job_keys.hpp"
#include "runtime/redis/worker.hpp"
#include "runtime/task/gather.hpp"
#include "tests/redis/queue_server.hpp"

namespace simul::redis {
namespace {

using namespace std::chrono_literals;

Task<std::int64_t> add(std::int64_t a, std::int64_t b) {
  co_return a + b;
}
Task<> fail(std::string why) {
  throw std::runtime_error(why);
  co_return;
}
Task<> nap(double seconds) {
  co_await sleep(from_seconds(seconds));
}

// What a worker says, line by line.
struct Log {
  std::vector<std::string> info;
  std::vector<std::string> errors;
  LogSink sink() {
    return [this](LogLevel level, const std::string& line) {
      (level == LogLevel::info ? info : errors).push_back(line);
    };
  }
};

class JobQueueTest : public testing::QueueTest {
 protected:
  WorkerOptions quick() {
    return {.name = "w1",
            .burst = true,
            .handle_signals = false,
            .log = log_.sink(),
            .heartbeat = 500ms,
            .grace = 500ms,
            .maintenance = 100ms,
            .scheduler_interval = 50ms};
  }

  Task<std::size_t> work(std::string queue) { return work({std::move(queue)}, quick()); }
  Task<std::size_t> work(std::vector<std::string> queues, WorkerOptions options) {
    Worker worker(url(), std::move(queues), std::move(options));
    worker.function("math.add", add);
    worker.function("app.fail", fail);
    worker.function("time.sleep", nap);
    co_return co_await worker.work();
  }

  Log log_;
};

INSTANTIATE_TEST_SUITE_P(On, JobQueueTest, testing::queue_servers(), testing::queue_server_name);

TEST_P(JobQueueTest, AJobIsDoneAndItsResultIsThere) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const Job job = co_await queue.enqueue("math.add", 2, 3);
    EXPECT_EQ(co_await queue.size(), 1u);
    EXPECT_EQ(co_await queue.jobs().status(job.id), JobStatus::queued);
    EXPECT_EQ(co_await work("default"), 1u);
    const Job done = (co_await queue.jobs().fetch(job.id)).value();
    EXPECT_EQ(done.status, JobStatus::finished);
    EXPECT_EQ(done.worker_name, "w1");
    EXPECT_EQ(done.description, "math.add(2, 3)");
    EXPECT_LE(done.created_at, done.enqueued_at);
    EXPECT_LE(done.enqueued_at, done.started_at);
    EXPECT_LE(done.started_at, done.ended_at);
    const JobResult result = (co_await queue.jobs().latest_result(job.id)).value();
    EXPECT_EQ(result.value(), json::Value(5));
    EXPECT_EQ(co_await queue.size(), 0u);
    EXPECT_EQ(co_await queue.size(Registry::started), 0u);
    EXPECT_EQ(co_await queue.size(Registry::finished), 1u);
  }());
  const std::vector<std::string> expected{"Worker rq:worker:w1: started, version 1.13.0",
                                          "Subscribing to channel rq:pubsub:w1",
                                          "*** Listening on default...",
                                          "Cleaning registries for queue: default"};
  ASSERT_GE(log_.info.size(), 9u);
  EXPECT_EQ(std::vector(log_.info.begin(), log_.info.begin() + 4), expected);
  EXPECT_EQ(log_.info[4].substr(0, 25), "default: math.add(2, 3) (");
  EXPECT_EQ(log_.info[5].substr(0, 17), "default: Job OK (");
  EXPECT_EQ(log_.info[6], "Result is kept for 500 seconds");
  EXPECT_EQ(log_.info[7], "Worker rq:worker:w1: done, quitting");
  EXPECT_EQ(log_.info[8], "Unsubscribing from channel rq:pubsub:w1");
}

}  // namespace
}  // namespace simul::redis
