// Jobs per second: written down, and worked off. The floor sends the very same commands over a bare
// socket that blocks, and does nothing else; one at a time where the subject does one at a time.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "runtime/net/address.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/redis/job_keys.hpp"
#include "runtime/redis/job_queue.hpp"
#include "runtime/redis/job_steps.hpp"
#include "runtime/redis/resp.hpp"
#include "runtime/redis/worker.hpp"
#include "runtime/redis/worker_record.hpp"
#include "runtime/task/run.hpp"
#include "tests/bench/bench.hpp"
#include "tests/support/redis_server.hpp"

namespace simul::redis {
namespace {

constexpr std::size_t kJobs = 2'000;  // in a round

// A connection that knows nothing but to write, and to read so many replies.
class Bare {
 public:
  explicit Bare(const std::string& path) {
    socket_ = net::start_connect(net::Address::unix_path(path)).socket;
  }

  void ask(std::string_view bytes, std::size_t replies) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      if (sent < 0) wait(POLLOUT);
    }
    while (replies > 0) {
      const ssize_t got = ::recv(socket_.get(), buffer_, sizeof buffer_, 0);
      if (got <= 0) {
        wait(POLLIN);
        continue;
      }
      std::string_view piece(buffer_, static_cast<std::size_t>(got));
      while (!piece.empty()) {
        piece.remove_prefix(reader_.feed(piece));
        if (!reader_.ready()) continue;
        bench::keep(reader_.take());
        --replies;
      }
    }
  }

 private:
  void wait(short events) {
    pollfd ready{socket_.get(), events, 0};
    ::poll(&ready, 1, -1);
  }

  UniqueFd socket_;
  ReplyReader reader_;
  char buffer_[65536];
};

// Bytes, and how many replies they bring.
struct Words {
  std::string bytes;
  std::size_t replies;
};

Words words(const CommandRow& row, bool transaction) {
  Words all{transaction ? "*1\r\n$5\r\nMULTI\r\n" : "", row.size()};
  all.bytes += row.bytes();
  if (transaction) all.bytes += "*1\r\n$4\r\nEXEC\r\n", all.replies += 2;
  return all;
}

Task<std::int64_t> add(std::int64_t a, std::int64_t b) {
  co_return a + b;
}

Job job_number(std::size_t number) {
  const JobCall call = JobCall::of("math.add", number, 1);
  Job job;
  job.id = new_job_id();
  job.origin = "default";
  job.description = call.text();
  job.data = pack(call.to_json());
  job.created_at = wall_now();
  return job;
}

class QueueBench {
 public:
  QueueBench() : client_(Url::parse(server_.url())), queue_(client_) {}

  double enqueue() {
    return rate([this]() -> Task<> {
      for (std::size_t i = 0; i < kJobs; ++i) co_await queue_.enqueue("math.add", i, 1);
    });
  }
  double enqueue_floor() {
    std::vector<Words> all;
    for (std::size_t i = 0; i < kJobs; ++i) all.push_back(enqueuing(i));
    return rate_of([&](Bare& bare) {
      for (const Words& one : all) bare.ask(one.bytes, one.replies);
    });
  }

  double enqueue_many() {
    return rate([this]() -> Task<> {
      std::vector<JobCall> calls;
      for (std::size_t i = 0; i < kJobs; ++i) calls.push_back(JobCall::of("math.add", i, 1));
      co_await queue_.enqueue_many(std::move(calls));
    });
  }
  double enqueue_many_floor() {
    Transaction out;
    for (std::size_t i = 0; i < kJobs; ++i) {
      Job job = job_number(i);
      steps::enqueue(out, job, false, wall_now());
    }
    const Words all = words(out, true);
    return rate_of([&](Bare& bare) { bare.ask(all.bytes, all.replies); });
  }

  double work(std::size_t concurrency) {
    fill();
    WorkerOptions options;
    options.burst = true;
    options.handle_signals = false;
    options.concurrency = concurrency;
    Worker worker(client_.url(), std::vector<std::string>(1, "default"), options);
    worker.function("math.add", add);
    const double start = bench::seconds_now();
    run(worker.work());
    return static_cast<double>(kJobs) / (bench::seconds_now() - start);
  }

