#include "runtime/task/timeout.hpp"

#include "runtime/base/in_seconds.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul::detail {

TimeoutScope::TimeoutScope(Duration limit)
    : task_(*TaskCore::current()), limit_(limit), before_(task_.cancels_requested()) {
  if (limit == Duration::max()) return;
  timer_ = task_.reactor().call_later(limit, [this] {
    expired_ = true;
    task_.cancel();
  });
}

bool TimeoutScope::close() noexcept {
  timer_.cancel();
  if (!expired_) return false;
  expired_ = false;
  return task_.uncancel() <= before_;
}

void TimeoutScope::replace_cancelled() {
  if (close()) throw_timed_out(limit_);
}

void throw_timed_out(Duration limit) {
  throw TimedOut(TaskCore::current()->describe() + ": timed out after " + in_seconds(limit));
}

}  // namespace simul::detail
