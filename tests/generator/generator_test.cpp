// The promises of Generator: when the body runs, what comes out, what is copied (nothing), how it
// ends, and what a watcher sees.
#include "runtime/generator/generator.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/error.hpp"

namespace simul {
namespace {

// ---------------------------------------------------------------------------- what compiles

template <class T>
concept CanAwait = requires(typename T::promise_type promise) {
  promise.await_transform(std::suspend_always{});
};
template <class T, class Value>
concept CanYield = requires(typename T::promise_type promise, Value&& value) {
  promise.yield_value(std::forward<Value>(value));
};

static_assert(!std::is_copy_constructible_v<Generator<int>>);
static_assert(!std::is_copy_assignable_v<Generator<int>>);
static_assert(std::is_nothrow_move_constructible_v<Generator<int>>);
static_assert(std::is_nothrow_move_assignable_v<Generator<int>>);
static_assert(!CanAwait<Generator<int>>, "co_await in a generator does not compile");
static_assert(CanYield<Generator<int&>, int&> && !CanYield<Generator<int&>, int>);
static_assert(!CanYield<Generator<int>, const int&>, "that would take a copy");
static_assert(CanYield<Generator<const int>, const int&> && CanYield<Generator<const int&>, int>);
static_assert(std::ranges::input_range<Generator<int>>);
static_assert(!std::ranges::range<Generator<int, int>>, "nobody would send");

// ---------------------------------------------------------------------------- helpers

Generator<int> count(int limit) {
  for (int i = 0; i < limit; ++i) co_yield i;
}

template <class Range>
std::vector<int> collect(Range&& range) {
  std::vector<int> values;
  for (int value : range) values.push_back(value);
  return values;
}

// Writes down when it is made and when it goes.
class Witness {
 public:
  Witness(std::vector<std::string>& log, std::string name) : log_(log), name_(std::move(name)) {
    log_.push_back("+" + name_);
  }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { log_.push_back("-" + name_); }