  // What a worker says for each job, one thing after the other.
  double work_floor() {
    const std::vector<Job> jobs = fill();
    WorkerContext worker{client_, {}, "floor", {"default"}};
    const WorkerRecord record(worker);
    std::vector<Words> all;
    for (Job job : jobs) {
      const WallTime now = wall_now();
      Transaction take, start, finish;
      take.add("SADD", keys::kTaken, keys::taken("floor", "default"));
      take.add("LMOVE", keys::queue("default"), keys::taken("floor", "default"), "LEFT", "RIGHT");
      Pipeline read, watch_job, state, watch_dependents, dependents;
      read.add("HGETALL", keys::job(job.id));
      steps::start(start, job, "default", "floor", now, worker.expires(now));
      record.begin(start, job.id);
      watch_job.add("WATCH", keys::job(job.id));
      state.add("HMGET", keys::job(job.id), "status", "worker_name");
      watch_dependents.add("WATCH", keys::dependents(job.id));
      dependents.add("SMEMBERS", keys::dependents(job.id));
      steps::finish(finish, job, json::Value(1), now);
      record.end(finish, "", true, 0.001);
      all.push_back(words(take, true));
      all.push_back(words(read, false));
      all.push_back(words(start, true));
      for (const Pipeline& one : {watch_job, state, watch_dependents, dependents}) {
        all.push_back(words(one, false));
      }
      all.push_back(words(finish, true));
    }
    return rate_of([&](Bare& bare) {
      for (const Words& one : all) bare.ask(one.bytes, one.replies);
    });
  }

 private:
  static Words enqueuing(std::size_t number) {
    Job job = job_number(number);
    Transaction out;
    steps::enqueue(out, job, false, wall_now());
    return words(out, true);
  }

  std::vector<Job> fill() {
    flush();
    std::vector<Job> jobs;
    run([&]() -> Task<> {
      std::vector<JobCall> calls;
      for (std::size_t i = 0; i < kJobs; ++i) calls.push_back(JobCall::of("math.add", i, 1));
      jobs = co_await queue_.enqueue_many(std::move(calls));
    }());
    return jobs;
  }

  void flush() {
    run([&]() -> Task<> { co_await client_.call("FLUSHALL"); }());
  }

  template <class Body>
  double rate(Body body) {
    flush();
    const double start = bench::seconds_now();
    run(body());
    return static_cast<double>(kJobs) / (bench::seconds_now() - start);
  }

  template <class Body>
  double rate_of(Body body) {
    Bare bare(client_.url().path);
    const double start = bench::seconds_now();
    body(bare);
    return static_cast<double>(kJobs) / (bench::seconds_now() - start);
  }

  Reactor loop_;
  testing::RedisServer server_;
  Client client_;
  JobQueue queue_;
};

}  // namespace
}  // namespace simul::redis

int main(int argc, char** argv) {
  return simul::bench::run(argc, argv, [](simul::bench::Bench& bench) {
    if (!bench.wants("job_queue.enqueue") && !bench.wants("job_queue.enqueue_many") &&
        !bench.wants("job_queue.work") && !bench.wants("job_queue.work_16")) {
      return;
    }
    if (simul::testing::RedisServer().url().empty()) {
      std::fprintf(stderr, "job_queue: redis-server is not installed\n");
      return;
    }
    simul::redis::QueueBench queue;
    bench.compare(
        "job_queue.enqueue", "jobs/s", [&] { return queue.enqueue(); },
        [&] { return queue.enqueue_floor(); });
    bench.compare(
        "job_queue.enqueue_many", "jobs/s", [&] { return queue.enqueue_many(); },
        [&] { return queue.enqueue_many_floor(); });
    bench.compare(
        "job_queue.work", "jobs/s", [&] { return queue.work(1); },
        [&] { return queue.work_floor(); });
    bench.compare(
        "job_queue.work_16", "jobs/s", [&] { return queue.work(16); },
        [&] { return queue.work_floor(); });
  });
}
