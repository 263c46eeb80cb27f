// The queue and its workers against a real server.
#include "runtime/redis/job_queue.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/job_keys.hpp"
#include "runtime/redis/worker.hpp"
#include "runtime/redis/worker_record.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/thread/process_function.hpp"
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

std::string order;  // in which jobs of the same name ran
Task<> note(std::string text) {
  order += text;
  co_return;
}

std::string crash(std::string_view /*call*/) {
  ::raise(SIGKILL);
  return "";
}
std::string sum(std::string_view text) {
  const JobCall call = JobCall::from_json(text);
  return json::write(call.args[0].as_int() + call.args[1].as_int());
}
const ProcessFunction kCrash("job_queue_test.crash", crash);
const ProcessFunction kSum("job_queue_test.sum", sum);

// What a worker says, line by line.
struct Log {
  std::vector<std::string> info;
  std::vector<std::string> errors;
  LogSink sink() {
    return [this](LogLevel level, const std::string& line) {
      (level == LogLevel::info ? info : errors).push_back(line);
      if (std::getenv("SIMUL_LOG") != nullptr) std::fprintf(stderr, "%s\n", line.c_str());
    };
  }
};

class JobQueueTest : public testing::QueueTest {
 protected:
  void SetUp() override {
    QueueTest::SetUp();
    order.clear();
  }

  WorkerOptions quick(std::string name = "w1") {
    return {.name = std::move(name),
            .burst = true,
            .handle_signals = false,
            .log = log_.sink(),
            .heartbeat = 200ms,
            .grace = 800ms,
            .maintenance = 100ms,
            .scheduler_interval = 20ms,
            .first_pause = 10ms,
            .last_pause = 100ms};
  }
  WorkerOptions steady(std::string name = "w1") {
    WorkerOptions options = quick(std::move(name));
    options.burst = false;
    return options;
  }

  // A worker that knows a few functions.
  std::unique_ptr<Worker> worker(WorkerOptions options, std::string queue = "default") {
    return worker(std::move(options), std::vector<std::string>(1, std::move(queue)));
  }
  std::unique_ptr<Worker> worker(WorkerOptions options, std::vector<std::string> queues) {
    auto made = std::make_unique<Worker>(url(), std::move(queues), std::move(options));
    made->function("math.add", add);
    made->function("app.fail", fail);
    made->function("app.note", note);
    made->function("time.sleep", nap);
    return made;
  }

  // A burst: until nothing is left to do.
  Task<std::size_t> work() {
    const std::unique_ptr<Worker> w = worker(quick());
    co_return co_await w->work();
  }

  // Waits until the job has that status; throws TimedOut when it does not come about.
  static Task<> until(JobQueue& queue, std::string id, JobStatus status) {
    const TimePoint end = Clock::now() + 20s;
    while (co_await queue.jobs().status(id) != status) {
      if (Clock::now() > end) throw TimedOut("job " + id + " does not become what it should");
      co_await sleep(2ms);
    }
  }

