// The other side is Python's RQ: it enqueues and we work, we enqueue and it works, and each reads
// what the other has written. Needs redis-server and python3-rq; says SKIPPED without them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/job_queue.hpp"
#include "runtime/redis/worker.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/thread/communicate.hpp"
#include "tests/redis/queue_server.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul::redis {
namespace {

using namespace std::chrono_literals;

constexpr const char* kPython = "/usr/bin/python3";
constexpr const char* kModule = R"(
def add(a, b=10):
    return a + b
def fail(why):
    raise ValueError(why)
)";
// What every script begins with.
constexpr const char* kPrelude = R"(
import sys, json
from redis import Redis
from rq import Queue, Worker, Retry
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.registry import *
redis = Redis.from_url(sys.argv[1])
queue = Queue('default', connection=redis, serializer=JSONSerializer)
def fetch(id): return Job.fetch(id, connection=redis, serializer=JSONSerializer)
)";

Task<std::int64_t> add(JobContext context) {
  const std::int64_t a = context.call.args.at(0).as_int();
  const json::Value* b = context.call.kwargs.find("b");
  co_return a + (b != nullptr ? b->as_int() : 10);
}
Task<> fail(std::string why) {
  throw std::runtime_error(why);
  co_return;
}
Task<> nothing() {
  co_return;
}
Task<> nap(double seconds) {
  co_await sleep(from_seconds(seconds));
}

class RqInteropTest : public testing::QueueTest {
 protected:
  void SetUp() override {
    QueueTest::SetUp();
    if (IsSkipped()) return;
    if (::access(kPython, X_OK) != 0 || ::access("/usr/bin/rq", X_OK) != 0) {
      GTEST_SKIP() << "python3-rq is not installed";
    }
    folder_.write("mymodule.py", kModule);
  }

  // Runs a program to its end and returns what it printed; meanwhile our tasks go on.
  Task<std::string> output(std::vector<std::string> command) {
    ProcessOptions options;
    options.out = Stdio::pipe();
    options.err = Stdio::pipe();
    options.in = Stdio::null();
    options.directory = folder_.path().string();
    options.variables.push_back("PYTHONPATH=" + folder_.path().string());
    Process process(command, options);
    const ProcessResult result = co_await communicate(process);
    EXPECT_TRUE(result.status.ok()) << result.status.text() << "\n" << result.out << result.err;
    co_return result.out + result.err;
  }
  Task<std::string> python(std::string script) {
    std::vector<std::string> command;
    command.emplace_back(kPython);
    command.emplace_back("-c");
    command.push_back(kPrelude + script);
    command.push_back(server().url());
    return output(std::move(command));
  }
  Task<std::string> rq(std::vector<std::string> arguments) {
    std::vector<std::string> command(1, "/usr/bin/rq");
    command.insert(command.end(), arguments.begin(), arguments.end());
    command.emplace_back("--url");
    command.push_back(server().url());
    return output(std::move(command));
  }
  Task<std::string> rq_worker() {
    std::vector<std::string> arguments;
    for (const char* word :
         {"worker", "--burst", "--serializer", "rq.serializers.JSONSerializer", "default"}) {
      arguments.emplace_back(word);
    }
    return rq(std::move(arguments));
  }

  std::unique_ptr<Worker> worker(bool burst = true) {
    WorkerOptions options;
    options.name = "ours";
    options.burst = burst;
    options.handle_signals = false;
    auto made = std::make_unique<Worker>(url(), std::vector<std::string>(1, "default"), options);
    made->function("mymodule.add", add);
    made->function("mymodule.fail", fail);
    made->function("mymodule.nothing", nothing);
    made->function("mymodule.nap", nap);
    return made;
  }
  Task<std::size_t> work() {
    const std::unique_ptr<Worker> ours = worker();
    co_return co_await ours->work();
  }

 private:
  testing::TempDir folder_;
};

INSTANTIATE_TEST_SUITE_P(On, RqInteropTest, testing::queue_servers(), testing::queue_server_name);

