// One process of a pool, and the routine that talks to it.
//
//     idle --take--> sending --> receiving --> idle          the answer is complete
//                                        |
//     in each of these: the pipe closed, or nonsense came --> dying --> gone
//
// An idle one waits for its pipe, too: so the end of a process that has nothing to do is noticed.
// A job that the dying process cannot have read whole goes back to the head of the line, if the
// process had served others before; else a program that cannot even start would be tried for ever.
//
// The pool deletes it: from `gone`, or when nobody waits for its job any more.
#pragma once

#include <cstddef>
#include <string>

#include "runtime/reactor/current_wait.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/reactor/waiter.hpp"
#include "runtime/thread/process.hpp"
#include "runtime/thread/process_pool.hpp"

namespace simul {

/// See above. Thread: the pool's.
class PoolWorker final : public Routine {
 public:
  /// Starts the process. Throws what Process does.
  explicit PoolWorker(ProcessPool& pool);

  /// Has it nothing to do, and as far as is known does it live?
  bool idle() noexcept {
    return job_ == nullptr && !dying_ && waiting_on() != nullptr &&
           waiting_on()->state() == Waiter::State::waiting;
  }

  /// Gives it a job; it must be idle.
  void take(PoolJob& job);

  /// Nobody waits for its job any more, or the pool is going. Delete it next.
  PoolJob* let_go_of_job() noexcept;

  pid_t pid() const noexcept { return process_.pid(); }

  void step() override;
  std::string describe() const override { return "process pool's " + process_.name(); }

 private:
  enum class Progress { some, none, broken };
  Progress send_some() noexcept;
  Progress receive_some();
  void receive();
  bool take_answer();
  void wait_for_bytes();
  void yield();
  void die() noexcept;
  void gone(ExitStatus status) noexcept;

  ProcessPool& pool_;
  Descriptor to_;
  Descriptor from_;
  Process process_;
  PoolJob* job_ = nullptr;
  std::string outgoing_;
  std::size_t sent_ = 0;
  std::string incoming_;
  bool served_ = false;  // at least one job
  bool dying_ = false;
  std::string why_;  // it was we who gave it up
  CurrentWait<Readiness, Yield, Exited> wait_;
};

}  // namespace simul
