// Two workers as they would stand on two machines, with nothing in common but a REDIS_URL.
//
// Each is a program of its own, in a folder of its own, and its environment is that one variable:
// no pipe, no shared memory, no file, no signal goes from one to the other, or from here to them,
// but for the kill. Twelve jobs that compute are written into Redis, the two divide them between
// them, and one is killed in the middle of a job. Who has done what is read from Redis, too: it is
// all that a third machine would see.
//
// `--work QUEUE` is what runs on such a machine. Start it wherever this program runs and the Redis
// can be reached:
//
//     REDIS_URL=redis://192.0.2.1 build/lessons/22-scaling-out.machines --work primes
//
// What a queue promises, and how the dead are found, is lesson 15.
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <list>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lessons/22-scaling-out/table.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/base/error.hpp"
#include "runtime/json/json.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/redis/job_queue.hpp"
#include "runtime/redis/mini_server.hpp"
#include "runtime/redis/url.hpp"
#include "runtime/redis/worker.hpp"
#include "runtime/task/finally.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_core.hpp"
#include "runtime/task/timeout.hpp"
#include "runtime/thread/process.hpp"
#include "runtime/thread/process_function.hpp"
#include "runtime/thread/process_pool.hpp"

using namespace std::chrono_literals;
using namespace simul;
using redis::Job;
using redis::JobQueue;
using redis::JobStatus;

// ---- On each machine: a worker ----

constexpr int kPieces = 12;
constexpr int kPiece = 250'000;   // numbers
constexpr int kPrimes = 216'816;  // below twelve times that

// The job's function: how many primes there are in a piece of the numbers. It changes nothing, so
// it may be done twice.
std::string primes_in_piece(std::string_view call) {
  const int first = static_cast<int>(redis::JobCall::from_json(call).args.at(0).as_int()) * kPiece;
  int count = 0;
  for (int n = std::max(first, 2); n < first + kPiece; ++n) {
    int d = 2;
    while (d * d <= n && n % d != 0) ++d;
    if (d * d > n) ++count;
  }
  return std::to_string(count);
}
const ProcessFunction kPrimesInPiece("primes_in_piece", primes_in_piece);

constexpr const char* kFunction = "numbers.primes_in_piece";

Task<> work(std::string queue, std::string name, double silence) {
  redis::WorkerOptions options;
  options.name = std::move(name);
  options.heartbeat = from_seconds(silence / 3);
  options.grace = from_seconds(silence * 2 / 3);
  options.maintenance = from_seconds(std::min(10.0, silence / 6));
  ProcessPool pool(1);  // it computes: the worker's loop has to go on saying that it lives
  redis::Worker worker(redis::Url::from_environment(), {std::move(queue)}, options);
  worker.function(kFunction, redis::in_process(pool, "primes_in_piece"));
  co_await worker.work();
}

// ---- A machine, as far as it can be had on this one ----

