#include "runtime/thread/process_pool.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/thread/process_function.hpp"
#include "runtime/thread/process_worker.hpp"

namespace simul {

// --- A job --------------------------------------------------------------------------------------

PoolJob::~PoolJob() {
  ListNode<PoolJob>::unlink();
  if (worker_ == nullptr) return;
  // Nobody would read the answer; and what is killed takes no processor from the next job.
  PoolWorker& worker = *worker_;
  worker.let_go_of_job();
  pool_->dismiss(worker);
  pool_->serve_line();
}

void PoolJob::start() {
  if (!ProcessFunction::exists(name_)) {
    throw std::invalid_argument("no function for other processes is called " + name_);
  }
  outside_.emplace(who()->reactor());
  pool_->line_.push_back(*this);
  pool_->serve_line();
}

std::string PoolJob::await_resume() {
  if (error_ != nullptr) std::rethrow_exception(error_);
  if (!result_) throw Cancelled{};
  return std::move(*result_);
}

void PoolJob::succeed(std::string result) noexcept {
  result_ = std::move(result);
  wake();
}

void PoolJob::fail(const std::string& why) noexcept {
  end_with(std::make_exception_ptr(JobFailed(name_ + ": " + why)));
}

void PoolJob::end_with(std::exception_ptr error) noexcept {
  error_ = std::move(error);
  wake();
}

// --- The pool -----------------------------------------------------------------------------------

ProcessPool::ProcessPool(ProcessPoolOptions options)
    : reactor_(Reactor::current()),
      most_(options.processes != 0 ? options.processes
                                   : std::max(1U, std::thread::hardware_concurrency())),
      answer_limit_(options.answer_limit) {
  detail::worker_command();  // throws now if this program is not made for it
}

ProcessPool::~ProcessPool() {
  const std::string why = "the pool was destroyed meanwhile";
  while (PoolJob* job = line_.pop_front()) job->fail(why);
  for (const auto& worker : workers_) {
    if (PoolJob* job = worker->let_go_of_job()) job->fail(why);
  }
}

std::vector<int> ProcessPool::process_ids() const {
  std::vector<int> ids;
  for (const auto& worker : workers_) ids.push_back(worker->pid());
  return ids;
}

// Brings jobs and processes together, as long as there are both.
void ProcessPool::serve_line() noexcept {
  while (PoolJob* job = line_.front()) {
    PoolWorker* worker = nullptr;
    try {
      worker = idle_worker();
      if (worker == nullptr && workers_.size() < most_) worker = new_worker();
    } catch (...) {
      if (workers_.empty()) {  // else one of those that there are will come to it
        line_.pop_front();
        job->end_with(std::current_exception());
        continue;
      }
    }
    if (worker == nullptr) return;
    line_.pop_front();
    worker->take(*job);
  }
}

void ProcessPool::dismiss(PoolWorker& worker) noexcept {
  std::erase_if(workers_, [&](const auto& each) { return each.get() == &worker; });
}

PoolWorker* ProcessPool::idle_worker() noexcept {
  for (const auto& worker : workers_) {
    if (worker->idle()) return worker.get();
  }
  return nullptr;
}

PoolWorker* ProcessPool::new_worker() {
  workers_.push_back(std::make_unique<PoolWorker>(*this));
  return workers_.back().get();
}

}  // namespace simul
