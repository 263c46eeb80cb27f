// The batching parent: one thing after another, each to its end.
//
// She sits with Ann until Ann is asleep, then with Ben. While Ann plays she waits for Ann, and has
// no eye for anybody else. Lesson 01 calls this synchronous.
#pragma once

#include <algorithm>

#include "lessons/00-parents/evening.hpp"

namespace parents {

inline Diary batching(Evening evening) {
  Diary diary;
  int now = 0;
  for (Job& job : evening) {
    while (!job.over()) {
      now = std::max(now, job.calls_at());  // she sits there until it needs her
      now = attend(job, now, diary);
    }
  }
  return diary;
}

}  // namespace parents