class Machine {
 public:
  Machine(std::string name, const std::string& run, const std::string& url,
          const std::string& queue)
      : name_(std::move(name)), worker_(name_ + "-" + run) {
    folder_ = (std::filesystem::temp_directory_path() / ("simul-" + name_ + ".XXXXXX")).string();
    if (::mkdtemp(folder_.data()) == nullptr) throw_errno("mkdtemp " + folder_);
    ProcessOptions options;
    options.in = options.out = Stdio::null();
    options.environment = {"REDIS_URL=" + url};  // and nothing else
    options.directory = folder_;
    options.own_group = true;
    options.program = std::filesystem::read_symlink("/proc/self/exe").string();
    try {
      worker_process_.emplace(
          std::vector<std::string>{"machine", "--work", queue, "--name", worker_, "--silence", "2"},
          std::move(options));
    } catch (...) {
      remove_folder();
      throw;
    }
  }
  ~Machine() { remove_folder(); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  const std::string& name() const noexcept { return name_; }
  const std::string& worker() const noexcept { return worker_; }
  const std::string& folder() const noexcept { return folder_; }
  Process& process() { return *worker_process_; }

 private:
  void remove_folder() const noexcept {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string name_;
  std::string worker_;  // its name in Redis
  std::string folder_;
  std::optional<Process> worker_process_;
};

// ---- The scene ----

/// "0 3 7": which pieces.
std::string pieces_of(const std::vector<Job>& jobs, const std::string& worker) {
  std::string text;
  for (std::size_t piece = 0; piece < jobs.size(); ++piece) {
    if (jobs[piece].worker_name == worker)
      text += (text.empty() ? "" : " ") + std::to_string(piece);
  }
  return text.empty() ? "none" : text;
}

std::size_t finished(const std::vector<Job>& jobs) {
  return static_cast<std::size_t>(std::count_if(
      jobs.begin(), jobs.end(), [](const Job& job) { return job.status == JobStatus::finished; }));
}

Task<> play(JobQueue& queue, const std::string& url, const std::string& run) {
  std::vector<redis::JobCall> calls;
  for (int piece = 0; piece < kPieces; ++piece) {
    calls.push_back(redis::JobCall::of(kFunction, piece));
  }
  const std::vector<Job> written = co_await queue.enqueue_many(std::move(calls));
  std::vector<std::string> ids;
  for (const Job& job : written) ids.push_back(job.id);
  say(kPieces, " jobs are written down: the primes in each piece of ", grouped(kPiece),
      " numbers.\n");

  Machine east("east", run, url, queue.name());
  Machine west("west", run, url, queue.name());
  for (Machine* machine : {&east, &west}) {
    say(machine->name(), ": process ", machine->process().pid(), " in ", machine->folder());
  }
  // From here on we know what Redis knows, and ask it now and then.
  std::optional<std::size_t> left_behind;  // the piece in whose middle west was killed
  std::vector<Job> jobs;
  for (;;) {
    jobs = co_await queue.jobs().fetch_many(ids);
    if (jobs.size() != ids.size()) throw std::runtime_error("jobs have gone out of Redis");
    if (finished(jobs) == ids.size()) break;
    for (std::size_t piece = 0; piece < jobs.size() && !left_behind; ++piece) {
      const Job& job = jobs[piece];
      const bool at_it = job.status == JobStatus::started && job.worker_name == west.worker();
      if (!at_it || finished(jobs) < 3) continue;
      left_behind = piece;
      west.process().kill();
      say("\nwest is at piece ", piece, ": kill -9, its whole machine");
    }
    const std::optional<ExitStatus> gone = east.process().poll();
    if (gone) throw std::runtime_error("east " + gone->text());
    co_await sleep(5ms);
  }

  std::int64_t primes = 0;
  for (const std::string& id : ids) {
    const std::optional<redis::JobResult> result = co_await queue.jobs().latest_result(id);
    if (result) primes += result->value().as_int();
  }
  say("\neast has done pieces ", pieces_of(jobs, east.worker()));
  say("west has done pieces ", pieces_of(jobs, west.worker()));
  for (std::size_t piece = 0; piece < jobs.size(); ++piece) {
    if (jobs[piece].abandoned == 0) continue;
    say("piece ", piece, " was begun ", jobs[piece].abandoned + 1, " times");
  }
  say("\n", ids.size(), " jobs: ", finished(jobs), " finished; ", primes, " primes, and there are ",
      kPrimes);
  const ExitStatus ended = co_await east.process().stop();
  if (!ended.ok()) throw std::runtime_error("east " + ended.text());
  if (primes != kPrimes) throw std::runtime_error("something was lost, or counted twice");
}

Task<> scene(std::string url, bool given) {
  redis::Client client(url);
  co_await client.connect();
  say("Redis: ", given ? "" : "the one inside this program, at ", client.url().to_string());
  const std::string run = redis::new_worker_name().substr(0, 8);
  // Where others have their jobs, too, ours go into a queue that nobody else knows.
  JobQueue queue(client, "primes-" + run);
  auto body = [&]() -> Task<> { co_await play(queue, url, run); };
  auto limited = [&]() -> Task<> { co_await timeout(120s, body); };
  auto clean_up = [&]() -> Task<> {
    try {
      co_await queue.remove();
    } catch (const std::exception& error) {
      complain(error);
    }
  };
  co_await finally(limited, clean_up);
}

Task<> async_main(std::string url) {
  // Ctrl-C cancels us, as always; what was started has to go away by SIGTERM, too.
  Reactor& loop = Reactor::current();
  loop.add_signal_handler(
      SIGTERM, [&self = *TaskCore::current()] { self.cancel(); }, /*awaited=*/false);
  std::optional<redis::MiniServer> embedded;
  const bool given = !url.empty();
  if (!given) url = embedded.emplace().url();
  auto body = [&]() -> Task<> { co_await scene(url, given); };
  auto end = [&]() -> Task<> {
    if (embedded) {
      embedded->close();
      co_await embedded->wait_closed();
    }
    loop.remove_signal_handler(SIGTERM);
  };
  co_await finally(body, end);
}

int main(int argc, char** argv) {
  ProcessFunction::run_if_asked(argc, argv);  // first: in the worker's pool, it stays there
  std::string url;
  if (const char* given = std::getenv("REDIS_URL")) url = given;
  std::string queue;
  std::string name;
  double silence = 90;
  return lesson(
      argc, argv,
      {.about =
           "Two workers that have nothing in common but a REDIS_URL divide twelve jobs\n"
           "between them, and one of them is killed. The Redis is that of --url or REDIS_URL,\n"
           "or else one inside this program.",
       .flags = {text("--url", "URL", "the Redis: redis://host[:port] or unix:///path", url),
                 text("--work", "QUEUE", "be a worker of that queue, at the Redis of REDIS_URL",
                      queue),
                 text("--name", "NAME", "the worker's name in Redis (default: a random one)", name),
                 amount("--silence", "S",
                        "unheard of for so many seconds, a worker counts as dead (default: 90)",
                        silence, 1, 86'400)}},
      [&] {
        if (!queue.empty()) return run(work(queue, name, silence));
        run(async_main(url));
      });
}
