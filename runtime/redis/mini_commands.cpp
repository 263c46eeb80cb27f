#include "runtime/redis/mini_commands.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace simul::redis::mini {

namespace {

constexpr CommandInfo kCommands[] = {
    // Keys
    {"del", -2, kAlways, del},
    {"unlink", -2, kAlways, del},
    {"exists", -2, kAlways, exists},
    {"type", 2, kAlways, type},
    {"keys", 2, kAlways, keys},
    {"scan", -2, kAlways, scan},
    {"expire", -3, kAlways, expire},
    {"pexpire", -3, kAlways, pexpire},
    {"expireat", -3, kAlways, expireat},
    {"pexpireat", -3, kAlways, pexpireat},
    {"ttl", 2, kAlways, ttl},
    {"pttl", 2, kAlways, pttl},
    {"persist", 2, kAlways, persist},
    {"dbsize", 1, kAlways, dbsize},
    {"flushdb", -1, kAlways, flushdb},
    {"flushall", -1, kAlways, flushall},
    // Strings
    {"get", 2, kAlways, get},
    {"set", -3, kAlways, set},
    {"setnx", 3, kAlways, setnx},
    {"setex", 4, kAlways, setex},
    {"psetex", 4, kAlways, psetex},
    {"getdel", 2, kAlways, getdel},
    {"mget", -2, kAlways, mget},
    {"mset", -3, kAlways, mset},
    {"strlen", 2, kAlways, strlen_of},
    {"append", 3, kAlways, append},
    {"incr", 2, kAlways, incr},
    {"decr", 2, kAlways, decr},
    {"incrby", 3, kAlways, incrby},
    {"decrby", 3, kAlways, decrby},
    {"incrbyfloat", 3, kAlways, incrbyfloat},
    // Hashes
    {"hset", -4, kAlways, hset},
    {"hmset", -4, kAlways, hmset},
    {"hsetnx", 4, kAlways, hsetnx},
    {"hget", 3, kAlways, hget},
    {"hmget", -3, kAlways, hmget},
    {"hgetall", 2, kAlways, hgetall},
    {"hdel", -3, kAlways, hdel},
    {"hexists", 3, kAlways, hexists},
    {"hlen", 2, kAlways, hlen},
    {"hkeys", 2, kAlways, hkeys},
    {"hvals", 2, kAlways, hvals},
    {"hincrby", 4, kAlways, hincrby},
    {"hincrbyfloat", 4, kAlways, hincrbyfloat},
    // Lists
    {"lpush", -3, kAlways, lpush},
    {"rpush", -3, kAlways, rpush},
    {"lpop", -2, kAlways, lpop},
    {"rpop", -2, kAlways, rpop},
    {"llen", 2, kAlways, llen},
    {"lrange", 4, kAlways, lrange},
    {"lindex", 3, kAlways, lindex},
    {"lrem", 4, kAlways, lrem},
    {"ltrim", 4, kAlways, ltrim},
    {"lmove", 5, kAlways, lmove},
    {"rpoplpush", 3, kAlways, rpoplpush},
    {"blpop", -3, kAlways, blpop},
    {"brpop", -3, kAlways, brpop},
    {"blmove", 6, kAlways, blmove},
    {"brpoplpush", 4, kAlways, brpoplpush},
    // Sets
    {"sadd", -3, kAlways, sadd},
    {"srem", -3, kAlways, srem},
    {"smembers", 2, kAlways, smembers},
    {"sismember", 3, kAlways, sismember},
    {"scard", 2, kAlways, scard},
    // Sorted sets
    {"zadd", -4, kAlways, zadd},
    {"zincrby", 4, kAlways, zincrby},
    {"zrem", -3, kAlways, zrem},
    {"zscore", 3, kAlways, zscore},
    {"zcard", 2, kAlways, zcard},
    {"zcount", 4, kAlways, zcount},
    {"zrank", 3, kAlways, zrank},
    {"zrange", -4, kAlways, zrange},
    {"zrevrange", -4, kAlways, zrevrange},
    {"zrangebyscore", -4, kAlways, zrangebyscore},
    {"zrevrangebyscore", -4, kAlways, zrevrangebyscore},
    {"zremrangebyscore", 4, kAlways, zremrangebyscore},
    {"zremrangebyrank", 4, kAlways, zremrangebyrank},
    // Streams
    {"xadd", -5, kAlways, xadd},
    {"xlen", 2, kAlways, xlen},
    {"xrange", -4, kAlways, xrange},
    {"xrevrange", -4, kAlways, xrevrange},
    {"xdel", -3, kAlways, xdel},
    // Transactions
    {"multi", 1, kAtOnce, multi},
    {"exec", 1, kAtOnce, exec},
    {"discard", 1, kAtOnce, discard},
    {"watch", -2, kAtOnce, watch},
    {"unwatch", 1, kAlways, unwatch},
    // Channels
    {"subscribe", -2, kSubscribed, subscribe},
    {"unsubscribe", -1, kSubscribed, unsubscribe},
    {"psubscribe", -2, kSubscribed, psubscribe},
    {"punsubscribe", -1, kSubscribed, punsubscribe},
    {"publish", 3, kAlways, publish},
    {"pubsub", -2, kAlways, nullptr},
    {"pubsub|channels", -2, kAlways, pubsub_channels},
    {"pubsub|numsub", -2, kAlways, pubsub_numsub},
    {"pubsub|numpat", 2, kAlways, pubsub_numpat},
    // The connection and the server
    {"ping", -1, kSubscribed, ping},
    {"echo", 2, kAlways, echo},
    {"select", 2, kAlways, select},
    {"auth", -2, kAlways, auth},
    {"quit", -1, kAtOnce | kSubscribed, quit},
    {"reset", 1, kAtOnce | kSubscribed, reset},
    {"client", -2, kAlways, nullptr},
    {"client|setname", 3, kAlways, client_setname},
    {"client|getname", 2, kAlways, client_getname},
    {"client|id", 2, kAlways, client_id},
    {"client|list", 2, kAlways, client_list},
    {"info", -1, kAlways, info},
    {"time", 1, kAlways, time_of_day},
    {"command", -1, kAlways, command},
    // Named only to say why not
    {"eval", -3, kAlways, no_scripts},
    {"evalsha", -3, kAlways, no_scripts},
    {"script", -2, kAlways, no_scripts},
};

const CommandInfo* line_of(std::string_view name) noexcept {
  const auto found =
      std::find_if(std::begin(kCommands), std::end(kCommands),
                   [&](const CommandInfo& info) { return same_word(info.name, name); });
  return found == std::end(kCommands) ? nullptr : found;
}

// As Redis says it, with at most 128 bytes of the arguments.
[[noreturn]] void throw_unknown(Words words) {
  constexpr std::size_t kShown = 128;
  std::string shown;
  for (std::size_t i = 1; i < words.size() && shown.size() < kShown; ++i) {
    shown += "'" + words[i].substr(0, kShown - shown.size()) + "' ";
  }
  throw CommandFailed("ERR unknown command '" + words[0].substr(0, kShown) +
                      "', with args beginning with: " + shown);
}

void check_arity(const CommandInfo& info, Words words) {
  const auto wanted = static_cast<std::size_t>(std::abs(info.words));
  if (info.words < 0 ? words.size() < wanted : words.size() != wanted) throw_wrong_arity(info.name);
}

}  // namespace

const CommandInfo& find_command(Words words) {
  const CommandInfo* info = line_of(words[0]);
  if (info == nullptr || words[0].find('|') != std::string::npos) throw_unknown(words);
  if (info->run == nullptr && words.size() > 1) {
    const CommandInfo* const whole = line_of(std::string(info->name) + "|" + words[1]);
    if (whole == nullptr) {
      std::string name(info->name);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](char letter) { return static_cast<char>(letter - 'a' + 'A'); });
      throw CommandFailed("ERR unknown subcommand '" + words[1].substr(0, 128) + "'. Try " + name +
                          " HELP.");
    }
    info = whole;
  }
  check_arity(*info, words);
  return *info;
}

}  // namespace simul::redis::mini
