#include "runtime/thread/child_process.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

#include "runtime/base/activity.hpp"
#include "runtime/base/error.hpp"

namespace simul {
namespace {

std::atomic<bool> pidfds_allowed{true};

/// A descriptor that becomes readable when the process has ended, or none: Linux before 5.3, and
/// other systems.
UniqueFd open_pidfd(pid_t pid) {
#if defined(SYS_pidfd_open)
  if (pidfds_allowed) {
    const long fd = ::syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != ENOSYS && errno != EPERM) throw_errno("pidfd_open");
  }
#else
  static_cast<void>(pid);
#endif
  return UniqueFd();
}

}  // namespace

void use_pidfds(bool yes) noexcept {
  pidfds_allowed = yes;
}

Ref<ChildProcess> ChildProcess::adopt(Reactor& reactor, pid_t pid, bool leads_group,
                                      std::string name) {
  name += " [" + std::to_string(pid) + "]";
  Ref<ChildProcess> child(new ChildProcess(reactor, pid, leads_group, std::move(name)));
  try {
    ChildTable& children = reactor.part<ChildTable>();
    // Nobody may ever wait for this child's end; whoever does says so himself (Exited).
    child->pidfd_ = Descriptor(open_pidfd(pid), Peer::here);
    if (!child->pidfd_) children.listen_for_sigchld();
    child->watch();
    if (child->reaped_) return child;
    children.add(*child);
    child->add_reference();
  } catch (...) {
    child->kill_and_wait();
    throw;
  }
  return child;
}

void ChildProcess::send_signal(int signal) noexcept {
  // Until it has been reaped, its number is not given to another process.
  if (!reaped_ && is_ours()) ::kill(leads_group_ ? -pid_ : pid_, signal);
}

void ChildProcess::forsake() noexcept {
  send_signal(SIGKILL);
  ended();  // often it has been long since
}

void ChildProcess::step() {
  const Ref<ChildProcess> self(this);
  watch();
}

bool ChildProcess::is_ours() const noexcept {
  return parent_ == ::getpid();
}

void ChildProcess::watch() {
  while (!try_to_reap()) {
    if (!pidfd_) return;
    auto& ready = wait_.set([this] { return pidfd_.readable(); });
    if (ready.await_ready()) continue;
    ready.suspend(*this);
    return;
  }
}

bool ChildProcess::try_to_reap() noexcept {
  if (!is_ours()) return false;
  siginfo_t info{};
  if (leads_group_) {
    // While its leader is a zombie, the group's number cannot become another group's.
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
      if (info.si_pid == 0) return false;
      ::kill(-pid_, SIGKILL);
    }
  }
  int status = 0;
  const pid_t got = ::waitpid(pid_, &status, WNOHANG);
  if (got == 0 || (got < 0 && errno != ECHILD)) return false;
  ended_with(got == pid_ ? ExitStatus::of(status) : ExitStatus::unknown());
  return true;
}

void ChildProcess::kill_and_wait() noexcept {
  if (reaped_ || !is_ours()) return;
  send_signal(SIGKILL);
  const Blocking blocking("process");
  int status = 0;
  pid_t got;
  do got = ::waitpid(pid_, &status, 0);
  while (got < 0 && errno == EINTR);
  ended_with(got == pid_ ? ExitStatus::of(status) : ExitStatus::unknown());
}

void ChildProcess::ended_with(ExitStatus status) noexcept {
  reaped_ = true;
  status_ = status;
  wait_.reset();
  pidfd_.close();
  while (ExitLink* link = waiting_.pop_front()) link->fired(*link);
  if (ListNode<ChildProcess>::linked()) {
    ListNode<ChildProcess>::unlink();
    drop_reference();  // the reactor's; whoever called this has one, too
  }
}

ChildTable::~ChildTable() {
  List<ChildProcess, ChildProcess> left;
  left.splice_back(running_);
  for (ChildProcess* child = left.front(); child != nullptr; child = left.next(*child)) {
    child->send_signal(SIGKILL);  // all of them first: then they end side by side
  }
  while (ChildProcess* child = left.front()) {
    const Ref<ChildProcess> keep(child);
    child->kill_and_wait();
    child->ListNode<ChildProcess>::unlink();  // if it was not ours to wait for
  }
}

void ChildTable::listen_for_sigchld() {
  if (listening_) return;
  // Not awaited: who waits for a child holds the loop himself.
  reactor_.add_signal_handler(
      SIGCHLD,
      [this] {
        for (ChildProcess* child = running_.front(); child != nullptr;) {
          ChildProcess* const next = running_.next(*child);
          const Ref<ChildProcess> keep(child);
          child->try_to_reap();
          child = next;
        }
      },
      /*awaited=*/false);
  listening_ = true;
}

}  // namespace simul
