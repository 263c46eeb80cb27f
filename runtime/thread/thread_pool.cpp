#include "runtime/thread/thread_pool.hpp"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

namespace simul {
namespace {

std::atomic<ThreadPool*> shared_pool{nullptr};

}  // namespace

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable job_added;
  std::condition_variable thread_ended;
  std::deque<Callback<void()>> jobs;
  std::size_t max_threads;
  Duration linger;
  std::size_t threads = 0;
  std::size_t idle = 0;
  bool closing = false;
};

ThreadPool::ThreadPool(std::size_t max_threads, Duration linger)
    : state_(std::make_shared<State>()) {
  state_->max_threads = max_threads;
  state_->linger = linger;
}

ThreadPool::~ThreadPool() {
  std::deque<Callback<void()>> dropped;  // destroyed after the lock is gone
  std::unique_lock lock(state_->mutex);
  state_->closing = true;
  state_->jobs.swap(dropped);
  state_->job_added.notify_all();
  state_->thread_ended.wait(lock, [this] { return state_->threads == 0; });
}

ThreadPool& ThreadPool::shared() {
  // Never destroyed: at the end of the program a thread may sit in a lookup that takes minutes, and
  // nobody should have to wait for it.
  static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { shared_pool.store(nullptr); });
  static_cast<void>(registered);
  ThreadPool* pool = shared_pool.load();
  if (pool == nullptr) {
    auto fresh = std::make_unique<ThreadPool>(16);
    if (shared_pool.compare_exchange_strong(pool, fresh.get())) pool = fresh.release();
  }
  return *pool;
}

void ThreadPool::submit(Callback<void()> job) {
  std::lock_guard lock(state_->mutex);
  state_->jobs.push_back(std::move(job));
  if (state_->idle >= state_->jobs.size() || state_->threads >= state_->max_threads) {
    state_->job_added.notify_one();
    return;
  }
  // Signals are for the program's own threads: a new thread inherits the mask of its maker.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread(work, state_).detach();
    ++state_->threads;
  } catch (const std::system_error&) {
    if (state_->threads == 0) {
      state_->jobs.pop_back();
      ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    // The threads that there are will come to it.
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void ThreadPool::work(std::shared_ptr<State> state) {
  std::unique_lock lock(state->mutex);
  for (;;) {
    ++state->idle;
    const bool more = state->job_added.wait_for(
        lock, state->linger, [&] { return state->closing || !state->jobs.empty(); });
    --state->idle;
    if (!more || state->jobs.empty()) break;
    Callback<void()> job = std::move(state->jobs.front());
    state->jobs.pop_front();
    lock.unlock();
    job();
    job.reset();
    lock.lock();
  }
  --state->threads;
  state->thread_ended.notify_all();
}

}  // namespace simul
