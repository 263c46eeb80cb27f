// The timers of libuv (a binary heap, whole milliseconds), beside ours.
// needs: uv.h
// links: -luv
#include <uv.h>

#include <vector>

#include "tests/bench/peers/timers_peer.hpp"

namespace {

struct Libuv {
  explicit Libuv(std::size_t count) : timers(count) {
    uv_loop_init(&loop);
    for (uv_timer_t& timer : timers) {
      uv_timer_init(&loop, &timer);
      timer.data = this;
    }
  }
  ~Libuv() {
    for (uv_timer_t& timer : timers) uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
  }
  void set(std::size_t i, std::uint64_t us) {
    uv_timer_start(
        &timers[i], [](uv_timer_t* timer) { ++static_cast<Libuv*>(timer->data)->fired; },
        (us + 999) / 1000, 0);
  }
  void cancel(std::size_t i) { uv_timer_stop(&timers[i]); }
  void refresh() { uv_update_time(&loop); }
  void turn() { uv_run(&loop, UV_RUN_NOWAIT); }

  uv_loop_t loop;
  std::vector<uv_timer_t> timers;
  std::size_t fired = 0;
};

}  // namespace

int main(int argc, char** argv) {
  return simul::bench::timers_main<Libuv>(argc, argv, "libuv");
}
