// An evening: who will need a parent, when, and for how long.
//
// Everything that is to be done is a job, and every job is the same two things by turns: for some
// minutes it goes on alone, and then it needs a parent for some minutes.
//
//   Ann          plays ........ has a question ## plays ..... has hurt her knee #### plays ...
//   the laundry  the washer runs ............ move it to the dryer ### the dryer runs ........
//   chequebook   #############################################  never goes on alone
//
// A job that needs the parent and does not have her waits, and goes on when she has been there. How
// long the children wait is what this lesson measures. The clock is a number: minutes since 17:00.
// Every kind of parent is handed a copy of the same evening, so that what differs is the parent.
//
// A program is like that, too: it computes (with the parent) or waits for a disk, another machine
// or a person (alone).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace parents {

/// What one may change about an evening.
struct Settings {
  int children = 3;    ///< How many; at most as many as there are names.
  int seed = 1;        ///< Another seed, another evening; the same seed, the same to the minute.
  int evenings = 100;  ///< How many of them a table sums up, one seed after the other.
  int entry = 1;       ///< Minutes at the chequebook without looking up.
  int interval = 15;   ///< The polling parent's: minutes from one round of looking to the next.
};

inline const std::vector<std::string> kNames = {"Ann", "Ben",  "Cleo", "Dan", "Eve", "Finn",
                                                "Gil", "Hana", "Ivo",  "Jun", "Kim", "Lea"};

/// So many minutes alone, then so many with the parent.
struct Step {
  int alone;
  int care;
};

struct Job {
  std::string name;
  bool is_child;
  std::deque<Step> steps;  ///< What is left of it.
  int since = 0;           ///< When the parent left it last.

  bool over() const { return steps.empty(); }
  /// When it will need the parent. Not for a job that is over.
  int calls_at() const { return since + steps.front().alone; }
};

using Evening = std::vector<Job>;

/// One time that a parent came.
struct Visit {
  std::string who;
  bool is_child;
  int called, came, left;

  int waited() const { return came - called; }
};

/// What became of an evening.
struct Diary {
  std::vector<Visit> visits;
  int parents = 1;
  int looks = 0;    ///< How often a parent looked whether somebody needs her ...
  int in_vain = 0;  ///< ... and nobody did.
};

/// The parent is with `job` from `now` on, for as long as it needs her. Returns when she leaves.
inline int attend(Job& job, int now, Diary& diary) {
  const int left = now + job.steps.front().care;
  diary.visits.push_back({job.name, job.is_child, job.calls_at(), now, left});
  job.steps.pop_front();
  job.since = left;
  return left;
}

/// The children, the laundry and, as the last, the chequebook.
inline Evening make_evening(const Settings& settings) {
  std::mt19937 random(static_cast<std::uint32_t>(settings.seed));
  // Not std::uniform_int_distribution, which may give other numbers with another library.
  const auto between = [&random](int least, int most) {
    return least + static_cast<int>(random() % static_cast<std::uint32_t>(most - least + 1));
  };
  Evening evening;
  for (int i = 0; i < settings.children; ++i) {
    Job child{kNames[static_cast<std::size_t>(i)], true, {}};
    for (int times = 0; times < 4; ++times) {
      const int plays = between(8, 25);
      child.steps.push_back({plays, between(2, 6)});
    }
    evening.push_back(child);
  }
  evening.push_back({"laundry", false, {{35, 4}, {45, 8}}});  // the washer, then the dryer
  Job chequebook{"chequebook", false, {}};
  for (int left = 45; left > 0; left -= settings.entry) {
    chequebook.steps.push_back({0, std::min(left, settings.entry)});
  }
  evening.push_back(chequebook);
  return evening;
}

}  // namespace parents
