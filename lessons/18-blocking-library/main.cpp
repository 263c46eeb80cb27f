// Calls that block, made in five ways, and what a heart on the loop makes of each.
//
// A task beats every 5 ms. Beside it a call is made that has to wait for somebody who is late: in
// the loop's own thread, which then stands still; as the wait that the runtime has in its place; on
// a thread of a pool; in a process of a pool; and in a fiber, where the monkey patch parks those
// calls whose names it has taken. The longest time without a beat is printed for each.
//
// This program is linked with monkey.o, and patched. It makes no difference to anything but fibers:
// the first column is a task.
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "lessons/18-blocking-library/blocking.hpp"
#include "lessons/18-blocking-library/instead.hpp"
#include "lessons/18-blocking-library/late.hpp"
#include "lessons/18-blocking-library/name_lookup.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/fiber/monkey.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/bridges.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/to_thread.hpp"
#include "runtime/thread/process_function.hpp"
#include "runtime/thread/process_pool.hpp"

using namespace std::chrono_literals;
using namespace simul;

// ---- The calls ----

// A name server, and threads that will ask it: ours do the look-ups of the runtime and the patch.
late::Somebody name_server(const late::Scene& scene) {
  late::Somebody server = late::name_server(scene);
  name_lookup::ask_in_all_threads_of(ThreadPool::shared(), 16, server.argument);
  return server;
}

struct Call {
  const char* name;
  late::Somebody (*somebody)(const late::Scene&);  // for whom it waits
  ProcessFunction::Body blocking;
  Task<std::string> (*instead)(std::string);  // null: there is nothing
  const char* with;                           // what its stand-in is made of
  const char* answer = "late";                // what each of them gives
  ProcessFunction in_another_process{name, blocking};
};

const Call kCalls[] = {
    {"sleep", late::nobody, blocking::sleep, instead::sleep, "sleep"},
    {"recv", late::server, blocking::receive, instead::receive, "Stream"},
    {"select", late::server, blocking::select, instead::readable, "Descriptor"},
    {"popen", late::nobody, blocking::run_program, instead::run_program, "Process, communicate"},
    {"waitpid", late::nobody, blocking::wait_for_child, instead::wait_for_child, "Process, wait"},
    {"thread.join", late::nobody, blocking::join_thread, instead::end_of_thread, "Remote, Event"},
    {"read a pipe", late::writer, blocking::read_pipe, instead::read_pipe, "Descriptor"},
    {"lock a file", late::locker, blocking::read_locked_file, nullptr, "nothing"},
    {"getaddrinfo", name_server, blocking::look_up, instead::look_up, "lookup", "127.0.0.18"},
};

// ---- The ways to make them ----

Task<std::string> in_the_loop(const Call& call, std::string argument) {
  co_return call.blocking(argument);
}

Task<std::string> on_a_thread(const Call& call, std::string argument) {
  co_return co_await to_thread(call.blocking, argument);
}

Task<std::string> in_a_process(ProcessPool& pool, const Call& call, std::string argument) {
  co_return co_await pool.run(call.name, argument);
}

Task<std::string> in_a_fiber(const Call& call, std::string argument) {
  const Fiber<std::string> fiber = spawn(call.blocking, argument);
  co_return co_await fiber;
}

// ---- The heart ----

struct Heart {
  static constexpr Duration kBeat = 5ms;
  TimePoint last = Clock::now();
  Duration largest_gap{0};

  void start_over() {
    last = Clock::now();
    largest_gap = {};
  }
};

Task<> beat(Heart& heart) {
  while (true) {
    co_await sleep(Heart::kBeat);
    const TimePoint now = Clock::now();
    heart.largest_gap = std::max(heart.largest_gap, now - heart.last);
    heart.last = now;
  }
}

// ---- The table ----

// Awaits `result` and gives the heart's largest gap meanwhile, in whole milliseconds.
Task<std::string> gap(Heart& heart, std::string expected, Task<std::string> result) {
  heart.start_over();
  const std::string got = co_await std::move(result);
  co_await sleep(2 * Heart::kBeat);  // one more beat: it ends the last gap
  if (got != expected) throw std::runtime_error("the call has given \"" + got + "\"");
  co_return std::to_string(std::lround(to_seconds(heart.largest_gap) * 1000));
}

void print_row(const std::string& name, const std::string (&gaps)[5], const std::string& with) {
  char line[200];
  std::snprintf(line, sizeof line, "%-12s %8s %8s %8s %8s %8s   %s", name.c_str(), gaps[0].c_str(),
                gaps[1].c_str(), gaps[2].c_str(), gaps[3].c_str(), gaps[4].c_str(), with.c_str());
  say(line);
}

Task<> measure(Heart& heart, ProcessPool& pool, const late::Scene& scene, const Call& call) {
  std::string gaps[5];
  for (int way = 0; way < 5; ++way) {
    if (way == 1 && call.instead == nullptr) {
      gaps[way] = "-";
      continue;
    }
    const late::Somebody somebody = call.somebody(scene);
    const std::string& argument = somebody.argument;
    Task<std::string> result = way == 0   ? in_the_loop(call, argument)
                               : way == 1 ? call.instead(argument)
                               : way == 2 ? on_a_thread(call, argument)
                               : way == 3 ? in_a_process(pool, call, argument)
                                          : in_a_fiber(call, argument);
    gaps[way] = co_await gap(heart, call.answer, std::move(result));
  }
  print_row(call.name, gaps, call.with);
}

Task<> async_main(Heart& heart, late::Scene scene) {
  create_task(beat(heart), "heart");
  ProcessPool pool(1);
  say("The heart's largest gap, in ms. It beats every 5 ms.\n");
  print_row("", {"in the", "its", "on a", "in a", "in a"}, "the");
  print_row("", {"loop", "stand-in", "thread", "process", "fiber"}, "stand-in");
  for (const Call& call : kCalls) {
    if (call.blocking == blocking::look_up && !name_lookup::kPossible) continue;
    co_await measure(heart, pool, scene, call);
  }
}

// A folder that is gone with all that is in it when the program ends, also by Ctrl-C.
struct TemporaryFolder {
  std::string path = (std::filesystem::temp_directory_path() / "simul.XXXXXX").string();

  TemporaryFolder() {
    if (::mkdtemp(path.data()) == nullptr) throw_errno("mkdtemp " + path);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

int main(int argc, char** argv) {
  ProcessFunction::run_if_asked(argc, argv);  // first: in the processes of the pool, it stays there
  monkey::patch_all();
  double late = 0.1;
  return simul::lesson(
      argc, argv,
      {.about = "Calls that have to wait are made in five ways, while a heart beats on the loop.",
       .flags = {amount("--late", "S", "how late everybody is, in seconds (default: 0.1)", late,
                        0.02, 10)}},
      [&] {
        const TemporaryFolder folder;
        Heart heart;  // out here: a task that is left behind may beat once more
        run(async_main(heart, {late, folder.path}));
      });
}
