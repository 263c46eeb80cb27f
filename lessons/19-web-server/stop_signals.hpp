// Ctrl-C and SIGTERM as something that poll(2) can wait for, for threads that block.
//
// The handler writes a byte into a pipe, as in lesson 14's miniature. Nobody ever reads it: so the
// pipe stays readable, and every thread that waits for it, now or later, learns that the program is
// to end. The second signal ends the process at once.
//
// The invariant: one object at a time, and while it lives the two signals are its own.
#pragma once

#include <unistd.h>
#include <csignal>

#include "runtime/thread/pipe.hpp"

namespace simul {

/// The two signals, for the threads of one program. Make it before the first of them is started.
class StopSignals {
 public:
  /// Throws std::system_error if there is no pipe to be had.
  StopSignals() : pipe_(open_pipe()) {
    write_end_ = pipe_.write.get();
    struct sigaction told {};
    told.sa_handler = [](int) { [[maybe_unused]] const auto n = ::write(write_end_, "", 1); };
    told.sa_flags = static_cast<int>(SA_RESETHAND);
    for (int i = 0; i < 2; ++i) ::sigaction(kSignals[i], &told, &before_[i]);
  }
  ~StopSignals() {
    for (int i = 0; i < 2; ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Readable when the program is to end.
  int fd() const noexcept { return pipe_.read.get(); }

 private:
  static constexpr int kSignals[2] = {SIGINT, SIGTERM};
  static inline volatile std::sig_atomic_t write_end_ = -1;

  Pipe pipe_;
  struct sigaction before_[2];
};

}  // namespace simul
