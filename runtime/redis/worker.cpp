// A worker: its life, from birth to death.
#include "runtime/redis/worker.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "runtime/redis/job_keys.hpp"
#include "runtime/redis/worker_core.hpp"
#include "runtime/task/finally.hpp"
#include "runtime/task/timeout.hpp"

namespace simul::redis {
namespace {

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

Worker::Core::Core(Url url, std::vector<std::string> queues, WorkerOptions options,
                   ClientOptions client)
    : client_(std::move(url), enough_sessions(std::move(client), options.concurrency)),
      name_(name_or_random(options.name)),
      worker_{client_, std::move(options), name_, std::move(queues)} {
  check_settings(worker_);
}

Task<std::size_t> Worker::Core::work() {
  co_await record_.be_born();  // if there is no server to begin with, there is no worker
  worker_.info("Worker " + record_.key() + ": started, version " + kRqVersion);
  if (worker_.options.handle_signals) handle_signals();
  auto body = [this](TaskGroup& group) -> Task<> { co_await do_duties_and_jobs(group); };
  auto life = [&]() -> Task<> { co_await task_group(body); };
  auto goodbye = [this]() -> Task<> { co_await leave(); };
  co_await finally(life, goodbye);
  co_return runs_.done();
}

Task<> Worker::Core::do_duties_and_jobs(TaskGroup& group) {
  worker_.info("Subscribing to channel " + keys::channel(worker_.name));
  worker_.info("*** Listening on " + joined(worker_.queues) + "...");
  auto recover = [this]() -> Task<> { co_await recovery_.run(); };
  co_await persist(worker_, recover);
  auto schedule = [this]() -> Task<> { co_await scheduler_.run(); };
  if (worker_.options.scheduler) co_await persist(worker_, schedule);
  std::vector<TaskHandle<>> duties = intake_.watch_queues(group);
  duties.push_back(group.create_task(beat_for_ever(), "heartbeat"));
  duties.push_back(group.create_task(recover_for_ever(), "recovery"));
  if (worker_.options.scheduler) {
    duties.push_back(group.create_task(schedule_for_ever(), "scheduler"));
  }
  const auto obey = [this](const WorkerCommand& said) { command(said); };
  duties.push_back(group.create_task(listen_to_commands(worker_, obey), "commands"));
  auto jobs = [this](TaskGroup& inner) -> Task<> { co_await take_and_run(inner); };
  co_await task_group(jobs);
  for (const TaskHandle<>& duty : duties) duty.cancel();
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
