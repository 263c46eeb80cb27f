// Recorder: writes down who runs, who is ready, and who waits for what.
//
//     trace::Recorder recorder;
//     run(async_main());
//     const trace::Timeline timeline = recorder.stop();
//     std::cout << trace::chart(timeline, {.width = 80});
//
// It is the process's observer (observer.hpp) while it lives, and hears of every thread, each with
// that thread's own clock: in virtual time, the timeline of a program is the same in every run. The
// thread that makes it is shown as "main program" from the beginning; others, once they stand still
// or let others run. Made inside a scope of virtual time, it should be stopped inside it.
//
// Two things about threads. Moments are written down one at a time, under a lock: so nothing is
// lost and each thread's moments keep their order. And another thread may have asked for the
// observer just before it is removed, and speak to it just after. So what is installed is an object
// that is never destroyed; a recorder only tells it to listen. Who comes late is not heard, and no
// harm is done.
//
// The buffer is bounded. When it is full, what comes after is counted and no more: the timeline
// ends there, and says so. A forked child records nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>

#include "runtime/trace/timeline.hpp"

namespace simul::trace {

/// What may be chosen for a recording.
struct RecorderOptions {
  std::string title{};             ///< Of the program, for the drawings.
  std::size_t events = 1'000'000;  ///< How many moments the buffer holds; each takes 40 bytes.
};

/// Records from its construction to `stop`. There can be one at a time.
class Recorder {
 public:
  /// Starts. Throws std::logic_error if another recorder is at work. An observer that was installed
  /// before hears nothing meanwhile.
  explicit Recorder(RecorderOptions options = {});

  /// Stops, and forgets what was recorded.
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// Stops and gives what was recorded; a second time, an empty timeline. Any thread may call it,
  /// while others go on: what they do from then on is not recorded.
  Timeline stop();

  /// Nothing of this thread is recorded any more, nor what it creates. For threads that are part of
  /// the stage and not of the play, such as that of a server to try things out with.
  static void leave_out_this_thread() noexcept;

 private:
  std::atomic<bool> recording_{true};
};

}  // namespace simul::trace
