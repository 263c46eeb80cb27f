// The slides' table "Processes vs. Threads vs. Async", measured on this machine.
//
// The slides answer five questions about three ways, in a word each. Here each answer has numbers
// under it: crowds of a thousand that are started, held, made to wait and counted; and the same
// computation, and the same blocking call, by each way. Async has two columns, for a fiber has a
// stack and a task has none.
//
// Nothing is measured in this process. It starts itself once for each measurement (measure.hpp),
// waits for what that finds, and ends it when Ctrl-C is pressed. It holds the one promise that such
// a program must keep: it never takes more of the machine than it was given, and leaves nothing
// behind.
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iterator>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lessons/22-scaling-out/measure.hpp"
#include "lessons/22-scaling-out/table.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/task/finally.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_core.hpp"
#include "runtime/task/timeout.hpp"
#include "runtime/thread/communicate.hpp"
#include "runtime/thread/process.hpp"

using namespace simul;
using measure::Findings;
using measure::kWays;

constexpr double kMiB = 1 << 20;
constexpr double kNap = 0.1;  // seconds that each of a crowd waits

struct Wanted {
  bool full = false;
  bool crowds = false;    // only these
  int limit = 1'000'000;  // units of each way
  int memory = 0;         // MiB; 0: see budget()
};

/// Bytes that a crowd may take. Never more than half of what is free.
double budget(const Wanted& wanted) {
  const double half = std::min(proc::available_memory() / 2, 1e15);
  if (wanted.memory > 0) return std::min(half, wanted.memory * kMiB);
  return wanted.full && half < 1e15 ? half : std::min(half, 160 * kMiB);
}

// ---- One measurement ----

/// What is being measured, for a person who waits. Only a terminal shows it.
class Progress {
 public:
  ~Progress() { show(""); }
  void show(const std::string& what) const {
    if (::isatty(STDERR_FILENO) == 0) return;
    std::fprintf(stderr, "\r\033[K%s", what.c_str());
    std::fflush(stderr);
  }
};

/// Why something in the table could not be measured as it should have been.
using Notes = std::vector<std::string>;

/// Runs a function of measure.hpp in a process of its own. A measurement that fails is noted and
/// has found nothing; the others go on.
Task<Findings> ask(std::string function, std::string argument, std::string about, Notes& notes) {
  std::optional<Process> process;
  std::string found;
  auto body = [&]() -> Task<> {
    ProcessOptions options;
    options.in = Stdio::null();
    options.out = options.err = Stdio::pipe();
    options.own_group = true;  // a Ctrl-C is for us: we end it, and it its children
    process.emplace(function_command(function, argument), std::move(options));
    ProcessResult result = co_await communicate(*process);
    if (!result.status.ok()) {
      while (result.err.ends_with('\n')) result.err.pop_back();
      throw std::runtime_error(result.err.empty() ? result.status.text() : result.err);
    }
    found = std::move(result.out);
  };
  auto limited = [&]() -> Task<> { co_await timeout(std::chrono::minutes(5), body); };
  auto end = [&]() -> Task<> {
    if (process && !process->poll()) co_await process->stop();
  };
  try {
    co_await finally(limited, end);
  } catch (const std::exception& error) {
    notes.push_back(about + ": " + error.what());
  }
  co_return Findings(found);
}

// ---- All of them ----

struct Column {
  std::map<int, Findings> crowds{};  // by their sizes
  Findings most{};
  Findings labour{};
};

Task<Column> measure_way(const measure::Way& way, const Wanted& wanted, Notes& notes) {
  const Progress progress;
  const std::string name = way.name;
  Column column;
  const auto size_and_budget = [&](int size) {
    return " " + std::to_string(size) + " " + std::to_string(budget(wanted)) + " ";
  };
  for (const int wish : {1'000, 10'000}) {
    if (wish > 1'000 && !wanted.full) break;
    const int size = std::min(wish, wanted.limit);
    const std::string about = grouped(size) + " " + name;
    progress.show(about);
    std::string argument = name + size_and_budget(size) + std::to_string(kNap);
    Findings found = co_await ask("crowd", std::move(argument), about, notes);
    const double started = found.number("started");
    if (started > 0 && started < wish) {
      notes.push_back(grouped(wish) + " " + name + ": measured with " + grouped(started) + "; " +
                      (found.has("refusal") ? found.text("refusal") + " (" + found.text("why") + ")"
                                            : found.text("why")));
    }
    column.crowds[wish] = std::move(found);
  }
  progress.show(name + ": as many as can be");
  std::string argument = name + size_and_budget(wanted.limit) + "0";
  column.most = co_await ask("crowd", std::move(argument), "as many " + name, notes);
  if (wanted.crowds) co_return column;
  progress.show(name + " at work");
  argument = name + (wanted.full ? " 20" : " 3");
  column.labour = co_await ask("labour", std::move(argument), name + " at work", notes);
  co_return column;
}

// ---- The table ----

/// What a column says in one cell; a dash where nothing was found.
template <class Text>
Table::Cells cells(const std::vector<Column>& columns, Text text) {
  Table::Cells row;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string cell = text(columns[i]);
    row[i] = cell.empty() ? "-" : cell;
  }
  return row;
}

std::string value(const Findings& found, const std::string& name, double scale, int digits) {
  return found.has(name) ? grouped(std::max(0.0, found.number(name) * scale), digits) : "";
}

/// The same for one unit of a crowd.
std::string each(const Findings& found, const std::string& name, double scale, int digits) {
  const double units = found.number("started");
  return units > 0 ? value(found, name, scale / units, digits) : "";
}