TEST_P(RqInteropTest, WhatPythonEnqueuesWeDoAndPythonReadsIt) {
  Reactor loop;
  run([&]() -> Task<> {
    const std::string enqueued = co_await python(R"(
queue.enqueue('mymodule.add', 1, b=2, job_id='sum', meta={'k': 'ä'})
queue.enqueue('mymodule.nothing', job_id='none')
queue.enqueue('mymodule.fail', 'no\nsuch page ä', job_id='bad')
queue.enqueue('mymodule.fail', 'x', job_id='again', retry=Retry(max=1, interval=1))
queue.enqueue('mymodule.add', 5, job_id='after', depends_on='sum')
queue.enqueue('mymodule.nap', 60, job_id='late', job_timeout=1)
Queue('default', connection=redis).enqueue('mymodule.add', 1, job_id='pickled')
)");
    EXPECT_EQ(enqueued, "");
    EXPECT_EQ(co_await work(), 7u);
    const std::string read = co_await python(R"(
job = fetch('sum')
print(job.get_status(), job.return_value(), job.worker_name, job.meta)
print(job.created_at <= job.enqueued_at <= job.started_at <= job.ended_at)
print(fetch('none').get_status(), fetch('none').return_value())
bad = fetch('bad')
print(bad.get_status(), bad.latest_result().type.name, repr(bad.latest_result().exc_string))
print(fetch('again').get_status(), fetch('again').retries_left)
print(fetch('after').get_status(), fetch('after').return_value())
print(fetch('late').get_status(), fetch('late').latest_result().exc_string.strip())
print('pickled' in fetch('pickled').latest_result().exc_string)
print(sorted(FailedJobRegistry(queue=queue).get_job_ids()))
print(sorted(FinishedJobRegistry(queue=queue).get_job_ids()))
print(ScheduledJobRegistry(queue=queue).get_job_ids(), len(StartedJobRegistry(queue=queue)), len(queue))
)");
    EXPECT_EQ(read, R"(finished 3 ours {'k': 'ä'}
True
finished None
failed FAILED 'std::runtime_error: no\nsuch page ä\n'
scheduled 0
finished 15
failed rq.timeouts.JobTimeoutException: Task exceeded maximum timeout value (1 seconds)
True
['bad', 'late', 'pickled']
['after', 'none', 'sum']
['again'] 0 0
)");
  }());
}

TEST_P(RqInteropTest, WhatWeEnqueueRqDoesAndWeReadIt) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    JobOptions options;
    options.id = "sum";
    options.meta = "remember";
    options.description = "a sum";
    options.result_ttl = 60;
    JobCall call = JobCall::of("mymodule.add", 1);
    call.kwargs.set("b", 2);
    co_await queue.enqueue(call, options);
    const Job bad = co_await queue.enqueue("mymodule.fail", "it's bad");
    JobOptions twice;
    twice.retry.max = 1;
    const Job again = co_await queue.enqueue(JobCall::of("mymodule.fail", "x"), twice);
    JobOptions after;
    after.depends_on.push_back("sum");
    const Job last = co_await queue.enqueue(JobCall::of("mymodule.add", 7), after);
    EXPECT_EQ(last.status, JobStatus::deferred);
    const std::string said = co_await rq_worker();
    EXPECT_NE(said.find("default: a sum (sum)"), std::string::npos) << said;
    EXPECT_NE(said.find("default: mymodule.fail(\"it's bad\") (" + bad.id), std::string::npos);

    const Job sum = (co_await queue.jobs().fetch("sum")).value();
    EXPECT_EQ(sum.status, JobStatus::finished);
    EXPECT_LE(sum.started_at, sum.ended_at);
    EXPECT_EQ(sum.meta, json::Value("remember"));
    EXPECT_EQ((co_await queue.jobs().latest_result("sum"))->value(), json::Value(3));
    EXPECT_EQ((co_await queue.jobs().latest_result(last.id))->value(), json::Value(17));
    const JobResult failure = (co_await queue.jobs().latest_result(bad.id)).value();
    EXPECT_EQ(failure.type, JobResult::Type::failed);
    EXPECT_NE(failure.exception.find("Traceback"), std::string::npos);
    EXPECT_NE(failure.exception.find("ValueError: it's bad"), std::string::npos);
    const Job tried = (co_await queue.jobs().fetch(again.id)).value();
    EXPECT_EQ(tried.status, JobStatus::failed);
    EXPECT_EQ(tried.retries_left, 0);
    EXPECT_EQ(co_await queue.size(Registry::failed), 2u);
    EXPECT_EQ(co_await queue.size(Registry::finished), 2u);
  }());
}

