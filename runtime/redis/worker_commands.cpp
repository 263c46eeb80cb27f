// What a worker is told by others while it works.
#include "runtime/redis/worker_commands.hpp"

#include "runtime/json/json.hpp"
#include "runtime/redis/job_keys.hpp"

namespace simul::redis {

std::optional<WorkerCommand> WorkerCommand::parse(std::string_view text) {
  try {
    const json::Value value = json::parse(text, {.depth = 10});
    const std::string& name = value["command"].as_string();
    if (name == "shutdown") return WorkerCommand{Kind::shutdown};
    if (name == "kill-horse") return WorkerCommand{Kind::kill_horse};
    if (name == "stop-job") return WorkerCommand{Kind::stop_job, value["job_id"].as_string()};
  } catch (const std::runtime_error&) {
  }
  return std::nullopt;
}

Task<> listen_to_commands(WorkerContext& worker, std::function<void(const WorkerCommand&)> handle) {
  auto listen = [&]() -> Task<> {
    const std::vector<std::string> channels(1, keys::channel(worker.name));
    Subscription commands = co_await worker.client.subscribe(channels);
    for (;;) {
      const Message message = co_await commands.next();
      if (message.gap) continue;
      const std::optional<WorkerCommand> command = WorkerCommand::parse(message.payload);
      if (command) {
        handle(*command);
      } else {
        worker.log(LogLevel::warning, "Not a command: " + message.payload.substr(0, 200));
      }
    }
  };
  co_await persist(worker, listen);
}

}  // namespace simul::redis