 private:
  std::vector<std::string>& log_;
  std::string name_;
};

using Log = std::vector<std::string>;

// ---------------------------------------------------------------------------- running

TEST(Generator, RunsNothingUntilTheFirstNext) {
  bool ran = false;
  auto make = [](bool& flag) -> Generator<int> {
    flag = true;
    co_yield 1;
  };
  auto generator = make(ran);
  EXPECT_FALSE(ran);
  ASSERT_NE(generator.next(), nullptr);
  EXPECT_TRUE(ran);
}

TEST(Generator, YieldsItsValuesInOrderAndThenNull) {
  auto numbers = count(3);
  EXPECT_EQ(*numbers.next(), 0);
  EXPECT_EQ(*numbers.next(), 1);
  EXPECT_EQ(*numbers.next(), 2);
  EXPECT_FALSE(numbers.done()) << "the body has not come back from its last yield";
  EXPECT_EQ(numbers.next(), nullptr);
  EXPECT_TRUE(numbers.done());
}

TEST(Generator, StaysAtTheEndHoweverOftenItIsAsked) {
  auto numbers = count(0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(numbers.next(), nullptr);
}

TEST(Generator, RunsExactlyFromOneYieldToTheNext) {
  Log log;
  auto body = [](Log& out) -> Generator<> {
    out.push_back("a");
    co_yield {};
    out.push_back("b");
    co_yield {};
    out.push_back("c");
  };
  auto generator = body(log);
  EXPECT_NE(generator.next(), nullptr);
  EXPECT_EQ(log, (Log{"a"}));
  EXPECT_NE(generator.next(), nullptr);
  EXPECT_EQ(log, (Log{"a", "b"}));
  EXPECT_EQ(generator.next(), nullptr);
  EXPECT_EQ(log, (Log{"a", "b", "c"}));
}

TEST(Generator, TwoOfTheSameFunctionKeepTheirOwnState) {
  auto one = count(10), two = count(10);
  EXPECT_EQ(*one.next(), 0);
  EXPECT_EQ(*one.next(), 1);
  EXPECT_EQ(*two.next(), 0);
  EXPECT_EQ(*one.next(), 2);
}

TEST(Generator, OneThatIsDefaultMadeIsOver) {
  Generator<int> none;
  EXPECT_TRUE(none.done());
  EXPECT_EQ(none.next(), nullptr);
  EXPECT_TRUE(collect(none).empty());
  none.close();
}

TEST(Generator, AMillionItemsComeOutWhole) {
  std::int64_t sum = 0, items = 0;
  for (int value : count(1'000'000)) {
    sum += value;
    ++items;
  }
  EXPECT_EQ(items, 1'000'000);
  EXPECT_EQ(sum, 499'999'500'000);
}

Generator<int> in_order(const std::map<int, int>& tree, int node) {
  if (node >= static_cast<int>(tree.size())) co_return;
  for (int below : in_order(tree, node + 1)) co_yield below;
  co_yield node;
}

TEST(Generator, NestedGeneratorsPassValuesUpThroughManyLevels) {
  constexpr int kDepth = 300;
  std::map<int, int> tree;
  for (int i = 0; i < kDepth; ++i) tree[i] = i;
  int expected = kDepth;
  for (int value : in_order(tree, 0)) EXPECT_EQ(value, --expected);
  EXPECT_EQ(expected, 0);
}

TEST(Generator, ABodyMayGrowTheVectorItsOwnGeneratorLivesIn) {
  std::vector<Generator<int>> generators;
  auto body = [](std::vector<Generator<int>>& all) -> Generator<int> {
    for (int i = 0; i < 100; ++i) {
      all.push_back(count(1));
      co_yield i;
    }
  };
  generators.push_back(body(generators));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(*generators[0].next(), i);
  EXPECT_EQ(generators[0].next(), nullptr);
  EXPECT_EQ(generators.size(), 101u);
}

TEST(Generator, RunningOneFromItsOwnBodyIsAnErrorAndHarmsNothing) {
  Generator<int> generator;
  auto body = [](Generator<int>& self) -> Generator<int> {
    int errors = 0;
    try {
      self.next();
    } catch (const std::logic_error&) {
      ++errors;
    }
    try {
      self.close();
    } catch (const std::logic_error&) {
      ++errors;
    }
    co_yield errors;
    co_yield 7;
  };
  generator = body(generator);
  EXPECT_EQ(*generator.next(), 2);
  EXPECT_EQ(*generator.next(), 7);
}

TEST(GeneratorDeathTest, DestroyingOneFromItsOwnBodyAbortsWithAMessage) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        std::optional<Generator<int>> generator;
        auto body = [](std::optional<Generator<int>>& self) -> Generator<int> {
          self.reset();
          co_yield 1;
        };
        generator = body(generator);
        generator->next();
      },
      "destroyed by its own running body");
}

// ---------------------------------------------------------------------------- no copies

// Counts what happens to it.
struct Counted {
  static inline int copies = 0, moves = 0, alive = 0;
  static void reset() { copies = moves = 0; }

  explicit Counted(int v) : value(v) { ++alive; }
  Counted(const Counted& other) : value(other.value) { ++copies, ++alive; }
  Counted(Counted&& other) noexcept : value(std::exchange(other.value, -1)) { ++moves, ++alive; }
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --alive; }
  int value;
};

TEST(Generator, AYieldedVariableIsPointedAtAndNotCopied) {
  Counted::reset();
  const Counted* inside = nullptr;
  auto body = [](const Counted*& address) -> Generator<Counted> {
    Counted variable(5);
    address = &variable;
    co_yield variable;
  };
  auto generator = body(inside);
  Counted* value = generator.next();
  EXPECT_EQ(value, inside);
  EXPECT_EQ(value->value, 5);
  EXPECT_EQ(Counted::copies + Counted::moves, 0);
}