TEST_P(RqInteropTest, RqShowsOurWorkersAndQueuesAndStopsThem) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const std::unique_ptr<Worker> ours = worker(/*burst=*/false);
    const auto working = create_task(ours->work());
    JobOptions options;
    options.id = "long";
    co_await queue.enqueue(JobCall::of("mymodule.nap", 3600), options);
    while (co_await queue.jobs().status("long") != JobStatus::started) co_await sleep(2ms);
    const std::vector<std::string> words{"info", "--raw"};
    const std::string info = co_await rq(words);
    EXPECT_NE(info.find("queue default 0"), std::string::npos) << info;
    EXPECT_NE(info.find("worker ours"), std::string::npos) << info;
    EXPECT_NE(info.find("busy default"), std::string::npos) << info;
    const std::string seen = co_await python(R"(
from rq.command import send_stop_job_command, send_shutdown_command
worker, = Worker.all(connection=redis)
print(worker.name, worker.state, worker.get_current_job_id(), worker.queue_names())
send_stop_job_command(redis, 'long')
import time
while fetch('long').get_status(refresh=True) != 'stopped': time.sleep(0.01)
send_shutdown_command(redis, 'ours')
)");
    EXPECT_EQ(seen, "ours busy long ['default']\n");
    EXPECT_EQ(co_await working, 1u);
    EXPECT_EQ(co_await python("print(Worker.all(connection=redis))"), "[]\n");
  }());
}

TEST_P(RqInteropTest, RqRequeuesAFailedJobOfOurs) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    const Job job = co_await queue.enqueue("mymodule.fail", "x");
    EXPECT_EQ(co_await work(), 1u);
    EXPECT_EQ(co_await queue.size(Registry::failed), 1u);
    std::vector<std::string> words;
    for (const char* word : {"requeue", "--queue", "default", "--all"}) words.emplace_back(word);
    co_await rq(words);
    EXPECT_EQ(co_await queue.jobs().status(job.id), JobStatus::queued);
    EXPECT_EQ(co_await queue.size(Registry::failed), 0u);
    EXPECT_EQ(co_await work(), 1u);
    EXPECT_EQ(co_await queue.jobs().status(job.id), JobStatus::failed);
    EXPECT_EQ((co_await queue.jobs().results(job.id)).size(), 2u);
  }());
}

TEST_P(RqInteropTest, WorkersOfBothSortsShareAQueue) {
  Reactor loop;
  Client client = connect();
  JobQueue queue(client);
  run([&]() -> Task<> {
    std::vector<JobCall> calls;
    for (int i = 0; i < 60; ++i) calls.push_back(JobCall::of("mymodule.add", i));
    const std::vector<Job> jobs = co_await queue.enqueue_many(calls);
    const auto theirs = create_task(rq_worker());
    while (co_await queue.size() == 60) co_await sleep(1ms);  // theirs takes long to start
    const std::size_t done = co_await work();
    co_await theirs;
    std::size_t by_us = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      const Job job = (co_await queue.jobs().fetch(jobs[i].id)).value();
      EXPECT_EQ(job.status, JobStatus::finished);
      if (job.worker_name == "ours") ++by_us;
      const auto results = co_await queue.jobs().results(jobs[i].id);
      EXPECT_EQ(results.size(), 1u);
      EXPECT_EQ(results.at(0).value(), json::Value(i + 10));
    }
    EXPECT_EQ(by_us, done);
    EXPECT_GT(done, 0u);
    EXPECT_LT(done, 60u);
  }());
}

}  // namespace
}  // namespace simul::redis
