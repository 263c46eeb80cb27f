// Another program, run beside this one, without standing still.
//
//     Process sort({"sort", "-n"}, {.in = Stdio::pipe(), .out = Stdio::pipe()});
//     auto [status, out, err] = await(communicate(sort, "3\n1\n2\n"));
//
// A program gets its arguments as they are (no shell looks at them), the environment and the
// working directory it is given, of descriptors its three streams and what is passed to it, and
// no signal ignored or blocked. The handle owns it: what is still running when the handle goes is
// killed, at once and without waiting; the loop reaps it (child_process.hpp). So no process
// outlives its owner, none stays a zombie, and whoever wants an end with manners asks for it:
// `stop`.
//
// The children of a child are its own affair, unless it leads a group.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/thread/child_process.hpp"
#include "runtime/thread/exit_status.hpp"
#include "runtime/thread/exited.hpp"
#include "runtime/thread/pipe.hpp"

namespace simul {

/// What one of a program's three streams is.
class Stdio {
 public:
  enum class Kind : std::uint8_t { inherited, null, pipe, descriptor };

  /// The same as this program's.
  static Stdio inherit() noexcept { return Stdio(Kind::inherited); }
  /// Nothing to read; what is written is gone (/dev/null).
  static Stdio null() noexcept { return Stdio(Kind::null); }
  /// A pipe, of which the handle has the other end.
  static Stdio pipe() noexcept { return Stdio(Kind::pipe); }
  /// A descriptor of this program's, which stays the caller's: a file, a socket, another stream.
  static Stdio descriptor(int fd) noexcept { return Stdio(Kind::descriptor, fd); }

  Kind kind() const noexcept { return kind_; }
  int fd() const noexcept { return fd_; }

 private:
  explicit Stdio(Kind kind, int fd = -1) noexcept : kind_(kind), fd_(fd) {}

  Kind kind_;
  int fd_;
};

/// The descriptor `from` of this program, which is the child's `to` (3 to 255).
struct PassedDescriptor {
  int from;
  int to;
};

/// In what world a program is started.
struct ProcessOptions {
  Stdio in = Stdio::inherit();
  Stdio out = Stdio::inherit();
  Stdio err = Stdio::inherit();
  /// Its whole environment, "NAME=value" each; without: this program's own.
  std::optional<std::vector<std::string>> environment = std::nullopt;
  std::vector<std::string> variables = {};  ///< "NAME=value": added to that, or in place of it
  std::string directory = {};               ///< its working directory; "": this program's
  std::vector<PassedDescriptor> passed = {};
  /// It leads a process group: signals go to the whole group (a Ctrl-C at the terminal does not),
  /// and when the leader has ended, what is left of the group is killed.
  bool own_group = false;
  std::string program = {};  ///< what to execute, if it is not what `command` begins with
};

/// The handle of a running program, or of one that has run. Move-only. Thread: that of the reactor
/// that was current when it was made.
class Process {
 public:
  /// Starts `command`, looked up in the PATH of its environment if it has no slash. The thread is
  /// held up until the program runs or cannot. Throws std::system_error: "spawn nosuch: No such
  /// file or directory"; std::invalid_argument for an empty command or an impossible descriptor.
  explicit Process(std::vector<std::string> command, ProcessOptions options = {});

  Process(Process&& other) noexcept = default;
  Process& operator=(Process&& other) noexcept;

  /// Kills it if it still runs (SIGKILL). Does not wait: the loop reaps it.
  ~Process();

  pid_t pid() const noexcept { return child_->pid(); }

  /// "sleep [4711]", for messages.
  const std::string& name() const noexcept { return child_->name(); }

  /// How it ended, or nothing while it runs. Asks, never waits.
  std::optional<ExitStatus> poll() noexcept;

  /// Waits for its end. At `deadline`: TimedOut, and it runs on. Any number may wait.
  Exited wait(TimePoint deadline = kNever) { return {child_, deadline}; }

  /// Sends a signal. No effect once it has ended.
  void send_signal(int signal) noexcept { child_->send_signal(signal); }
  void terminate() noexcept { send_signal(SIGTERM); }
  void kill() noexcept { send_signal(SIGKILL); }

  /// SIGTERM, and after `grace` SIGKILL: waits for the end, which comes either way. Given up in
  /// between, it leaves the program as it is then. In virtual time the grace is over as soon as
  /// nobody else has anything to do.
  Stopped stop(Duration grace = std::chrono::seconds(5)) { return {child_, grace}; }

  /// Our ends of its streams that are pipes, non-blocking; else, and once closed, without a
  /// descriptor. To close `in()` is how one says that no more input comes.
  Descriptor& in() noexcept { return in_; }
  Descriptor& out() noexcept { return out_; }
  Descriptor& err() noexcept { return err_; }

  /// For waits.
  ChildProcess& child() const noexcept { return *child_; }

 private:
  Ref<ChildProcess> child_;
  Descriptor in_;
  Descriptor out_;
  Descriptor err_;
};

}  // namespace simul
