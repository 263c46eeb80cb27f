// A worker: its life, its duties, and how it ends.
#include "runtime/redis/worker.hpp"

#include <algorithm>
#include <csignal>
#include <map>
#include <stdexcept>

#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/job_intake.hpp"
#include "runtime/redis/job_keys.hpp"
#include "runtime/redis/job_runs.hpp"
#include "runtime/redis/recovery.hpp"
#include "runtime/redis/scheduler.hpp"
#include "runtime/redis/worker_commands.hpp"
#include "runtime/redis/worker_context.hpp"
#include "runtime/redis/worker_record.hpp"
#include "runtime/sync/semaphore.hpp"
#include "runtime/task/finally.hpp"
#include "runtime/task/task_group.hpp"
#include "runtime/task/timeout.hpp"

namespace simul::redis {
namespace {

constexpr auto kSuspensionChecked = std::chrono::seconds(1);
constexpr auto kTimeToDie = std::chrono::seconds(2);

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void check_name(const std::string& what, const std::string& name, std::string_view forbidden) {
  if (name.empty() || name.find_first_of(forbidden) != std::string::npos) {
    throw std::invalid_argument("no name for a " + what + ": \"" + name + "\"");
  }
}

// Each job that ends needs a connection of its own for a moment (change.hpp).
ClientOptions enough_sessions(ClientOptions client, std::size_t jobs) {
  client.idle_sessions =
      std::max<std::size_t>(client.idle_sessions, std::min<std::size_t>(jobs, 32));
  return client;
}

void check_settings(const WorkerContext& worker) {
  check_name("worker", worker.name, ":\r\n");
  if (worker.queues.empty()) throw std::invalid_argument("a worker needs a queue");
  for (const std::string& queue : worker.queues) check_name("queue", queue, "\r\n,");
  if (worker.options.concurrency == 0) {
    throw std::invalid_argument("a worker does at least one job at a time");
  }
}

std::string name_or_random(const std::string& name) {
  return name.empty() ? new_worker_name() : name;
}

}  // namespace

class Worker::Core {
 public:
  Core(Url url, std::vector<std::string> queues, WorkerOptions options, ClientOptions client)
      : client_(std::move(url), enough_sessions(std::move(client), options.concurrency)),
        name_(name_or_random(options.name)),
        worker_{client_, std::move(options), name_, std::move(queues)} {
    check_settings(worker_);
  }

  Task<std::size_t> work();
  void stop();
  void stop_now();
  JobRuns& runs() noexcept { return runs_; }
  const std::string& name() const noexcept { return worker_.name; }

 private:
  Task<> take_and_run(TaskGroup& group);
  Task<> perform(TakenJob job, Semaphore::Guard place);
  Task<bool> suspended();
  Task<> beat_for_ever();
  Task<> recover_for_ever();
  Task<> schedule_for_ever();
  Task<> leave();
  bool stopping() const noexcept { return worker_.stopping.is_set(); }
  void handle_signals();
  void ignore_signals();
  void command(const WorkerCommand& command);