TEST(Generator, AYieldedTemporaryLivesUntilTheBodyRunsAgainAndIsNotCopied) {
  Counted::reset();
  auto body = []() -> Generator<Counted> {
    co_yield Counted(1);
    EXPECT_EQ(Counted::alive, 0);
    co_yield Counted(2);
    EXPECT_EQ(Counted::alive, 0);
  };
  auto generator = body();
  EXPECT_EQ(generator.next()->value, 1);
  EXPECT_EQ(Counted::alive, 1);
  EXPECT_EQ(generator.next()->value, 2);
  EXPECT_EQ(generator.next(), nullptr);
  EXPECT_EQ(Counted::copies + Counted::moves, 0);
  EXPECT_EQ(Counted::alive, 0);
}

TEST(Generator, RangeForByReferenceCopiesNothing) {
  Counted::reset();
  auto body = []() -> Generator<Counted> {
    for (int i = 0; i < 3; ++i) co_yield Counted(i);
  };
  int sum = 0;
  for (Counted& value : body()) sum += value.value;
  EXPECT_EQ(sum, 3);
  EXPECT_EQ(Counted::copies + Counted::moves, 0);
}

TEST(Generator, TheCallerMayMoveOutOfAYieldedValue) {
  auto body = []() -> Generator<std::unique_ptr<int>> {
    co_yield std::make_unique<int>(1);
    auto variable = std::make_unique<int>(2);
    co_yield variable;
    EXPECT_EQ(variable, nullptr) << "the caller took it";
  };
  auto generator = body();
  std::unique_ptr<int> taken = std::move(*generator.next());
  EXPECT_EQ(*taken, 1);
  taken = std::move(*generator.next());
  EXPECT_EQ(*taken, 2);
  EXPECT_EQ(generator.next(), nullptr);
}

TEST(Generator, AReferenceGeneratorHandsOutTheThingItself) {
  std::array<int, 3> numbers{1, 2, 3};
  auto each = [](std::array<int, 3>& all) -> Generator<int&> {
    for (int& number : all) co_yield number;
  };
  for (int& number : each(numbers)) number *= 10;
  EXPECT_EQ(numbers, (std::array<int, 3>{10, 20, 30}));
}

TEST(Generator, AConstReferenceGeneratorTakesConstantsVariablesAndTemporaries) {
  Counted::reset();
  const Counted constant(1);
  auto body = [](const Counted& given) -> Generator<const Counted&> {
    co_yield given;
    Counted variable(2);
    co_yield variable;
    co_yield Counted(3);
  };
  auto generator = body(constant);
  const Counted* first = generator.next();
  EXPECT_EQ(first, &constant);
  EXPECT_EQ(generator.next()->value, 2);
  EXPECT_EQ(generator.next()->value, 3);
  EXPECT_EQ(generator.next(), nullptr);
  EXPECT_EQ(Counted::copies + Counted::moves, 0);
}

TEST(Generator, AConvertedValueIsYieldedAsATemporary) {
  auto body = []() -> Generator<std::string> {
    co_yield "a text that is too long for the small buffer of a string";
    const char* text = "short";
    co_yield text;
  };
  auto generator = body();
  EXPECT_EQ(*generator.next(), "a text that is too long for the small buffer of a string");
  EXPECT_EQ(*generator.next(), "short");
}

TEST(Generator, BigValuesStayWhereTheyAre) {
  using Big = std::array<std::byte, 65536>;
  auto body = []() -> Generator<Big> {
    auto big = std::make_unique<Big>();
    for (int i = 0; i < 3; ++i) {
      (*big)[65535] = static_cast<std::byte>(i);
      co_yield *big;
    }
  };
  const Big* before = nullptr;
  int items = 0;
  for (Big& big : body()) {
    if (before != nullptr) {
      EXPECT_EQ(&big, before);
    }
    EXPECT_EQ(big[65535], static_cast<std::byte>(items++));
    before = &big;
  }
  EXPECT_EQ(items, 3);
}

