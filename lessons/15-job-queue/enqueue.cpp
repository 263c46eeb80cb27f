// Puts a job into a queue and prints its id. A tool that scripts can use.
//
//     $ build/lessons/15-job-queue.enqueue --url redis://127.0.0.1 default
//           mymodule.count_words_at_url http://nvie.com                       (on one line)
//     997031e6-364b-402b-9661-21aa91a55a71
//
// The function is a name: whether anybody knows what to do under it is seen when a worker comes to
// it, which may be never. An argument is a JSON value if it is one, else a text: 7 is a number, and
// '"7"' a text of one digit.
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "lessons/15-job-queue/tool.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/json/json.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/redis/job_queue.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"

namespace json = simul::json;
using namespace simul::redis;
using simul::run;
using simul::say;
using simul::Task;

json::Value argument(const std::string& text) {
  try {
    return json::parse(text);
  } catch (const json::ParseError&) {
    return text;
  }
}

struct Wanted {
  Url url{};
  std::vector<std::string> words{};  // the queue, the function, its arguments
  int timeout = 180;
  int retries = 0;
  double delay = 0;
};

Task<> enqueue(const Wanted& wanted) {
  JobCall call{wanted.words[1]};
  for (std::size_t i = 2; i < wanted.words.size(); ++i) {
    call.args.push_back(argument(wanted.words[i]));
  }
  JobOptions options;
  options.timeout = wanted.timeout;
  options.retry.max = wanted.retries;
  Client client(wanted.url);
  JobQueue queue(client, wanted.words[0]);
  Job job;
  if (wanted.delay > 0) {
    const auto delay = std::chrono::duration<double>(wanted.delay);
    job = co_await queue.enqueue_in(std::chrono::ceil<std::chrono::microseconds>(delay),
                                    std::move(call), std::move(options));
  } else {
    job = co_await queue.enqueue(std::move(call), std::move(options));
  }
  say(job.id);
}

int main(int argc, char** argv) {
  Wanted wanted;
  return simul::lesson(
      argc, argv,
      {.about = "Puts a job into a queue and prints its id.",
       .flags = {redis_at(wanted.url),
                 simul::number("--timeout", "S", "seconds that it may take (default: 180)",
                               wanted.timeout, 1, 1'000'000),
                 simul::number("--retries", "N", "run it so often again if it fails (default: 0)",
                               wanted.retries, 0, 1'000),
                 simul::amount("--in", "S", "put it into the queue in so many seconds (default: 0)",
                               wanted.delay, 0, 1e9)},
       .operands = simul::Operands{"QUEUE FUNCTION ARG...",
                                   "what to call, where; each ARG is a JSON value, or else a text",
                                   &wanted.words, 2}},
      [&] { run(enqueue(wanted)); });
}
