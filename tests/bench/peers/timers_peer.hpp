// What timers_bench.cpp measures, for a library that has timers of its own.
//
// Its time is the real one, so `insert_expire` gives each timer less than a millisecond and does
// not count the time in which it waits for the last of them.
#pragma once

#include <algorithm>
#include <string>

#include "tests/bench/bench.hpp"
#include "tests/bench/dice.hpp"

namespace simul::bench {

/// `Peer(count)` has `count` timers and
///   void set(i, us)    arms timer i, which is not armed, for so many microseconds from now on
///   void cancel(i)
///   void refresh()     makes the library look at the clock
///   void turn()        runs what is due and does not wait
///   std::size_t fired  how many have expired
template <class Peer>
void timers_of_peer(Bench& bench, const std::string& library, std::size_t count,
                    const std::string& size) {
  const std::string cancel = "timers.insert_cancel." + size + "." + library;
  const std::string all = "timers.insert_expire." + size + "." + library;
  if (!bench.wants(cancel) && !bench.wants(all)) return;
  const std::vector<std::size_t> order = random_order(count);
  Dice dice;
  {
    // An hour at least: none of them expires here.
    constexpr std::uint64_t kHour = 3'600'000'000;
    Peer peer(count);
    for (const std::size_t i : order) peer.set(i, kHour + dice.delay());
    bench.time(cancel, [&](std::size_t n) {
      while (n-- > 0) {
        const std::size_t i = dice.below(count);
        peer.cancel(i);
        peer.set(i, kHour + dice.delay());
        if (n % 1024 == 0) peer.turn();
      }
    });
  }
  Peer peer(count);
  bench.measure(all, "ns", [&] {
    peer.fired = 0;
    peer.refresh();
    double start = seconds_now();
    for (const std::size_t i : order) peer.set(i, dice.delay() % 1000);
    double took = seconds_now() - start;
    // Ten milliseconds: the clock that libevent reads moves only every four.
    while (seconds_now() < start + took + 0.010) {
    }
    start = seconds_now();
    peer.refresh();
    while (peer.fired < count) peer.turn();
    took += seconds_now() - start;
    return took * 1e9 / static_cast<double>(count);
  });
}

/// All sizes.
template <class Peer>
int timers_main(int argc, char** argv, const std::string& library) {
  return run(argc, argv, [&](Bench& bench) {
    timers_of_peer<Peer>(bench, library, 1'000, "1k");
    timers_of_peer<Peer>(bench, library, 100'000, "100k");
    timers_of_peer<Peer>(bench, library, 1'000'000, "1M");
  });
}

}  // namespace simul::bench
