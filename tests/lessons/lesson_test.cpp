// What every lesson's program has around its example: exit status, errors, flags and the clock.
#include "lessons/common/lesson.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

// Runs a lesson as if started with these words and returns its exit status.
template <class Example>
int start(std::vector<std::string> words, const Lesson& about, Example example) {
  words.insert(words.begin(), "/some/where/99-test");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return lesson(static_cast<int>(words.size()), argv.data(), about, std::move(example));
}

// What the lesson wrote on stderr.
template <class Example>
std::string errors(std::vector<std::string> words, const Lesson& about, Example example) {
  ::testing::internal::CaptureStderr();
  start(std::move(words), about, std::move(example));
  return ::testing::internal::GetCapturedStderr();
}

const Lesson kPlain{.about = "A test."};
const Lesson kClock{.about = "A test.", .on_clock = true};
const Lesson kFetch{.about = "A test.", .fetches = true};

TEST(Lesson, RunsItsExampleOnceAndReturnsZero) {
  int runs = 0;
  EXPECT_EQ(start({}, kPlain, [&] { ++runs; }), 0);
  EXPECT_EQ(runs, 1);
}

TEST(Lesson, AnExceptionIsOneLineWithTheProgramsNameAndStatusOne) {
  EXPECT_EQ(start({}, kPlain, [] { throw std::runtime_error("no luck"); }), 1);
  EXPECT_EQ(errors({}, kPlain, [] { throw std::runtime_error("no luck"); }), "99-test: no luck\n");
  EXPECT_EQ(errors({}, kPlain, [] { throw std::runtime_error("two\nlines"); }),
            "99-test: two lines\n");
}

TEST(Lesson, WhatIsNoStdExceptionIsAnErrorToo) {
  EXPECT_EQ(start({}, kPlain, [] { throw Cancelled{}; }), 1);
  EXPECT_EQ(errors({}, kPlain, [] { throw Cancelled{}; }), "99-test: cancelled\n");
  EXPECT_EQ(start({}, kPlain, [] { throw 42; }), 1);
}

TEST(Lesson, AWrongCommandLineRunsNothingAndReturnsTwo) {
  bool ran = false;
  const auto example = [&] { ran = true; };
  EXPECT_EQ(start({"--virtual-time"}, kPlain, example), 2);
  EXPECT_EQ(start({"--live"}, kClock, example), 2);
  EXPECT_EQ(start({"http://a"}, kClock, example), 2);
  EXPECT_EQ(start({"--", "-x"}, kPlain, example), 2);
  EXPECT_EQ(start({"--virtual-time=1"}, kClock, example), 2);
  EXPECT_FALSE(ran);
  EXPECT_EQ(errors({"--bad"}, kClock, example),
            "99-test: unknown option: --bad\nusage: 99-test [--help] [--timeline] [--trace FILE] "
            "[--virtual-time]\n");
}

TEST(Lesson, HelpRunsNothing) {
  bool ran = false;
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(start({"--help", "--bad"}, kFetch, [&] { ran = true; }), 0);
  const std::string text = ::testing::internal::GetCapturedStdout();
  EXPECT_TRUE(text.starts_with(
      "usage: 99-test [--help] [--timeline] [--trace FILE] [--live] [URL...]\n\nA test.\n"))
      << text;
  EXPECT_FALSE(ran);
}

TEST(Lesson, VirtualTimeLastsAsLongAsTheExample) {
  bool was_virtual = false;
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(start({"--virtual-time"}, kClock,
                  [&] {
                    was_virtual = Clock::is_virtual();
                    Clock::sleep_for(1h);
                  }),
            0);
  EXPECT_TRUE(was_virtual);
  EXPECT_FALSE(Clock::is_virtual());
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1min);
}

TEST(Lesson, TheClockIsRealUnlessAskedOtherwise) {
  bool was_virtual = true;
  start({}, kClock, [&] { was_virtual = Clock::is_virtual(); });
  EXPECT_FALSE(was_virtual);
}

TEST(Lesson, TheExampleSeesItsOptions) {
  Options seen;
  EXPECT_EQ(start({"http://a", "--live", "http://b", "--", "-c"}, kFetch,
                  [&](const Options& options) { seen = options; }),
            0);
  EXPECT_TRUE(seen.live);
  EXPECT_EQ(seen.urls, (std::vector<std::string>{"http://a", "http://b", "-c"}));
}

TEST(Lesson, OperandsTakeThePlaceOfUrlsAndMayBeNegativeNumbers) {
  std::vector<std::string> words;
  const Lesson about{.about = "A test.",
                     .fetches = true,
                     .operands = Operands{"WORD...", "some words", &words, 2}};
  EXPECT_EQ(start({"a", "-7", "--live", "-0.5"}, about, [] {}), 0);
  EXPECT_EQ(words, (std::vector<std::string>{"a", "-7", "-0.5"}));
  EXPECT_EQ(start({"a"}, about, [] {}), 2);
  EXPECT_EQ(start({"a", "b", "-c"}, about, [] {}), 2);
  EXPECT_TRUE(errors({"a"}, about, [] {}).ends_with(" [--live] WORD...\n"));
}

TEST(LessonDeathTest, AComplaintLetsTheExampleGoOnAndMakesTheStatusOne) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(std::exit(start({}, kPlain,
                              [] {
                                complain(std::runtime_error("the first"));
                                complain(std::runtime_error("the second"));
                              })),
              ::testing::ExitedWithCode(1), "^99-test: the first\n99-test: the second\n$");
}

TEST(Say, WritesItsPartsAndALineEnd) {
  ::testing::internal::CaptureStdout();
  say("Task ", std::string("One"), " total: ", 15);
  say();
  flush_out();
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "Task One total: 15\n\n");
}

}  // namespace
}  // namespace simul