TEST(Generator, ParametersTakenByValueLiveInTheFrame) {
  auto body = [](std::string text) -> Generator<char> {
    for (char& c : text) co_yield c;
  };
  std::string text = "a text that is too long for the small buffer of a string";
  auto generator = body(text);
  text.assign(text.size(), '!');
  std::string out;
  for (char c : generator) out += c;
  EXPECT_EQ(out, "a text that is too long for the small buffer of a string");
}

// ---------------------------------------------------------------------------- moving

TEST(Generator, AMovedGeneratorGoesOnWhereItWasAndTheOldOneIsOver) {
  auto first = count(3);
  int* value = first.next();
  Generator<int> second = std::move(first);
  EXPECT_EQ(*value, 0) << "the value stays in the frame";
  EXPECT_EQ(*second.next(), 1);
  EXPECT_TRUE(first.done());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(first.next(), nullptr);
}

TEST(Generator, AssignmentDestroysWhatWasThereBefore) {
  Log log;
  auto body = [](Log& out, const char* name) -> Generator<> {
    Witness witness(out, name);
    co_yield {};
  };
  auto one = body(log, "one"), two = body(log, "two");
  one.next();
  two.next();
  one = std::move(two);
  EXPECT_EQ(log, (Log{"+one", "+two", "-one"}));
  EXPECT_EQ(one.next(), nullptr);
  EXPECT_EQ(log.back(), "-two");
}

TEST(Generator, MovingOntoItselfChangesNothing) {
  auto numbers = count(2);
  EXPECT_EQ(*numbers.next(), 0);
  auto& same = numbers;
  numbers = std::move(same);
  EXPECT_EQ(*numbers.next(), 1);
}

// ---------------------------------------------------------------------------- range-for

TEST(Generator, RangeForGoesThroughAllValues) {
  EXPECT_EQ(collect(count(4)), (std::vector{0, 1, 2, 3}));
  EXPECT_TRUE(collect(count(0)).empty());
}

TEST(Generator, RangeForGoesOnFromWhereTheGeneratorStands) {
  auto numbers = count(6);
  numbers.next();
  for (int value : numbers) {
    if (value == 2) break;
  }
  EXPECT_EQ(collect(numbers), (std::vector{3, 4, 5}));
  EXPECT_TRUE(collect(numbers).empty());
}

TEST(Generator, IsAnInputRangeForTheStandardLibrary) {
  auto odd = count(10) | std::views::filter([](int value) { return value % 2 == 1; });
  EXPECT_EQ(collect(odd), (std::vector{1, 3, 5, 7, 9}));
  EXPECT_EQ(std::ranges::distance(count(5)), 5);
}

// ---------------------------------------------------------------------------- exceptions

TEST(Generator, AnExceptionComesOutOfNextAndTheGeneratorIsOver) {
  auto body = []() -> Generator<int> {
    co_yield 1;
    throw std::runtime_error("broken");
  };
  auto generator = body();
  EXPECT_EQ(*generator.next(), 1);
  try {
    generator.next();
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "broken");
  }
  EXPECT_TRUE(generator.done());
  EXPECT_EQ(generator.next(), nullptr);
}

TEST(Generator, AnExceptionDestroysTheBodysVariablesOnceAndBeforeItComesOut) {
  Log log;
  auto body = [](Log& out) -> Generator<int> {
    Witness outer(out, "outer");
    co_yield 1;
    Witness inner(out, "inner");
    throw std::runtime_error("broken");
  };
  {
    auto generator = body(log);
    generator.next();
    EXPECT_THROW(generator.next(), std::runtime_error);
    EXPECT_EQ(log, (Log{"+outer", "+inner", "-inner", "-outer"}));
  }
  EXPECT_EQ(log.size(), 4u);
}

TEST(Generator, AnExceptionIsLetGoOnceItIsHandled) {
  auto held = std::make_shared<int>(1);
  struct Error {
    std::shared_ptr<int> what;
  };
  auto body = [](std::shared_ptr<int>& what) -> Generator<int> {
    throw Error{what};
    co_yield 1;
  };
  auto generator = body(held);
  EXPECT_THROW(generator.next(), Error);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Generator, AnExceptionBeforeTheFirstYieldComesOutOfTheFirstNext) {
  auto body = []() -> Generator<int> {
    throw std::runtime_error("at once");
    co_yield 1;
  };
  auto generator = body();
  EXPECT_THROW(generator.next(), std::runtime_error);
  EXPECT_EQ(generator.next(), nullptr);
}