  // Nothing is queued, begun, or in any worker's hands.
  static Task<> expect_nothing_left(JobQueue& queue, Client& client) {
    EXPECT_EQ(co_await queue.size(), 0u);
    EXPECT_EQ(co_await queue.size(Registry::started), 0u);
    EXPECT_EQ(co_await queue.size(Registry::scheduled), 0u);
    const Reply taken = co_await client.call("KEYS", "simul:*");
    EXPECT_EQ(taken.size(), 0u) << taken.describe();
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
    EXPECT_EQ(co_await work(), 1u);
    const Job done = (co_await queue.jobs().fetch(job.id)).value();
    EXPECT_EQ(done.status, JobStatus::finished);
    EXPECT_EQ(done.worker_name, "w1");
    EXPECT_EQ(done.description, "math.add(2, 3)");
    EXPECT_LE(done.created_at, done.enqueued_at);
    EXPECT_LE(done.enqueued_at, done.started_at);
    EXPECT_LE(done.started_at, done.ended_at);
    const JobResult result = (co_await queue.jobs().latest_result(job.id)).value();
    EXPECT_EQ(result.value(), json::Value(5));
    EXPECT_EQ(co_await queue.size(Registry::finished), 1u);
    co_await expect_nothing_left(queue, client);
  }());
  const std::vector<std::string> expected{
      "Worker rq:worker:w1: started, version 1.13.0", "Subscribing to channel rq:pubsub:w1",
      "*** Listening on default...", "Cleaning registries for queue: default"};
  ASSERT_EQ(log_.info.size(), 9u);
  EXPECT_EQ(std::vector(log_.info.begin(), log_.info.begin() + 4), expected);
  EXPECT_EQ(log_.info[4].substr(0, 25), "default: math.add(2, 3) (");
  EXPECT_EQ(log_.info[5].substr(0, 17), "default: Job OK (");
  EXPECT_EQ(log_.info[6], "Result is kept for 500 seconds");
  EXPECT_EQ(log_.info[7], "Worker rq:worker:w1: done, quitting");
  EXPECT_EQ(log_.info[8], "Unsubscribing from channel rq:pubsub:w1");
}

TEST_P(JobQueueTest, TheMoreImportantQueueComesFirstAndAFrontSeatBeforeTheRest) {
  Reactor loop;
  Client client = connect();
  JobQueue high(client, "high"), low(client, "low");
  run([&]() -> Task<> {
    JobOptions front;
    front.at_front = true;
    co_await low.enqueue("app.note", "d");
    co_await low.enqueue("app.note", "e");
    co_await high.enqueue("app.note", "b");
    co_await high.enqueue("app.note", "c");
    co_await high.enqueue(JobCall::of("app.note", "a"), front);
    const std::vector<std::string> queues{"high", "low"};
    const auto w = worker(quick(), queues);
    EXPECT_EQ(co_await w->work(), 5u);
    const std::vector<std::string> names{"high", "low"};
    EXPECT_EQ(co_await JobQueue::names(client), names);
  }());
  EXPECT_EQ(order, "abcde");
}

TEST_P(JobQueueTest, AFailureIsKeptWithItsTextAndCanBeRequeued) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const Job job = co_await queue.enqueue("app.fail", "no such page");
    EXPECT_EQ(co_await work(), 1u);
    EXPECT_EQ(co_await queue.jobs().status(job.id), JobStatus::failed);
    const JobResult result = (co_await queue.jobs().latest_result(job.id)).value();
    EXPECT_EQ(result.type, JobResult::Type::failed);
    EXPECT_EQ(result.exception, "std::runtime_error: no such page\n");
    const std::vector<std::string> ids{job.id};
    EXPECT_EQ(co_await queue.job_ids(Registry::failed), ids);
    EXPECT_TRUE(co_await queue.jobs().requeue(job.id));
    EXPECT_FALSE(co_await queue.jobs().requeue(job.id)) << "it waits already";
    EXPECT_EQ(co_await queue.size(Registry::failed), 0u);
    EXPECT_EQ(co_await work(), 1u);
    EXPECT_EQ((co_await queue.jobs().results(job.id)).size(), 2u);
    co_await expect_nothing_left(queue, client);
  }());
  ASSERT_EQ(log_.errors.size(), 2u);
  EXPECT_NE(log_.errors[0].find("]: exception raised while executing (app.fail)\n"
                                "std::runtime_error: no such page"),
            std::string::npos);
}

