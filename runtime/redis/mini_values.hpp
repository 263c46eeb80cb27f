// What a key of the embedded server can hold: a string, a list, a hash, a set, a sorted set, a
// stream.
//
// Each is a container of the standard library, chosen for being plain. A hash and a set are kept in
// the order of their names, where Redis promises no order at all; taking the n-th of a sorted set
// counts its way there. That is fast enough for a queue of some thousands.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace simul::redis::mini {

/// A list: LPUSH at its front, RPUSH at its back.
using Items = std::deque<std::string>;
using Hash = std::map<std::string, std::string, std::less<>>;
using Set = std::set<std::string, std::less<>>;

/// Members, each with a score, in the order of the scores; equal scores: in that of the names.
class SortedSet {
 public:
  using Order = std::set<std::pair<double, std::string>>;

  /// Nothing if it is no member.
  std::optional<double> score(std::string_view member) const;

  /// Adds it, or moves it. True if it is new. `score` is a number.
  bool put(const std::string& member, double score);

  /// True if it was a member.
  bool erase(std::string_view member);

  /// All of them, the lowest score first.
  const Order& order() const noexcept { return order_; }
  std::size_t size() const noexcept { return order_.size(); }
  bool empty() const noexcept { return order_.empty(); }

 private:
  std::map<std::string, double, std::less<>> scores_;
  Order order_;
};

/// When an entry of a stream came: milliseconds since 1970, and a number within the millisecond.
struct EntryId {
  std::uint64_t ms = 0;
  std::uint64_t number = 0;
  auto operator<=>(const EntryId&) const = default;
};

/// A stream: entries in the order of their ids. The only value that may be there and be empty.
struct Log {
  struct Entry {
    EntryId id;
    std::vector<std::string> words;  ///< names and values in turn
  };
  std::deque<Entry> entries;
  EntryId last;  ///< the highest id that ever was
};

using Value = std::variant<std::string, Items, Hash, Set, SortedSet, Log>;

/// "string", "list", "hash", "set", "zset", "stream": what TYPE says.
std::string_view type_name(const Value& value) noexcept;

/// Is nothing left in it? Redis then drops the key.
bool is_empty(const Value& value) noexcept;

}  // namespace simul::redis::mini
