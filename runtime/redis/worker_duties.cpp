// A worker's duties beside its jobs, and how it is told to stop.
#include <csignal>
#include <utility>

#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/job_keys.hpp"
#include "runtime/redis/worker_core.hpp"

namespace simul::redis {
namespace {

constexpr auto kSuspensionChecked = std::chrono::seconds(1);

}  // namespace

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
  auto recover = [this]() -> Task<> { co_await recovery_.run(); };
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

}  // namespace simul::redis
