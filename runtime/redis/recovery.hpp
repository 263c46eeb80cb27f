// What dead workers have left: found and put right by those that live.
//
// Three sorts of things are left behind, and each is noticed by something that was not refreshed:
//
//     taken, not begun     the list simul:taken:<w>:<q> of a worker whose hash has expired: its
//                          jobs go back to the front of their queue
//     begun, not ended     an entry of rq:wip:<q> whose time is over: the job goes back to the end
//                          of its queue, unless too many workers have died with it
//     names                of workers that are no more, in rq:workers and rq:workers:<q>
//
// For the second, RQ has another rule: a job without retries is a failed job then. Ours is to run
// it again, for a worker's death is not the job's fault, and so often at most as
// `WorkerOptions::deaths` says, for maybe it is. (If a worker of rq serves the same queue and is
// quicker, its rule holds, and the job stands among the failed ones, to be requeued by hand. Lost
// it is not.)
//
// Also done here, as RQ does it: finished and failed jobs whose time is over leave their
// registries. That is worth doing four times an hour, by one worker, which a lock of RQ's sees to;
// the rest is done by everybody and more often. Everything is safe to be done by several at once:
// each step is a transaction that checks what it assumes.
#pragma once

#include <string>

#include "runtime/redis/worker_context.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

class Recovery {
 public:
  explicit Recovery(WorkerContext& worker) : worker_(worker) {}

  /// All of the above, once.
  Task<> run();

 private:
  Task<> clean(std::string queue);
  Task<> bury_workers(std::string set);
  Task<> give_back_abandoned(std::string queue);
  Task<> give_back_one(std::string queue, std::string id);
  Task<> give_back_taken();

  WorkerContext& worker_;
};

}  // namespace simul::redis
