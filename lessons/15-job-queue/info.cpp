// Queues, workers and jobs of a Redis as tables. A tool that scripts can use, and people can watch.
//
//     $ build/lessons/15-job-queue.info --url redis://127.0.0.1
//     $ build/lessons/15-job-queue.info --url redis://127.0.0.1 --watch high default
//
// It changes nothing, and sees what RQ's own programs have written, too. What it shows is gathered
// key by key, so a job that moves on meanwhile may be seen in two places or in none.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lessons/15-job-queue/table.hpp"
#include "lessons/15-job-queue/tool.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/redis/job_keys.hpp"
#include "runtime/redis/job_queue.hpp"
#include "runtime/redis/wall_time.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"

using namespace simul::redis;
using simul::run;
using simul::Task;

struct Wanted {
  Url url{};
  std::vector<std::string> queues{};  // none: all that there are
  int jobs = 20;
  bool watch = false;
  double every = 1;
};

// "12 s ago": how long ago that was, by this machine's clock.
std::string ago(const std::optional<WallTime>& time) {
  if (!time) return "";
  const auto seconds = std::chrono::floor<std::chrono::seconds>(wall_now() - *time).count();
  return std::to_string(std::max<std::int64_t>(seconds, 0)) + " s ago";
}

Task<std::string> queues_table(Client& client, std::vector<std::string> names) {
  Table table(
      {"QUEUE", "queued", "started", "finished", "failed", "deferred", "scheduled", "canceled"});
  for (const std::string& name : names) {
    JobQueue queue(client, name);
    const std::size_t waiting = co_await queue.size();
    Table::Row row = {name, std::to_string(waiting)};
    for (const Registry registry : kRegistries) {
      const std::size_t jobs = co_await queue.size(registry);
      row.push_back(std::to_string(jobs));
    }
    table.add(std::move(row));
  }
  co_return table.text();
}

bool listens_to(std::string_view its_queues, const std::vector<std::string>& queues) {
  return std::ranges::any_of(queues, [&](const std::string& queue) {
    return ("," + std::string(its_queues) + ",").find("," + queue + ",") != std::string::npos;
  });
}

Task<std::string> workers_table(Client& client, std::vector<std::string> queues, bool all) {
  Table table({"WORKER", "queues", "state", "done", "failed", "heard of", "its job"});
  const Reply members = co_await client.call("SMEMBERS", keys::kWorkers);
  std::vector<std::string> workers = members.texts();
  std::ranges::sort(workers);
  for (const std::string& key : workers) {
    const Reply hash = co_await client.call("HGETALL", key);
    if (hash.size() == 0) continue;  // it has died, and nobody has struck it off yet
    std::map<std::string, std::string> field;
    for (auto& [name, value] : hash.pairs()) field[name] = value;
    if (!all && !listens_to(field["queues"], queues)) continue;
    table.add({key.substr(std::min(key.size(), keys::kWorkerPrefix.size())), field["queues"],
               field["state"], std::to_string(std::atoll(field["successful_job_count"].c_str())),
               std::to_string(std::atoll(field["failed_job_count"].c_str())),
               ago(parse_wall_time(field["last_heartbeat"])), field["current_job"]});
  }
  co_return table.text();
}

// Those that run first, then those that wait, then those that have ended.
Task<std::string> jobs_table(Client& client, std::vector<std::string> queues, std::size_t most) {
  Table table({"JOB", "queue", "status", "created", "worker", "call"});
  for (const std::string& name : queues) {
    JobQueue queue(client, name);
    std::vector<std::string> ids = co_await queue.job_ids(Registry::started, most);
    const std::vector<std::string> waiting = co_await queue.job_ids(most);
    ids.insert(ids.end(), waiting.begin(), waiting.end());
    for (const Registry registry : {Registry::scheduled, Registry::deferred, Registry::failed,
                                    Registry::finished, Registry::canceled}) {
      const std::vector<std::string> more = co_await queue.job_ids(registry, most);
      ids.insert(ids.end(), more.begin(), more.end());
    }
    const std::vector<Job> jobs = co_await queue.jobs().fetch_many(std::move(ids));
    for (const Job& job : jobs) {
      if (table.size() == most) break;
      table.add({job.id, job.origin, std::string(job.status ? to_text(*job.status) : "?"),
                 ago(job.created_at), job.worker_name, job.description});
    }
  }
  co_return table.text();
}

Task<std::string> tables(Client& client, const Wanted& wanted) {
  const bool all = wanted.queues.empty();
  std::vector<std::string> queues = wanted.queues;
  if (all) queues = co_await JobQueue::names(client);
  std::string text = co_await queues_table(client, queues);
  text += "\n" + co_await workers_table(client, queues, all);
  if (wanted.jobs > 0) {
    text += "\n" + co_await jobs_table(client, queues, static_cast<std::size_t>(wanted.jobs));
  }
  co_return text;
}

Task<> info(const Wanted& wanted) {
  // On a terminal each picture takes the place of the one before; into a pipe they follow.
  const std::string between = ::isatty(STDOUT_FILENO) == 1 ? "\x1b[H\x1b[2J" : "";
  Client client(wanted.url);
  for (;;) {
    const std::string text = co_await tables(client, wanted);
    simul::write_out((wanted.watch ? between : "") + text + (wanted.watch ? "\n" : ""));
    if (!wanted.watch) co_return;
    co_await simul::sleep(simul::from_seconds(wanted.every));
  }
}

int main(int argc, char** argv) {
  Wanted wanted;
  return simul::lesson(
      argc, argv,
      {.about = "Shows queues, workers and jobs.",
       .flags = {redis_at(wanted.url),
                 simul::on("--watch", "again and again, until Ctrl-C", wanted.watch),
                 simul::amount("--every", "S", "with --watch: so many seconds between (default: 1)",
                               wanted.every, 0.05, 3600),
                 simul::number("--jobs", "N", "this many jobs at most (default: 20)", wanted.jobs,
                               0, 1000)},
       .operands =
           simul::Operands{"[QUEUE...]", "only these, and who listens to them", &wanted.queues, 0}},
      [&] { run(info(wanted)); });
}