TEST_P(JobQueueTest, AJobIsTriedAgainAsOftenAsItsRetriesSay) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    JobOptions twice;
    twice.retry.max = 2;
    const Job job = co_await queue.enqueue(JobCall::of("app.fail", "x"), twice);
    EXPECT_EQ(co_await work(), 3u);
    const Job failed = (co_await queue.jobs().fetch(job.id)).value();
    EXPECT_EQ(failed.status, JobStatus::failed);
    EXPECT_EQ(failed.retries_left, 0);
    EXPECT_EQ((co_await queue.jobs().results(job.id)).size(), 1u) << "only the last one counts";
    const Reply count = co_await client.call("HGET", "rq:worker:w1", "failed_job_count");
    EXPECT_EQ(count.as_text(), "3");
  }());
}

TEST_P(JobQueueTest, ARetryWithAnIntervalWaitsForIt) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    JobOptions later;
    later.retry.max = 1;
    later.retry.intervals.push_back(1);
    const Job job = co_await queue.enqueue(JobCall::of("app.fail", "x"), later);
    EXPECT_EQ(co_await work(), 1u);
    EXPECT_EQ(co_await queue.jobs().status(job.id), JobStatus::scheduled);
    EXPECT_EQ(co_await queue.size(Registry::scheduled), 1u);
    const auto w = worker(steady());
    const auto working = create_task(w->work());
    co_await until(queue, job.id, JobStatus::failed);
    w->stop();
    EXPECT_EQ(co_await working, 1u);
    const Job failed = (co_await queue.jobs().fetch(job.id)).value();
    EXPECT_GE(*failed.started_at - *job.enqueued_at, 1s);
    co_await expect_nothing_left(queue, client);
  }());
}

TEST_P(JobQueueTest, ADelayedJobIsNeverEarly) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const WallTime due = wall_now() + 300ms;
    const Job job = co_await queue.enqueue_at(due, JobCall::of("math.add", 1, 1));
    const Job never = co_await queue.enqueue_in(1h, JobCall::of("math.add", 1, 1));
    EXPECT_EQ(job.status, JobStatus::scheduled);
    const auto w = worker(steady());
    const auto working = create_task(w->work());
    co_await until(queue, job.id, JobStatus::finished);
    w->stop();
    co_await working;
    EXPECT_GE((co_await queue.jobs().fetch(job.id))->started_at, due);
    EXPECT_EQ(co_await queue.jobs().status(never.id), JobStatus::scheduled);
    EXPECT_TRUE(co_await queue.jobs().remove(never.id));
    co_await expect_nothing_left(queue, client);
  }());
}

TEST_P(JobQueueTest, AJobWaitsForThoseThatItDependsOn) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client), other(client, "other");
  run([&]() -> Task<> {
    const Job a = co_await queue.enqueue("app.note", "a");
    const Job b = co_await other.enqueue("app.note", "b");
    JobOptions both;
    both.depends_on = {a.id, b.id, "nobody"};
    const Job c = co_await queue.enqueue(JobCall::of("app.note", "c"), both);
    EXPECT_EQ(c.status, JobStatus::deferred);
    EXPECT_EQ(co_await queue.size(Registry::deferred), 1u);
    EXPECT_EQ(co_await work(), 1u);
    EXPECT_EQ(co_await queue.jobs().status(c.id), JobStatus::deferred);
    const std::vector<std::string> queues{"other", "default"};
    const auto w = worker(quick("w2"), queues);
    EXPECT_EQ(co_await w->work(), 2u);
    EXPECT_EQ(co_await queue.jobs().status(c.id), JobStatus::finished);
    EXPECT_EQ(co_await queue.size(Registry::deferred), 0u);
    const Job d = co_await queue.enqueue(JobCall::of("app.note", "d"), both);
    EXPECT_EQ(d.status, JobStatus::queued) << "all of them have finished";
  }());
  EXPECT_EQ(order, "abc");
}

