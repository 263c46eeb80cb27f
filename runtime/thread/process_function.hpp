// Functions of this program that run in a process of their own.
//
//     std::string square(std::string_view n) { ... }
//     const ProcessFunction kSquare("square", square);              // at namespace scope
//
//     int main(int argc, char** argv) {
//       ProcessFunction::run_if_asked(argc, argv);                  // the first thing in main
//
// A fork would hand over a copy of everything: locks that other threads hold, a loop with its
// registrations. So the other process is this very program, started afresh and told by its
// arguments which function is wanted; what goes in and what comes out are texts. Functions have
// names, because an address means nothing in another process.
//
// `function_command` is one call in one process: `Process p(function_command("square", "7"));`. For
// many calls and their results there is ProcessPool.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace simul {

/// A function that this program may run in another process. Make them at namespace scope, so that
/// they exist in the other process, too, and live for ever.
class ProcessFunction {
 public:
  /// From an argument to a result. What it throws fails the call with its message.
  using Body = std::string (*)(std::string_view argument);

  /// Names are unique in a program: a second one throws std::logic_error.
  ProcessFunction(std::string name, Body body);

  /// If this process was started to run functions, does that and ends the process; else returns.
  static void run_if_asked(int argc, char** argv);

  /// Is there a function of that name?
  static bool exists(std::string_view name) noexcept;

  /// Calls a function by its name, in this process. Throws std::invalid_argument if there is none.
  static std::string call(std::string_view name, std::string_view argument);
};

/// The command that runs `name(argument)` in a process of its own, for `Process`. Its streams are
/// those that Process gives it; its result is dropped. It exits with 0, or with 1 when the function
/// threw, after a line on stderr. The argument is limited as every argument of a program is (on
/// Linux to 128 KiB), and visible in `ps`. Throws std::invalid_argument if there is no such
/// function, std::logic_error if this program's main does not call `run_if_asked`.
std::vector<std::string> function_command(std::string_view name, std::string_view argument = {});

namespace detail {

/// In a process that serves a pool: where its jobs come from and where its answers go.
inline constexpr int kJobDescriptor = 3;
inline constexpr int kAnswerDescriptor = 4;

/// What precedes the bytes of a job (then they are the name and the argument) and of an answer.
/// Both ends are this program, so numbers travel as they lie in memory.
struct FrameHeader {
  std::uint32_t failed = 0;  // an answer: the text is an error's
  std::uint32_t name = 0;    // a job: bytes of the name
  std::uint64_t text = 0;    // bytes of the argument or the answer
};

/// The command of a process that serves a pool.
std::vector<std::string> worker_command();

}  // namespace detail
}  // namespace simul
