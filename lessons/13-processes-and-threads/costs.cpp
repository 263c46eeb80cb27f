// What it costs to have nothing done elsewhere: by a process, a thread, a job of a pool, a task.
//
// Each line is the mean time from the start of one to the end that somebody has waited for, one
// after the other. The fork comes first, before there is any thread.
#include <sys/wait.h>
#include <unistd.h>

#include <iomanip>
#include <ios>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "lessons/common/lesson.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/thread/process.hpp"
#include "runtime/thread/process_function.hpp"
#include "runtime/thread/process_pool.hpp"
#include "runtime/thread/run_in_executor.hpp"

using namespace simul;

std::string answer_nothing(std::string_view) {
  return {};
}
const ProcessFunction kNothing("nothing", answer_nothing);

void print(std::string_view what, const Stopwatch& since, int times) {
  say(std::left, std::setw(44), what, std::right, std::fixed, std::setprecision(1), std::setw(8),
      since.seconds() / times * 1e6, " us");
}

Task<> nothing() {
  co_return;
}

Task<> by_the_loop() {
  ProcessPool processes(1);
  ThreadPool threads(1);
  co_await processes.run("nothing");  // they have begun now
  co_await run_in_executor(threads, [] {});

  Stopwatch since;
  for (int i = 0; i < 50; ++i) {
    Process process(function_command("nothing"));
    co_await process.wait();
  }
  print("this program once more, to its end", since, 50);

  since.restart();
  for (int i = 0; i < 2000; ++i) co_await processes.run("nothing");
  print("a job of a process that is there", since, 2000);

  since.restart();
  for (int i = 0; i < 5000; ++i) {
    auto job = [] {};
    co_await run_in_executor(threads, job);
  }
  print("a job of a thread that is there", since, 5000);

  since.restart();
  for (int i = 0; i < 100'000; ++i) co_await create_task(nothing());
  print("a task", since, 100'000);
}

void example() {
  Stopwatch since;
  for (int i = 0; i < 200; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(0);
    if (pid == -1) throw_errno("fork");
    ::waitpid(pid, nullptr, 0);
  }
  print("a fork, to its end", since, 200);

  since.restart();
  for (int i = 0; i < 2000; ++i) std::thread([] {}).join();
  print("a thread, to its end", since, 2000);

  run(by_the_loop());
}

int main(int argc, char** argv) {
  ProcessFunction::run_if_asked(argc, argv);
  return simul::lesson(argc, argv,
                       {.about = "Measures what processes, threads, jobs and tasks cost that do\n"
                                 "nothing."},
                       example);
}
