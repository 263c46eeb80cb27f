// One line on the terminal that says how far it is, rewritten ten times a second.
//
//     312 asked, 48 under way, 1204 wait, 9 broken, 3.1 MiB, 290 a second
//
// There is no percentage and no time left: how many pages there will be is known when the last one
// has been read, and not before. On anything but a terminal there is no line at all.
//
// The invariant: the line is shorter than the terminal is wide, so that it is rewritten where it
// stands; and it is gone when the object is.
#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lessons/21-web-crawler/crawler.hpp"
#include "lessons/21-web-crawler/report.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/task.hpp"

namespace simul::crawl {

/// Is stderr a terminal that can rewrite a line?
inline bool has_progress_line() {
  const char* const term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

/// The line itself, at most `width` characters. With `colour`, what is broken is red.
inline std::string progress_text(const Progress& now, double seconds, std::size_t width,
                                 bool colour) {
  const std::string head = std::to_string(now.settled) + " asked, " +
                           std::to_string(now.under_way) + " under way, " +
                           std::to_string(now.waiting) + " wait, ";
  const std::string broken = std::to_string(now.broken) + " broken";
  char tail[80];
  std::snprintf(tail, sizeof tail, ", %s, %.0f a second", in_bytes(now.bytes).c_str(),
                static_cast<double>(now.requests) / std::max(seconds, 0.001));
  std::string text = head + broken + tail;
  if (text.size() > width) return text.substr(0, width);
  if (!colour || now.broken == 0) return text;
  return head + "\x1b[31m" + broken + "\x1b[0m" + tail;
}

/// Shows how far a crawl is, while it lives and `run` is under way.
class ProgressLine {
 public:
  explicit ProgressLine(const Crawler& crawler) : crawler_(crawler) {}
  ~ProgressLine() { write(""); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Until it is cancelled.
  Task<> run() {
    // https://no-color.org: set, and not empty.
    const char* const wish = std::getenv("NO_COLOR");
    const bool colour = wish == nullptr || *wish == '\0';
    for (;;) {
      write(progress_text(crawler_.progress(), watch_.seconds(), width() - 1, colour));
      co_await sleep(std::chrono::milliseconds(100));
    }
  }

 private:
  static std::size_t width() {
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return known ? size.ws_col : 80;
  }

  // In one piece, so that nothing else comes in between.
  static void write(const std::string& text) {
    const std::string line = "\r\x1b[K" + text;  // to the left edge, and clear what stands there
    std::fwrite(line.data(), 1, line.size(), stderr);
    std::fflush(stderr);
  }

  const Crawler& crawler_;
  const Stopwatch watch_;
};

}  // namespace simul::crawl
