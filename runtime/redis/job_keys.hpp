// Where things are in Redis: the keys of RQ 1.13, and two of our own.
//
// RQ's keys and their contents are a format that other programs read and write at the same time, so
// every name is made here and nowhere else. Ours begin with `simul:` and hold nothing that RQ would
// miss: without them a queue is a plain RQ queue.
//
//     rq:queues                    set     the keys of all queues that were ever used
//     rq:queue:<q>                 list    ids of jobs that wait, the next one first
//     rq:job:<id>                  hash    one job (job.hpp)
//     rq:job:<id>:dependents       set     ids of the jobs that wait for this one
//     rq:job::<id>:dependencies    set     ids of the jobs that this one waits for (two colons: a
//                                          slip in RQ 1.13 that is part of the format now)
//     rq:results:<id>              stream  what came of it, one entry for each time it was run
//     rq:wip:<q> and others        zset    registries (registry.hpp)
//     rq:workers, rq:workers:<q>   set     the keys of living workers, all and for each queue
//     rq:worker:<w>                hash    one worker; it expires unless it is refreshed
//     rq:pubsub:<w>                channel commands to a worker, as JSON
//     rq:clean_registries:<q>      string  while it is there, somebody has cleaned up already
//     rq:scheduler-lock:<q>        string  whoever has set it moves this queue's delayed jobs
//     rq:suspended                 string  while it is there, no worker takes a job
//     simul:taken:<w>:<q>          list    what a worker of ours has taken and not yet begun
//     simul:taken                  set     the keys of all lists of that sort (worker.hpp says why)
//
// Every Redis command that the queue uses, for whoever writes a server for it:
//
//     DEL EXISTS EXPIRE PERSIST GET SET(NX EX)             HSET HGET HMGET HGETALL HDEL HINCRBY
//     HINCRBYFLOAT   SADD SREM SMEMBERS                     RPUSH LPUSH LREM LLEN LRANGE
//     LMOVE BLMOVE(from a list to itself)                  ZADD(XX) ZREM ZSCORE ZCARD ZRANGE
//     ZRANGEBYSCORE(LIMIT) ZREMRANGEBYSCORE                XADD(MAXLEN ~) XREVRANGE(COUNT)
//     MULTI EXEC WATCH UNWATCH PING                        SUBSCRIBE
//
// No scripts. LMOVE and BLMOVE are of Redis 6.2.
#pragma once

#include <string>
#include <string_view>

namespace simul::redis::keys {

inline constexpr const char* kQueues = "rq:queues";
inline constexpr const char* kWorkers = "rq:workers";
inline constexpr const char* kSuspended = "rq:suspended";
inline constexpr const char* kTaken = "simul:taken";

inline constexpr std::string_view kQueuePrefix = "rq:queue:";
inline constexpr std::string_view kWorkerPrefix = "rq:worker:";
inline constexpr std::string_view kTakenPrefix = "simul:taken:";

/// Two texts one after the other: a key is a prefix and a name.
inline std::string joined(std::string_view prefix, std::string_view name) {
  return std::string(prefix).append(name);
}

inline std::string queue(std::string_view queue) {
  return joined(kQueuePrefix, queue);
}
inline std::string job(std::string_view id) {
  return joined("rq:job:", id);
}
inline std::string dependents(std::string_view id) {
  return job(id) + ":dependents";
}
inline std::string dependencies(std::string_view id) {
  return joined("rq:job::", id) + ":dependencies";
}
inline std::string results(std::string_view id) {
  return joined("rq:results:", id);
}
inline std::string worker(std::string_view name) {
  return joined(kWorkerPrefix, name);
}
inline std::string workers_of(std::string_view queue) {
  return joined("rq:workers:", queue);
}
inline std::string channel(std::string_view worker) {
  return joined("rq:pubsub:", worker);
}
inline std::string cleaning_lock(std::string_view queue) {
  return joined("rq:clean_registries:", queue);
}
inline std::string scheduler_lock(std::string_view queue) {
  return joined("rq:scheduler-lock:", queue);
}

/// A worker's name has no colon in it, a queue's may have: so the key can be taken apart.
inline std::string taken(std::string_view worker, std::string_view queue) {
  return joined(kTakenPrefix, worker) + joined(":", queue);
}

/// The worker and the queue that a key of `taken` was made of; both empty for another key.
struct TakenKey {
  std::string_view worker;
  std::string_view queue;

  static TakenKey parse(std::string_view key) noexcept {
    if (!key.starts_with(kTakenPrefix)) return {};
    key.remove_prefix(kTakenPrefix.size());
    const std::size_t colon = key.find(':');
    if (colon == std::string_view::npos) return {};
    return {key.substr(0, colon), key.substr(colon + 1)};
  }
};

}  // namespace simul::redis::keys
