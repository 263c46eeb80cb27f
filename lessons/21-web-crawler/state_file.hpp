// The file that keeps a crawl's state, saved from time to time and once more at the end.
//
// Saving waits for a disk, so it is done on another thread. A task that is cancelled meanwhile (by
// Ctrl-C) does not wait for that thread, which goes on; and the last save may begin before the one
// before it has ended. So the saves are numbered: they are made one after the other, and one that
// comes late does not undo a later one.
//
// The invariant: the file holds the newest state of those whose saving has ended.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "lessons/21-web-crawler/crawler.hpp"
#include "lessons/21-web-crawler/replace_file.hpp"
#include "lessons/21-web-crawler/state.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/to_thread.hpp"

namespace simul::crawl {

class StateFile {
 public:
  StateFile(std::string path, const Crawler& crawler)
      : crawler_(crawler), saves_(std::make_shared<Saves>(std::move(path))) {}

  /// Saves what is known at this moment. Throws std::system_error.
  Task<> save() {
    auto job = [saves = saves_, number = ++number_, text = state_text(crawler_)] {
      saves->save(number, text);
    };
    saved_ = crawler_.known().settled();
    co_await to_thread(std::move(job));
  }

  /// Until it is cancelled: once a second if there is something new, and less often where saving
  /// takes so long that it would be more than a tenth of the work.
  Task<> keep_saving() {
    Duration pause = std::chrono::seconds(1);
    for (;;) {
      co_await sleep(pause);
      if (crawler_.known().settled() == saved_) continue;
      const Stopwatch watch;
      co_await save();
      pause = std::max(Duration(std::chrono::seconds(1)), 10 * watch.elapsed());
    }
  }

 private:
  // Of the threads that save.
  struct Saves {
    explicit Saves(std::string the_path) : path(std::move(the_path)) {}

    void save(std::uint64_t number, const std::string& text) {
      const std::lock_guard<std::mutex> lock(mutex);
      if (number < newest) return;
      replace_file(path, text);
      newest = number;
    }

    const std::string path;
    std::mutex mutex;
    std::uint64_t newest = 0;
  };

  const Crawler& crawler_;
  std::shared_ptr<Saves> saves_;
  std::uint64_t number_ = 0;
  std::size_t saved_ = 0;
};

}  // namespace simul::crawl