TEST(Generator, AnExceptionLeavesRangeForAtTheRightItem) {
  auto body = []() -> Generator<int> {
    co_yield 1;
    co_yield 2;
    throw std::out_of_range("three");
  };
  std::vector<int> seen;
  EXPECT_THROW(
      {
        for (int value : body()) seen.push_back(value);
      },
      std::out_of_range);
  EXPECT_EQ(seen, (std::vector{1, 2}));
}

TEST(Generator, AnExceptionThatIsNoStdExceptionPassesUnchanged) {
  auto body = []() -> Generator<int> {
    throw Cancelled{};
    co_yield 1;
  };
  auto generator = body();
  EXPECT_THROW(generator.next(), Cancelled);
}

TEST(Generator, ABodyMayCatchItsOwnExceptionAndGoOn) {
  auto body = []() -> Generator<int> {
    int result = 0;
    try {
      throw 7;
    } catch (int value) {
      result = value;
    }
    co_yield result;
  };
  EXPECT_EQ(collect(body()), (std::vector{7}));
}

TEST(Generator, AParameterThatCannotBeCopiedLeavesNothingBehind) {
  struct Reluctant {
    Reluctant() = default;
    Reluctant(const Reluctant&) { throw std::runtime_error("no copy"); }
  };
  Counted::reset();
  const int alive = Counted::alive;
  auto body = [](Counted, Reluctant) -> Generator<int> { co_yield 1; };
  const Reluctant reluctant;
  EXPECT_THROW((void)body(Counted(1), reluctant), std::runtime_error);
  EXPECT_EQ(Counted::alive, alive);
}

// ---------------------------------------------------------------------------- destroyed early

Generator<> three_stops(Log& log, std::shared_ptr<int> parameter) {
  Witness outer(log, "outer");
  co_yield {};
  {
    Witness inner(log, "inner");
    co_yield {};
  }
  auto kept = parameter;
  co_yield {};
}

TEST(Generator, DestroyedAtAnyStopItRunsTheDestructorsOfWhatIsAliveThere) {
  const std::vector<Log> expected = {
      {},
      {"+outer", "-outer"},
      {"+outer", "+inner", "-inner", "-outer"},
      {"+outer", "+inner", "-inner", "-outer"},
      {"+outer", "+inner", "-inner", "-outer"},
  };
  for (std::size_t steps = 0; steps < expected.size(); ++steps) {
    Log log;
    auto parameter = std::make_shared<int>(1);
    {
      auto generator = three_stops(log, parameter);
      for (std::size_t i = 0; i < steps; ++i) generator.next();
      EXPECT_GE(parameter.use_count(), 2);
    }
    EXPECT_EQ(log, expected[steps]) << "after " << steps << " steps";
    EXPECT_EQ(parameter.use_count(), 1) << "after " << steps << " steps";
  }
}

TEST(Generator, DestroyedInTheMiddleOfAYieldedTemporaryItDestroysThatToo) {
  const int alive = Counted::alive;
  auto body = []() -> Generator<Counted> { co_yield Counted(1); };
  {
    auto generator = body();
    generator.next();
    EXPECT_EQ(Counted::alive, alive + 1);
  }
  EXPECT_EQ(Counted::alive, alive);
}

TEST(Generator, DestroyingTheOuterOneDestroysTheInnerOnes) {
  Log log;
  auto inner = [](Log& out) -> Generator<int> {
    Witness witness(out, "inner");
    co_yield 1;
    co_yield 2;
  };
  auto outer = [](Log& out, Generator<int> below) -> Generator<int> {
    Witness witness(out, "outer");
    for (int value : below) co_yield value;
  };
  {
    auto generator = outer(log, inner(log));
    EXPECT_EQ(*generator.next(), 1);
  }
  EXPECT_EQ(log, (Log{"+outer", "+inner", "-outer", "-inner"}));
}

