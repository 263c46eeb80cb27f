// The article's job queue: one program writes down what is to be done, and others do it.
//
// The first scene is the article's: count_words_at_url is enqueued; a worker comes, does it, and
// goes. In the second one three workers share nine jobs, and one of them is killed in the middle of
// a job. (crew.hpp)
//
// The workers are programs: 15-job-queue.worker beside this one. They and we have nothing in common
// but a Redis (server.hpp); they might as well run on other machines.
#include <chrono>
#include <csignal>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lessons/15-job-queue/crew.hpp"
#include "lessons/15-job-queue/server.hpp"
#include "lessons/15-job-queue/worker_program.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/json/json.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/redis/job_queue.hpp"
#include "runtime/task/finally.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_core.hpp"
#include "runtime/task/timeout.hpp"

using namespace std::chrono_literals;
using namespace simul;
using redis::JobQueue;

Task<> one_job(const WorkerProgram& program, JobQueue& queue) {
  const redis::Job job = co_await queue.enqueue("mymodule.count_words_at_url", "http://nvie.com");
  say("Enqueued: ", job.description, ", as ", job.id, "\n");
  const std::vector<std::string> flags = {"--burst"};
  Process worker = program.start(queue.name(), flags, Stdio::inherit(), Stdio::inherit());
  check_end("the worker", co_await worker.wait());
  const std::optional<redis::JobResult> result = co_await queue.jobs().latest_result(job.id);
  if (!result) throw std::runtime_error("job " + job.id + " has left no result");
  say("\nIts result: ", json::write(result->value()));
}

Task<> both_scenes(RedisServer& server, std::string worker) {
  co_await server.start();
  redis::Client client(server.url());
  co_await client.connect();
  say("Redis: ", server.is(), ", at ", client.url().to_string());
  // Where others have their jobs, too, ours go into a queue that nobody else knows.
  JobQueue queue(client, server.shared() ? "simul-" + redis::new_worker_name() : "default");
  const WorkerProgram program{std::move(worker), server.url()};
  auto play = [&]() -> Task<> {
    co_await one_job(program, queue);
    say("\nThree workers, nine jobs, and one of the workers is killed in the middle of a job:\n");
    Crew crew(program, queue);
    auto work = [&]() -> Task<> { co_await crew.work(); };
    co_await timeout(60s, work);
  };
  auto clean_up = [&]() -> Task<> {
    if (!server.shared()) co_return;
    try {
      co_await queue.remove();
    } catch (const std::exception& error) {
      complain(error);
    }
  };
  co_await finally(play, clean_up);
}

Task<> async_main(std::string worker) {
  // Ctrl-C cancels us, as always; what was started has to go away by SIGTERM, too.
  Reactor& loop = Reactor::current();
  loop.add_signal_handler(
      SIGTERM, [&self = *TaskCore::current()] { self.cancel(); }, /*awaited=*/false);
  RedisServer server;
  auto play = [&]() -> Task<> { co_await both_scenes(server, std::move(worker)); };
  auto end = [&]() -> Task<> {
    co_await server.stop();
    loop.remove_signal_handler(SIGTERM);
  };
  co_await finally(play, end);
}

int main(int argc, char** argv) {
  return simul::lesson(
      argc, argv,
      {.about =
           "A job queue in Redis: a job is enqueued, and a worker does it. Then three workers\n"
           "share nine jobs, and one of them is killed in the middle. The Redis is the one\n"
           "that REDIS_URL names, or else a redis-server that is started for it, or else one\n"
           "inside this program."},
      [&] { run(async_main(std::string(argv[0]) + ".worker")); });
}