TEST_P(JobQueueTest, OnlyWhoeverAllowsItGoesOnAfterAFailure) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const Job bad = co_await queue.enqueue("app.fail", "x");
    JobOptions strict;
    strict.depends_on.push_back(bad.id);
    JobOptions lenient = strict;
    lenient.allow_dependency_failures = true;
    const Job one = co_await queue.enqueue(JobCall::of("app.note", "1"), strict);
    const Job two = co_await queue.enqueue(JobCall::of("app.note", "2"), lenient);
    EXPECT_EQ(co_await work(), 2u);
    EXPECT_EQ(co_await queue.jobs().status(one.id), JobStatus::deferred);
    EXPECT_EQ(co_await queue.jobs().status(two.id), JobStatus::finished);
    EXPECT_TRUE(co_await queue.jobs().cancel(bad.id, /*release=*/true));
    EXPECT_EQ(co_await work(), 1u);
  }());
  EXPECT_EQ(order, "21");
}

TEST_P(JobQueueTest, AJobThatTakesTooLongFails) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    JobOptions short_time;
    short_time.timeout = 1;
    const Job job = co_await queue.enqueue(JobCall::of("time.sleep", 3600), short_time);
    EXPECT_EQ(co_await work(), 1u);
    const JobResult result = (co_await queue.jobs().latest_result(job.id)).value();
    EXPECT_EQ(result.exception,
              "rq.timeouts.JobTimeoutException: Task exceeded maximum timeout value (1 seconds)\n");
  }());
}

TEST_P(JobQueueTest, WhatCannotBeCalledFailsAndTheWorkerLivesOn) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const auto put = [&](std::string id, std::string data) -> Task<> {
      co_await client.call("HSET", keys::job(id), "data", data, "origin", "default");
      co_await client.call("RPUSH", keys::queue("default"), id);
    };
    co_await put("pickled", std::string("\x80\x05\x95\x00", 4));
    co_await put("garbage", "[1,");
    co_await put("bomb", pack(std::string(200, '[')));
    co_await client.call("RPUSH", keys::queue("default"), "removed");
    co_await queue.enqueue("no.such.function");
    co_await queue.enqueue("math.add", 1);
    co_await queue.enqueue("math.add", 1, "x");
    co_await queue.enqueue("math.add", 1, 1.5);
    JobCall keyword = JobCall::of("math.add", 1, 2);
    keyword.kwargs.set("c", 3);
    co_await queue.enqueue(keyword);
    const Job good = co_await queue.enqueue("math.add", 1, 1);
    EXPECT_EQ(co_await work(), 9u);
    EXPECT_EQ(co_await queue.size(Registry::failed), 8u);
    EXPECT_EQ(co_await queue.jobs().status(good.id), JobStatus::finished);
    const std::vector<std::string> wanted{"pickled",
                                          "line 1",
                                          "100",
                                          "knows no function no.such.function",
                                          "takes 2 arguments but 1 was given",
                                          "argument 2: expected",
                                          "argument 2: expected",
                                          "takes no keyword arguments"};
    EXPECT_EQ(log_.errors.size(), wanted.size());
    for (std::size_t i = 0; i < std::min(wanted.size(), log_.errors.size()); ++i) {
      EXPECT_NE(log_.errors[i].find(wanted[i]), std::string::npos) << log_.errors[i];
    }
    co_await expect_nothing_left(queue, client);
  }());
}

TEST_P(JobQueueTest, AResultIsKeptAsLongAsItsLifetimeSays) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    JobOptions not_at_all, for_ever;
    not_at_all.result_ttl = 0;
    for_ever.result_ttl = -1;
    const Job gone = co_await queue.enqueue(JobCall::of("math.add", 1, 1), not_at_all);
    const Job kept = co_await queue.enqueue(JobCall::of("math.add", 1, 1), for_ever);
    const Job none = co_await queue.enqueue("app.note", "x");
    EXPECT_EQ(co_await work(), 3u);
    EXPECT_FALSE(co_await queue.jobs().status(gone.id));
    EXPECT_EQ(co_await queue.size(Registry::finished), 2u);
    const Reply ttl = co_await client.call("TTL", keys::job(kept.id));
    EXPECT_EQ(ttl.as_integer(), -1);
    const Reply score =
        co_await client.call("ZSCORE", keys::registry(Registry::finished, "default"), kept.id);
    EXPECT_EQ(score.as_text(), "inf");
    EXPECT_TRUE((co_await queue.jobs().latest_result(none.id))->value().is_null());
    const Reply lives = co_await client.call("TTL", keys::results(none.id));
    EXPECT_GT(lives.as_integer(), 490);
  }());
}

