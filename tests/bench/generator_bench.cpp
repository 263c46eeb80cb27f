// What a generator costs for each item, in or out, beside a call through a pointer; and closing
// one.
//
// The floor is the plainest way to get the next value from somebody one does not know: a struct
// that holds a function pointer and its state, and a function that returns a pointer to the next
// value, or null at the end. Both sides run the same loop over the same numbers.
#include <cstddef>

#include "runtime/generator/generator.hpp"
#include "tests/bench/bench.hpp"

namespace {

using simul::bench::Bench;
using simul::bench::keep;

simul::Generator<std::size_t> count(std::size_t limit) {
  for (std::size_t i = 0; i < limit; ++i) co_yield i;
}

struct Source {
  std::size_t (*next)(Source&);
  std::size_t following = 0;
};

std::size_t next_number(Source& source) {
  return source.following++;
}

simul::Generator<std::size_t, std::size_t> add() {
  std::size_t sum = 0;
  while (true) sum += co_yield sum;
}

struct Sink {
  const std::size_t* (*send)(Sink&, std::size_t);
  std::size_t sum = 0;
};

const std::size_t* add_number(Sink& sink, std::size_t number) {
  sink.sum += number;
  return &sink.sum;
}

simul::Generator<> wait_for_the_end() {
  try {
    co_yield {};
  } catch (const simul::GeneratorExit&) {
  }
}

void floor_items(std::size_t n) {
  Source source{next_number};
  keep(source);  // from here on the compiler does not know which function it is
  std::size_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += source.next(source);
  keep(sum);
}

}  // namespace

int main(int argc, char** argv) {
  return simul::bench::run(argc, argv, [](Bench& bench) {
    bench.time(
        "generator.item",
        [](std::size_t n) {
          auto numbers = count(n);
          std::size_t sum = 0;
          while (const std::size_t* number = numbers.next()) sum += *number;
          keep(sum);
        },
        floor_items);
    bench.time(
        "generator.range_for",
        [](std::size_t n) {
          std::size_t sum = 0;
          for (const std::size_t number : count(n)) sum += number;
          keep(sum);
        },
        floor_items);
    // Made, run to its end after one item, destroyed: one allocation on either side.
    bench.time(
        "generator.make",
        [](std::size_t n) {
          for (std::size_t i = 0; i < n; ++i) {
            auto numbers = count(1);
            while (const std::size_t* number = numbers.next()) keep(*number);
          }
        },
        [](std::size_t n) {
          for (std::size_t i = 0; i < n; ++i) {
            auto* source = new Source{next_number};
            keep(source);
            keep(source->next(*source));
            delete source;
          }
        });
    bench.time(
        "generator.send",
        [](std::size_t n) {
          auto sum = add();
          sum.next();
          for (std::size_t i = 0; i < n; ++i) keep(*sum.send(i));
        },
        [](std::size_t n) {
          Sink sink{add_number};
          keep(sink);
          for (std::size_t i = 0; i < n; ++i) keep(*sink.send(sink, i));
        });
    // Made, run to its yield and closed there. The floor is the exception: thrown and caught.
    bench.time(
        "generator.close",
        [](std::size_t n) {
          for (std::size_t i = 0; i < n; ++i) {
            auto generator = wait_for_the_end();
            keep(*generator.next());
            generator.close();
          }
        },
        [](std::size_t n) {
          for (std::size_t i = 0; i < n; ++i) {
            try {
              throw simul::GeneratorExit{};
            } catch (const simul::GeneratorExit& exit) {
              keep(exit);
            }
          }
        });
  });
}
