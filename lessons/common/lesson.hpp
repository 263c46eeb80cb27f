// What every lesson's program has around its example: flags, help, errors, exit status.
//
//     void example() { ... }
//
//     int main(int argc, char** argv) {
//       return simul::lesson(argc, argv, {.about = "Two tasks share a queue."}, example);
//     }
//
// A lesson declares what its example can do, and only the flags that follow from it exist:
// `--help` always, and `--timeline` and `--trace`, which show who ran and who waited (tracing.hpp);
// `--virtual-time` where it waits on the clock alone, `--live` and addresses as arguments where it
// fetches, and the flags of its own that it lists, see flags.hpp. Output goes to stdout; a wrong
// command line prints one line and the usage on stderr and exits 2; an exception that leaves the
// example prints one line on stderr and exits 1; Ctrl-C in `run` ends it without a word and with
// status 130.
//
// The program's own name, in usage and errors, is the file it was started as, so that variants of a
// lesson need not repeat it.
#pragma once

#include <concepts>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lessons/common/flags.hpp"
#include "lessons/common/say.hpp"
#include "lessons/common/stretch.hpp"
#include "runtime/base/activity.hpp"
#include "runtime/base/callback.hpp"

namespace simul {

/// What a lesson's program is and can do.
struct Lesson {
  std::string about;      ///< What it shows, one or more lines; printed by `--help`.
  bool on_clock = false;  ///< It waits on the clock alone: takes `--virtual-time`.
  bool virtual_by_default =
      false;                  ///< With `on_clock`: virtual time unless `--real-time` is given.
  bool fetches = false;       ///< It downloads: takes `--live` and, unless it has operands, URLs as
                              ///< arguments. Without either it runs beside the stand-in internet
                              ///< (standin.hpp).
  std::vector<Flag> flags{};  ///< What else it takes, in the order of its help.
  std::optional<Operands> operands{};  ///< What follows the flags, where it takes anything.
};

/// What the command line asked for.
struct Options {
  bool virtual_time = false;        ///< Waits cost nothing; the example runs in a `VirtualTime`.
  bool live = false;                ///< The real network instead of the stand-in.
  std::vector<std::string> urls{};  ///< The arguments; empty: the lesson's own list.
};

/// Runs `example` as the command line says and returns the exit status for main(): 0, 1 when an
/// exception left the example or the output could not be written, 2 for a wrong command line, 130
/// for Interrupted. Call it once, first thing in main().
int lesson(int argc, char** argv, const Lesson& about, Callback<void(const Options&)> example);

/// The same for an example that needs no options.
template <std::invocable Example>
int lesson(int argc, char** argv, const Lesson& about, Example example) {
  return lesson(argc, argv, about,
                Callback<void(const Options&)>(
                    [example = std::move(example)](const Options&) mutable { example(); }));
}

/// Reports a failure that the example survives, such as one download of several: one line on stderr
/// now, `<program>: <what went wrong>`, and exit status 1 in the end. Inside `lesson()`; any
/// thread.
void complain(const std::exception& error);

/// For a lesson whose time is counted and not spent: what `--timeline` and `--trace` draw. As soon
/// as one stretch was handed in, they draw these and not what the program's threads did. Without
/// either flag it does nothing. Inside `lesson()`; any thread.
void add_to_timeline(Stretch stretch);

}  // namespace simul
