// The embedded server's commands for parts of sorted sets: by rank and by score, forwards and
// backwards, to be read and to be removed.
#include <algorithm>
#include <string>
#include <vector>

#include "runtime/redis/mini_commands.hpp"

namespace simul::redis::mini {

namespace {

using Place = SortedSet::Order::const_iterator;

// A bound of a range of scores: "5", "(5" (5 itself is out), "-inf".
struct Bound {
  double score;
  bool out;
};

Bound read_bound(const std::string& text) {
  constexpr const char* kComplaint = "ERR min or max is not a float";
  if (text == "(") return {0, true};  // so does Redis
  const bool out = text.starts_with('(');
  return {to_double(out ? text.substr(1) : text, kComplaint), out};
}

// What is between the two, the lowest first.
std::pair<Place, Place> between(const SortedSet& set, Bound low, Bound high) {
  const SortedSet::Order& order = set.order();
  const auto begin = std::partition_point(order.begin(), order.end(), [&](const auto& each) {
    return low.out ? each.first <= low.score : each.first < low.score;
  });
  const auto end = std::partition_point(begin, order.end(), [&](const auto& each) {
    return high.out ? each.first < high.score : each.first <= high.score;
  });
  return {begin, end};
}

std::vector<Place> places(Place begin, Place end, bool backwards) {
  std::vector<Place> all;
  for (; begin != end; ++begin) all.push_back(begin);
  if (backwards) std::reverse(all.begin(), all.end());
  return all;
}

// ZRANGE and its older relatives: which kind of range, and what may stand behind it.
struct Range {
  bool by_score = false;
  bool backwards = false;
  bool with_scores = false;
  bool limited = false;
  std::int64_t offset = 0;
  std::int64_t count = -1;
};

void read_options(const Call& call, Range& range, bool any_kind) {
  for (std::size_t i = 4; i < call.size(); ++i) {
    if (call.is(i, "withscores")) {
      range.with_scores = true;
    } else if (call.is(i, "limit") && i + 2 < call.size()) {
      range.limited = true;
      range.offset = to_integer(call[i + 1]);
      range.count = to_integer(call[i + 2]);
      i += 2;
    } else if (any_kind && call.is(i, "byscore")) {
      range.by_score = true;
    } else if (any_kind && call.is(i, "rev")) {
      range.backwards = true;
    } else {
      throw_syntax_error();
    }
  }
  if (range.limited && !range.by_score) {
    throw CommandFailed(
        "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
  }
}

std::vector<Place> by_rank(const SortedSet& set, const Range& range, Slice part) {
  std::vector<Place> all = places(set.order().begin(), set.order().end(), range.backwards);
  all.resize(part.end);
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(part.begin));
  return all;
}

std::vector<Place> by_score(const SortedSet& set, const Range& range, Bound low, Bound high) {
  const auto [begin, end] = between(set, low, high);
  std::vector<Place> all = places(begin, end, range.backwards);
  if (range.offset < 0) return {};
  const auto skipped = std::min<std::size_t>(static_cast<std::size_t>(range.offset), all.size());
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(skipped));
  if (range.count >= 0) all.resize(std::min(static_cast<std::size_t>(range.count), all.size()));
  return all;
}

void reply_range(Call& call, Range range, bool any_kind) {
  read_options(call, range, any_kind);
  std::vector<Place> found;
  if (range.by_score) {  // a range that is read backwards is also written so
    const Bound low = read_bound(call[range.backwards ? 3 : 2]);
    const Bound high = read_bound(call[range.backwards ? 2 : 3]);
    if (const auto* set = call.data().get<SortedSet>(call[1])) {
      found = by_score(*set, range, low, high);
    }
  } else {
    const std::int64_t first = to_integer(call[2]);
    const std::int64_t last = to_integer(call[3]);
    if (const auto* set = call.data().get<SortedSet>(call[1])) {
      found = by_rank(*set, range, slice(first, last, set->size()));
    }
  }
  write_array(call.out, found.size() * (range.with_scores ? 2 : 1));
  for (const Place& place : found) {
    call.reply(place->second);
    if (range.with_scores) call.reply(from_double(place->first));
  }
}

void remove(Call& call, SortedSet& set, const std::vector<Place>& found) {
  std::vector<std::string> members;
  for (const Place& place : found) members.push_back(place->second);
  for (const std::string& member : members) set.erase(member);
  if (!members.empty()) call.data().changed(call[1]);
  call.reply_count(members.size());
}

}  // namespace

void zrange(Call& call) {
  reply_range(call, {}, true);
}
void zrevrange(Call& call) {
  reply_range(call, {.backwards = true}, false);
}
void zrangebyscore(Call& call) {
  reply_range(call, {.by_score = true}, false);
}
void zrevrangebyscore(Call& call) {
  reply_range(call, {.by_score = true, .backwards = true}, false);
}

void zcount(Call& call) {
  const Bound low = read_bound(call[2]);
  const Bound high = read_bound(call[3]);
  const SortedSet* const set = call.data().get<SortedSet>(call[1]);
  if (set == nullptr) return call.reply(0);
  const auto [begin, end] = between(*set, low, high);
  call.reply_count(places(begin, end, false).size());
}

void zremrangebyscore(Call& call) {
  const Bound low = read_bound(call[2]);
  const Bound high = read_bound(call[3]);
  SortedSet* const set = call.data().get<SortedSet>(call[1]);
  if (set == nullptr) return call.reply(0);
  const auto [begin, end] = between(*set, low, high);
  remove(call, *set, places(begin, end, false));
}

void zremrangebyrank(Call& call) {
  const std::int64_t first = to_integer(call[2]);
  const std::int64_t last = to_integer(call[3]);
  SortedSet* const set = call.data().get<SortedSet>(call[1]);
  if (set == nullptr) return call.reply(0);
  remove(call, *set, by_rank(*set, {}, slice(first, last, set->size())));
}

}  // namespace simul::redis::mini
