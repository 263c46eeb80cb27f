// The threading parent: as many of her as there are things to do.
//
// Each is a thread, minds one job and nothing else, and has a clock of her own. Nobody ever waits.
// It is as simple as the batching parent, and as quick as can be; what it costs shows as soon as
// two of her need the same thing: see deadlock.hpp and chequebook.hpp.
#pragma once

#include <thread>
#include <vector>

#include "lessons/00-parents/evening.hpp"

namespace parents {

inline Diary threading(Evening evening) {
  std::vector<Diary> diaries(evening.size());  // one each: here the threads share nothing
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < evening.size(); ++i) {
    threads.emplace_back([&job = evening[i], &diary = diaries[i]] {
      while (!job.over()) attend(job, job.calls_at(), diary);
    });
  }
  for (std::thread& thread : threads) thread.join();

  Diary all;
  all.parents = static_cast<int>(threads.size());
  for (const Diary& diary : diaries) {
    all.visits.insert(all.visits.end(), diary.visits.begin(), diary.visits.end());
  }
  return all;
}

}  // namespace parents
