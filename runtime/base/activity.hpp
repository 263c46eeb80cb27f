// Plain code, as an observer sees it: a piece of work that has a name, and a call that blocks.
//
//     void wash(Machine& machine) {
//       Activity activity("washing");       // from here to the end of the scope
//       ...
//       {
//         Blocking blocking("dryer");       // the thread stands still, and for what
//         dryer.lock();
//       }
//     }
//
// Whatever runs in pieces reports itself (observer.hpp). Plain code has nobody to report it; where
// a trace shall show it, it says so by these two. While nobody observes they cost a branch each.
// They watch and do nothing: neither starts, blocks or ends anything.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/base/observer.hpp"

namespace simul {

/// A named piece of plain work, from its construction to its destruction, in one thread. Pieces may
/// be nested, and lie inside a task, a fiber or a generator: what these wait for, it waits for.
class Activity {
 public:
  explicit Activity(std::string_view name) {
    if (Observer* o = observer()) {
      id_ = next_id();
      o->created(id_, "call", name);
      o->runs(id_);
    }
  }
  ~Activity() {
    if (Observer* o = observer(); o != nullptr && id_ != 0) o->ended(id_);
  }
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

 private:
  std::uint64_t id_ = 0;  // 0: nobody watches
};

/// While it lives, this thread stands still, in a call that blocks: a sleep, a lock, a join.
/// `label` says for what; a static text.
class Blocking {
 public:
  explicit Blocking(const char* label) noexcept : told_(observer()) {
    if (told_ != nullptr) told_->blocks(label);
  }
  ~Blocking() {
    if (told_ != nullptr && told_ == observer()) told_->goes_on();
  }
  Blocking(const Blocking&) = delete;
  Blocking& operator=(const Blocking&) = delete;

 private:
  Observer* told_;
};

/// While it lives, this thread lets others run: the entries of a loop, the jobs of a pool. `label`
/// says what for; a static text.
class GivingWay {
 public:
  explicit GivingWay(const char* label) noexcept : told_(observer()) {
    if (told_ != nullptr) told_->gives_way(label);
  }
  ~GivingWay() {
    if (told_ != nullptr && told_ == observer()) told_->goes_on();
  }
  GivingWay(const GivingWay&) = delete;
  GivingWay& operator=(const GivingWay&) = delete;

 private:
  Observer* told_;
};

}  // namespace simul