  Client client_;
  std::string name_;
  WorkerContext worker_;
  WorkerRecord record_{worker_};
  JobIntake intake_{worker_};
  JobRuns runs_{worker_, record_, intake_};
  Scheduler scheduler_{worker_};
  Semaphore places_{worker_.options.concurrency};
  TimePoint suspension_checked_{};
  Reactor* signals_of_ = nullptr;
};

Task<std::size_t> Worker::Core::work() {
  co_await record_.be_born();  // if there is no server to begin with, there is no worker
  worker_.info("Worker " + record_.key() + ": started, version " + kRqVersion);
  if (worker_.options.handle_signals) handle_signals();
  auto life = [this]() -> Task<> {
    auto duties_and_jobs = [this](TaskGroup& group) -> Task<> {
      worker_.info("Subscribing to channel " + keys::channel(worker_.name));
      worker_.info("*** Listening on " + joined(worker_.queues) + "...");
      Recovery recovery(worker_);
      auto once = [&]() -> Task<> { co_await recovery.run(); };
      co_await persist(worker_, once);
      auto due = [&]() -> Task<> { co_await scheduler_.run(); };
      if (worker_.options.scheduler) co_await persist(worker_, due);
      std::vector<TaskHandle<>> duties = intake_.watch_queues(group);
      duties.push_back(group.create_task(beat_for_ever(), "heartbeat"));
      duties.push_back(group.create_task(recover_for_ever(), "recovery"));
      if (worker_.options.scheduler) {
        duties.push_back(group.create_task(schedule_for_ever(), "scheduler"));
      }
      duties.push_back(group.create_task(
          listen_to_commands(worker_, [this](const WorkerCommand& c) { command(c); }), "commands"));
      auto jobs = [this](TaskGroup& inner) -> Task<> { co_await take_and_run(inner); };
      co_await task_group(jobs);
      for (const TaskHandle<>& duty : duties) duty.cancel();
    };
    co_await task_group(duties_and_jobs);
  };
  auto goodbye = [this]() -> Task<> { co_await leave(); };
  co_await finally(life, goodbye);
  co_return runs_.done();
}

Task<> Worker::Core::take_and_run(TaskGroup& group) {
  std::size_t taken_in_all = 0;
  while (!stopping()) {
    Semaphore::Guard place = co_await places_.acquire();
    if (stopping()) break;
    if (co_await suspended()) break;
    std::optional<TakenJob> job;
    auto take = [&]() -> Task<> { job = co_await intake_.take(); };
    try {
      co_await persist(worker_, take, worker_.stopping);
    } catch (const std::exception&) {
      if (!stopping()) throw;
    }
    if (job) {
      group.create_task(perform(*std::move(job), std::move(place)));
      if (++taken_in_all == worker_.options.max_jobs) {
        worker_.info("Worker " + record_.key() + ": finished executing " +
                     std::to_string(taken_in_all) + " jobs, quitting");
        break;
      }
      continue;
    }
    if (stopping()) break;
    if (!worker_.options.burst) {
      co_await intake_.wait();
    } else if (runs_.running() > 0) {
      co_await intake_.wait();  // one that ends may leave another one behind
    } else {
      worker_.info("Worker " + record_.key() + ": done, quitting");
      break;
    }
  }
  if (stopping()) worker_.info("Worker " + record_.key() + ": stopping on request");
}

Task<> Worker::Core::perform(TakenJob job, Semaphore::Guard place) {
  co_await runs_.perform(std::move(job));
  place.release();
  intake_.wake();
}

// Waits while workers are suspended. True if this one is to end instead.
Task<bool> Worker::Core::suspended() {
  const TimePoint now = Clock::now();
  if (now < suspension_checked_ + kSuspensionChecked) co_return false;
  suspension_checked_ = now;
  bool told = false;
  for (;;) {
    bool is_suspended = false;
    auto ask = [&]() -> Task<> {
      const Reply reply = co_await worker_.client.call("EXISTS", keys::kSuspended);
      is_suspended = reply.as_bool();
      if (is_suspended && !told) co_await record_.set_state("suspended");
      if (!is_suspended && told) co_await record_.set_state("idle");
    };
    co_await persist(worker_, ask);
    if (!is_suspended || stopping()) co_return false;
    if (worker_.options.burst) {
      worker_.info("Suspended in burst mode, exiting");
      worker_.info("Note: There could still be unfinished jobs on the queue");
      co_return true;
    }
    if (!std::exchange(told, true)) {
      worker_.info("Worker suspended, run `rq resume` to resume");
    }
    co_await pause_until(worker_.stopping, kSuspensionChecked);
  }
}

Task<> Worker::Core::beat_for_ever() {
  auto beat = [this]() -> Task<> { co_await runs_.beat(record_); };
  for (;;) {
    co_await sleep(worker_.options.heartbeat);
    co_await persist(worker_, beat);
  }
}

Task<> Worker::Core::recover_for_ever() {
  Recovery recovery(worker_);
  auto recover = [&]() -> Task<> { co_await recovery.run(); };
  for (;;) {
    co_await sleep(worker_.options.maintenance);
    co_await persist(worker_, recover);
  }
}

Task<> Worker::Core::schedule_for_ever() {
  auto schedule = [this]() -> Task<> { co_await scheduler_.run(); };
  for (;;) {
    co_await sleep(worker_.options.scheduler_interval);
    co_await persist(worker_, schedule);
  }
}

// Whatever happens: no signal handler stays, and if the server is there, it hears of our end.
Task<> Worker::Core::leave() {
  ignore_signals();
  auto die = [this]() -> Task<> {
    co_await scheduler_.release();
    co_await intake_.give_back();
    co_await record_.die();
  };
  try {
    co_await timeout(kTimeToDie, die);
  } catch (const std::exception& error) {
    worker_.log(LogLevel::warning, std::string("could not sign off: ") + error.what());
  }
  worker_.info("Unsubscribing from channel " + keys::channel(worker_.name));
}

void Worker::Core::stop() {
  if (worker_.stopping.is_set()) return;
  worker_.stopping.set();
  worker_.info("Warm shut down requested");
  intake_.wake();
}

void Worker::Core::stop_now() {
  if (worker_.at_once.is_set()) return;
  worker_.stopping.set();
  worker_.at_once.set();
  worker_.log(LogLevel::warning, "Cold shut down");
  runs_.give_all_back();
  intake_.wake();
}

void Worker::Core::handle_signals() {
  signals_of_ = &Reactor::current();
  for (const int signal : {SIGINT, SIGTERM}) {
    signals_of_->add_signal_handler(
        signal,
        [this] {
          if (!stopping()) return stop();
          stop_now();
          ignore_signals();  // a third one ends the process
        },
        /*awaited=*/false);
  }
}

void Worker::Core::ignore_signals() {
  if (signals_of_ == nullptr) return;
  for (const int signal : {SIGINT, SIGTERM}) signals_of_->remove_signal_handler(signal);
  signals_of_ = nullptr;
}

void Worker::Core::command(const WorkerCommand& command) {
  switch (command.kind) {
    case WorkerCommand::Kind::shutdown:
      worker_.info("Received shutdown command, sending SIGINT signal.");
      return stop();
    case WorkerCommand::Kind::kill_horse:
      worker_.info("Received kill horse command.");
      return runs_.kill_all();
    case WorkerCommand::Kind::stop_job:
      if (!runs_.stop(command.job_id)) {
        worker_.info("Not working on job " + command.job_id + ", command ignored.");
      }
      return;
  }
}

Worker::Worker(Url url, std::vector<std::string> queues, WorkerOptions options,
               ClientOptions client)
    : core_(std::make_unique<Core>(std::move(url), std::move(queues), std::move(options),
                                   std::move(client))) {}

Worker::~Worker() = default;

void Worker::function(std::string name, JobFunction function) {
  core_->runs().functions().insert_or_assign(std::move(name), std::move(function));
}

Task<std::size_t> Worker::work() {
  return core_->work();
}

void Worker::stop() {
  core_->stop();
}

void Worker::stop_now() {
  core_->stop_now();
}

const std::string& Worker::name() const noexcept {
  return core_->name();
}

}  // namespace simul::redis