TEST(Generator, ADestroyedBodyDoesNotNoticeByAnException) {
  Log log;
  auto body = [](Log& out) -> Generator<> {
    try {
      co_yield {};
    } catch (...) {
      out.push_back("caught");
    }
  };
  {
    auto generator = body(log);
    generator.next();
  }
  EXPECT_TRUE(log.empty());
}

// ---------------------------------------------------------------------------- send

Generator<int, int> running_sum() {
  int sum = 0;
  while (true) sum += co_yield sum;
}

TEST(GeneratorSend, TheYieldEvaluatesToWhatWasSent) {
  auto sum = running_sum();
  EXPECT_EQ(*sum.next(), 0);
  EXPECT_EQ(*sum.send(5), 5);
  EXPECT_EQ(*sum.send(7), 12);
}

TEST(GeneratorSend, ToAFreshGeneratorIsAnErrorAndHarmsNothing) {
  auto sum = running_sum();
  EXPECT_THROW(sum.send(1), std::logic_error);
  EXPECT_EQ(*sum.next(), 0);
  EXPECT_EQ(*sum.send(2), 2);
}

TEST(GeneratorSend, NextInPlaceOfSendIsAnErrorAndHarmsNothing) {
  auto sum = running_sum();
  sum.next();
  EXPECT_THROW(sum.next(), std::logic_error);
  EXPECT_EQ(*sum.send(3), 3);
}

TEST(GeneratorSend, ReturnsNullWhenTheBodyEndsAndIsAnErrorEverAfter) {
  auto body = [](std::vector<int>& got) -> Generator<None, int> { got.push_back(co_yield {}); };
  std::vector<int> got;
  auto generator = body(got);
  generator.next();
  EXPECT_EQ(generator.send(4), nullptr);
  EXPECT_EQ(got, (std::vector{4}));
  EXPECT_THROW(generator.send(5), std::logic_error);
  EXPECT_EQ(got, (std::vector{4}));
  EXPECT_EQ(generator.next(), nullptr);

  Generator<int, int> none;
  EXPECT_THROW(none.send(1), std::logic_error);
}

TEST(GeneratorSend, AnExceptionFromTheBodyComesOutAndEndsIt) {
  auto body = []() -> Generator<None, int> {
    while (true) {
      if ((co_yield {}) < 0) throw std::out_of_range("negative");
    }
  };
  auto generator = body();
  generator.next();
  EXPECT_NE(generator.send(1), nullptr);
  EXPECT_THROW(generator.send(-1), std::out_of_range);
  EXPECT_TRUE(generator.done());
  EXPECT_THROW(generator.send(1), std::logic_error);
}

TEST(GeneratorSend, FromItsOwnBodyIsAnErrorAndHarmsNothing) {
  Generator<int, int> generator;
  auto body = [](Generator<int, int>& self) -> Generator<int, int> {
    int errors = 0;
    try {
      self.send(1);
    } catch (const std::logic_error&) {
      ++errors;
    }
    int sent = co_yield errors;
    co_yield sent;
  };
  generator = body(generator);
  EXPECT_EQ(*generator.next(), 1);
  EXPECT_EQ(*generator.send(7), 7);
}

TEST(GeneratorSend, MovesWhatIsSentAndCopiesNothing) {
  Counted::reset();
  auto body = [](int& got) -> Generator<None, Counted> {
    while (true) {
      Counted received = co_yield {};
      got = received.value;
    }
  };
  int got = 0;
  auto generator = body(got);
  generator.next();
  generator.send(Counted(9));
  EXPECT_EQ(got, 9);
  EXPECT_EQ(Counted::copies, 0);
  EXPECT_EQ(Counted::moves, 1);
}