TEST_P(JobQueueTest, JobsCanBeCanceledRemovedAndNoted) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const Job a = co_await queue.enqueue("app.note", "a");
    const Job b = co_await queue.enqueue("app.note", "b");
    const Job c = co_await queue.enqueue("app.note", "c");
    EXPECT_TRUE(co_await queue.jobs().cancel(a.id));
    EXPECT_FALSE(co_await queue.jobs().cancel(a.id));
    EXPECT_TRUE(co_await queue.jobs().remove(b.id));
    EXPECT_FALSE(co_await queue.jobs().remove(b.id));
    const json::Value meta = json::Object(std::vector<json::Member>(1, {"progress", 7}));
    co_await queue.jobs().set_meta(c.id, meta);
    EXPECT_EQ((co_await queue.jobs().fetch(c.id))->meta, meta);
    EXPECT_EQ(co_await queue.size(), 1u);
    EXPECT_EQ(co_await queue.size(Registry::canceled), 1u);
    EXPECT_EQ(co_await work(), 1u);
    EXPECT_EQ((co_await queue.jobs().fetch(c.id))->meta, meta) << "work leaves it as it is";
    EXPECT_TRUE(co_await queue.jobs().requeue(a.id));
    co_await queue.enqueue("app.note", "d");
    EXPECT_EQ(co_await queue.empty(), 2u);
    EXPECT_EQ(co_await queue.empty(), 0u);
    EXPECT_FALSE(co_await queue.jobs().fetch(a.id));
  }());
  EXPECT_EQ(order, "c");
}

TEST_P(JobQueueTest, ARemovedQueueLeavesNothingOfItsJobsWhateverBecameOfThem) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  JobQueue other(client, "other");
  const std::vector<std::string> whats = {"done", "canceled", "waits"};
  const std::vector<std::string> others = {"other"};
  run([&]() -> Task<> {
    const Job kept = co_await other.enqueue("app.note", "kept");
    std::vector<std::string> ids;
    for (const std::string& what : whats) {
      if (what == "canceled") co_await work();
      const Job job = co_await queue.enqueue("app.note", what);
      ids.push_back(job.id);
    }
    EXPECT_TRUE(co_await queue.jobs().cancel(ids[1]));
    EXPECT_EQ(co_await queue.size(Registry::finished), 1u);
    co_await queue.remove();
    EXPECT_TRUE((co_await queue.jobs().fetch_many(ids)).empty());
    EXPECT_EQ(co_await queue.size(), 0u);
    EXPECT_EQ(co_await queue.size(Registry::finished), 0u);
    EXPECT_EQ(co_await JobQueue::names(client), others);
    EXPECT_TRUE(co_await other.jobs().fetch(kept.id));
  }());
}

TEST_P(JobQueueTest, ManyJobsThatWaitRunAtOnce) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const std::vector<JobCall> calls(100, JobCall::of("time.sleep", 0.3));
    EXPECT_EQ((co_await queue.enqueue_many(calls)).size(), 100u);
    WorkerOptions options = quick();
    options.concurrency = 100;
    const auto w = worker(std::move(options));
    const TimePoint start = Clock::now();
    EXPECT_EQ(co_await w->work(), 100u);
    EXPECT_LT(Clock::now() - start, 15s) << "one after the other they take 30 s";
    const Reply count = co_await client.call("HGET", "rq:worker:w1", "successful_job_count");
    EXPECT_EQ(count.as_text(), "100");
    const Reply current = co_await client.call("HGET", "rq:worker:w1", "current_job");
    EXPECT_TRUE(current.is_nil());
    co_await expect_nothing_left(queue, client);
  }());
}

