// The embedded server's commands for strings, and for numbers in them.
#include <cmath>
#include <string>

#include "runtime/redis/mini_commands.hpp"

namespace simul::redis::mini {

namespace {

// A lifetime that a command was given: more than nothing.
TimePoint lifetime(const Call& call, std::size_t index, std::int64_t unit, bool absolute) {
  const std::int64_t number = to_integer(call[index]);
  if (number <= 0) {
    throw CommandFailed("ERR invalid expire time in '" + lower(call[0]) + "' command");
  }
  return expiry(number, unit, absolute, call[0]);
}

void put_until(Call& call, const std::string& value, TimePoint when) {
  call.data().put(call[1], value);
  if (when <= Clock::now()) {
    call.data().erase(call[1]);
  } else if (when != kNever) {
    call.data().set_expiry(call[1], when);
  }
}

void add(Call& call, std::int64_t by) {
  const std::string* const there = call.data().get<std::string>(call[1]);
  const std::int64_t sum = add_or_fail(there == nullptr ? 0 : to_integer(*there), by);
  call.data().make<std::string>(call[1]) = std::to_string(sum);
  call.data().changed(call[1]);
  call.reply(sum);
}

void reply_text_or_nil(Call& call, const std::string* text) {
  text == nullptr ? call.reply_nil() : call.reply(*text);
}

}  // namespace

void get(Call& call) {
  reply_text_or_nil(call, call.data().get<std::string>(call[1]));
}

// SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]
void set(Call& call) {
  bool nx = false, xx = false, get = false, keep = false, timed = false;
  std::size_t time = 0;
  for (std::size_t i = 3; i < call.size(); ++i) {
    const bool has_next = i + 1 < call.size();
    if (call.is(i, "nx") && !xx)
      nx = true;
    else if (call.is(i, "xx") && !nx)
      xx = true;
    else if (call.is(i, "get"))
      get = true;
    else if (call.is(i, "keepttl") && !timed)
      keep = true;
    else if (has_next && !keep && !timed &&
             (call.is(i, "ex") || call.is(i, "px") || call.is(i, "exat") || call.is(i, "pxat"))) {
      timed = true;
      time = ++i;
    } else {
      throw_syntax_error();
    }
  }
  TimePoint when = kNever;
  if (timed) {
    const bool seconds = call.is(time - 1, "ex") || call.is(time - 1, "exat");
    when = lifetime(call, time, seconds ? 1'000 : 1, call[time - 1].size() == 4);
  }
  const Database::Entry* const entry = call.data().find(call[1]);
  if (get) reply_text_or_nil(call, call.data().get<std::string>(call[1]));
  if ((nx && entry != nullptr) || (xx && entry == nullptr)) {
    if (!get) call.reply_nil();
    return;
  }
  if (keep && entry != nullptr) when = entry->expires;
  put_until(call, call[2], when);
  if (!get) call.ok();
}

void setnx(Call& call) {
  const bool is_new = call.data().find(call[1]) == nullptr;
  if (is_new) call.data().put(call[1], call[2]);
  call.reply(is_new ? 1 : 0);
}

void setex(Call& call) {
  put_until(call, call[3], lifetime(call, 2, 1'000, false));
  call.ok();
}
void psetex(Call& call) {
  put_until(call, call[3], lifetime(call, 2, 1, false));
  call.ok();
}

void getdel(Call& call) {
  const std::string* const there = call.data().get<std::string>(call[1]);
  reply_text_or_nil(call, there);
  call.data().erase(call[1]);
}

void mget(Call& call) {
  write_array(call.out, call.size() - 1);
  for (const std::string& key : call.words.subspan(1)) {
    const Database::Entry* const entry = call.data().find(key);
    reply_text_or_nil(call, entry == nullptr ? nullptr : std::get_if<std::string>(&entry->value));
  }
}

void mset(Call& call) {
  if (call.size() % 2 == 0) throw_wrong_arity(call[0]);
  for (std::size_t i = 1; i < call.size(); i += 2) call.data().put(call[i], call[i + 1]);
  call.ok();
}

void strlen_of(Call& call) {
  const std::string* const there = call.data().get<std::string>(call[1]);
  call.reply_count(there == nullptr ? 0 : there->size());
}

void append(Call& call) {
  std::string& value = call.data().make<std::string>(call[1]);
  value += call[2];
  call.data().changed(call[1]);
  call.reply_count(value.size());
}

void incr(Call& call) {
  add(call, 1);
}
void decr(Call& call) {
  add(call, -1);
}
void incrby(Call& call) {
  add(call, to_integer(call[2]));
}
void decrby(Call& call) {
  const std::int64_t by = to_integer(call[2]);
  if (by == INT64_MIN) throw CommandFailed("ERR decrement would overflow");
  add(call, -by);
}

void incrbyfloat(Call& call) {
  const std::string* const there = call.data().get<std::string>(call[1]);
  const long double value = there == nullptr ? 0 : to_long_double(*there);
  const long double sum = value + to_long_double(call[2]);
  if (!std::isfinite(sum)) throw CommandFailed("ERR increment would produce NaN or Infinity");
  const std::string text = from_long_double(sum);
  call.data().make<std::string>(call[1]) = text;
  call.data().changed(call[1]);
  call.reply(text);
}

}  // namespace simul::redis::mini
