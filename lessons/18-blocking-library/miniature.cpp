// An executor from nothing: a call that blocks is made elsewhere, and its end becomes an event.
//
//   the loop's thread                          the executor's thread
//   -----------------                          ---------------------
//   run(call, then): a job in the queue  --->  takes it, and makes the call. It blocks
//   poll(), timers, beats ...                  .
//   .                                          done: the job goes into the other queue
//   poll(): the pipe is readable  <----------  write(pipe, a byte)
//   takes the job: then(result)
//
// Two queues, each with a lock, and a pipe. The pipe is there because poll() cannot wait for a
// queue: without the byte, the loop would learn of the result when it wakes for some other reason.
//
// The invariant: `call` runs in the other thread and `then` in the loop's. So `then` may touch what
// the loop's other code touches, without a lock; `call` may not.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

using namespace std::chrono_literals;

// ---- The executor ----

class Executor {
 public:
  explicit Executor(int wake_up) : wake_up_(wake_up), thread_([this] { work(); }) {}

  ~Executor() {
    add({[] { return 0; }, nullptr});  // a job without a `then` is the last one
    thread_.join();
  }

  void run(std::function<int()> call, std::function<void(int)> then) {
    add({std::move(call), std::move(then)});
  }

  // In the loop's thread, when the pipe is readable: tells the results that are there.
  void finish() {
    std::deque<Job> done;
    {
      const std::lock_guard lock(mutex_);
      done.swap(done_);
    }
    for (Job& job : done) job.then(job.result);  // without the lock: it may call run()
  }

 private:
  struct Job {
    std::function<int()> call;
    std::function<void(int)> then;
    int result = 0;
  };

  void add(Job job) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
    added_.notify_one();
  }

  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      added_.wait(lock, [this] { return !waiting_.empty(); });
      Job job = std::move(waiting_.front());
      waiting_.pop_front();
      if (job.then == nullptr) return;
      lock.unlock();
      job.result = job.call();  // it blocks, and holds up nobody but this thread
      lock.lock();
      done_.push_back(std::move(job));
      const char byte = 0;
      [[maybe_unused]] const ssize_t told = write(wake_up_, &byte, 1);  // full: it wakes up anyway
    }
  }

  std::mutex mutex_;
  std::condition_variable added_;
  std::deque<Job> waiting_;
  std::deque<Job> done_;
  int wake_up_;
  std::thread thread_;
};

// ---- The loop: a heart that beats, and a pipe ----

int beats = 0;

void loop_until(const bool& over, int pipe, Executor& executor) {
  auto next_beat = std::chrono::steady_clock::now() + 10ms;
  while (!over) {
    pollfd entry{pipe, POLLIN, 0};
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(next_beat - std::chrono::steady_clock::now());
    const int ready = poll(&entry, 1, static_cast<int>(std::max(left, 0ms).count()));
    if (ready > 0) {
      char bytes[64];
      while (read(pipe, bytes, sizeof bytes) > 0) {
      }
      executor.finish();
    }
    if (std::chrono::steady_clock::now() >= next_beat) {
      ++beats;
      next_beat = std::chrono::steady_clock::now() + 10ms;
    }
  }
}

// ---- The example ----

int call_that_blocks() {
  std::this_thread::sleep_for(200ms);
  return 42;
}

int main() {
  int ends[2];
  if (pipe(ends) < 0) throw std::runtime_error("pipe");
  for (const int end : ends) fcntl(end, F_SETFL, O_NONBLOCK);
  {
    Executor executor(ends[1]);
    const int alone = call_that_blocks();
    std::printf("made by the loop      : %d, and beats meanwhile: %d\n", alone, beats);

    bool over = false;
    executor.run(call_that_blocks, [&](int result) {
      std::printf("made by the executor  : %d, and beats meanwhile: %d\n", result, beats);
      over = true;
    });
    loop_until(over, ends[0], executor);
  }
  for (const int end : ends) close(end);
}
