// What a worker is told by others while it works: commands over a channel of its own.
//
// `rq.command.send_shutdown_command` and the like publish JSON to rq:pubsub:<w>. A channel keeps
// nothing: who is not listening at the moment never hears of it. What is no command is noted in the
// log and forgotten.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/redis/worker_context.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

struct WorkerCommand {
  enum class Kind : std::uint8_t {
    shutdown,    ///< as SIGINT
    kill_horse,  ///< ends what runs at the moment: it has failed
    stop_job,    ///< ends one job
  };
  Kind kind;
  std::string job_id{};

  /// Nothing if it is none that we know.
  static std::optional<WorkerCommand> parse(std::string_view json);
};

/// Listens for ever, also across restarts of the server, and hands over what comes.
Task<> listen_to_commands(WorkerContext& worker, std::function<void(const WorkerCommand&)> handle);

}  // namespace simul::redis