void add_crowd(Table& table, const std::vector<Column>& columns, int size) {
  const std::string of = "  " + grouped(size) + ": ";
  const auto row = [&](const std::string& name, const char* key, double scale, int digits) {
    table.add(of + name, cells(columns, [&](const Column& column) {
                return each(column.crowds.at(size), key, scale, digits);
              }));
  };
  row("to start one, us", "seconds", 1e6, 1);
  row("memory of one, KiB", "own", 1 / 1024.0, 2);
  row("the kernel's for one, KiB", "kernel", 1 / 1024.0, 2);
}

void print(const std::vector<Column>& columns, const Wanted& wanted) {
  Table table;
  const auto waiting = [&](int size, const std::string& name, const char* key) {
    table.add("  " + grouped(size) + name, cells(columns, [&](const Column& column) {
                return value(column.crowds.at(size), key, 1, 3);
              }));
  };
  const auto labour = [&](const std::string& name, const char* key) {
    table.add("  " + name, cells(columns, [&](const Column& column) {
                return value(column.labour, key, 1, 4);
              }));
  };

  table.add("", {"processes", "threads", "fibers", "tasks"});
  table.add("Optimise waiting periods", {"yes (OS)", "yes (OS)", "yes", "yes"});
  for (const int size : {1'000, 10'000}) {
    if (size > 1'000 && !wanted.full) break;
    waiting(size, " wait 0.1 s each: in all, s", "waiting");
    waiting(size, ": of the processor's time, s", "processor");
  }
  table.add("Use all CPU cores", {"yes", "yes (1)", "no", "no"});
  labour("computing on one core, s", "one");
  labour("computing on all cores, s", "all");
  table.add("  times as fast", cells(columns, [](const Column& column) {
              const double all = column.labour.number("all");
              return all > 0 ? value(column.labour, "one", 1 / all, 2) : "";
            }));
  table.add("Scalability", {"low", "medium", "high", "high"});
  for (const auto& [size, found] : columns.front().crowds) add_crowd(table, columns, size);
  table.add("  as many as can be", cells(columns, [](const Column& column) {
              return value(column.most, "started", 1, 0);
            }));
  table.add("  what set the limit",
            cells(columns, [](const Column& column) { return column.most.text("why"); }));
  if (wanted.full) {
    table.add("  of these: to start one, us", cells(columns, [](const Column& column) {
                return each(column.most, "seconds", 1e6, 1);
              }));
    table.add("  of these: all memory of one, KiB", cells(columns, [](const Column& column) {
                const double kernel = std::max(0.0, column.most.number("kernel"));
                const double bytes = column.most.number("own") + kernel;
                const double units = column.most.number("started");
                return units > 0 ? grouped(bytes / units / 1024, 2) : "";
              }));
  }
  table.add("Use blocking std library functions", {"yes", "yes", "no (2)", "no"});
  const int units = std::max(work::kUnits, measure::processors());
  labour(std::to_string(units) + " calls of 0.02 s each: in all, s", "blocked");
  table.add("GIL interference", {"no", "no (1)", "no", "no"});
  labour("computing under one lock, s", "locked");
  table.print();
}

std::string machine(const Wanted& wanted) {
  utsname system{};
  ::uname(&system);
  const double memory = proc::available_memory();
  return "On " + std::to_string(measure::processors()) +
         (measure::processors() == 1 ? " processor" : " processors") +
         (memory < 1e15 ? ", with " + grouped(memory / kMiB) + " MiB of memory free, " : ", ") +
         system.sysname + " " + system.release + "; a crowd may take " +
         grouped(std::floor(budget(wanted) / kMiB)) + " MiB.\n";
}

Task<> async_main(const Wanted& wanted) {
  // Ctrl-C cancels us, as always; what was started has to go away by SIGTERM, too.
  Reactor& loop = Reactor::current();
  loop.add_signal_handler(
      SIGTERM, [&self = *TaskCore::current()] { self.cancel(); }, /*awaited=*/false);
  Notes notes;
  std::vector<Column> columns;
  for (const measure::Way& way : kWays) {
    columns.push_back(co_await measure_way(way, wanted, notes));
  }
  print(columns, wanted);
  say("\n(1) The slides say \"no\" and \"some\", for in Python threads take turns at one lock. C++ "
      "has\n"
      "    none. The last row has one: who computes must hold it. Each process has its own.\n"
      "(2) Unless they are patched, as in lesson 06.");
  if (!notes.empty()) say("");
  for (const std::string& note : notes) say(note);
  loop.remove_signal_handler(SIGTERM);
}

int main(int argc, char** argv) {
  ProcessFunction::run_if_asked(argc, argv);  // first: in a process that measures, it stays there
  Wanted wanted;
  return lesson(
      argc, argv,
      {.about = "The slides' table \"Processes vs. Threads vs. Async\", measured on this machine.\n"
                "It takes some seconds; with --full, minutes and much memory.",
       .flags = {on("--full", "ten times larger crowds, the best of more, and up to a million",
                    wanted.full),
                 on("--crowds", "only start them and let them wait: no work", wanted.crowds),
                 number("--limit", "N", "never more than so many of a kind (default: 1000000)",
                        wanted.limit, 1, 10'000'000),
                 number("--memory", "MIB",
                        "never more memory than that (default: 160; with --full half of what is "
                        "free)",
                        wanted.memory, 1, 1 << 24)}},
      [&] {
        say(machine(wanted));
        run(async_main(wanted));
      });
}
