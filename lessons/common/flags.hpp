// Flags of a lesson's own: `--boards N`, `--full`, and what follows them.
//
//     int boards = 24;
//     bool full = false;
//     simul::lesson(argc, argv,
//                   {.about = "...",
//                    .flags = {simul::number("--boards", "N", "how many boards", boards, 1, 1000),
//                              simul::on("--full", "take an hour over it", full)}},
//                   example);
//
// A flag writes into a variable of the program; what the variable holds before is the default, and
// the help text should say it. `--boards=24` means the same as `--boards 24`. A value that does not
// fit is a wrong command line: one line, the usage, exit status 2.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace simul {

/// A command line that the program does not understand. `lesson()` turns it into the usage and exit
/// status 2; an example may throw it, too, for what only it can judge.
struct WrongUsage {
  std::string what;  ///< One line.
};

/// One flag. Usually made by one of the functions below.
struct Flag {
  std::string name;   ///< With its dashes: "--boards".
  std::string value;  ///< What stands for the value in the help, such as "N"; empty: it takes none.
  std::string about;  ///< Half a line for the help.
  /// Takes the value (or "" where there is none); throws WrongUsage for one that does not fit.
  /// Called once each time that the flag is given.
  std::function<void(std::string_view)> set;
  bool needed = false;  ///< The program cannot do without it.

  /// As the usage shows it: "--boards N".
  std::string spelling() const { return value.empty() ? name : name + " " + value; }
};

/// What follows the flags.
struct Operands {
  std::string names;  ///< As the usage shows them: "QUEUE...".
  std::string about;  ///< Half a line for the help.
  std::vector<std::string>* into;
  std::size_t at_least = 0;  ///< Fewer are a wrong command line.
};

/// A flag without a value: makes `into` true.
Flag on(std::string name, std::string about, bool& into);

/// A flag with a text.
Flag text(std::string name, std::string value, std::string about, std::string& into);

/// A flag with a whole number from `least` to `most`.
Flag number(std::string name, std::string value, std::string about, int& into, int least, int most);

/// A flag with a number such as 0.5, from `least` to `most`.
Flag amount(std::string name, std::string value, std::string about, double& into, double least,
            double most);

/// Reads `argument`, which names `flag`, and takes the value from it or from the next argument:
/// `at`, its place in `argv`, moves on when it does. Throws WrongUsage.
void read_flag(const Flag& flag, std::string_view argument, int& at, int argc, char** argv);

}  // namespace simul
