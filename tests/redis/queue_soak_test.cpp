// At least once, whoever dies: four workers, killed again and again, and a server that crashes,
// too.
//
// Every job writes its name into a file. In the end each name is there, every job has finished, and
// no list or registry holds anything that is not. In the suite this is small; SIMUL_SOAK=1000 in
// the environment makes it so many jobs, with as many more deaths.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "runtime/base/unique_fd.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/job_keys.hpp"
#include "runtime/redis/job_queue.hpp"
#include "runtime/redis/worker.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "runtime/thread/process.hpp"
#include "runtime/thread/process_function.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul::redis {
namespace {

using namespace std::chrono_literals;

std::string file;  // of a worker's process: where names go

Task<> note(std::string name) {
  co_await sleep(5ms);
  const UniqueFd out(check(::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0600), "open"));
  name += "\n";
  check(::write(out.get(), name.data(), name.size()), "write");
  co_await sleep(5ms);
}

// A worker in a process of its own. The argument: where the server is, and the file.
std::string work(std::string_view argument) {
  const std::size_t line = argument.find('\n');
  file = argument.substr(line + 1);
  WorkerOptions options;
  options.concurrency = 3;
  options.heartbeat = 200ms;
  options.grace = 1300ms;
  options.maintenance = 200ms;
  options.deaths = 1'000;  // they die of us, not of the job
  options.first_pause = 20ms;
  options.last_pause = 200ms;
  if (std::getenv("SIMUL_LOG") != nullptr) {
    options.log = [](LogLevel, const std::string& text) {
      std::fprintf(stderr, "[%d] %s\n", ::getpid(), text.c_str());
    };
  }
  ClientOptions client;
  client.timeout = 5s;
  Worker worker(Url::parse(argument.substr(0, line)), std::vector<std::string>(1, "default"),
                options, client);
  worker.function("soak.note", note);
  run(worker.work());
  return "";
}
const ProcessFunction kWork("queue_soak_test.work", work);

class Soak {
 public:
  explicit Soak(int jobs) : jobs_(jobs) {}

  Task<> run() {
    for (int i = 0; i < 4; ++i) start_worker();
    const auto enqueuing = create_task(enqueue_all());
    const auto dying = create_task(kill_now_and_then());
    co_await enqueuing;
    const TimePoint end = Clock::now() + 90s;
    while (co_await finished() < static_cast<std::size_t>(jobs_)) {
      if (Clock::now() > end) break;
      co_await sleep(50ms);
    }
    dying.cancel();
    try {
      co_await dying;
    } catch (const Cancelled&) {
    }
    co_await expect_all_is_well();
    for (Process& worker : workers_) {
      if (worker.poll()) continue;  // started while there was no server: no reason to stay
      const ExitStatus status = co_await worker.stop(20s);
      EXPECT_TRUE(status.ok()) << status.text();
    }
    // Those that were killed have left names in the books; the living have gone through all of it.
    const Reply workers = co_await client_.call("SMEMBERS", keys::kWorkers);
    for (const std::string& key : workers.texts()) {
      const Reply there = co_await client_.call("EXISTS", key);
      if (there.as_bool()) {
        const Reply ttl = co_await client_.call("TTL", key);
        EXPECT_GE(ttl.as_integer(), 0) << key << " would stay for ever";
      }
    }
  }

  int deaths() const { return deaths_; }
  int crashes() const { return crashes_; }
  bool has_server() const { return !server_.url().empty(); }
  std::size_t runs() const { return runs_; }

 private:
  void start_worker() {
    workers_.emplace_back(function_command("queue_soak_test.work",
                                           server_.url() + "\n" + (folder_ / "names").string()));
  }

  // The server crashes while this is at it. What has become of a job whose fate is unknown is seen
  // by looking, for it was given a name.
  Task<> enqueue_all() {
    for (int i = 0; i < jobs_; ++i) {
      const std::string name = "job-" + std::to_string(i);
      JobOptions options;
      options.id = name;
      for (bool there = false; !there;) {
        try {
          if (!co_await queue_.jobs().status(name)) {
            co_await queue_.enqueue(JobCall::of("soak.note", name), options);
          }
          there = true;
        } catch (const std::exception&) {  // it may be there or not: look
        }
        if (!there) co_await sleep(10ms);
      }
    }
  }

  Task<> kill_now_and_then() {
    for (int round = 1;; ++round) {
      co_await sleep(std::chrono::milliseconds(random_() % 300));
      const std::size_t victim = random_() % workers_.size();
      workers_[victim].kill();
      co_await workers_[victim].wait();
      workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(victim));
      ++deaths_;
      start_worker();
      if (round % 8 == 0) {
        server_.kill();
        server_.start();
        ++crashes_;
      }
    }
  }

  // How many have finished; 0 if nobody can say at the moment.
  Task<std::size_t> finished() {
    try {
      co_return co_await queue_.size(Registry::finished);
    } catch (const std::exception&) {
    }
    co_return 0;
  }

  Task<> expect_all_is_well() {
    EXPECT_EQ(co_await queue_.size(), 0u);
    for (const Registry registry : kRegistries) {
      const std::size_t size = co_await queue_.size(registry);
      EXPECT_EQ(size, registry == Registry::finished ? static_cast<std::size_t>(jobs_) : 0u)
          << to_text(registry);
    }
    const Reply lists = co_await client_.call("KEYS", "simul:taken:*");
    EXPECT_EQ(lists.size(), 0u) << lists.describe();
    std::map<std::string, int> runs;
    std::ifstream names((folder_ / "names").string());
    for (std::string name; std::getline(names, name);) {
      ++runs[name];
      ++runs_;
    }
    for (int i = 0; i < jobs_; ++i) {
      const std::string name = "job-" + std::to_string(i);
      EXPECT_GE(runs[name], 1) << name << " was never run";
      EXPECT_EQ(co_await queue_.jobs().status(name), JobStatus::finished) << name;
    }
  }

  int jobs_;
  int deaths_ = 0;
  int crashes_ = 0;
  std::size_t runs_ = 0;
  std::minstd_rand random_{static_cast<unsigned>(::getpid())};
  testing::TempDir folder_;
  testing::RedisServer server_{{.persistent = true}};
  Client client_{Url::parse(server_.url().empty() ? "redis://127.0.0.1" : server_.url())};
  JobQueue queue_{client_};
  std::vector<Process> workers_;
};

TEST(QueueSoakTest, EveryJobIsRunAtLeastOnceWhoeverDies) {
  const char* wanted = std::getenv("SIMUL_SOAK");
  const int jobs = wanted != nullptr ? std::max(std::atoi(wanted), 1) : 100;
  Reactor loop;
  Soak soak(jobs);
  if (!soak.has_server()) GTEST_SKIP() << "redis-server is not installed";
  run(soak.run());
  std::printf("%d jobs, %zu runs, %d workers killed, %d crashes of the server\n", jobs, soak.runs(),
              soak.deaths(), soak.crashes());
}

}  // namespace
}  // namespace simul::redis
