// The embedded server's commands for streams: logs whose entries have times for names. No groups of
// readers, no waiting.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/redis/mini_commands.hpp"
#include "runtime/redis/wall_time.hpp"

namespace simul::redis::mini {

namespace {

constexpr std::uint64_t kMost = UINT64_MAX;

[[noreturn]] void throw_invalid_id() {
  throw CommandFailed("ERR Invalid stream ID specified as stream command argument");
}

std::uint64_t read_part(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) throw_invalid_id();
  return number;
}

std::string to_text(EntryId id) {
  return std::to_string(id.ms) + "-" + std::to_string(id.number);
}

EntryId successor(EntryId id) {
  return id.number == kMost ? EntryId{id.ms + 1, 0} : EntryId{id.ms, id.number + 1};
}

// "5-3", or "5" with `number` for what is missing.
EntryId read_id(std::string_view text, std::uint64_t number) {
  const std::size_t dash = text.find('-');
  EntryId id{read_part(text.substr(0, dash)), number};
  if (dash != text.npos) id.number = read_part(text.substr(dash + 1));
  return id;
}

// The id that a new entry is to have: "*", "5-*", or one that is given.
struct WantedId {
  enum class Kind { now, next, given } kind;
  EntryId id;
};

WantedId read_wanted(std::string_view text) {
  if (text == "*") return {WantedId::Kind::now, {}};
  if (text.ends_with("-*")) {
    return {WantedId::Kind::next, {read_part(text.substr(0, text.size() - 2)), 0}};
  }
  return {WantedId::Kind::given, read_id(text, 0)};
}

EntryId new_id(WantedId wanted, EntryId last) {
  if (wanted.kind == WantedId::Kind::now) {
    using std::chrono::milliseconds;
    const auto now = std::chrono::floor<milliseconds>(wall_now().time_since_epoch()).count();
    return std::max(EntryId{static_cast<std::uint64_t>(now), 0}, successor(last));
  }
  const bool is_next = wanted.kind == WantedId::Kind::next && wanted.id.ms == last.ms;
  const EntryId id = is_next ? successor(last) : wanted.id;
  if (id <= last) {
    throw CommandFailed(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item");
  }
  return id;
}

// A bound of a range: "-", "+", an id, "(" and an id that is out.
EntryId read_bound(std::string_view text, bool low) {
  if (text == "-") return {};
  if (text == "+") return {kMost, kMost};
  if (!text.starts_with('(')) return read_id(text, low ? 0 : kMost);
  const EntryId id = read_id(text.substr(1), low ? 0 : kMost);
  if (low) {
    if (id == EntryId{kMost, kMost}) throw CommandFailed("ERR invalid start ID for the interval");
    return successor(id);
  }
  if (id == EntryId()) throw CommandFailed("ERR invalid end ID for the interval");
  return id.number == 0 ? EntryId{id.ms - 1, kMost} : EntryId{id.ms, id.number - 1};
}

void reply_entry(Call& call, const Log::Entry& entry) {
  write_array(call.out, 2);
  call.reply(to_text(entry.id));
  write_command(call.out, entry.words);
}

void reply_range(Call& call, bool backwards) {
  const EntryId low = read_bound(call[backwards ? 3 : 2], true);
  const EntryId high = read_bound(call[backwards ? 2 : 3], false);
  std::int64_t count = INT64_MAX;
  for (std::size_t i = 4; i < call.size(); i += 2) {
    if (i + 1 == call.size() || !call.is(i, "count")) throw_syntax_error();
    count = std::max<std::int64_t>(to_integer(call[i + 1]), 0);
  }
  const Log* const log = call.data().get<Log>(call[1]);
  if (log != nullptr && count == 0) return write_nil(call.out, true);
  if (log == nullptr || low > high) return write_array(call.out, 0);
  const auto by_id = [](const Log::Entry& entry, EntryId id) { return entry.id < id; };
  const auto id_first = [](EntryId id, const Log::Entry& entry) { return id < entry.id; };
  const auto& all = log->entries;
  const auto begin = std::lower_bound(all.begin(), all.end(), low, by_id);
  const auto end = std::upper_bound(begin, all.end(), high, id_first);
  const auto wanted = std::min<std::int64_t>(end - begin, count);
  write_array(call.out, static_cast<std::size_t>(wanted));
  for (std::int64_t i = 0; i < wanted; ++i) {
    reply_entry(call, backwards ? *(end - 1 - i) : *(begin + i));
  }
}

}  // namespace

// XADD key [NOMKSTREAM] [MAXLEN [= | ~] count] id name value ...: "about" so many is exactly so
// many here.
void xadd(Call& call) {
  std::size_t at = 2;
  bool make = true;
  std::int64_t most = INT64_MAX;
  for (;; ++at) {
    if (call.is(at, "nomkstream")) {
      make = false;
    } else if (call.is(at, "maxlen") && at + 2 < call.size()) {
      ++at;
      if (call[at] == "~" || call[at] == "=") ++at;
      most = to_integer(call[at]);
      if (most < 0) throw CommandFailed("ERR The MAXLEN argument must be >= 0.");
    } else {
      break;
    }
    if (at + 1 == call.size()) throw_wrong_arity(call[0]);
  }
  const WantedId wanted = read_wanted(call[at]);
  const std::size_t words = call.size() - at - 1;
  if (words == 0 || words % 2 != 0) throw_wrong_arity(call[0]);
  if (wanted.kind == WantedId::Kind::given && wanted.id == EntryId()) {
    throw CommandFailed("ERR The ID specified in XADD must be greater than 0-0");
  }
  const Log* const there = call.data().get<Log>(call[1]);
  if (there == nullptr && !make) return call.reply_nil();
  const EntryId id = new_id(wanted, there == nullptr ? EntryId() : there->last);
  Log& log = call.data().make<Log>(call[1]);
  const Words pairs = call.words.subspan(at + 1);
  log.entries.push_back({id, {pairs.begin(), pairs.end()}});
  log.last = id;
  while (log.entries.size() > static_cast<std::size_t>(most)) log.entries.pop_front();
  call.data().changed(call[1]);
  call.reply(to_text(id));
}

void xlen(Call& call) {
  const Log* const log = call.data().get<Log>(call[1]);
  call.reply_count(log == nullptr ? 0 : log->entries.size());
}

void xrange(Call& call) {
  reply_range(call, false);
}
void xrevrange(Call& call) {
  reply_range(call, true);
}

void xdel(Call& call) {
  Log* const log = call.data().get<Log>(call[1]);
  if (log == nullptr) return call.reply(0);
  std::vector<EntryId> ids;
  for (const std::string& text : call.words.subspan(2)) ids.push_back(read_id(text, 0));
  std::size_t removed = 0;
  for (const EntryId id : ids) {
    removed += std::erase_if(log->entries, [&](const auto& entry) { return entry.id == id; });
  }
  if (removed > 0) call.data().changed(call[1]);
  call.reply_count(removed);
}

}  // namespace simul::redis::mini