TEST_P(JobQueueTest, AWorkerThatIsToldToStopEndsItsJobFirst) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const Job job = co_await queue.enqueue("time.sleep", 0.1);
    const Job next = co_await queue.enqueue("time.sleep", 0.1);
    WorkerOptions options = steady();
    options.handle_signals = true;
    const auto w = worker(std::move(options));
    const auto working = create_task(w->work());
    co_await until(queue, job.id, JobStatus::started);
    ::raise(SIGTERM);
    EXPECT_EQ(co_await working, 1u);
    EXPECT_EQ(co_await queue.jobs().status(job.id), JobStatus::finished);
    EXPECT_EQ(co_await queue.jobs().status(next.id), JobStatus::queued);
    const Reply workers = co_await client.call("SMEMBERS", "rq:workers");
    EXPECT_EQ(workers.size(), 0u);
  }());
}

TEST_P(JobQueueTest, AWorkerThatMustStopAtOnceGivesItsJobBack) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const Job job = co_await queue.enqueue("time.sleep", 3600);
    const Job next = co_await queue.enqueue("time.sleep", 3600);
    WorkerOptions options = steady();
    options.handle_signals = true;
    const auto w = worker(std::move(options));
    const auto working = create_task(w->work());
    co_await until(queue, job.id, JobStatus::started);
    ::raise(SIGINT);
    co_await sleep(10ms);
    EXPECT_FALSE(working.done());
    ::raise(SIGINT);
    co_await working;
    const std::vector<std::string> ids{job.id, next.id};
    EXPECT_EQ(co_await queue.job_ids(), ids);
    EXPECT_EQ(co_await queue.jobs().status(job.id), JobStatus::queued);
    EXPECT_EQ(co_await queue.size(Registry::started), 0u);
  }());
}

TEST_P(JobQueueTest, ACrashInAProcessOfItsOwnCostsOneJob) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    ProcessPool pool(1);
    const auto w = worker(quick());
    w->function("c.crash", in_process(pool, "job_queue_test.crash"));
    w->function("c.sum", in_process(pool, "job_queue_test.sum"));
    const Job bad = co_await queue.enqueue("c.crash");
    const Job good = co_await queue.enqueue("c.sum", 2, 3);
    EXPECT_EQ(co_await w->work(), 2u);
    const JobResult result = (co_await queue.jobs().latest_result(bad.id)).value();
    EXPECT_NE(result.exception.find("Work-horse terminated unexpectedly"), std::string::npos);
    EXPECT_NE(result.exception.find("signal 9"), std::string::npos);
    EXPECT_EQ((co_await queue.jobs().latest_result(good.id))->value(), json::Value(5));
  }());
}

TEST_P(JobQueueTest, WhatADeadWorkerHadTakenComesBackInItsOrder) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    for (const char* text : {"a", "b", "c"}) co_await queue.enqueue("app.note", text);
    const std::string list = keys::taken("dead", "default");
    co_await client.call("SADD", keys::kTaken, list);
    for (int i = 0; i < 2; ++i) {
      co_await client.call("LMOVE", keys::queue("default"), list, "LEFT", "RIGHT");
    }
    EXPECT_EQ(co_await work(), 3u);
    co_await expect_nothing_left(queue, client);
  }());
  EXPECT_EQ(order, "abc");
}

TEST_P(JobQueueTest, WhatALivingWorkerHasTakenIsLeftToIt) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    co_await queue.enqueue("app.note", "a");
    const std::string list = keys::taken("alive", "default");
    co_await client.call("HSET", keys::worker("alive"), "birth", "");
    co_await client.call("SADD", keys::kTaken, list);
    co_await client.call("LMOVE", keys::queue("default"), list, "LEFT", "RIGHT");
    EXPECT_EQ(co_await work(), 0u);
    const Reply left = co_await client.call("LLEN", list);
    EXPECT_EQ(left.as_integer(), 1);
  }());
}

