// A heart that beats on the loop: how long is the loop away from it?
//
// It stands for whatever else a program does beside a computation: answering requests, moving a
// progress bar, looking at a timer. Its task asks to be woken every 10 ms. A beat that comes late
// says that somebody held the loop; the largest gap says for how long.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_group.hpp"

/// The time that the processor has worked for this process. In virtual time there is one time only.
/// It tells what something costs, also on a machine that others keep busy.
inline simul::Duration processor_time() {
  if (simul::Clock::is_virtual()) return simul::Clock::now().time_since_epoch();
  return simul::from_seconds(static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
}

/// What a heart has seen.
struct Beats {
  simul::Duration time{};             ///< Of the work beside it.
  simul::Duration worked{};           ///< By the processor, in that time.
  std::vector<simul::Duration> at{};  ///< Since the work began; the last comes after its end.

  simul::Duration largest_gap() const {
    simul::Duration largest{}, last{};
    for (const simul::Duration beat : at) {
      largest = std::max(largest, beat - std::exchange(last, beat));
    }
    return largest;
  }

  /// A character is 20 ms: `*` if it beat in them, `.` if not.
  std::string drawing() const {
    constexpr simul::Duration kColumn = std::chrono::milliseconds(20);
    constexpr std::size_t kWidth = 40;
    const auto column = [=](simul::Duration when) {
      return static_cast<std::size_t>(when / kColumn);
    };
    std::string text(std::max<std::size_t>(1, column(time + kColumn - simul::Duration(1))), '.');
    for (const simul::Duration beat : at) {
      if (column(beat) < text.size()) text[column(beat)] = '*';
    }
    return text.size() <= kWidth ? text : text.substr(0, kWidth - 3) + "...";
  }
};

constexpr simul::Duration kBeat = std::chrono::milliseconds(10);

inline simul::Task<> beat(Beats& beats, simul::Stopwatch since) {
  while (true) {
    co_await simul::sleep(kBeat);
    beats.at.push_back(since.elapsed());
  }
}

/// Runs `work`, a task called "search", beside a heart.
inline simul::Task<Beats> beside_a_heart(simul::Task<> work) {
  Beats beats;
  auto both = [&](simul::TaskGroup& group) -> simul::Task<> {
    const simul::Stopwatch since;
    const simul::Duration worked_before = processor_time();
    const simul::TaskHandle<> heart = group.create_task(beat(beats, since), "heart");
    co_await simul::sleep(simul::Duration::zero());  // it begins
    const simul::TaskHandle<> search = group.create_task(std::move(work), "search");
    co_await search;
    beats.time = since.elapsed();
    beats.worked = processor_time() - worked_before;
    co_await simul::sleep(2 * kBeat);  // one more beat, which ends the last gap
    heart.cancel();
  };
  co_await simul::task_group(both);
  co_return beats;
}
