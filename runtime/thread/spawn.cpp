#include "runtime/thread/spawn.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/thread/pipe.hpp"

namespace simul {
namespace {

// The kernel's own calls: the names `write`, `close` and `dup2` may have been taken over to park
// fibers, and in the child there is nothing to park.
ssize_t plain_write(int fd, const void* data, std::size_t size) {
#if defined(SYS_write)
  return ::syscall(SYS_write, fd, data, size);
#else
  return ::write(fd, data, size);
#endif
}
ssize_t plain_read(int fd, void* data, std::size_t size) {
#if defined(SYS_read)
  return ::syscall(SYS_read, fd, data, size);
#else
  return ::read(fd, data, size);
#endif
}
void plain_close(int fd) {
#if defined(SYS_close)
  ::syscall(SYS_close, fd);
#else
  ::close(fd);
#endif
}
bool plain_dup2(int from, int to) {
#if defined(SYS_dup3)
  return ::syscall(SYS_dup3, from, to, 0) >= 0;  // `from` never equals `to` here
#else
  return ::dup2(from, to) >= 0;
#endif
}

/// What the child tells its parent when it cannot become the program.
struct Failure {
  int error;
  bool directory;  // the directory is to blame, not the program
};

/// Everything the child needs, ready made.
struct Plan {
  const Launch* launch;
  std::vector<std::string> candidates;  // the paths to try
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::vector<int> moved;   // room for the child
  int report = -1;          // where to write a Failure
  int last_descriptor = 0;  // where there is no close_range: the highest one that may be open
  pid_t parent = 0;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// POSIX, XBD 8.3: a name without a slash is looked for in the folders of PATH; an empty one there
// is the working directory.
std::vector<std::string> candidates(const Launch& launch) {
  if (launch.program.find('/') != std::string::npos) return {launch.program};
  std::string_view path = "/usr/local/bin:/usr/bin:/bin";
  for (const std::string& variable : launch.environment) {
    if (variable.starts_with("PATH=")) path = std::string_view(variable).substr(5);
  }
  std::vector<std::string> result;
  for (;;) {
    const std::size_t colon = std::min(path.find(':'), path.size());
    const std::string folder(path.substr(0, colon));
    result.push_back((folder.empty() ? "." : folder) + "/" + launch.program);
    if (colon == path.size()) return result;
    path.remove_prefix(colon + 1);
  }
}

bool close_all_from(int first) {
#if defined(SYS_close_range)
  return ::syscall(SYS_close_range, first, ~0U, 0) == 0;
#else
  static_cast<void>(first);
  return false;
#endif
}

int highest_descriptor() {
#if defined(SYS_close_range)
  // From 2^31 on there are none: this only asks whether the kernel knows the call.
  if (::syscall(SYS_close_range, ~0U, ~0U, 0) == 0) return 0;
#endif
  int highest = 255;
  if (DIR* folder = ::opendir("/proc/self/fd")) {
    while (const dirent* entry = ::readdir(folder)) {
      highest = std::max(highest, std::atoi(entry->d_name));
    }
    ::closedir(folder);
    return highest;
  }
  return static_cast<int>(::sysconf(_SC_OPEN_MAX));
}

// --- In the child: nothing but system calls -----------------------------------------------------

[[noreturn]] void fail(int report, int error, bool directory) {
  const Failure failure{error, directory};
  static_cast<void>(plain_write(report, &failure, sizeof failure));
  ::_exit(127);
}

// First all of them out of the way, then each to its number: the lists may overlap in any way.
// Returns where the pipe for the report is now.
int arrange_descriptors(Plan& plan) {
  const std::vector<int>& wanted = plan.launch->descriptors;
  const int count = static_cast<int>(wanted.size());
  const int report = ::fcntl(plan.report, F_DUPFD_CLOEXEC, count + 1);
  if (report < 0) fail(plan.report, errno, false);
  for (int n = 0; n < count; ++n) {
    plan.moved[n] = wanted[n] < 0 ? -1 : ::fcntl(wanted[n], F_DUPFD_CLOEXEC, count + 1);
    // A stream of ours that is closed is closed in the child, too.
    if (plan.moved[n] < 0 && wanted[n] >= 0 && wanted[n] != n) fail(report, errno, false);
  }
  for (int n = 0; n < count; ++n) {
    if (plan.moved[n] < 0) {
      plain_close(n);
    } else if (!plain_dup2(plan.moved[n], n)) {
      fail(report, errno, false);
    }
  }
  if (!plain_dup2(report, count)) fail(report, errno, false);
  ::fcntl(count, F_SETFD, FD_CLOEXEC);
  if (!close_all_from(count + 1)) {
    for (int fd = count + 1; fd <= std::max(plan.last_descriptor, report); ++fd) plain_close(fd);
  }
  return count;
}

// What the parent ignores, an exec'ed program would ignore, and what it blocks stays blocked. All
// is blocked until its handlers are gone: they would run on the parent's memory.
void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become(Plan& plan) {
  if (plan.launch->own_group) ::setpgid(0, 0);
#if defined(PR_SET_PDEATHSIG)
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != plan.parent) ::_exit(127);  // it was gone before the kernel knew
#endif
  const int report = arrange_descriptors(plan);
  const std::string& directory = plan.launch->directory;
  if (!directory.empty() && ::chdir(directory.c_str()) != 0) fail(report, errno, true);
  reset_signals();
  int error = ENOENT;
  for (const std::string& path : plan.candidates) {
    ::execve(path.c_str(), plan.arguments.data(), plan.environment.data());
    // One that is there but not for us is more worth a message than the folders without it.
    if (errno != ENOENT && (error == ENOENT || error == ENOTDIR)) error = errno;
  }
  fail(report, error, false);
}

// A function of its own, so that no variable lives across the two returns of vfork.
[[gnu::noinline]] pid_t split(Plan& plan) {
#if defined(__linux__)
  const pid_t pid = ::vfork();
#else
  const pid_t pid = ::fork();
#endif
  if (pid == 0) become(plan);
  return pid;
}

}  // namespace

pid_t spawn_program(const Launch& launch) {
  const std::string what = "spawn " + launch.program;
  for (const auto* texts : {&launch.arguments, &launch.environment}) {
    for (const std::string& text : *texts) {
      if (text.find('\0') != std::string::npos) throw_errno(what + ": a zero byte", EINVAL);
    }
  }
  Pipe report = open_pipe();
  Plan plan{&launch, candidates(launch), pointers(launch.arguments), pointers(launch.environment),
            {},      report.write.get(), highest_descriptor(),       ::getpid()};
  plan.moved.resize(launch.descriptors.size());

  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = split(plan);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw_errno(what, error);

  report.write.reset();
  Failure failure{};
  ssize_t got;
  do got = plain_read(report.read.get(), &failure, sizeof failure);
  while (got < 0 && errno == EINTR);
  if (got != sizeof failure) return pid;
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  throw_errno(failure.directory ? what + " in " + launch.directory : what, failure.error);
}

}  // namespace simul