TEST_P(JobQueueTest, WhatADeadWorkerHadBegunIsBegunAgainButNotForEver) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const auto abandon = [&](std::string id) -> Task<> {
      co_await client.call("LREM", keys::queue("default"), 1, id);
      co_await client.call("ZADD", keys::registry(Registry::started, "default"), 1000, id);
      co_await client.call("HSET", keys::job(id), "status", "started", "worker_name", "dead");
    };
    const Job job = co_await queue.enqueue("app.note", "a");
    co_await abandon(job.id);
    EXPECT_EQ(co_await work(), 1u);
    EXPECT_EQ(co_await queue.jobs().status(job.id), JobStatus::finished);
    const Job poison = co_await queue.enqueue("app.note", "p");
    co_await client.call("HSET", keys::job(poison.id), "simul:abandoned", 3);
    co_await abandon(poison.id);
    EXPECT_EQ(co_await work(), 0u);
    EXPECT_EQ(co_await queue.jobs().status(poison.id), JobStatus::failed);
    const JobResult result = (co_await queue.jobs().latest_result(poison.id)).value();
    EXPECT_NE(result.exception.find("AbandonedJobError: 4 workers"), std::string::npos);
    EXPECT_TRUE(co_await queue.jobs().requeue(poison.id));
    EXPECT_EQ((co_await queue.jobs().fetch(poison.id))->abandoned, 0);
    EXPECT_EQ(co_await work(), 1u);
    co_await expect_nothing_left(queue, client);
  }());
  EXPECT_EQ(order, "ap");
}

TEST_P(JobQueueTest, AHeartbeatKeepsAJobItsOwn) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const Job job = co_await queue.enqueue("time.sleep", 2.5);  // heartbeat and grace are 1 s
    const auto first = worker(steady("w1"));
    const auto second = worker(steady("w2"));
    const auto working = create_task(first->work());
    co_await until(queue, job.id, JobStatus::started);
    const auto watching = create_task(second->work());
    co_await until(queue, job.id, JobStatus::finished);
    EXPECT_EQ((co_await queue.jobs().fetch(job.id))->abandoned, 0);
    first->stop();
    second->stop();
    EXPECT_EQ(co_await working, 1u);
    EXPECT_EQ(co_await watching, 0u);
  }());
}

TEST_P(JobQueueTest, TheOutcomeOfACanceledJobIsDropped) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const Job job = co_await queue.enqueue("time.sleep", 0.1);
    const auto w = worker(steady());
    const auto working = create_task(w->work());
    co_await until(queue, job.id, JobStatus::started);
    EXPECT_TRUE(co_await queue.jobs().cancel(job.id));
    w->stop();
    EXPECT_EQ(co_await working, 0u);
    EXPECT_EQ(co_await queue.jobs().status(job.id), JobStatus::canceled);
    EXPECT_FALSE(co_await queue.jobs().latest_result(job.id));
    co_await expect_nothing_left(queue, client);
  }());
}

TEST_P(JobQueueTest, AWorkerThatWaitsHearsOfAJobInAnyOfItsQueues) {
  Reactor loop;
  Client client = connect();
  JobQueue a(client, "a"), b(client, "b");
  run([&]() -> Task<> {
    const std::vector<std::string> queues{"a", "b"};
    const auto w = worker(steady(), queues);
    const auto working = create_task(w->work());
    for (int i = 0; i < 20; ++i) {
      JobQueue& queue = i % 3 == 0 ? b : a;
      const Job job = co_await queue.enqueue("math.add", i, i);
      co_await until(queue, job.id, JobStatus::finished);
    }
    w->stop();
    EXPECT_EQ(co_await working, 20u);
  }());
}

