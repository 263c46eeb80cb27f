// What SIMUL_DEBUG=1 turns on: who holds the loop is named, and Ctrl-\ lists who waits.
//
// While one callback, fiber or task runs, nobody else in its thread does. One that computes for
// long, or calls something that blocks, makes all others late, and nothing tells which of them it
// was. So here every step is timed, and one that took too long is named on stderr:
//
//     simul: task 'fetch' held the loop for 0.241 s
//
// What counts is real time, whatever clock the loop goes by. A step is not cut short: the report
// comes when it is over. For the same reason a loop that is held answers Ctrl-\ when it goes on.
// That signal is process-wide, so it belongs to the loop that was made first, as a rule the main
// thread's, and only if the program has no handler of its own and does not ignore it.
//
// It costs nothing while it is off: a turn chooses once between two loops over its batch.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "runtime/reactor/dump_tasks.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul {

void Reactor::set_debug(bool on, Duration slow_limit) noexcept {
  slow_limit_ = on ? std::max(slow_limit, Duration(1)) : Duration::zero();
}

void Reactor::debug_if_asked() noexcept {
  const char* const asked = std::getenv("SIMUL_DEBUG");
  if (asked == nullptr || std::string_view(asked) == "" || std::string_view(asked) == "0") return;
  set_debug(true);
  struct sigaction present {};
  ::sigaction(SIGQUIT, nullptr, &present);
  if (present.sa_handler != SIG_DFL) return;
  try {
    add_signal_handler(
        SIGQUIT, [] { dump_tasks(); }, /*awaited=*/false);
  } catch (const std::exception&) {
    // Another thread's loop was quicker.
  }
}

void Reactor::run_watched_batch() {
  // A fiber that waits hands over to the next fiber of the batch, if there is one, and two would be
  // timed as one. So the batch is put aside: everybody comes back to the loop.
  List<Waiter> rest;
  rest.splice_back(batch_);
  struct PutBack {
    Reactor& reactor;
    List<Waiter>& rest;
    ~PutBack() {  // a step has thrown; or it was forked in one, and the rest is the parent's
      if (!reactor.abandoned_) reactor.batch_.splice_back(rest);
    }
  } put_back{*this, rest};

  using RealClock = std::chrono::steady_clock;
  const Duration limit = slow_limit_;
  while (!rest.empty() && !abandoned_) {
    // Asked before, for afterwards there may be nobody to ask.
    const std::string who = rest.front()->who()->describe();
    const RealClock::time_point start = RealClock::now();
    take(*rest.front()).step();
    const Duration held = RealClock::now() - start;
    if (held > limit) {
      std::fprintf(stderr, "simul: %s held the loop for %.3f s\n", who.c_str(), to_seconds(held));
    }
  }
  stepping_ = 0;
}

}  // namespace simul
