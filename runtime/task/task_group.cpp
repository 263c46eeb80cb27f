#include "runtime/task/task_group.hpp"

#include "runtime/base/error.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul {

TaskGroup::TaskGroup(TaskCore& task)
    : task_(task), before_(task.cancels_requested()), children_([this] {
        if (!body_runs_) return;
        body_cancelled_ = true;
        task_.cancel();
      }) {}

void TaskGroup::body_ended(std::exception_ptr error) {
  body_runs_ = false;
  const bool ours_alone = body_cancelled_ && task_.uncancel() <= before_;
  if (error == nullptr) return;
  if (!is_cancelled(error)) {
    body_error_ = std::move(error);
    body_failed_first_ = children_.first_failed() == nullptr;
  } else if (!ours_alone) {
    cancelled_ = true;
  }
  // Once is enough: those who clean up already are to be left to it.
  if (!children_.shutting_down()) children_.shut_down();
}

void TaskGroup::cancelled() {
  cancelled_ = true;
  children_.shut_down();
}

// What a child failed with and is not thrown stays uncollected: its task reports it.
void TaskGroup::finish() {
  Spawned* const failed_child = children_.first_failed();
  if (!cancelled_ && !body_error_ && failed_child == nullptr) return;
  try {
    if (cancelled_) throw Cancelled{};
    task_.throw_if_cancelled();
  } catch (const Cancelled&) {
    report_body_error();
    throw;
  }
  if (failed_child == nullptr || body_failed_first_) std::rethrow_exception(body_error_);
  const std::exception_ptr error = failed_child->collect_error();
  if (body_error_ != error) report_body_error();  // the body may have waited for that child
  std::rethrow_exception(error);
}

void TaskGroup::report_body_error() {
  if (body_error_) task_.reactor().report(task_.describe() + ": the body of a group", body_error_);
}

}  // namespace simul
