// The timers of libevent (a binary heap), beside ours.
// needs: event2/event.h
// links: -levent
#include <event2/event.h>
#include <event2/event_struct.h>

#include <vector>

#include "tests/bench/peers/timers_peer.hpp"

namespace {

struct Libevent {
  explicit Libevent(std::size_t count) : base(event_base_new()), timers(count) {
    for (event& timer : timers) {
      evtimer_assign(
          &timer, base,
          [](evutil_socket_t, short, void* self) { ++static_cast<Libevent*>(self)->fired; }, this);
    }
  }
  ~Libevent() {
    for (event& timer : timers) evtimer_del(&timer);
    event_base_free(base);
  }
  void set(std::size_t i, std::uint64_t us) {
    const timeval delay{static_cast<time_t>(us / 1'000'000),
                        static_cast<suseconds_t>(us % 1'000'000)};
    evtimer_add(&timers[i], &delay);
  }
  void cancel(std::size_t i) { evtimer_del(&timers[i]); }
  void refresh() { event_base_update_cache_time(base); }
  void turn() { event_base_loop(base, EVLOOP_NONBLOCK); }

  event_base* base;
  std::vector<event> timers;
  std::size_t fired = 0;
};

}  // namespace

int main(int argc, char** argv) {
  return simul::bench::timers_main<Libevent>(argc, argv, "libevent");
}
