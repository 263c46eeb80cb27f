// What the parts of a worker share: who it is, what it listens to, and how it perseveres.
//
// A worker outlives its server. So whatever it does to the books is written such that doing it
// twice does no harm, and is done again until Redis has said that it is done: `persist`. An error
// that will not pass (a key of the wrong type, say) ends the worker instead.
#pragma once

#include <algorithm>
#include <exception>
#include <string>
#include <type_traits>
#include <vector>

#include "runtime/base/in_seconds.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/redis/wall_time.hpp"
#include "runtime/redis/worker_options.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

/// Shared by the parts of one worker.
struct WorkerContext {
  Client& client;
  WorkerOptions options;
  std::string name;
  std::vector<std::string> queues;  ///< the most important one first
  Event stopping{};                 ///< no more jobs
  Event at_once{};                  ///< those at hand are not waited for

  void log(LogLevel level, const std::string& line) const {
    if (options.log) options.log(level, line);
  }
  void info(const std::string& line) const { log(LogLevel::info, line); }

  /// When it counts as dead if no heartbeat comes after one now, in unix seconds, rounded up: a
  /// second more does no harm, and one less might.
  std::int64_t expires(WallTime now) const {
    const Duration time = options.heartbeat + options.grace;
    return std::chrono::ceil<std::chrono::seconds>(now.time_since_epoch() + time).count();
  }

  /// The same for EXPIRE, which counts from the server's now.
  std::int64_t ttl() const {
    const Duration time = options.heartbeat + options.grace;
    return std::max<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(time).count(), 1);
  }
};

/// Is it likely to pass by itself: the server is away, is starting, is full?
bool will_pass(const std::exception& error) noexcept;

/// Waits for `pause`, or until `event`.
Task<> pause_until(Event& event, Duration pause);

/// Runs `step()`, which returns a Task, until it ends without an error that will pass. Once `until`
/// is set, such errors are thrown, too.
template <class Step>
std::invoke_result_t<Step&> persist(WorkerContext& worker, Step& step, Event& until) {
  Duration pause = worker.options.first_pause;
  for (;;) {
    std::string why;
    try {
      co_return co_await step();
    } catch (const std::exception& error) {
      if (!will_pass(error) || until.is_set()) throw;
      why = error.what();
    }
    worker.log(LogLevel::error,
               "Redis does not answer: " + why + "; retrying in " + in_seconds(pause));
    co_await pause_until(until, pause);
    pause = std::min(pause * 2, worker.options.last_pause);
  }
}
template <class Step>
std::invoke_result_t<Step&> persist(WorkerContext& worker, Step& step) {
  return persist(worker, step, worker.at_once);
}

}  // namespace simul::redis
