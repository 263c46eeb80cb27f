// The polling parent: she does the chequebook, and every so often goes round and looks.
//
// Looking costs her a minute a round, whether anybody needs her or not; and whoever needs her right
// after she has been there waits until she comes again. A shorter interval makes the second better
// and the first worse.
#pragma once

#include <algorithm>

#include "lessons/00-parents/evening.hpp"

namespace parents {

inline constexpr int kRound = 1;  ///< Minutes for going round once.

inline Diary polling(Evening evening, int interval) {
  Diary diary;
  Job& chequebook = evening.back();
  const auto over = [](const Job& job) { return job.over(); };
  int now = 0;
  while (true) {
    // At the chequebook, or on the sofa, until it is time to look.
    const int next_round = now + interval;
    while (now < next_round && !chequebook.over()) now = attend(chequebook, now, diary);
    if (std::all_of(evening.begin(), evening.end(), over)) return diary;
    now = std::max(now, next_round) + kRound;

    for (Job& job : evening) {
      if (job.over() || &job == &chequebook) continue;
      ++diary.looks;
      if (job.calls_at() <= now) {
        now = attend(job, now, diary);
      } else {
        ++diary.in_vain;
      }
    }
  }
}

}  // namespace parents
