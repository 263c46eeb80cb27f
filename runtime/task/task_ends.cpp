#include "runtime/task/task_ends.hpp"

#include <exception>
#include <stdexcept>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul::detail {

TaskEnds::TaskEnds(const Sort& sort, const std::vector<TaskCore*>& tasks, Options options)
    : Wait(sort), links_(tasks.size()), options_(options), complete_(tasks.empty()) {
  ended_.reserve(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    links_[i].wait = this;
    links_[i].task = tasks[i];
    links_[i].fired = [](DoneLink& link) noexcept {
      auto& self = static_cast<Link&>(link);
      self.wait->note(static_cast<std::size_t>(&self - self.wait->links_.data()));
    };
    if (!tasks[i]->done()) tasks[i]->notify(links_[i]);
  }
  // Not before all links are there: a link is found by its place in the row.
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i]->done()) note(i);
  }
}

void TaskEnds::start() {
  for (const Link& link : links_) {
    if (static_cast<Routine*>(link.task) == who()) {
      throw std::logic_error(link.task->describe() + " waits for its own end");
    }
  }
  if (options_.deadline != kNever) who()->reactor().set_timer(timer_, options_.deadline);
}

void TaskEnds::note(std::size_t index) noexcept {
  ended_.push_back(index);
  TaskCore& task = *links_[index].task;
  const bool failed = task.failed() || (task.cancelled() && options_.cancelled_is_exception);
  if (failed && first_failed_ == nullptr) first_failed_ = &task;
  if (ended_.size() == links_.size()) {
    complete_ = true;
  } else if (!cancel_passed_on_) {
    complete_ = complete_ || options_.until == Until::first_completed ||
                (failed && options_.until == Until::first_exception);
  }
  if (complete_) wake();
}

void TaskEnds::throw_first() {
  if (cancel_passed_on_) throw Cancelled{};
  if (first_failed_ == nullptr || options_.until != Until::first_exception) return;
  if (std::exception_ptr error = first_failed_->collect_error()) {
    std::rethrow_exception(std::move(error));
  }
  throw Cancelled{};
}

void TaskEnds::leave(Waiter& waiter) noexcept {
  auto& self = static_cast<TaskEnds&>(waiter);
  for (Link& link : self.links_) link.unlink();
  self.timer_.unlink();
}

// All but the last are cancelled from here; the last one is left to the caller, who goes along a
// chain of tasks in a loop, so that a chain of gathers of one does not recurse.
Routine* TaskEnds::cancel_tasks(Waiter& waiter) {
  auto& self = static_cast<TaskEnds&>(waiter);
  if (self.cancelling_) return nullptr;
  self.cancelling_ = true;
  TaskCore* last = nullptr;
  for (Link& link : self.links_) {
    if (link.task->done()) continue;
    if (last != nullptr) last->cancel();
    last = link.task;
  }
  self.cancelling_ = false;
  self.cancel_passed_on_ = last != nullptr;
  return last;
}

}  // namespace simul::detail
