// Runs another program to its end: its output, its exit status, its time.
//
// The program leads a process group of its own, which is killed when the time limit is over and
// once more when the program has ended, so that neither a hang nor a grandchild outlives a test.
// For a server that runs beside the test, see `Child`, which this is made of.
#pragma once

#include <fcntl.h>
#include <poll.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"

extern char** environ;

namespace simul::testing {

/// How to run a program.
struct RunOptions {
  std::vector<std::string> environment{};  ///< "NAME=value", added to this process's own.
  std::string input{};                     ///< Its stdin; a program need not read it.
  double limit = 60;                       ///< Seconds of real time; then it is killed.
};

/// What became of it.
struct RunResult {
  int status = -1;         ///< Its exit status, or 128 + the signal that ended it.
  bool timed_out = false;  ///< It was killed because its time was over.
  std::string out;         ///< Everything it wrote to stdout ...
  std::string err;         ///< ... and to stderr.
  double seconds = 0;      ///< Real time from start to end.
};

/// A program that runs beside the test. Killed and waited for by the destructor.
class Child {
 public:
  /// Starts `command` (looked up in PATH if it has no slash). Throws if it cannot be executed.
  explicit Child(const std::vector<std::string>& command,
                 const std::vector<std::string>& environment = {}) {
    UniqueFd in_far, out_far, err_far, failed, failed_far;
    pipe(in_far, in);
    pipe(out, out_far);
    pipe(err, err_far);
    pipe(failed, failed_far);
    // Everything that allocates comes before the fork: other threads may hold the heap's lock.
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    std::vector<char*> variables;
    for (const std::string& v : environment) variables.push_back(const_cast<char*>(v.c_str()));
    for (char** v = environ; *v != nullptr; ++v) {
      const std::string_view name(*v, std::strcspn(*v, "=") + 1);
      const auto replaced = [&](const std::string& ours) { return ours.starts_with(name); };
      if (std::none_of(environment.begin(), environment.end(), replaced)) variables.push_back(*v);
    }
    variables.push_back(nullptr);
    pid_ = fork();
    if (pid_ == -1) throw_errno("fork");
    if (pid_ == 0) {
      setpgid(0, 0);
      // A shell that runs the tests in the background has them ignore Ctrl-C: not the program.
      for (const int number : {SIGINT, SIGQUIT}) ::signal(number, SIG_DFL);
#ifdef __linux__
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves nothing behind either
#endif
      environ = variables.data();
      dup2(in_far.get(), 0);
      dup2(out_far.get(), 1);
      dup2(err_far.get(), 2);
      execvp(arguments[0], arguments.data());
      const int why = errno;
      [[maybe_unused]] const auto told = ::write(failed_far.get(), &why, sizeof why);
      _exit(127);
    }
    setpgid(pid_, pid_);
    failed_far.reset();
    int why = 0;
    ssize_t got = 0;
    do got = ::read(failed.get(), &why, sizeof why);
    while (got == -1 && errno == EINTR);
    if (got == static_cast<ssize_t>(sizeof why)) {
      wait();
      throw std::system_error(why, std::generic_category(), "exec " + command[0]);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ == -1) return;
    signal(SIGKILL);
    wait();
  }

  pid_t pid() const { return pid_; }

  /// Sends `number` to the program and all its children.
  void signal(int number) const { kill(-pid_, number); }

  /// Waits for its end: its exit status, or 128 + signal. Call it once.
  int wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) == -1 && errno == EINTR) {
    }
    return ended(status);
  }

  /// The same without waiting: -1 while it still runs.
  int poll() {
    int status = 0;
    return waitpid(pid_, &status, WNOHANG) == pid_ ? ended(status) : -1;
  }

  /// The signal that ended it, or 0 if it exited by itself: which `wait` tells apart from an exit
  /// with 128 + signal no more than a shell does.
  int killed_by() const { return killed_by_; }

  /// Our ends of its stdin, stdout and stderr.
  UniqueFd in, out, err;

 private:
  static void pipe(UniqueFd& reader, UniqueFd& writer) {
    int ends[2];
    if (::pipe(ends) == -1) throw_errno("pipe");
    for (const int fd : ends) fcntl(fd, F_SETFD, FD_CLOEXEC);
    reader = UniqueFd(ends[0]);
    writer = UniqueFd(ends[1]);
  }

  int ended(int status) {
    kill(-pid_, SIGKILL);  // what it left running in its group
    pid_ = -1;
    killed_by_ = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return killed_by_ != 0 ? 128 + killed_by_ : WEXITSTATUS(status);
  }

  pid_t pid_ = -1;
  int killed_by_ = 0;
};

/// Runs `command` to its end, or to the end of its time.
inline RunResult run_program(const std::vector<std::string>& command,
                             const RunOptions& options = {}) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(options.limit));
  RunResult result;
  Child child(command, options.environment);
  for (UniqueFd* fd : {&child.in, &child.out, &child.err}) fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  // A program that does not read its input must not end this one.
  const auto old_sigpipe = std::signal(SIGPIPE, SIG_IGN);

  std::string_view input = options.input;
  const auto pump = [&](UniqueFd& fd, std::string& text) {
    char buffer[65536];
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got > 0) text.append(buffer, static_cast<std::size_t>(got));
    if (got == 0 || (got == -1 && errno != EAGAIN && errno != EINTR)) fd.reset();
  };
  int status = -1;
  while (child.out || child.err || status == -1) {
    if (!result.timed_out && Clock::now() >= end) {
      result.timed_out = true;
      child.signal(SIGKILL);
    }
    // Somebody outside the group may hold the pipes open: not our concern any more.
    if (status != -1 && Clock::now() >= end) break;
    if (child.in && input.empty()) child.in.reset();
    pollfd fds[] = {
        {child.in.get(), POLLOUT, 0}, {child.out.get(), POLLIN, 0}, {child.err.get(), POLLIN, 0}};
    ::poll(fds, 3, child.out || child.err ? 20 : 1);
    if (fds[0].revents != 0) {
      const ssize_t sent = ::write(child.in.get(), input.data(), input.size());
      if (sent > 0) input.remove_prefix(static_cast<std::size_t>(sent));
      if (sent == -1 && errno != EAGAIN && errno != EINTR) input = {};
    }
    if (fds[1].revents != 0) pump(child.out, result.out);
    if (fds[2].revents != 0) pump(child.err, result.err);
    if (status == -1) {
      status = child.poll();
      if (status != -1) {
        result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
      }
    }
  }
  std::signal(SIGPIPE, old_sigpipe);
  result.status = status;
  return result;
}

}  // namespace simul::testing
