// The command line, the exit status and the standard output of a lesson's program; see lesson.hpp.
#include "lessons/common/lesson.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string_view>

#include "lessons/common/standin.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/task/run.hpp"

namespace simul {
namespace {

// For complain(), which is called from anywhere inside the example.
std::string program = "lesson";
std::atomic<bool> complained{false};

// A command line that the program does not understand.
struct WrongUsage {
  std::string what;
};

std::string program_name(int argc, char** argv) {
  const std::string_view path = argc > 0 ? argv[0] : "";
  const std::string_view name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  return std::string(name.empty() ? "lesson" : name);
}

std::string usage(const Lesson& about) {
  std::string line = "usage: " + program + " [--help]";
  if (about.on_clock) line += " [--virtual-time]";
  if (about.fetches) line += " [--live] [URL...]";
  return line + "\n";
}

std::string help(const Lesson& about) {
  std::string text = usage(about) + "\n" + about.about + "\n\n";
  text += "  --help          this text\n";
  if (about.on_clock) {
    text += "  --virtual-time  waiting takes no time, and the printed times are exact\n";
  }
  if (about.fetches) {
    text += "  --live          fetch from the real network, not from the built-in stand-in\n";
    text += "  URL...          fetch these instead of the lesson's own list\n";
  }
  return text;
}

// The options, or nothing when help was asked for.
std::optional<Options> parse(int argc, char** argv, const Lesson& about) {
  Options options;
  bool only_urls = false;  // after "--"
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const bool is_flag = !only_urls && argument.starts_with("-") && argument != "-";
    if (!is_flag) {
      if (!about.fetches) throw WrongUsage{"unexpected argument: " + std::string(argument)};
      options.urls.emplace_back(argument);
    } else if (argument == "--") {
      only_urls = true;
    } else if (argument == "--help") {
      return std::nullopt;
    } else if (argument == "--virtual-time" && about.on_clock) {
      options.virtual_time = true;
    } else if (argument == "--live" && about.fetches) {
      options.live = true;
    } else {
      throw WrongUsage{"unknown option: " + std::string(argument)};
    }
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

}  // namespace

void complain(const std::exception& error) {
  complained = true;
  report(error.what());
}

int lesson(int argc, char** argv, const Lesson& about, Callback<void(const Options&)> example) {
  // Line-buffered also into a pipe: what one program says keeps its order and its moment.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  program = program_name(argc, argv);
  try {
    const std::optional<Options> options = parse(argc, argv, about);
    if (!options) {
      write_out(help(about));
    } else {
      std::optional<VirtualTime> virtual_time;
      if (options->virtual_time) virtual_time.emplace();
      std::optional<StandIn> standin;
      if (about.fetches && !options->live && options->urls.empty()) standin.emplace();
      example(*options);
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
