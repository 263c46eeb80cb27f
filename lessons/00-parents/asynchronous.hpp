// The asynchronous parent: one of her, and whoever needs her rings a bell.
//
// She does what was rung for first, and while nobody rings she sits down. She never looks. What she
// has instead of a thread for each job is a note for each: "when the washer is done: this". That is
// all an event loop is:
//
//   bells   what will ring, and when, the earliest first
//   ready   what has rung and is to be done, the first to ring first
//   run     while there is anything: hear what has rung by now, do the first of it
//
// A note must be short. While she does one, bells ring, and nobody comes.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "lessons/00-parents/evening.hpp"

namespace parents {

class Loop {
 public:
  /// Leaves a note: `callback` is to be done when the bell rings at `when`. Two that ring at the
  /// same time are done in the order in which they were left.
  void call_at(int when, std::function<void()> callback) {
    bells_.emplace(when, std::move(callback));
  }

  /// Until no bell is set and nothing is left to do.
  void run() {
    while (true) {
      if (ready_.empty()) {
        if (bells_.empty()) return;
        now_ = std::max(now_, bells_.begin()->first);  // she sits down; the next bell wakes her
      }
      while (!bells_.empty() && bells_.begin()->first <= now_) {
        ready_.push_back(std::move(bells_.begin()->second));
        bells_.erase(bells_.begin());
      }
      const std::function<void()> callback = std::move(ready_.front());
      ready_.pop_front();
      callback();
    }
  }

  int now() const { return now_; }
  /// For a callback: what it does takes until `later`.
  void busy_until(int later) { now_ = later; }

 private:
  std::multimap<int, std::function<void()>> bells_;
  std::deque<std::function<void()>> ready_;
  int now_ = 0;
};

/// When `job` rings, attend to it; and then once more.
inline void when_it_rings(Job& job, Loop& loop, Diary& diary) {
  if (job.over()) return;
  loop.call_at(job.calls_at(), [&] {
    loop.busy_until(attend(job, loop.now(), diary));
    when_it_rings(job, loop, diary);
  });
}

inline Diary asynchronous(Evening evening) {
  Diary diary;
  Loop loop;
  for (Job& job : evening) when_it_rings(job, loop, diary);
  loop.run();
  return diary;
}

}  // namespace parents
