// The embedded server's commands for hashes: names and values under one key.
#include <cmath>
#include <string>

#include "runtime/redis/mini_commands.hpp"

namespace simul::redis::mini {

namespace {

// Null if the key or the field is not there.
const std::string* field(Call& call, const std::string& name) {
  const Hash* const hash = call.data().get<Hash>(call[1]);
  if (hash == nullptr) return nullptr;
  const auto found = hash->find(name);
  return found == hash->end() ? nullptr : &found->second;
}

void reply_field(Call& call, const std::string& name) {
  const std::string* const value = field(call, name);
  value == nullptr ? call.reply_nil() : call.reply(*value);
}

std::int64_t put_fields(Call& call) {
  if (call.size() % 2 != 0) throw_wrong_arity(call[0]);
  Hash& hash = call.data().make<Hash>(call[1]);
  std::int64_t added = 0;
  for (std::size_t i = 2; i < call.size(); i += 2) {
    added += hash.insert_or_assign(call[i], call[i + 1]).second ? 1 : 0;
  }
  call.data().changed(call[1]);
  return added;
}

void put_field(Call& call, std::string text) {
  call.data().make<Hash>(call[1]).insert_or_assign(call[2], std::move(text));
  call.data().changed(call[1]);
}

void reply_hash(Call& call, bool names, bool values) {
  const Hash* const hash = call.data().get<Hash>(call[1]);
  const std::size_t each = (names ? 1 : 0) + (values ? 1 : 0);
  write_array(call.out, hash == nullptr ? 0 : hash->size() * each);
  if (hash == nullptr) return;
  for (const auto& [name, value] : *hash) {
    if (names) call.reply(name);
    if (values) call.reply(value);
  }
}

}  // namespace

void hset(Call& call) {
  call.reply(put_fields(call));
}

void hmset(Call& call) {
  put_fields(call);
  call.ok();
}

void hsetnx(Call& call) {
  const bool is_new = field(call, call[2]) == nullptr;
  if (is_new) put_field(call, call[3]);
  call.reply(is_new ? 1 : 0);
}

void hget(Call& call) {
  reply_field(call, call[2]);
}

void hmget(Call& call) {
  write_array(call.out, call.size() - 2);
  for (const std::string& name : call.words.subspan(2)) reply_field(call, name);
}

void hgetall(Call& call) {
  reply_hash(call, true, true);
}
void hkeys(Call& call) {
  reply_hash(call, true, false);
}
void hvals(Call& call) {
  reply_hash(call, false, true);
}

void hdel(Call& call) {
  Hash* const hash = call.data().get<Hash>(call[1]);
  std::size_t count = 0;
  if (hash != nullptr) {
    for (const std::string& name : call.words.subspan(2)) count += hash->erase(name);
    if (count > 0) call.data().changed(call[1]);
  }
  call.reply_count(count);
}

void hexists(Call& call) {
  call.reply(field(call, call[2]) == nullptr ? 0 : 1);
}

void hlen(Call& call) {
  const Hash* const hash = call.data().get<Hash>(call[1]);
  call.reply_count(hash == nullptr ? 0 : hash->size());
}

void hincrby(Call& call) {
  const std::int64_t by = to_integer(call[3]);
  const std::string* const there = field(call, call[2]);
  const std::int64_t value =
      there == nullptr ? 0 : to_integer(*there, "ERR hash value is not an integer");
  const std::int64_t sum = add_or_fail(value, by);
  put_field(call, std::to_string(sum));
  call.reply(sum);
}

void hincrbyfloat(Call& call) {
  const long double by = to_long_double(call[3]);
  if (!std::isfinite(by)) throw CommandFailed("ERR value is NaN or Infinity");
  const std::string* const there = field(call, call[2]);
  const long double value =
      there == nullptr ? 0 : to_long_double(*there, "ERR hash value is not a float");
  if (!std::isfinite(value + by)) {
    throw CommandFailed("ERR increment would produce NaN or Infinity");
  }
  const std::string text = from_long_double(value + by);
  put_field(call, text);
  call.reply(text);
}

}  // namespace simul::redis::mini
