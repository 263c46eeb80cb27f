// What the tests of tasks share: virtual time, a log with the time of each entry, a few tasks to
// play with, and a record of what was reported because nobody collected it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/in_seconds.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/task.hpp"

namespace simul {

class TaskFixture : public ::testing::Test {
 public:
  using Log = std::vector<std::string>;

  TaskFixture() {
    loop.set_exception_handler([this](const std::string& where, std::exception_ptr error) {
      reported.push_back(without_numbers(where) + " failed: " + message_of(std::move(error)));
    });
  }

  /// "task 'task-7'" -> "task 'task'": they are numbered all through the program.
  static std::string without_numbers(std::string text) {
    for (std::size_t i; (i = text.find("'task-")) != std::string::npos;) {
      text.erase(i + 5, text.find('\'', i + 5) - (i + 5));
    }
    return text;
  }

  /// Runs each batch of the loop in another order for each of `seed` = 1, 2, 3, ... (The first
  /// numbers of the generator for small seeds are much alike.)
  void shuffle(std::uint64_t seed) { loop.shuffle(seed * 2'654'435'761U); }

  /// Into the log, after the time since the test began: "1.5s text".
  void note(const std::string& text) {
    const double seconds = to_seconds(Clock::now() - start);
    char stamp[32];
    std::snprintf(stamp, sizeof stamp, "%gs ", seconds);
    log.push_back(stamp + text);
  }

  Task<> say(std::string text, Duration delay = Duration::zero()) {
    if (delay > Duration::zero()) co_await sleep(delay);
    note(text);
  }
  Task<int> value(int result, Duration delay = Duration::zero()) {
    if (delay > Duration::zero()) co_await sleep(delay);
    note(std::to_string(result));
    co_return result;
  }
  Task<std::string> text(std::string result, Duration delay) {
    co_await sleep(delay);
    note(result);
    co_return result;
  }
  Task<> fail(std::string message, Duration delay = Duration::zero()) {
    if (delay > Duration::zero()) co_await sleep(delay);
    throw std::runtime_error(message);
  }

  /// Sleeps until it is cancelled, and then takes its time before it goes.
  Task<> stubborn(std::string name, Duration cleanup) {
    try {
      co_await sleep(std::chrono::hours(1));
    } catch (const Cancelled&) {
      note(name + " cancelled");
    }
    co_await sleep(cleanup);
    note(name + " gone");
    throw Cancelled{};
  }

  /// Sleeps until it is cancelled, and then ends as if nothing had happened.
  Task<> swallows(std::string /*name*/) {
    try {
      co_await sleep(std::chrono::hours(1));
    } catch (const Cancelled&) {
    }
  }
  Task<> fails_when_cancelled(std::string message) {
    try {
      co_await sleep(std::chrono::hours(1));
    } catch (const Cancelled&) {
    }
    throw std::runtime_error(message);
  }

  /// What `co_await what()`, or of a handle `co_await what`, throws: its message, "cancelled" or
  /// "none".
  template <class What>
  static Task<std::string> error_of(const What& what) {
    try {
      if constexpr (std::is_invocable_v<const What&>) {
        co_await what();
      } else {
        co_await what;
      }
    } catch (const Cancelled&) {
      co_return "cancelled";
    } catch (const std::exception& error) {
      co_return without_numbers(error.what());
    }
    co_return "none";
  }

  VirtualTime time;
  TimePoint start = Clock::now();
  Log log;
  Log reported;
  Reactor loop;
};

}  // namespace simul
