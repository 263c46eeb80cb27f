#include "runtime/thread/thread_pool.hpp"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "runtime/base/activity.hpp"
#include "runtime/base/error.hpp"

namespace simul {
namespace {

std::atomic<ThreadPool*> shared_pool{nullptr};

}  // namespace

struct ThreadPool::State {
  struct Job {
    Callback<void()> run;
    Awaited awaited;
  };

  /// With the mutex held.
  Job take(std::map<std::uint64_t, Job>::iterator place) noexcept {
    Job job = std::move(place->second);
    jobs.erase(place);
    if (job.awaited == Awaited::no) --unawaited;
    return job;
  }

  mutable std::mutex mutex;
  std::condition_variable job_added;
  std::condition_variable thread_ended;
  std::map<std::uint64_t, Job> jobs;  // by the number of their ticket: first come, first served
  std::uint64_t next_ticket = 0;
  std::size_t unawaited = 0;  // how many of them nobody waits for
  std::size_t max_threads;
  std::size_t queue_limit;
  Duration linger;
  std::size_t threads = 0;
  std::size_t idle = 0;
  bool closing = false;
};

ThreadPool::ThreadPool(std::size_t max_threads, Duration linger, std::size_t queue_limit)
    : state_(std::make_shared<State>()) {
  state_->max_threads = max_threads;
  state_->linger = linger;
  state_->queue_limit = queue_limit;
}

ThreadPool::~ThreadPool() {
  shutdown();
}

void ThreadPool::shutdown() {
  std::map<std::uint64_t, State::Job> dropped;  // destroyed after the lock is gone
  std::unique_lock lock(state_->mutex);
  state_->closing = true;
  state_->jobs.swap(dropped);
  state_->unawaited = 0;
  state_->job_added.notify_all();
  const Blocking blocking("threads");
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

ThreadPool::Ticket ThreadPool::submit(Callback<void()> job, Awaited awaited) {
  std::lock_guard lock(state_->mutex);
  if (state_->closing) throw std::logic_error("thread pool: it has been shut down");
  if (awaited == Awaited::no && state_->unawaited >= state_->queue_limit) {
    throw LimitExceeded("thread pool: " + std::to_string(state_->queue_limit) +
                        " jobs stand in the queue, which is its limit");
  }
  const std::uint64_t number = ++state_->next_ticket;
  const auto place =
      state_->jobs.try_emplace(state_->jobs.end(), number, State::Job{std::move(job), awaited});
  if (awaited == Awaited::no) ++state_->unawaited;
  Ticket ticket(state_, number);
  if (state_->idle >= state_->jobs.size() || state_->threads >= state_->max_threads) {
    state_->job_added.notify_one();
    return ticket;
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
      job = std::move(state_->take(place).run);  // destroyed after the lock is gone
      ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    // The threads that there are will come to it.
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return ticket;
}

bool ThreadPool::Ticket::withdraw() const noexcept {
  const std::shared_ptr<State> state = state_.lock();
  if (state == nullptr) return false;
  Callback<void()> dropped;  // destroyed after the lock is gone
  std::lock_guard lock(state->mutex);
  const auto place = state->jobs.find(number_);
  if (place == state->jobs.end()) return false;
  dropped = std::move(state->take(place).run);
  return true;
}

std::size_t ThreadPool::queued() const {
  std::lock_guard lock(state_->mutex);
  return state_->jobs.size();
}

std::size_t ThreadPool::threads() const {
  std::lock_guard lock(state_->mutex);
  return state_->threads;
}

void ThreadPool::work(std::shared_ptr<State> state) {
  std::unique_lock lock(state->mutex);
  for (;;) {
    ++state->idle;
    const bool more = [&] {
      const GivingWay giving_way("a job");
      return state->job_added.wait_for(
          lock, state->linger, [&] { return state->closing || !state->jobs.empty(); });
    }();
    --state->idle;
    if (!more || state->jobs.empty()) break;
    Callback<void()> job = std::move(state->take(state->jobs.begin()).run);
    lock.unlock();
    job();
    job.reset();
    lock.lock();
  }
  --state->threads;
  state->thread_ended.notify_all();
}

}  // namespace simul
