// Crowds of fibers and of tasks.
//
// They wait on this thread's loop: at the gate for an Event, and then for time. What they have in
// common is nearly everything; only how a unit is started, and how it says that it waits, differs.
#pragma once

#include "lessons/22-scaling-out/crowd.hpp"
#include "lessons/22-scaling-out/proc.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/task.hpp"

/// What fibers and tasks have in common. The kernel knows nothing of them: for it they are memory
/// of one process, and all that it needs for them is page tables.
class CrowdOnALoop : public Crowd {
 public:
  explicit CrowdOnALoop(simul::Duration nap)
      : nap_(nap),
        own_before_(proc::written_by("self")),
        page_tables_before_(proc::page_tables_of("self")) {}

  void all_here() override {
    while (here_ < added_) simul::this_fiber::yield();  // outside any fiber: a turn of the loop
  }

  Memory memory() override {
    return {proc::written_by("self") - own_before_,
            proc::page_tables_of("self") - page_tables_before_};
  }

  void open() override {
    gate_.set();
    if (left_ < added_) await(over_.wait());
  }

 protected:
  void arrive() { ++here_; }
  void leave() {
    if (++left_ == added_) over_.set();
  }

  simul::Duration nap_;
  simul::Event gate_;
  long added_ = 0;

 private:
  simul::Event over_;
  long here_ = 0;
  long left_ = 0;
  double own_before_;
  double page_tables_before_;
  simul::Reactor loop_;  // last, so that it goes first: then who is left on it has ended
};

class Fibers final : public CrowdOnALoop {
 public:
  using CrowdOnALoop::CrowdOnALoop;

  void add() override {
    simul::spawn([this] {
      arrive();
      simul::await(gate_.wait());
      simul::this_fiber::sleep_for(nap_);
      leave();
    });
    ++added_;
  }
};

class Tasks final : public CrowdOnALoop {
 public:
  using CrowdOnALoop::CrowdOnALoop;

  void add() override {
    simul::create_task(live());
    ++added_;
  }

 private:
  simul::Task<> live() {
    arrive();
    co_await gate_.wait();
    co_await simul::sleep(nap_);
    leave();
  }
};
