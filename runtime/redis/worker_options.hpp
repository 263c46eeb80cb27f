// What may be chosen for a worker, and how it says what it does.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "runtime/base/clock.hpp"

namespace simul::redis {

/// How important a line of a worker's log is. RQ sends `info` to stdout and the others to stderr.
enum class LogLevel : std::uint8_t { info, warning, error };

/// Is given each line of the log, without the time and the line end; an error's has further lines
/// inside, the exception's text.
using LogSink = std::function<void(LogLevel, const std::string&)>;

struct WorkerOptions {
  std::string name{};           ///< without a colon; "": a random one
  bool burst = false;           ///< ends when there is nothing left to do
  std::size_t concurrency = 1;  ///< jobs at a time
  std::size_t max_jobs = 0;     ///< ends after so many; 0: no limit
  bool handle_signals = true;   ///< SIGINT and SIGTERM: the first one `stop`, the second `stop_now`
  LogSink log{};                ///< none: says nothing

  /// How often it says that it is alive, and by how much it may be late before it is taken for
  /// dead and its jobs are given to others. RQ's values; Redis counts in whole seconds.
  Duration heartbeat = std::chrono::seconds(30);
  Duration grace = std::chrono::seconds(60);

  /// How often it looks for the jobs of workers that have died.
  Duration maintenance = std::chrono::seconds(10);

  /// So many workers may die with a job in hand before the job is given up as the likely cause. It
  /// then stands among the failed jobs.
  std::int64_t deaths = 3;

  /// Does it move delayed jobs to the queue when they are due, and how often does it look? Of
  /// several workers, one at a time does it for a queue; the others take over when it has been
  /// silent for `scheduler_lock`.
  bool scheduler = true;
  Duration scheduler_interval = std::chrono::seconds(1);
  Duration scheduler_lock = std::chrono::seconds(61);

  /// While Redis cannot be reached: the first pause, doubled up to the last.
  Duration first_pause = std::chrono::seconds(1);
  Duration last_pause = std::chrono::seconds(60);
};

}  // namespace simul::redis
