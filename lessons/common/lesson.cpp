// The command line, the exit status and the standard output of a lesson's program; see lesson.hpp.
#include "lessons/common/lesson.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "lessons/common/standin.hpp"
#include "lessons/common/tracing.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/task/run.hpp"

namespace simul {
namespace {

// For complain(), which is called from anywhere inside the example.
std::string program = "lesson";
std::atomic<bool> complained{false};

std::string program_name(int argc, char** argv) {
  const std::string_view path = argc > 0 ? argv[0] : "";
  const std::string_view name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  return std::string(name.empty() ? "lesson" : name);
}

std::string usage(const Lesson& about) {
  std::string line = "usage: " + program + " [--help]";
  for (const Flag& flag : TraceWish().flags()) line += " [" + flag.spelling() + "]";
  if (about.on_clock) line += about.virtual_by_default ? " [--real-time]" : " [--virtual-time]";
  if (about.fetches) line += " [--live]";
  for (const Flag& flag : about.flags) {
    line += flag.needed ? " " : " [";
    line += flag.spelling() + (flag.needed ? "" : "]");
  }
  if (about.fetches && !about.operands) line += " [URL...]";
  if (about.operands) line += " " + about.operands->names;
  return line + "\n";
}

std::string help(const Lesson& about) {
  std::string text = usage(about) + "\n" + about.about + "\n\n";
  // A flag a line, the explanations below each other.
  std::vector<std::pair<std::string, std::string>> lines{{"--help", "this text"}};
  for (const Flag& flag : TraceWish().flags()) lines.emplace_back(flag.spelling(), flag.about);
  if (about.on_clock) {
    lines.emplace_back("--virtual-time", "waiting takes no time, and the printed times are exact");
  }
  if (about.on_clock && about.virtual_by_default) {
    lines.back().second += " (the default)";
    lines.emplace_back("--real-time", "every wait takes as long as it says");
  }
  if (about.fetches) {
    lines.emplace_back("--live", "fetch from the real network, not from the built-in stand-in");
  }
  for (const Flag& flag : about.flags) lines.emplace_back(flag.spelling(), flag.about);
  if (about.fetches && !about.operands) {
    lines.emplace_back("URL...", "fetch these instead of the lesson's own list");
  }
  if (about.operands) lines.emplace_back(about.operands->names, about.operands->about);
  std::size_t width = 0;
  for (const auto& [name, what] : lines) width = std::max(width, name.size());
  for (const auto& [name, what] : lines) {
    text += "  " + name + std::string(width + 2 - name.size(), ' ') + what + "\n";
  }
  return text;
}

// No flag is called like this: an operand that happens to be negative, as Python's argparse has it.
bool is_number(std::string_view argument) {
  return argument.size() > 1 && argument[1] >= '0' && argument[1] <= '9';
}

// The options, or nothing when help was asked for.
std::optional<Options> parse(int argc, char** argv, const Lesson& about, TraceWish& wish) {
  Options options{.virtual_time = about.on_clock && about.virtual_by_default};
  std::vector<std::string> operands;
  std::vector<const Flag*> given;
  std::vector<Flag> flags = wish.flags();
  flags.insert(flags.end(), about.flags.begin(), about.flags.end());
  bool only_operands = false;  // after "--"
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const std::string_view name = argument.substr(0, argument.find('='));
    const auto listed = std::find_if(flags.begin(), flags.end(),
                                     [&](const Flag& flag) { return flag.name == name; });
    const bool is_flag =
        !only_operands && argument.starts_with("-") && argument != "-" && !is_number(argument);
    if (!is_flag) {
      operands.emplace_back(argument);
    } else if (argument == "--") {
      only_operands = true;
    } else if (argument == "--help") {
      return std::nullopt;
    } else if (argument == "--virtual-time" && about.on_clock) {
      options.virtual_time = true;
    } else if (argument == "--real-time" && about.on_clock && about.virtual_by_default) {
      options.virtual_time = false;
    } else if (argument == "--live" && about.fetches) {
      options.live = true;
    } else if (listed != flags.end()) {
      given.push_back(&*listed);
      read_flag(*listed, argument, i, argc, argv);
    } else {
      throw WrongUsage{"unknown option: " + std::string(argument)};
    }
  }
  for (const Flag& flag : flags) {
    if (flag.needed && std::find(given.begin(), given.end(), &flag) == given.end()) {
      throw WrongUsage{flag.spelling() + " is missing"};
    }
  }
  if (about.operands) {
    if (operands.size() < about.operands->at_least) {
      throw WrongUsage{"too few arguments: " + about.operands->names + " wanted"};
    }
    *about.operands->into = std::move(operands);
  } else if (about.fetches) {
    options.urls = std::move(operands);
  } else if (!operands.empty()) {
    throw WrongUsage{"unexpected argument: " + operands.front()};
  }
  return options;
}

int report(std::string what) {
  for (char& c : what) {
    if (c == '\n' || c == '\r') c = ' ';  // one error is one line
  }
  std::fprintf(stderr, "%s: %s\n", program.c_str(), what.c_str());
  return 1;
}

// The example, in its surroundings.
void perform(const Lesson& about, const Options& options, const TraceWish& wish,
             Callback<void(const Options&)>& example) {
  std::optional<VirtualTime> virtual_time;
  if (options.virtual_time) virtual_time.emplace();
  std::optional<Tracing> tracing;
  if (wish) tracing.emplace(wish, program);
  std::optional<StandIn> standin;
  if (about.fetches && !options.live && options.urls.empty()) standin.emplace();
  if (!tracing) return example(options);

  tracing->begin();
  const auto show_failed = [&](const char* how) {
    try {
      tracing->show(how);
    } catch (const std::exception& error) {
      report(error.what());  // the example's own failure is still to be told
    }
  };
  try {
    example(options);
  } catch (const WrongUsage&) {
    throw;
  } catch (const Interrupted&) {
    show_failed("interrupted");
    throw;
  } catch (...) {
    show_failed("failed");
    throw;
  }
  tracing->show("");
}

}  // namespace

void complain(const std::exception& error) {
  complained = true;
  report(error.what());
}

void add_to_timeline(Stretch stretch) {
  Tracing::add(std::move(stretch));
}

int lesson(int argc, char** argv, const Lesson& about, Callback<void(const Options&)> example) {
  // Line-buffered also into a pipe: what one program says keeps its order and its moment.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  program = program_name(argc, argv);
  try {
    TraceWish wish;
    const std::optional<Options> options = parse(argc, argv, about, wish);
    if (!options) {
      write_out(help(about));
    } else {
      perform(about, *options, wish, example);
    }
    flush_out();
    return complained ? 1 : 0;
  } catch (const WrongUsage& error) {
    report(error.what);
    std::fputs(usage(about).c_str(), stderr);
    return 2;
  } catch (const std::exception& error) {
    return report(error.what());
  } catch (const Interrupted&) {
    return 128 + SIGINT;  // who pressed Ctrl-C need not be told
  } catch (const Cancelled&) {
    return report("cancelled");
  } catch (...) {
    return report("an exception that is no std::exception");
  }
}

}  // namespace simul
