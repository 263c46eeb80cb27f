// The embedded server's commands for sorted sets: adding, removing, and what one member has.
// The ranges are in mini_ranges.cpp.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "runtime/redis/mini_commands.hpp"

namespace simul::redis::mini {

namespace {

// What stands before the scores of a ZADD.
struct AddOptions {
  bool nx = false;  // only new ones
  bool xx = false;  // only those that are there
  bool gt = false;  // only to a higher score
  bool lt = false;  // only to a lower one
  bool ch = false;  // count those that were changed, too
  bool incr = false;
  std::size_t end = 2;  // the first score's place
};

AddOptions read_options(const Call& call) {
  AddOptions options;
  for (; options.end < call.size(); ++options.end) {
    if (call.is(options.end, "nx"))
      options.nx = true;
    else if (call.is(options.end, "xx"))
      options.xx = true;
    else if (call.is(options.end, "gt"))
      options.gt = true;
    else if (call.is(options.end, "lt"))
      options.lt = true;
    else if (call.is(options.end, "ch"))
      options.ch = true;
    else if (call.is(options.end, "incr"))
      options.incr = true;
    else
      break;
  }
  const std::size_t left = call.size() - options.end;
  if (left == 0 || left % 2 != 0) throw_syntax_error();
  if (options.nx && options.xx) {
    throw CommandFailed("ERR XX and NX options at the same time are not compatible");
  }
  if ((options.gt && options.nx) || (options.lt && options.nx) || (options.gt && options.lt)) {
    throw CommandFailed("ERR GT, LT, and/or NX options at the same time are not compatible");
  }
  if (options.incr && left > 2) {
    throw CommandFailed("ERR INCR option supports a single increment-element pair");
  }
  return options;
}

void add(Call& call, const AddOptions& options) {
  std::vector<std::pair<double, const std::string*>> pairs;  // all read before any is done
  for (std::size_t i = options.end; i < call.size(); i += 2) {
    pairs.emplace_back(to_double(call[i]), &call[i + 1]);
  }
  SortedSet* set = call.data().get<SortedSet>(call[1]);
  if (set == nullptr && options.xx) {
    return options.incr ? call.reply_nil() : call.reply(0);
  }
  if (set == nullptr) set = &call.data().make<SortedSet>(call[1]);
  std::int64_t added = 0, moved = 0;
  bool done = false;
  double score = 0;
  for (const auto& [number, member] : pairs) {
    const std::optional<double> old = set->score(*member);
    score = options.incr && old ? *old + number : number;
    if (std::isnan(score)) throw CommandFailed("ERR resulting score is not a number (NaN)");
    done = old ? !options.nx && !(options.gt && score <= *old) && !(options.lt && score >= *old)
               : !options.xx;
    if (!done) continue;
    if (set->put(*member, score))
      ++added;
    else if (score != *old)
      ++moved;
  }
  if (added + moved > 0) call.data().changed(call[1]);
  if (!options.incr) return call.reply(options.ch ? added + moved : added);
  done ? call.reply(from_double(score)) : call.reply_nil();
}

}  // namespace

void zadd(Call& call) {
  add(call, read_options(call));
}

void zincrby(Call& call) {
  AddOptions options;
  options.incr = true;
  add(call, options);
}

void zrem(Call& call) {
  SortedSet* const set = call.data().get<SortedSet>(call[1]);
  std::int64_t removed = 0;
  if (set != nullptr) {
    for (const std::string& member : call.words.subspan(2)) removed += set->erase(member) ? 1 : 0;
    if (removed > 0) call.data().changed(call[1]);
  }
  call.reply(removed);
}

void zscore(Call& call) {
  const SortedSet* const set = call.data().get<SortedSet>(call[1]);
  const std::optional<double> score = set == nullptr ? std::nullopt : set->score(call[2]);
  score ? call.reply(from_double(*score)) : call.reply_nil();
}

void zcard(Call& call) {
  const SortedSet* const set = call.data().get<SortedSet>(call[1]);
  call.reply_count(set == nullptr ? 0 : set->size());
}

void zrank(Call& call) {
  const SortedSet* const set = call.data().get<SortedSet>(call[1]);
  const std::optional<double> score = set == nullptr ? std::nullopt : set->score(call[2]);
  if (!score) return call.reply_nil();
  const auto place = set->order().find({*score, call[2]});
  call.reply(std::distance(set->order().begin(), place));
}

}  // namespace simul::redis::mini
