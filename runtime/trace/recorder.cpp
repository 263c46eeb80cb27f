// The tape: the observer that is never destroyed, and listens while a recorder wants it to.
#include "runtime/trace/recorder.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "runtime/base/clock.hpp"
#include "runtime/base/observer.hpp"
#include "runtime/trace/events.hpp"
#include "runtime/trace/replay.hpp"

namespace simul::trace {
namespace {

using What = Event::What;
using std::chrono::nanoseconds;

constexpr std::size_t kLongestName = 200;

// What a thread keeps of the recording that it last wrote to. Without a destructor: it must be
// there as long as anything of the thread is.
struct ThisThread {
  unsigned recording = 0;  // 0: none yet
  unsigned number = 0;
  TimePoint last{};    // its latest moment
  Duration behind{0};  // how far its clock has gone back, with the ends of virtual times
  bool left_out = false;
};
constinit thread_local ThisThread this_thread;

// Tells the tape of its thread's end. Where that comes before the end of the thread's loop, what
// the loop still does is recorded all the same.
struct Farewell {
  bool expected = false;
  ~Farewell();
};
thread_local Farewell farewell;

// One recording. All members but the first are guarded by the tape's lock.
struct Recording {
  explicit Recording(RecorderOptions options) : limit(options.events) {
    written.title = std::move(options.title);
  }

  Events written;
  const std::size_t limit;
  TimePoint begin = Clock::now();
  nanoseconds latest{0};  // of all threads
  unsigned threads = 0;
  bool all_real = true;  // no thread has spoken in virtual time
};

class Tape final : public Observer {
 public:
  void created(std::uint64_t id, const char* kind, std::string_view name) override {
    write(What::created, id, kind, name);
  }
  void named(std::uint64_t id, std::string_view name) override {
    write(What::named, id, nullptr, name);
  }
  void ready(std::uint64_t id, std::uint64_t) override { write(What::ready, id); }
  void runs(std::uint64_t id) override { write(What::runs, id); }
  void waits(std::uint64_t id, const char* label) override { write(What::waits, id, label); }
  void ended(std::uint64_t id) override { write(What::ended, id); }
  void blocks(const char* label) override { write(What::blocks, 0, label); }
  void gives_way(const char* label) override { write(What::gives_way, 0, label); }
  void goes_on() override { write(What::goes_on, 0); }
  void thread_ended() noexcept { write(What::thread_ended, 0); }

  void start(RecorderOptions options) {
    if (forked_) throw std::logic_error("Recorder: not in a forked child");
    // There, the lock may be held by a thread that is not there: it is not touched any more.
    static const int registered = ::pthread_atfork(nullptr, nullptr, after_fork);
    static_cast<void>(registered);
    auto recording = std::make_unique<Recording>(std::move(options));
    {
      const std::lock_guard lock(mutex_);
      if (recording_ != nullptr) throw std::logic_error("Recorder: another one is at work");
      recording_ = recording.release();
      ++number_;
      enter(*recording_);
    }
    before_ = set_observer(this);
  }

  // Returns null in a forked child.
  std::unique_ptr<Recording> stop() {
    if (forked_) return nullptr;
    if (observer() == this) set_observer(before_);
    const std::lock_guard lock(mutex_);
    std::unique_ptr<Recording> recording(std::exchange(recording_, nullptr));
    // Until now, if this thread can tell what time it is for the others; else to the last moment.
    const bool knows = recording->all_real || this_thread.recording == number_;
    if (recording->written.dropped == 0 && knows) {
      recording->latest = std::max(recording->latest, now() - recording->begin);
    }
    recording->written.length = recording->latest;
    return recording;
  }

 private:
  static void after_fork() noexcept;

  // This thread is seen for the first time in this recording.
  void enter(Recording& recording) noexcept {
    this_thread.recording = number_;
    this_thread.number = ++recording.threads;
    this_thread.last = recording.begin;
    this_thread.behind = Duration::zero();
    farewell.expected = true;
  }

  static TimePoint now() noexcept {
    TimePoint time = Clock::now() + this_thread.behind;
    if (time < this_thread.last) {
      this_thread.behind += this_thread.last - time;
      time = this_thread.last;
    }
    this_thread.last = time;
    return time;
  }

  void write(What what, std::uint64_t id, const char* label = nullptr,
             std::string_view name = {}) noexcept {
    if (this_thread.left_out) return;
    const std::lock_guard lock(mutex_);
    if (recording_ == nullptr) return;  // it was removed while this thread was on its way here
    Recording& recording = *recording_;
    Events& written = recording.written;
    if (written.events.size() >= recording.limit) {
      ++written.dropped;
      return;
    }
    if (this_thread.recording != number_) {
      if (what == What::thread_ended) return;
      enter(recording);
    }
    if (Clock::is_virtual()) recording.all_real = false;
    const nanoseconds time = std::max(now() - recording.begin, nanoseconds::zero());
    try {
      std::string copy(name.substr(0, kLongestName));
      written.events.push_back({what, this_thread.number, time, id, label});
      if (what == What::created || what == What::named) written.names.push_back(std::move(copy));
      recording.latest = std::max(recording.latest, time);
    } catch (const std::bad_alloc&) {
      ++written.dropped;
    }
  }

  std::mutex mutex_;
  Recording* recording_ = nullptr;  // null: it does not listen
  Observer* before_ = nullptr;
  unsigned number_ = 0;  // of the recording
  bool forked_ = false;  // this process is a child of the one that it was made in
};

constinit Tape tape;

void Tape::after_fork() noexcept {
  tape.forked_ = true;
  if (observer() == &tape) set_observer(nullptr);
}

Farewell::~Farewell() {
  if (expected && observer() == &tape) tape.thread_ended();
}

}  // namespace

Recorder::Recorder(RecorderOptions options) {
  tape.start(std::move(options));
}

Recorder::~Recorder() {
  if (recording_.exchange(false)) tape.stop();
}

Timeline Recorder::stop() {
  if (!recording_.exchange(false)) return {};
  const std::unique_ptr<Recording> recording = tape.stop();
  return recording != nullptr ? replay(recording->written) : Timeline();
}

void Recorder::leave_out_this_thread() noexcept {
  this_thread.left_out = true;
}

}  // namespace simul::trace
