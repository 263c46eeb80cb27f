// The embedded server's commands for keys of every kind: are they there, of what kind, until when.
#include <chrono>
#include <string>
#include <vector>

#include "runtime/redis/mini_commands.hpp"

namespace simul::redis::mini {

namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kMillisecond = 1;

// EXPIRE key time [NX | XX | GT | LT]
void expire_at(Call& call, std::int64_t unit, bool absolute) {
  bool nx = false, xx = false, gt = false, lt = false;
  for (std::size_t i = 3; i < call.size(); ++i) {
    if (call.is(i, "nx"))
      nx = true;
    else if (call.is(i, "xx"))
      xx = true;
    else if (call.is(i, "gt"))
      gt = true;
    else if (call.is(i, "lt"))
      lt = true;
    else
      throw CommandFailed("ERR Unsupported option " + call[i]);
  }
  if (nx && (xx || gt || lt)) {
    throw CommandFailed("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if (gt && lt) throw CommandFailed("ERR GT and LT options at the same time are not compatible");
  const TimePoint when = expiry(to_integer(call[2]), unit, absolute, call[0]);
  const Database::Entry* const entry = call.data().find(call[1]);
  if (entry == nullptr) return call.reply(0);
  const TimePoint now = entry->expires;  // a key that stays counts as one that expires last
  if ((nx && now != kNever) || (xx && now == kNever) || (gt && when <= now) ||
      (lt && when >= now)) {
    return call.reply(0);
  }
  if (when <= Clock::now()) {
    call.data().erase(call[1]);
  } else {
    call.data().set_expiry(call[1], when);
  }
  call.reply(1);
}

void reply_time_left(Call& call, std::int64_t unit) {
  const Database::Entry* const entry = call.data().find(call[1]);
  if (entry == nullptr) return call.reply(-2);
  if (entry->expires == kNever) return call.reply(-1);
  const auto left = std::chrono::ceil<milliseconds>(entry->expires - Clock::now()).count();
  call.reply((left + unit / 2) / unit);
}

}  // namespace

void del(Call& call) {
  std::int64_t count = 0;
  for (const std::string& key : call.words.subspan(1)) count += call.data().erase(key) ? 1 : 0;
  call.reply(count);
}

void exists(Call& call) {
  std::int64_t count = 0;
  for (const std::string& key : call.words.subspan(1)) count += call.data().find(key) ? 1 : 0;
  call.reply(count);
}

void type(Call& call) {
  const Database::Entry* const entry = call.data().find(call[1]);
  write_status(call.out, entry == nullptr ? "none" : type_name(entry->value));
}

void keys(Call& call) {
  std::vector<std::string_view> found;
  for (const auto& [key, entry] : call.data().keys()) {
    if (matches(call[1], key)) found.push_back(key);
  }
  write_command(call.out, found);
}

// SCAN cursor [MATCH pattern] [COUNT n] [TYPE kind]: all in one step, after which the cursor is 0.
void scan(Call& call) {
  to_integer(call[1], "ERR invalid cursor");
  std::string_view pattern = "*";
  std::string_view kind;
  for (std::size_t i = 2; i < call.size(); i += 2) {
    if (i + 1 == call.size()) throw_syntax_error();
    if (call.is(i, "match")) {
      pattern = call[i + 1];
    } else if (call.is(i, "count")) {
      if (to_integer(call[i + 1]) < 1) throw_syntax_error();
    } else if (call.is(i, "type")) {
      kind = call[i + 1];
    } else {
      throw_syntax_error();
    }
  }
  std::vector<std::string_view> found;
  for (const auto& [key, entry] : call.data().keys()) {
    const bool wanted = kind.empty() || same_word(kind, type_name(entry.value));
    if (wanted && matches(pattern, key)) found.push_back(key);
  }
  write_array(call.out, 2);
  call.reply("0");
  write_command(call.out, found);
}

void expire(Call& call) {
  expire_at(call, kSecond, false);
}
void pexpire(Call& call) {
  expire_at(call, kMillisecond, false);
}
void expireat(Call& call) {
  expire_at(call, kSecond, true);
}
void pexpireat(Call& call) {
  expire_at(call, kMillisecond, true);
}

void ttl(Call& call) {
  reply_time_left(call, kSecond);
}
void pttl(Call& call) {
  reply_time_left(call, kMillisecond);
}

void persist(Call& call) {
  const Database::Entry* const entry = call.data().find(call[1]);
  const bool expires = entry != nullptr && entry->expires != kNever;
  if (expires) call.data().set_expiry(call[1], kNever);
  call.reply(expires ? 1 : 0);
}

void dbsize(Call& call) {
  call.reply_count(call.data().size());
}

}  // namespace simul::redis::mini
