// The table of commands that the embedded server knows.
//
// mini_commands.cpp is the table itself: each line a name, how many words, when it may be used, and
// the function that does it. The functions are declared here, and stand in files by what they are
// about: mini_keys.cpp, mini_strings.cpp, mini_hashes.cpp, mini_lists.cpp, mini_sets.cpp,
// mini_sorted_sets.cpp, mini_streams.cpp, mini_transactions.cpp, mini_channels.cpp, mini_admin.cpp.
//
// The invariant: a function is called with as many words as its line asks for, so it may read the
// first of them without looking.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/redis/mini_call.hpp"

namespace simul::redis::mini {

/// When a command may be used. Sums of these.
enum : std::uint8_t {
  kAlways = 0,
  kAtOnce = 1,      ///< done at once even after MULTI, which lines up all others
  kSubscribed = 2,  ///< also on a connection that has subscribed to something
};

struct CommandInfo {
  std::string_view name;  ///< in small letters; "client|list": of two words
  int words;              ///< with the name; -2: two or more
  std::uint8_t when;
  void (*run)(Call&);  ///< null: only together with a second word
};

/// The line for these words, one or more, in whatever case, after counting them. Throws what Redis
/// says if there is none, or if they are too few or too many.
const CommandInfo& find_command(Words words);

/// Each does the command of its name, as Redis documents it; see mini_call.hpp for the manner.
void del(Call&), exists(Call&), type(Call&), keys(Call&), scan(Call&);
void expire(Call&), pexpire(Call&), expireat(Call&), pexpireat(Call&);
void ttl(Call&), pttl(Call&), persist(Call&), dbsize(Call&), flushdb(Call&), flushall(Call&);

/// Strings.
void get(Call&), set(Call&), setnx(Call&), setex(Call&), psetex(Call&), mget(Call&), mset(Call&);
void strlen_of(Call&), append(Call&), getdel(Call&);
void incr(Call&), decr(Call&), incrby(Call&), decrby(Call&), incrbyfloat(Call&);

/// Hashes.
void hset(Call&), hmset(Call&), hsetnx(Call&), hget(Call&), hmget(Call&), hgetall(Call&);
void hdel(Call&), hexists(Call&), hlen(Call&), hkeys(Call&), hvals(Call&);
void hincrby(Call&), hincrbyfloat(Call&);

/// Lists.
void lpush(Call&), rpush(Call&), lpop(Call&), rpop(Call&), llen(Call&), lrange(Call&);
void lindex(Call&), lrem(Call&), ltrim(Call&), lmove(Call&), rpoplpush(Call&);
void blpop(Call&), brpop(Call&), blmove(Call&), brpoplpush(Call&);

/// Sets.
void sadd(Call&), srem(Call&), smembers(Call&), sismember(Call&), scard(Call&);

/// Sorted sets.
void zadd(Call&), zincrby(Call&), zrem(Call&), zscore(Call&), zcard(Call&), zcount(Call&);
void zrank(Call&), zrange(Call&), zrevrange(Call&), zrangebyscore(Call&), zrevrangebyscore(Call&);
void zremrangebyscore(Call&), zremrangebyrank(Call&);

/// Streams.
void xadd(Call&), xlen(Call&), xrange(Call&), xrevrange(Call&), xdel(Call&);

/// Transactions.
void multi(Call&), exec(Call&), discard(Call&), watch(Call&), unwatch(Call&);

/// Channels.
void subscribe(Call&), unsubscribe(Call&), psubscribe(Call&), punsubscribe(Call&);
void publish(Call&), pubsub_channels(Call&), pubsub_numsub(Call&), pubsub_numpat(Call&);

/// The connection and the server.
void ping(Call&), echo(Call&), select(Call&), auth(Call&), quit(Call&), reset(Call&);
void client_setname(Call&), client_getname(Call&), client_id(Call&), client_list(Call&);
void info(Call&), time_of_day(Call&), command(Call&), no_scripts(Call&);

}  // namespace simul::redis::mini
