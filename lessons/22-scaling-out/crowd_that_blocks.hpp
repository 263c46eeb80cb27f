// Crowds of processes and of threads.
//
// Either waits as one does in a program that does one thing: in `read` at the gate, a pipe to which
// nobody writes, and in `nanosleep`. The gate opens when its other end is closed. That also happens
// when the program that holds it dies: so no unit is ever left behind.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lessons/22-scaling-out/crowd.hpp"
#include "lessons/22-scaling-out/proc.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"

/// A pipe, closed on exec.
struct Pipe {
  Pipe() {
    int ends[2];
    simul::check(::pipe(ends), "pipe");
    read = simul::UniqueFd(ends[0]);
    write = simul::UniqueFd(ends[1]);
    for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  }
  simul::UniqueFd read, write;
};

/// What processes and threads have in common. The gate is a pipe that nobody writes to: it opens
/// when its other end is closed.
class BlockingCrowd : public Crowd {
 public:
  explicit BlockingCrowd(simul::Duration nap) : nap_(nap) {}

  void all_here() override {
    while (here_ < added_) {
      pollfd ready{arrivals_.read.get(), POLLIN, 0};
      if (::poll(&ready, 1, 100) <= 0) {
        look_after();
        continue;
      }
      char bytes[4096];
      const ssize_t got = ::read(arrivals_.read.get(), bytes, sizeof bytes);
      if (got > 0) here_ += got;
    }
  }

 protected:
  /// A unit's life. Nothing here allocates: it may be that of a forked child.
  void live() const noexcept {
    char byte = 0;
    while (::write(arrivals_.write.get(), &byte, 1) == -1 && errno == EINTR) {
    }
    while (::read(gate_.read.get(), &byte, 1) == -1 && errno == EINTR) {
    }
    const auto ns = nap_.count();
    timespec left{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
    while (::nanosleep(&left, &left) == -1 && errno == EINTR) {
    }
  }

  /// Called now and then while they are waited for.
  virtual void look_after() {}

  simul::Duration nap_;
  Pipe gate_;
  Pipe arrivals_;
  long added_ = 0;
  long here_ = 0;
};

/// Copies of this process, which must have neither threads nor a loop that runs (lesson 13). While
/// there is one, a SIGTERM ends the process by an exception, so that its children do not outlive
/// it.
class Processes final : public BlockingCrowd {
 public:
  explicit Processes(simul::Duration nap) : BlockingCrowd(nap) {
    told_to_end_ = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { told_to_end_ = 1; };  // no SA_RESTART: what waits is to look up
    ::sigaction(SIGTERM, &action, &before_);
  }
  ~Processes() override {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    reap(/*willingly=*/false);
    ::sigaction(SIGTERM, &before_, nullptr);
  }

  void add() override {
    throw_if_told_to_end();
    const pid_t pid = ::fork();
    if (pid == -1) simul::throw_errno("fork");
    if (pid == 0) {
      std::signal(SIGTERM, SIG_DFL);
      gate_.write.reset();
      live();
      ::_exit(0);
    }
    pids_.push_back(pid);
    ++added_;
  }

  Memory memory() override {
    // They are copies, so a few of them stand for all.
    const std::size_t samples = std::min<std::size_t>(pids_.size(), 8);
    if (samples == 0) return {};
    Memory few;
    for (std::size_t i = 0; i < samples; ++i) {
      const std::string pid = std::to_string(pids_[pids_.size() - 1 - i]);
      few.own += proc::written_by(pid);
      few.kernel += proc::page_tables_of(pid) + proc::kernel_stack();
    }
    const double times = static_cast<double>(pids_.size()) / static_cast<double>(samples);
    return {few.own * times, std::max(few.kernel * times, proc::kernel_memory() - kernel_before_)};
  }

  void open() override {
    gate_.write.reset();
    reap(/*willingly=*/true);
  }

 private:
  void reap(bool willingly) {
    while (!pids_.empty()) {
      int status = 0;
      const pid_t ended = ::waitpid(pids_.back(), &status, 0);
      if (ended == -1 && errno == EINTR) {
        if (willingly) throw_if_told_to_end();
        continue;
      }
      pids_.pop_back();
      if (willingly && status != 0) throw std::runtime_error("a process of the crowd has died");
    }
  }

  static void throw_if_told_to_end() {
    if (told_to_end_ != 0) throw std::runtime_error("told to end");
  }

  // The kernel goes through all children for this: now and then, and not for each that is added.
  void look_after() override {
    throw_if_told_to_end();
    const pid_t dead = ::waitpid(-1, nullptr, WNOHANG);
    if (dead <= 0) return;
    std::erase(pids_, dead);
    throw std::runtime_error("a process of the crowd has died");
  }

  static inline volatile std::sig_atomic_t told_to_end_ = 0;

  struct sigaction before_ {};
  std::vector<pid_t> pids_;
  double kernel_before_ = proc::kernel_memory();
};

class Threads final : public BlockingCrowd {
 public:
  using BlockingCrowd::BlockingCrowd;
  ~Threads() override { join(); }

  void add() override {
    threads_.emplace_back([this] { live(); });
    ++added_;
  }

  Memory memory() override {
    const double stacks = static_cast<double>(threads_.size()) * proc::kernel_stack();
    return {proc::written_by("self") - own_before_,
            std::max(stacks, proc::kernel_memory() - kernel_before_)};
  }

  void open() override { join(); }

 private:
  void join() {
    gate_.write.reset();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  std::vector<std::thread> threads_;
  double own_before_ = proc::written_by("self");
  double kernel_before_ = proc::kernel_memory();
};
