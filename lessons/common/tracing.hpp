// What `--timeline` and `--trace FILE` do: record the example, and show what came of it.
//
// They belong to every lesson's program (lesson.hpp). Without either flag nothing is recorded and
// nothing installed. With one, the example is recorded from its beginning to its end, whichever way
// it ends: also by an exception, or by a Ctrl-C that ends the program. The drawing then says so. An
// example may hand in what is to be drawn in place of the recording (stretch.hpp).
//
// For the latter, a thread waits for Ctrl-C. It is the only one that does: a program that answers
// Ctrl-C itself, as `run` does, has its answer called from there, and one that does not ends as it
// always would, but after the drawing. One invariant: a recording is shown once.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lessons/common/flags.hpp"
#include "lessons/common/stretch.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/trace/recorder.hpp"

namespace simul {

/// What the command line asked for.
struct TraceWish {
  bool chart = false;  ///< A chart on stdout, after the example's own output.
  std::string file{};  ///< A picture (.svg) or Chrome trace events (.json); empty: neither.

  explicit operator bool() const { return chart || !file.empty(); }

  /// The flags that write into this. They throw WrongUsage for a file with another ending.
  std::vector<Flag> flags();
};

/// What was handed in, as the timeline of a program called `title`. Who has the thread's name is
/// the thread, all others are tasks; the rows are in the order in which they were first named.
trace::Timeline timeline_of(std::string title, const std::vector<Stretch>& stretches);

/// A recording, from `begin` to `show`. Thread: the one that made it, but for `add`.
class Tracing {
 public:
  /// Opens the file, and keeps Ctrl-C away from all threads that are started from now on. Throws
  /// std::system_error if the file cannot be written.
  Tracing(TraceWish wish, std::string program);
  ~Tracing();
  Tracing(const Tracing&) = delete;
  Tracing& operator=(const Tracing&) = delete;

  /// Starts recording.
  void begin();

  /// While an example is recorded: what is handed in is shown, and the recording is not. Else it
  /// does nothing. Any thread of the example.
  static void add(Stretch stretch);

  /// Stops, and shows. `how` is what the drawing says of the end, such as "failed"; empty: nothing.
  /// The first call counts; in a forked child none does. Throws std::system_error.
  void show(const std::string& how);

 private:
  void wait_for_interrupt() noexcept;
  void write_file(const std::string& text);

  const TraceWish wish_;
  const std::string program_;
  const pid_t process_;
  UniqueFd file_;
  sigset_t mask_before_{};
  std::optional<trace::Recorder> recorder_;
  std::mutex mutex_;  // who shows it: the program's end, or Ctrl-C
  bool shown_ = false;
  std::vector<Stretch> stretches_;
  std::atomic<bool> over_{false};
  std::thread watcher_;
};

}  // namespace simul
