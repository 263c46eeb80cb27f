// How a worker gets its next job, and why none is lost on the way.
//
// RQ takes a job off the queue with BLPOP and then writes down that it has it. A worker that dies
// between the two takes the job with it: the id is in no list any more, and nobody will ever miss
// it. That window is closed here. A job is *moved*, in one step, to a list of what this worker has
// taken:
//
//     rq:queue:<q> --LMOVE--> simul:taken:<w>:<q> --one transaction--> rq:wip:<q>, status started
//                                     |                                        |
//                 the worker died: LMOVE back                 the worker died: recovery.hpp
//
// At every moment the id is in the queue, in the list, or in the registry of started jobs. If the
// worker dies, the first is nobody's loss and the third is RQ's own business, for that registry
// expires. As to the second: the list's name stands in the set `simul:taken`, put there in the very
// transaction that takes. Any worker of ours that finds a name there whose worker's hash is gone,
// moves what is in the list back to the front of the queue.
//
// Workers of rq may serve the same queue: each id goes to one or the other, and they see no
// difference, for they look at none of our keys. What they lose in their own window, we cannot
// bring back; and if nobody but them is left, what lies in our lists waits until one of us is there
// again.
//
// Waiting for several queues at once cannot move: only BLPOP waits for several lists, and it takes.
// So waiting takes nothing. A connection for each queue asks BLMOVE to move the front of the list
// to the front of the same list: that changes nothing, and blocks until there is something. Then
// the queues are asked again, in order of importance. All who wait are woken by one job, and all
// but one find nothing; that is the price.
//
// The reply to a move may be lost with the connection. Then the list is read: what is in it and not
// known here was meant for us.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/redis/worker_context.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_group.hpp"

namespace simul::redis {

/// A job's id, and the queue that it was taken from.
struct TakenJob {
  std::string id;
  std::string queue;
  auto operator<=>(const TakenJob&) const = default;
};

/// See above. For one routine that takes; any may `wake` or `settled`.
class JobIntake {
 public:
  explicit JobIntake(WorkerContext& worker) : worker_(worker) {}

  /// The next job of the most important queue that has one; nothing if all are empty. Does not
  /// wait for one.
  Task<std::optional<TakenJob>> take();

  /// Waits until a queue may have something, or `wake`. Needs `watch_queues`.
  Task<> wait();

  /// Ends a wait.
  void wake() noexcept { news_.set(); }

  /// It has left our list: begun, dropped, or given back.
  void settled(const TakenJob& job) { held_.erase(job); }

  /// Empties our lists, once nobody is at a job: what was found there and not begun goes back to
  /// the front of its queue.
  Task<> give_back();

  /// Starts what `wait` needs, until it is cancelled.
  std::vector<TaskHandle<>> watch_queues(TaskGroup& group);

 private:
  Task<> find_unknown();
  Task<> watch(std::string queue);

  WorkerContext& worker_;
  std::multiset<TakenJob> held_;  // in our lists, as far as we know
  std::deque<TakenJob> found_;    // there, too, and not handed out yet
  bool in_doubt_ = true;          // is there more in our lists than we know?
  Event news_;
  Event wanted_;
};

}  // namespace simul::redis
