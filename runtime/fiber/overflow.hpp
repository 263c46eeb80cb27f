// The report when a fiber's stack is too small.
//
// Touching a guard raises SIGSEGV (SIGBUS on some systems). The handler cannot run on the stack
// that has just ended, so each thread that has fibers gets a second, small one for signals. The
// handler looks up whose guard it was, writes one line with write(2), and lets the signal kill the
// process as it would have: the exit status and the core dump are the original ones. A fault
// anywhere else goes to the handler that was there before.
//
// AddressSanitizer reports overflows itself; under it nothing is installed.
#pragma once

#include <cstddef>
#include <memory>

namespace simul {

/// This thread's readiness to report an overflow, for as long as it lives. The first one in the
/// process installs the handlers of SIGSEGV and SIGBUS. A thread that has a signal stack already
/// keeps it. Throws `std::system_error`.
class OverflowReport {
 public:
  OverflowReport();
  ~OverflowReport();
  OverflowReport(const OverflowReport&) = delete;
  OverflowReport& operator=(const OverflowReport&) = delete;

 private:
  std::unique_ptr<std::byte[]> signal_stack_;  // null: the thread had one
};

}  // namespace simul
