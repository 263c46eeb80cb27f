#include "runtime/base/error.hpp"

#include <gtest/gtest.h>

#include <exception>
#include <string>
#include <type_traits>

namespace simul {
namespace {

template <class E>
std::string told(const E& error) {
  return message_of(std::make_exception_ptr(error));
}

TEST(Errors, AnErrnoSaysWhatWasAttemptedAndWhyItFailed) {
  try {
    throw_errno("connect 127.0.0.1:81", ECONNREFUSED);
  } catch (const std::system_error& error) {
    EXPECT_STREQ(error.what(), "connect 127.0.0.1:81: Connection refused");
    EXPECT_EQ(error.code(), std::errc::connection_refused);
  }
}

TEST(Errors, CheckPassesResultsOnAndThrowsErrno) {
  EXPECT_EQ(check(0, "zero"), 0);
  EXPECT_EQ(check(5L, "five"), 5L);
  errno = ENOENT;
  try {
    check(-1, "open the door");
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ENOENT);
    EXPECT_EQ(std::string(error.what()).find("open the door: "), 0u);
  }
}

TEST(Errors, CancelledIsNotEatenByAHandlerForErrors) {
  static_assert(!std::is_base_of_v<std::exception, Cancelled>);
  try {
    try {
      throw Cancelled{};
    } catch (const std::exception&) {
      FAIL();
    }
  } catch (const Cancelled&) {
  }
}

TEST(Errors, TheirMessagesAreForALineOnStderr) {
  EXPECT_EQ(told(TimedOut("connect: 10 s are over")), "connect: 10 s are over");
  EXPECT_EQ(told(LimitExceeded("header: more than 100 fields")), "header: more than 100 fields");
  EXPECT_EQ(told(Cancelled{}), "cancelled");
  EXPECT_EQ(told(42), "an exception that is no std::exception");
}

}  // namespace
}  // namespace simul