TEST_P(JobQueueTest, AWorkerObeysItsChannel) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const Job job = co_await queue.enqueue("time.sleep", 3600);
    const auto w = worker(steady());
    const auto working = create_task(w->work());
    co_await until(queue, job.id, JobStatus::started);
    const json::Object stop(std::vector<json::Member>{{"command", "stop-job"}, {"job_id", job.id}});
    for (Reply heard; !heard.is_integer() || heard.as_integer() == 0;) {
      heard = co_await client.call("PUBLISH", keys::channel("w1"), json::write(stop));
    }
    co_await until(queue, job.id, JobStatus::stopped);
    EXPECT_EQ(co_await queue.size(Registry::failed), 1u);
    co_await client.call("PUBLISH", keys::channel("w1"), "{\"command\": \"shutdown\"}");
    co_await working;
  }());
  EXPECT_EQ(log_.info.at(log_.info.size() - 4),
            "Received shutdown command, sending SIGINT signal.");
}

TEST_P(JobQueueTest, SuspendedWorkersTakeNothing) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    co_await client.call("SET", keys::kSuspended, "1");
    co_await queue.enqueue("app.note", "a");
    EXPECT_EQ(co_await work(), 0u);
    EXPECT_EQ(co_await queue.size(), 1u);
    co_await client.call("DEL", keys::kSuspended);
    EXPECT_EQ(co_await work(), 1u);
  }());
}

TEST_P(JobQueueTest, TwoWorkersCannotHaveOneName) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const auto first = worker(steady());
    const auto second = worker(steady());
    const auto working = create_task(first->work());
    const Job job = co_await queue.enqueue("math.add", 1, 1);
    co_await until(queue, job.id, JobStatus::finished);
    bool refused = false;
    try {
      co_await second->work();
    } catch (const NameTaken&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    first->stop();
    co_await working;
  }());
}

TEST_P(JobQueueTest, AWorkerOutlivesItsServer) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const auto w = worker(steady());
    const auto working = create_task(w->work());
    const Job before = co_await queue.enqueue("math.add", 1, 1);
    co_await until(queue, before.id, JobStatus::finished);
    server().kill();  // with all that it knew
    server().start();
    std::string id;
    while (id.empty()) {
      try {
        id = (co_await queue.enqueue("math.add", 2, 2)).id;
      } catch (const FateUnknown&) {
      }
    }
    co_await until(queue, id, JobStatus::finished);
    for (Reply workers; workers.size() == 0;) {  // it enters itself again
      workers = co_await client.call("SMEMBERS", keys::kWorkers);
    }
    server().kill();  // for good: who has nothing in hand need not wait for it
    w->stop();
    EXPECT_EQ(co_await working, 2u);
  }());
}

TEST(WorkerTest, WithoutAServerToBeginWithThereIsNoWorker) {
  Reactor loop;
  Worker worker(Url::parse("unix:///nowhere/redis.sock"), std::vector<std::string>(1, "default"));
  EXPECT_THROW(run(worker.work()), std::system_error);
}

TEST(WorkerTest, SettingsThatMakeNoSenseAreRefused) {
  Reactor loop;
  const auto make = [](std::string queue, WorkerOptions options) {
    std::vector<std::string> queues;
    if (!queue.empty()) queues.push_back(std::move(queue));
    Worker worker(Url::parse("unix:///nowhere/redis.sock"), std::move(queues), std::move(options));
  };
  EXPECT_THROW(make("", {}), std::invalid_argument);
  EXPECT_THROW(make("a,b", {}), std::invalid_argument);
  EXPECT_THROW(make("a", {.name = "a:b"}), std::invalid_argument);
  EXPECT_THROW(make("a", {.concurrency = 0}), std::invalid_argument);
}

}  // namespace
}  // namespace simul::redis
