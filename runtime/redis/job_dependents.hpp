// Jobs that wait for other jobs: when one ends, which of them may go to their queues?
//
// A job that is enqueued with `depends_on` and finds one of those not finished is deferred: it
// stands in its queue's deferred registry, and its id in the set of dependents of each job that it
// waits for. Whoever ends a job looks into that set, and what is ready leaves it in the very
// transaction that ends the job. Two that end at the same moment and both have the last word on a
// third are the reason why everything that is read here is watched (change.hpp).
//
// A job that failed lets those go on that said `allow_dependency_failures`; the others stay
// deferred until it is requeued and finishes, or somebody removes them. (Queue.enqueue_dependents)
#pragma once

#include <string>
#include <vector>

#include "runtime/redis/change.hpp"
#include "runtime/redis/command.hpp"
#include "runtime/redis/job.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

/// Adds to `out` what moves the dependents of `parent` that may run now. `parent.status` is what it
/// is about to be.
Task<> release_dependents(Watched& now, Transaction& out, const Job& parent);

/// Must `job`, which is new, wait for one of its `dependency_ids`? Those that do not exist (any
/// more) are not waited for, as in RQ.
Task<bool> must_wait(Watched& now, const Job& job);

}  // namespace simul::redis
