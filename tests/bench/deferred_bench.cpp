// What a Deferred costs: make one, add three callbacks, fire it; and wait for one that has fired.
//
// The floors do the same by hand: one allocation for the state, and three calls through pointers,
// or one look at it. A Deferred has four allocations, one for each link, since each link has its
// own type of result.
#include "runtime/deferred/deferred.hpp"

#include <cstddef>
#include <memory>

#include "runtime/deferred/inline_callbacks.hpp"
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

InlineCallbacks<int> sum_of_fired(std::size_t n) {
  int sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    Deferred<int> d;
    d.callback(1);
    sum += co_yield d;
  }
  co_return sum;
}

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
    bench.time(
        "deferred.co_yield", [](std::size_t n) { bench::keep(sum_of_fired(n)); },
        [](std::size_t n) {
          int sum = 0;
          for (std::size_t i = 0; i < n; ++i) {
            auto state = std::make_unique<State>();
            bench::keep(state);
            state->value = 1;
            sum += state->value;
          }
          bench::keep(sum);
        });
  });
}
