// How a child process ended: with an exit code, or by a signal.
#pragma once

#include <sys/wait.h>

#include <cstring>
#include <string>

namespace simul {

/// A value; any thread.
class ExitStatus {
 public:
  /// From what waitpid(2) stored.
  static ExitStatus of(int status) noexcept {
    return WIFSIGNALED(status) ? ExitStatus(-1, WTERMSIG(status))
                               : ExitStatus(WEXITSTATUS(status), 0);
  }

  /// Somebody else has waited for the child (or SIGCHLD is ignored, which has the same effect), so
  /// nobody can say how it ended.
  static ExitStatus unknown() noexcept { return {-1, 0}; }

  /// Did it end with exit code 0?
  bool ok() const noexcept { return code_ == 0; }

  /// 0 to 255; -1 if it did not exit.
  int code() const noexcept { return code_; }

  /// The signal that killed it; 0 if none did.
  int signal() const noexcept { return signal_; }

  /// For a person: "exited with 3", "killed by signal 9 (Killed)".
  std::string text() const {
    if (code_ >= 0) return "exited with " + std::to_string(code_);
    if (signal_ == 0) return "ended, nobody knows how";
    return "killed by signal " + std::to_string(signal_) + " (" + ::strsignal(signal_) + ")";
  }

  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;

 private:
  ExitStatus(int code, int signal) noexcept : code_(code), signal_(signal) {}

  int code_;
  int signal_;
};

}  // namespace simul
