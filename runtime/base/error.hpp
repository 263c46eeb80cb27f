// The errors that every layer shares.
//
// An error message is for a person: what was attempted, on what, why it failed. `std::system_error`
// has that shape already when it is given the first two: "connect 127.0.0.1:81: Connection
// refused".
#pragma once

#include <cerrno>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace simul {

/// Thrown at the place where a fiber or a task waits, when it is cancelled. It is no
/// `std::exception`, so that a handler for errors does not eat it by mistake (asyncio's
/// CancelledError is a BaseException for the same reason).
struct Cancelled {};

/// A time limit was reached. The message names the operation and the limit.
class TimedOut : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A size or count limit was reached. The message names the limit and its value.
class LimitExceeded : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws `std::system_error` for an errno value: "<what>: <strerror>".
[[noreturn]] inline void throw_errno(const std::string& what, int error = errno) {
  throw std::system_error(error, std::generic_category(), what);
}

/// What `error` says of itself, for a line on stderr.
inline std::string message_of(std::exception_ptr error) {
  try {
    std::rethrow_exception(std::move(error));
  } catch (const std::exception& e) {
    return e.what();
  } catch (const Cancelled&) {
    return "cancelled";
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

/// Is `error` a Cancelled? Not if it is null.
inline bool is_cancelled(const std::exception_ptr& error) noexcept {
  if (error == nullptr) return false;
  try {
    std::rethrow_exception(error);
  } catch (const Cancelled&) {
    return true;
  } catch (...) {
    return false;
  }
}

/// Passes on the result of a system call; if it is negative, throws errno with `what`.
template <class Result>
Result check(Result result, const char* what) {
  if (result < 0) throw_errno(what);
  return result;
}

}  // namespace simul
