// What a callback costs on its way through the loop.
//
//   reactor.call_soon     registered, put on the ready queue, taken off, called, freed; batches of
//                         a thousand
//   reactor.call_chain    the same one at a time: each callback registers the next, so every one
//                         costs a turn of the loop besides
//
// The floor calls the same lambdas from a vector of std::function that is filled and emptied a
// thousand at a time: the least that deferring a call can cost without a loop round it.
#include <cstddef>
#include <functional>
#include <vector>

#include "runtime/reactor/reactor.hpp"
#include "tests/bench/bench.hpp"

namespace simul::bench {
namespace {

constexpr std::size_t kBatch = 1000;

/// n calls through the loop.
void call_soon(Reactor& reactor, std::size_t n) {
  std::size_t called = 0, registered = 0;
  reactor.run_until([&] {
    for (std::size_t i = 0; i < kBatch && registered < n; ++i, ++registered) {
      reactor.call_soon([&called] { ++called; });
    }
    return called == n;
  });
  keep(called);
}

struct Link {
  Reactor& reactor;
  std::size_t& left;
  void operator()() const {
    if (--left > 0) reactor.call_soon(Link{reactor, left});
  }
};

void call_chain(Reactor& reactor, std::size_t n) {
  std::size_t left = n;
  reactor.call_soon(Link{reactor, left});
  reactor.run_until([&] { return left == 0; });
}

void call_from_vector(std::vector<std::function<void()>>& ready, std::size_t n) {
  std::size_t called = 0, registered = 0;
  while (called < n) {
    for (std::size_t i = 0; i < kBatch && registered < n; ++i, ++registered) {
      ready.push_back([&called] { ++called; });
    }
    for (auto& callback : ready) callback();
    ready.clear();
  }
  keep(called);
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  return simul::bench::run(argc, argv, [](simul::bench::Bench& bench) {
    using namespace simul;
    Reactor reactor;
    std::vector<std::function<void()>> ready;
    const auto floor = [&](std::size_t n) { bench::call_from_vector(ready, n); };
    bench.time(
        "reactor.call_soon", [&](std::size_t n) { bench::call_soon(reactor, n); }, floor);
    bench.time(
        "reactor.call_chain", [&](std::size_t n) { bench::call_chain(reactor, n); }, floor);
  });
}
