// A child process as the loop sees it: it runs, it ends, it is reaped.
//
// A child that has ended stays in the kernel's table as a zombie until its parent asks how it
// ended. So each child has a routine of its own, which waits for that moment whether or not anybody
// else does, and asks. The reactor holds every child that runs:
//
//     handle (Process) --- ChildProcess --- ChildTable, the reactor's part
//                               |
//               pidfd, readable at the end; where the kernel has none: SIGCHLD
//
// The invariant: a process that was started here is waited for exactly once. If its handle goes
// first it is killed, and reaped when the loop goes on; if the loop goes first, it is killed and
// waited for there. And if the thread ends without either, the kernel kills it (spawn.hpp). Thread:
// the reactor's. In a forked child these are somebody else's children: nothing is done to them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "runtime/base/intrusive_list.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/reactor/current_wait.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/thread/exit_status.hpp"

namespace simul {

/// Somebody who wants to know that a child has ended; a member of a wait object. `fired` is called
/// once, with the link off the list; it must not run anybody's code.
struct ExitLink : ListNode<> {
  void (*fired)(ExitLink&) noexcept = nullptr;
};

/// See above.
class ChildProcess final : public Routine, public ListNode<ChildProcess> {
 public:
  /// Takes over the process `pid`, which the caller has just started. If this throws, the process
  /// has been killed and reaped.
  static Ref<ChildProcess> adopt(Reactor& reactor, pid_t pid, bool leads_group, std::string name);

  pid_t pid() const noexcept { return pid_; }

  /// "sleep [4711]"
  const std::string& name() const noexcept { return name_; }

  /// Asks the kernel, without waiting, unless the answer is known.
  bool ended() noexcept { return reaped_ || try_to_reap(); }

  /// How it ended; once it has.
  ExitStatus status() const noexcept { return status_; }

  /// Sends a signal, if it still runs; to its whole group if it leads one.
  void send_signal(int signal) noexcept;

  /// Fires the link at the end; it must not have ended yet.
  void notify(ExitLink& link) noexcept { waiting_.push_back(link); }

  /// Its handle goes: kills it if it still runs.
  void forsake() noexcept;

  void step() override;
  std::string describe() const override { return "process " + name_; }

  /// Counts the references: the handle's, each wait's and, while it runs, the reactor's.
  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }

 private:
  friend class ChildTable;

  ChildProcess(Reactor& reactor, pid_t pid, bool leads_group, std::string name)
      : Routine(reactor, Kind::callback),
        pid_(pid),
        leads_group_(leads_group),
        name_(std::move(name)) {}
  ~ChildProcess() = default;

  bool is_ours() const noexcept;
  void watch();
  bool try_to_reap() noexcept;
  void kill_and_wait() noexcept;
  void ended_with(ExitStatus status) noexcept;

  pid_t pid_;
  pid_t parent_ = ::getpid();
  bool leads_group_;
  bool reaped_ = false;
  std::uint32_t references_ = 0;
  std::string name_;
  ExitStatus status_ = ExitStatus::unknown();
  List<ExitLink> waiting_;
  Descriptor pidfd_;  // none: SIGCHLD tells
  CurrentWait<Readiness> wait_;
};

/// The children of one reactor that still run.
class ChildTable {
 public:
  explicit ChildTable(Reactor& reactor) noexcept : reactor_(reactor) {}

  /// Kills those that are left and waits for them.
  ~ChildTable();

  void add(ChildProcess& child) noexcept { running_.push_back(child); }

  /// From now on SIGCHLD of this process belongs to this reactor. Throws std::logic_error if
  /// another one has it: without pidfds, one thread of a process can have children.
  void listen_for_sigchld();

 private:
  Reactor& reactor_;
  List<ChildProcess, ChildProcess> running_;
  bool listening_ = false;
};

/// For tests: behave as on a system without pidfds. Process-wide.
void use_pidfds(bool yes) noexcept;

}  // namespace simul
