#include "runtime/base/callback.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <typeinfo>
#include <utility>

namespace simul {
namespace {

TEST(Callback, CallsWhatItHoldsAndPassesArgumentsOn) {
  Callback<int(int, int)> add = [](int a, int b) { return a + b; };
  EXPECT_EQ(add(1, 2), 3);
  Callback<std::string(std::unique_ptr<std::string>)> take = [](std::unique_ptr<std::string> s) {
    return std::move(*s);
  };
  EXPECT_EQ(take(std::make_unique<std::string>("moved")), "moved");
  int value = 1;
  Callback<void(int&)> change = [](int& i) { i = 7; };
  change(value);
  EXPECT_EQ(value, 7);
}

TEST(Callback, HoldsWhatCannotBeCopied) {
  Callback<int()> callback = [owned = std::make_unique<int>(5)] { return *owned; };
  Callback<int()> moved = std::move(callback);
  EXPECT_FALSE(callback);
  EXPECT_EQ(moved(), 5);
}

TEST(Callback, KeepsItsStateBetweenCalls) {
  Callback<int()> count = [n = 0]() mutable { return ++n; };
  count();
  Callback<int()> moved = std::move(count);
  EXPECT_EQ(moved(), 2);
}

TEST(Callback, IsEmptyByDefaultAndAfterReset) {
  Callback<void()> callback;
  EXPECT_FALSE(callback);
  callback = [] {};
  EXPECT_TRUE(callback);
  callback.reset();
  EXPECT_FALSE(callback);
  callback.reset();
}

TEST(Callback, TellsTheTypeOfWhatItHolds) {
  const auto lambda = [] {};
  Callback<void()> callback = lambda;
  EXPECT_EQ(callback.target_type(), typeid(lambda));
  callback.reset();
  EXPECT_EQ(callback.target_type(), typeid(void));
}

/// Counts its living copies.
struct Counted {
  explicit Counted(int& count) : alive(&count) { ++*alive; }
  Counted(const Counted& other) : alive(other.alive) { ++*alive; }
  Counted(Counted&& other) noexcept : alive(other.alive) { ++*alive; }
  ~Counted() { --*alive; }
  int* alive;
};

template <std::size_t Size>
void expect_destroyed_exactly_once() {
  int alive = 0;
  {
    Callback<int()> callback = [counted = Counted(alive), filler = std::array<char, Size>{}] {
      return *counted.alive + filler[0];
    };
    EXPECT_EQ(alive, 1);
    Callback<int()> moved = std::move(callback);
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(moved(), 1);
    Callback<int()> replaced = [counted = Counted(alive)] { return *counted.alive; };
    EXPECT_EQ(alive, 2);
    replaced = std::move(moved);
    EXPECT_EQ(alive, 1);
    Callback<int()>& itself = replaced;
    replaced = std::move(itself);
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(replaced(), 1);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Callback, DestroysWhatItHoldsOnceSmallOrLarge) {
  expect_destroyed_exactly_once<1>();
  expect_destroyed_exactly_once<40>();
  expect_destroyed_exactly_once<41>();
  expect_destroyed_exactly_once<4096>();
}

TEST(Callback, OneThatIsAlignedMoreStrictlyThanMemoryIsStaysAligned) {
  struct alignas(64) Aligned {
    char c = 0;
  };
  Callback<bool()> callback = [aligned = Aligned()] {
    return reinterpret_cast<std::uintptr_t>(&aligned) % 64 == 0;
  };
  Callback<bool()> moved = std::move(callback);
  EXPECT_TRUE(moved());
}

TEST(Callback, ExceptionsComeOut) {
  Callback<void()> callback = [] { throw 3; };
  EXPECT_THROW(callback(), int);
  EXPECT_TRUE(callback);
}

TEST(Callback, ADestructorMayLookAtTheCallbackThatGoes) {
  Callback<void()> callback;
  struct Looks {
    Callback<void()>* at;
    ~Looks() {
      EXPECT_FALSE(at != nullptr && *at);
    }
  };
  auto looks = std::make_shared<Looks>(Looks{nullptr});
  looks->at = &callback;
  callback = [looks = std::move(looks)] {};
  callback.reset();
}

TEST(Callback, DropsTheResultWhereNoneIsWanted) {
  int calls = 0;
  Callback<void()> callback = [&] { return ++calls; };
  callback();
  EXPECT_EQ(calls, 1);
  static_assert(!std::is_constructible_v<Callback<void()>, int>);
  static_assert(!std::is_copy_constructible_v<Callback<void()>>);
  static_assert(std::is_nothrow_move_constructible_v<Callback<void()>>);
}

}  // namespace
}  // namespace simul
