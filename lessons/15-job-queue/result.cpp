// What has come of a job: its result as JSON. A tool that scripts can use.
//
//     $ build/lessons/15-job-queue.result --url redis://127.0.0.1
//     997031e6-364b-402b-9661-21aa91a55a71 322
//
// Exit status 1 if it failed (then its exception is on stderr), if it has not ended yet, or if
// there is no such job. Results do not stay: 500 seconds unless the job says otherwise, and a job
// that failed for a year.
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lessons/15-job-queue/tool.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/json/json.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/redis/job_store.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"

using namespace simul::redis;
using simul::Clock;
using simul::run;
using simul::say;
using simul::Task;
using simul::TimePoint;

bool has_ended(JobStatus status) {
  return status == JobStatus::finished || status == JobStatus::failed ||
         status == JobStatus::stopped || status == JobStatus::canceled;
}

// RQ does not tell anybody that a job has ended, so whoever waits has to ask again.
Task<JobStatus> status_at_last(JobStore& jobs, std::string id, double patience) {
  const TimePoint end = simul::after(Clock::now(), simul::from_seconds(patience));
  for (;;) {
    const std::optional<JobStatus> status = co_await jobs.status(id);
    if (!status) throw std::runtime_error("there is no job " + id);
    if (has_ended(*status) || Clock::now() >= end) co_return *status;
    co_await simul::sleep(std::chrono::milliseconds(50));
  }
}

Task<> print_result(Url url, std::string id, double patience) {
  Client client(std::move(url));
  JobStore jobs(client);
  const JobStatus status = co_await status_at_last(jobs, id, patience);
  const std::string is = "job " + id + " is " + std::string(to_text(status));
  if (!has_ended(status)) throw std::runtime_error(is + " and has no result yet");
  const std::optional<JobResult> result = co_await jobs.latest_result(id);
  if (!result) throw std::runtime_error(is + " and has left no result");
  if (status != JobStatus::finished)
    throw std::runtime_error(is + ": " + harmless(result->exception));
  say(simul::json::write(result->value()));
}

int main(int argc, char** argv) {
  Url url;
  std::vector<std::string> ids;
  double patience = 0;
  return simul::lesson(
      argc, argv,
      {.about = "Prints the result of a job as JSON.",
       .flags = {redis_at(url),
                 simul::amount("--wait", "S", "wait so many seconds for its end (default: 0)",
                               patience, 0, 1e9)},
       .operands = simul::Operands{"ID", "of which job", &ids, 1}},
      [&] {
        if (ids.size() > 1) throw simul::WrongUsage{"one job at a time: " + ids[1]};
        run(print_result(url, ids[0], patience));
      });
}
