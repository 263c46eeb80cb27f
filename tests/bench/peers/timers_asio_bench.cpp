// The timers of asio (a binary heap and a handler for each wait), beside ours. Its cancel hands the
// handler over as aborted, and that handler must be run too: it is counted in.
// needs: asio.hpp
#include <asio.hpp>
#include <deque>

#include "tests/bench/peers/timers_peer.hpp"

namespace {

struct Asio {
  explicit Asio(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) timers.emplace_back(context);
  }
  void set(std::size_t i, std::uint64_t us) {
    timers[i].expires_after(std::chrono::microseconds(us));
    timers[i].async_wait([this](const asio::error_code& error) { fired += error ? 0 : 1; });
  }
  void cancel(std::size_t i) { timers[i].cancel(); }
  void refresh() {}
  void turn() {
    context.restart();
    context.poll();
  }

  asio::io_context context{1};
  std::deque<asio::steady_timer> timers;
  std::size_t fired = 0;
};

}  // namespace

int main(int argc, char** argv) {
  return simul::bench::timers_main<Asio>(argc, argv, "asio");
}