TEST(GeneratorSend, TakesMoveOnlyValuesAndReferences) {
  auto owner = []() -> Generator<int, std::unique_ptr<int>> {
    int last = 0;
    while (true) {
      std::unique_ptr<int> received = co_yield last;
      last = *received;
    }
  };
  auto generator = owner();
  generator.next();
  EXPECT_EQ(*generator.send(std::make_unique<int>(6)), 6);

  auto doubler = []() -> Generator<None, int&> {
    while (true) (co_yield {}) *= 2;
  };
  int number = 21;
  auto twice = doubler();
  twice.next();
  twice.send(number);
  EXPECT_EQ(number, 42);
}

// ---------------------------------------------------------------------------- close

// The prefix searcher of the articles: it prints what it is sent if it holds the prefix.
Generator<None, std::string> search(Log& log, std::string prefix) {
  log.push_back("Searching prefix:" + prefix);
  try {
    while (true) {
      std::string name = co_yield {};
      if (name.find(prefix) != std::string::npos) log.push_back(name);
    }
  } catch (const GeneratorExit&) {
    log.push_back("Closing coroutine!!");
  }
}

TEST(GeneratorClose, TheBodyNoticesAndMayCleanUp) {
  Log log;
  auto searcher = search(log, "Dear");
  searcher.next();
  searcher.send("James");
  searcher.send("Dear James");
  searcher.close();
  EXPECT_EQ(log, (Log{"Searching prefix:Dear", "Dear James", "Closing coroutine!!"}));
  EXPECT_TRUE(searcher.done());
  EXPECT_THROW(searcher.send("Dear Jane"), std::logic_error);
  searcher.close();
  EXPECT_EQ(log.size(), 3u);
}

TEST(GeneratorClose, TheRequestIsDeliveredOnceAndOneThatRefusesCanBeSentToAgain) {
  auto body = []() -> Generator<int, int> {
    int refused = 0;
    while (true) {
      try {
        refused += co_yield refused;
      } catch (const GeneratorExit&) {
        if (++refused > 2) co_return;
      }
    }
  };
  auto generator = body();
  generator.next();
  EXPECT_THROW(generator.close(), std::logic_error);
  EXPECT_EQ(*generator.send(5), 6) << "it stands at its yield as before";
  generator.close();
  EXPECT_TRUE(generator.done());
}

TEST(GeneratorClose, UnwindsABodyThatDoesNotCatch) {
  Log log;
  auto generator = three_stops(log, nullptr);
  generator.next();
  generator.next();
  generator.close();
  EXPECT_EQ(log, (Log{"+outer", "+inner", "-inner", "-outer"}));
  EXPECT_TRUE(generator.done());
}

TEST(GeneratorClose, FreesTheParameters) {
  Log log;
  auto parameter = std::make_shared<int>(1);
  auto generator = three_stops(log, parameter);
  generator.next();
  generator.close();
  EXPECT_EQ(parameter.use_count(), 1);
}

TEST(GeneratorClose, AFreshBodyNeverRuns) {
  Log log;
  auto generator = three_stops(log, nullptr);
  generator.close();
  EXPECT_TRUE(generator.done());
  EXPECT_EQ(generator.next(), nullptr);
  EXPECT_TRUE(log.empty());
}

TEST(GeneratorClose, OfOneThatIsOverDoesNothing) {
  auto numbers = count(0);
  numbers.next();
  numbers.close();
  numbers.close();
  EXPECT_TRUE(numbers.done());
}

TEST(GeneratorClose, IsNoErrorForTheBody) {
  Log log;
  auto body = [](Log& out) -> Generator<> {
    try {
      co_yield {};
    } catch (const std::exception&) {
      out.push_back("taken for an error");
    }
  };
  auto generator = body(log);
  generator.next();
  generator.close();
  EXPECT_TRUE(log.empty());
}

