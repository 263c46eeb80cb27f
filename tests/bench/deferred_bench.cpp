// What a Deferred costs: make one, add three callbacks, fire it.
//
// The floor does the same by hand: one allocation for the state, and three calls through pointers.
// A Deferred has four allocations, one for each link, since each link has its own type of result.
#include "runtime/deferred/deferred.hpp"

#include <cstddef>
#include <memory>

#include "tests/bench/bench.hpp"

namespace simul {
namespace {

int add_one(int n) {
  bench::keep(n);
  return n + 1;
}

struct State {
  int value = 0;
  int (*callbacks[3])(int) = {add_one, add_one, add_one};
};

}  // namespace
}  // namespace simul

int main(int argc, char** argv) {
  using namespace simul;
  return bench::run(argc, argv, [](bench::Bench& bench) {
    bench.time(
        "deferred.three_callbacks",
        [](std::size_t n) {
          for (std::size_t i = 0; i < n; ++i) {
            Deferred<int> d;
            auto end = d.add_callback(add_one).add_callback(add_one).add_callback(
                [](int result) { bench::keep(result); });
            d.callback(1);
          }
        },
        [](std::size_t n) {
          for (std::size_t i = 0; i < n; ++i) {
            auto state = std::make_unique<State>();
            bench::keep(state);
            for (auto* callback : state->callbacks) state->value = callback(state->value);
          }
        });
  });
}
