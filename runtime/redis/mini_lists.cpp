// The embedded server's commands for lists: both ends, the middle, and waiting for something to
// come (mini_blocking.hpp says who is served first).
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "runtime/redis/mini_blocking.hpp"
#include "runtime/redis/mini_commands.hpp"
#include "runtime/redis/mini_connection.hpp"

namespace simul::redis::mini {

namespace {

enum class End { left, right };

void put(Items& items, End end, std::string item) {
  end == End::left ? items.push_front(std::move(item)) : items.push_back(std::move(item));
}

std::string take(Items& items, End end) {
  std::string item = std::move(end == End::left ? items.front() : items.back());
  end == End::left ? items.pop_front() : items.pop_back();
  return item;
}

void push(Call& call, End end) {
  Items& items = call.data().make<Items>(call[1]);
  for (const std::string& item : call.words.subspan(2)) put(items, end, item);
  call.reply_count(items.size());
  call.data().changed(call[1]);
}

// LPOP key [count]
void pop(Call& call, End end) {
  if (call.size() > 3) throw_wrong_arity(call[0]);
  const bool many = call.size() == 3;
  constexpr const char* kNegative = "ERR value is out of range, must be positive";
  const std::int64_t wanted = many ? to_integer(call[2], kNegative) : 1;
  if (wanted < 0) throw CommandFailed(kNegative);
  Items* const items = call.data().get<Items>(call[1]);
  if (items == nullptr) return write_nil(call.out, many);
  const std::size_t count = std::min(static_cast<std::size_t>(wanted), items->size());
  if (many) write_array(call.out, count);
  for (std::size_t i = 0; i < count; ++i) call.reply(take(*items, end));
  if (count > 0) call.data().changed(call[1]);
}

End end_of(const Call& call, std::size_t index) {
  if (call.is(index, "left")) return End::left;
  if (call.is(index, "right")) return End::right;
  throw_syntax_error();
}

// From one list to another, or to the other end of the same one. False if there is nothing.
bool move(Call& call, End from, End to) {
  Items* const source = call.data().get<Items>(call[1]);
  if (source == nullptr) return false;
  call.data().get<Items>(call[2]);  // is it a list, if it is there?
  std::string item = take(*source, from);
  call.reply(item);
  put(call.data().make<Items>(call[2]), to, std::move(item));
  call.data().changed(call[2]);
  if (call[1] != call[2]) call.data().changed(call[1]);
  return true;
}

// --- Waiting -------------------------------------------------------------------------------------

Duration time_limit(const std::string& text) {
  constexpr const char* kNoFloat = "ERR timeout is not a float or out of range";
  const double seconds = to_double(text, kNoFloat);
  if (!std::isfinite(seconds) || seconds > 9.2e15) throw CommandFailed(kNoFloat);
  if (seconds < 0) throw CommandFailed("ERR timeout is negative");
  return seconds == 0 ? Duration::max() : std::max(from_seconds(seconds), Duration(1));
}

// Does it now from the first of the lists that has something, or waits for them.
void now_or_later(Call& call, Blocked::Take take_from, Words lists, Duration limit,
                  bool nil_is_array) {
  for (const std::string& key : lists) {
    if (take_from(call, key)) return;
  }
  if (call.client.pending.running) return write_nil(call.out, nil_is_array);
  call.client.wait_for_lists(take_from, call.words, {lists.begin(), lists.end()}, limit);
}

bool pop_from(Call& call, const std::string& key, End end) {
  Items* const items = call.data().get<Items>(key);
  if (items == nullptr) return false;
  write_command(call.out, {key, take(*items, end)});
  call.data().changed(key);
  return true;
}

void wait_and_pop(Call& call, Blocked::Take take_from) {
  const Duration limit = time_limit(call.words.back());
  now_or_later(call, take_from, call.words.subspan(1, call.size() - 2), limit, true);
}

void wait_and_move(Call& call, Blocked::Take take_from) {
  const Duration limit = time_limit(call.words.back());
  now_or_later(call, take_from, call.words.subspan(1, 1), limit, false);
}

}  // namespace

void lpush(Call& call) {
  push(call, End::left);
}
void rpush(Call& call) {
  push(call, End::right);
}
void lpop(Call& call) {
  pop(call, End::left);
}
void rpop(Call& call) {
  pop(call, End::right);
}

void llen(Call& call) {
  const Items* const items = call.data().get<Items>(call[1]);
  call.reply_count(items == nullptr ? 0 : items->size());
}

void lrange(Call& call) {
  const std::int64_t first = to_integer(call[2]);
  const std::int64_t last = to_integer(call[3]);
  const Items* const items = call.data().get<Items>(call[1]);
  const Slice part = slice(first, last, items == nullptr ? 0 : items->size());
  write_array(call.out, part.end - part.begin);
  for (std::size_t i = part.begin; i < part.end; ++i) call.reply((*items)[i]);
}

void lindex(Call& call) {
  const Items* const items = call.data().get<Items>(call[1]);
  if (items == nullptr) return call.reply_nil();
  std::int64_t index = to_integer(call[2]);
  const auto size = static_cast<std::int64_t>(items->size());
  if (index < 0) index += size;
  if (index < 0 || index >= size) return call.reply_nil();
  call.reply((*items)[static_cast<std::size_t>(index)]);
}

// LREM key count item: the first ones, the last ones (a negative count), or all (0).
void lrem(Call& call) {
  const std::int64_t wanted = to_integer(call[2]);
  Items* const items = call.data().get<Items>(call[1]);
  if (items == nullptr) return call.reply(0);
  const std::size_t before = items->size();
  std::uint64_t left = wanted == 0  ? UINT64_MAX
                       : wanted < 0 ? 0 - static_cast<std::uint64_t>(wanted)
                                    : static_cast<std::uint64_t>(wanted);
  const auto goes = [&](const std::string& item) { return item == call[3] && left > 0 && left--; };
  if (wanted < 0) {
    const auto stays = std::remove_if(items->rbegin(), items->rend(), goes);
    items->erase(items->begin(), stays.base());
  } else {
    items->erase(std::remove_if(items->begin(), items->end(), goes), items->end());
  }
  const std::size_t removed = before - items->size();
  if (removed > 0) call.data().changed(call[1]);
  call.reply_count(removed);
}

void ltrim(Call& call) {
  const std::int64_t first = to_integer(call[2]);
  const std::int64_t last = to_integer(call[3]);
  if (Items* const items = call.data().get<Items>(call[1])) {
    const Slice part = slice(first, last, items->size());
    const auto begin = items->begin();
    items->erase(begin + static_cast<std::ptrdiff_t>(part.end), items->end());
    items->erase(items->begin(), items->begin() + static_cast<std::ptrdiff_t>(part.begin));
    call.data().changed(call[1]);
  }
  call.ok();
}

void lmove(Call& call) {
  const End from = end_of(call, 3);
  const End to = end_of(call, 4);
  if (!move(call, from, to)) call.reply_nil();
}

void rpoplpush(Call& call) {
  if (!move(call, End::right, End::left)) call.reply_nil();
}

void blpop(Call& call) {
  wait_and_pop(call, [](Call& c, const std::string& key) { return pop_from(c, key, End::left); });
}

void brpop(Call& call) {
  wait_and_pop(call, [](Call& c, const std::string& key) { return pop_from(c, key, End::right); });
}

void blmove(Call& call) {
  end_of(call, 3), end_of(call, 4);
  wait_and_move(call,
                [](Call& c, const std::string&) { return move(c, end_of(c, 3), end_of(c, 4)); });
}

void brpoplpush(Call& call) {
  wait_and_move(call, [](Call& c, const std::string&) { return move(c, End::right, End::left); });
}

}  // namespace simul::redis::mini