TEST(GeneratorClose, ABodyThatYieldsAgainIsAnErrorAndStandsThere) {
  auto body = []() -> Generator<int> {
    try {
      co_yield 1;
    } catch (const GeneratorExit&) {
    }
    co_yield 2;
    co_yield 3;
  };
  auto generator = body();
  generator.next();
  EXPECT_THROW(generator.close(), std::logic_error);
  EXPECT_FALSE(generator.done());
  EXPECT_EQ(*generator.next(), 3);
  generator.close();
  EXPECT_TRUE(generator.done());
}

TEST(GeneratorClose, AnotherExceptionFromTheBodyComesOut) {
  auto body = []() -> Generator<int> {
    try {
      co_yield 1;
    } catch (const GeneratorExit&) {
      throw std::runtime_error("cannot close");
    }
  };
  auto generator = body();
  generator.next();
  EXPECT_THROW(generator.close(), std::runtime_error);
  EXPECT_TRUE(generator.done());
  EXPECT_EQ(generator.next(), nullptr);
}

// ---------------------------------------------------------------------------- watching

// Writes down what it is told.
class Recorder final : public Observer {
 public:
  Recorder() : before_(set_observer(this)) {}
  ~Recorder() { set_observer(before_); }

  void created(std::uint64_t id, const char* kind, std::string_view name) override {
    names_[id] = name.empty() ? "?" : std::string(name);
    log.push_back("created " + std::string(kind) + " " + names_[id]);
  }
  void ready(std::uint64_t, std::uint64_t) override { log.push_back("ready"); }
  void runs(std::uint64_t id) override { log.push_back(names_.at(id) + " runs"); }
  void waits(std::uint64_t id, const char* label) override {
    log.push_back(names_.at(id) + " waits " + label);
  }
  void ended(std::uint64_t id) override { log.push_back(names_.at(id) + " ended"); }

  Log log;

 private:
  Observer* before_;
  std::map<std::uint64_t, std::string> names_;
};

Generator<> named(std::string name, int turns) {
  for (int i = 0; i < turns; ++i) co_yield {};
  if (name == "bad") throw std::runtime_error("bad");
}

TEST(GeneratorObserver, IsToldOfEveryStepAndTheEnd) {
  Recorder recorder;
  {
    auto generator = named("One", 1);
    generator.next();
    generator.next();
    generator.next();
  }
  EXPECT_EQ(recorder.log,
            (Log{"created generator One", "One runs", "One waits yield", "One runs", "One ended"}));
}

TEST(GeneratorObserver, IsToldOfTheEndOnceHoweverItComes) {
  Recorder recorder;
  {
    auto dropped = named("dropped", 1);
    dropped.next();
  }
  { auto fresh = named("fresh", 1); }
  {
    auto closed = named("closed", 1);
    closed.next();
    closed.close();
  }
  {
    auto bad = named("bad", 0);
    EXPECT_THROW(bad.next(), std::runtime_error);
  }
  EXPECT_EQ(recorder.log,
            (Log{"created generator dropped", "dropped runs", "dropped waits yield",
                 "dropped ended", "created generator fresh", "fresh ended",
                 "created generator closed", "closed runs", "closed waits yield", "closed runs",
                 "closed ended", "created generator bad", "bad runs", "bad ended"}));
}

TEST(GeneratorObserver, SeesNoNameWhereTheFirstParameterIsNoString) {
  Recorder recorder;
  { auto numbers = count(1); }
  EXPECT_EQ(recorder.log, (Log{"created generator ?", "? ended"}));
}

TEST(GeneratorObserver, HearsNothingOfWhatWasMadeBefore) {
  auto generator = named("early", 2);
  generator.next();
  Recorder recorder;
  generator.next();
  generator.next();
  EXPECT_TRUE(recorder.log.empty());
}

TEST(GeneratorObserver, MayBeRemovedWhileSomethingItWatchedGoesOn) {
  std::optional<Recorder> recorder(std::in_place);
  auto generator = named("One", 2);
  generator.next();
  recorder.reset();
  EXPECT_NE(generator.next(), nullptr);
  EXPECT_EQ(generator.next(), nullptr);
}

}  // namespace
}  // namespace simul
