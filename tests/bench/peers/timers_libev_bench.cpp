// The timers of libev (a heap with four children to a node), beside ours.
// needs: ev.h
// links: -lev
#include <ev.h>

#include <vector>

#include "tests/bench/peers/timers_peer.hpp"

namespace {

struct Libev {
  explicit Libev(std::size_t count) : loop(ev_loop_new(0)), timers(count) {
    ev_set_userdata(loop, this);
    for (ev_timer& timer : timers) {
      ev_init(&timer, [](struct ev_loop* of, ev_timer*, int) {
        ++static_cast<Libev*>(ev_userdata(of))->fired;
      });
    }
  }
  ~Libev() {
    for (ev_timer& timer : timers) ev_timer_stop(loop, &timer);
    ev_loop_destroy(loop);
  }
  void set(std::size_t i, std::uint64_t us) {
    ev_timer_set(&timers[i], static_cast<double>(us) * 1e-6, 0.);
    ev_timer_start(loop, &timers[i]);
  }
  void cancel(std::size_t i) { ev_timer_stop(loop, &timers[i]); }
  void refresh() { ev_now_update(loop); }
  void turn() { ev_run(loop, EVRUN_NOWAIT); }

  struct ev_loop* loop;
  std::vector<ev_timer> timers;
  std::size_t fired = 0;
};

}  // namespace

int main(int argc, char** argv) {
  return simul::bench::timers_main<Libev>(argc, argv, "libev");
}
