// One line of output, Python's print() as far as the lessons need it.
//
// A line is written whole, in one piece, so lines of several threads do not mix; and it is on its
// way when say() returns (lesson() makes stdout line-buffered), so a pipe sees lines in the order
// and at the time they were said.
#pragma once

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

#include "runtime/base/error.hpp"

namespace simul {

namespace detail {
// Nobody reads on: end there and then, without a word, with the status a SIGPIPE would leave.
// Anything else that stops the output is an error like any other.
[[noreturn]] inline void output_failed() {
  if (errno == EPIPE) std::_Exit(128 + SIGPIPE);
  throw_errno("write standard output");
}
}  // namespace detail

/// Writes `text` to stdout as it is. When the reader of a pipe has gone away the program ends, with
/// exit status 141. Throws `std::system_error` when the output cannot be written for another
/// reason. Any thread.
inline void write_out(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::ferror(stdout) != 0) detail::output_failed();  // glibc's count hides a failed flush
}

/// Sends on what stdout still holds back. Ends and throws as `write_out`.
inline void flush_out() {
  if (std::fflush(stdout) != 0) detail::output_failed();
}

/// Writes its arguments one after another and a line end: `say("Task ", name, " running")`.
/// Throws as `write_out`.
template <class... Parts>
void say(const Parts&... parts) {
  std::ostringstream line;
  (line << ... << parts) << '\n';
  write_out(line.str());
}

}  // namespace simul
