// A worker: takes jobs off queues and does them, until it is told to stop.
//
//     $ build/lessons/15-job-queue.worker --url redis://127.0.0.1 --burst default
//
// It logs what RQ's worker logs: what is in order on stdout, what is not on stderr, one line for
// each. The first Ctrl-C or SIGTERM lets it end the job at hand and exit with 0; a second one has
// the job given back to its queue. kill -9 it, and the other workers will find its job.
//
// What it can do is mymodule.hpp's affair.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "lessons/15-job-queue/mymodule.hpp"
#include "lessons/15-job-queue/tool.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/redis/worker.hpp"
#include "runtime/task/run.hpp"

using namespace simul::redis;

// "12:10:56 ": the time of day here.
std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char text[16];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d ", local.tm_hour, local.tm_min, local.tm_sec);
  return text;
}

void write_log(LogLevel level, const std::string& line) {
  if (level == LogLevel::info) return simul::say(now(), harmless(line));
  std::fprintf(stderr, "%s%s\n", now().c_str(), harmless(line).c_str());
}

int main(int argc, char** argv) {
  Url url;
  std::vector<std::string> queues;
  WorkerOptions options;
  int concurrency = 1;
  double silence = 90;
  return simul::lesson(
      argc, argv,
      {.about = "A worker: does the jobs of its queues, of the first one first. It knows\n"
                "mymodule.count_words_at_url(url).",
       .fetches = true,
       .flags = {redis_at(url),
                 simul::on("--burst", "end when nothing is left to do", options.burst),
                 simul::number("--concurrency", "N", "jobs at a time (default: 1)", concurrency, 1,
                               10'000),
                 simul::amount("--silence", "S",
                               "unheard of for so many seconds, it counts as dead (default: 90)",
                               silence, 1, 86'400)},
       .operands = simul::Operands{"QUEUE...", "what it listens to", &queues, 1}},
      [&] {
        options.log = write_log;
        options.concurrency = static_cast<std::size_t>(concurrency);
        options.heartbeat = simul::from_seconds(silence / 3);
        options.grace = simul::from_seconds(silence * 2 / 3);
        options.maintenance = simul::from_seconds(std::min(10.0, silence / 6));
        Worker worker(url, queues, options);
        mymodule::teach(worker);
        simul::run(worker.work());
      });
}
