// A JSON object: keys and values, in the order in which they were written.
//
// The invariant: no key occurs twice. Where a document repeats one, the last value wins and stands
// at the first one's place, as in Python's json and in a browser.
//
// The members lie in one vector. Up to eight of them are searched one after the other; beyond that
// an index is kept beside them, sorted by a hash of the key and then by the key itself. Because the
// key decides in the end, a document whose keys all have the same hash costs no more than sorting
// them, whoever chose them. (A hash table would have to keep its hash a secret for that.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/json/value.hpp"

namespace simul::json {

/// A key with its value.
struct Member {
  std::string key;
  Value value;

  bool operator==(const Member&) const = default;
};

/// The members of an object, in order. References and iterators are good until one is added or
/// removed.
class Object {
 public:
  Object() noexcept = default;
  /// Each in turn; the last of several with the same key wins.
  Object(std::initializer_list<Member> members) : Object(std::vector<Member>(members)) {}
  explicit Object(std::vector<Member> members);

  std::size_t size() const noexcept { return members_.size(); }
  bool empty() const noexcept { return members_.empty(); }

  /// The value with that key, or null.
  const Value* find(std::string_view key) const noexcept;
  Value* find(std::string_view key) noexcept {
    return const_cast<Value*>(std::as_const(*this).find(key));
  }
  bool contains(std::string_view key) const noexcept { return find(key) != nullptr; }

  /// Adds a member at the end, or replaces the value where the key is there already.
  void set(std::string_view key, Value value);

  /// Removes the member with that key; false if there is none. Takes time in proportion to size().
  bool remove(std::string_view key);

  /// `for (const json::Member& member : object)`. Keys cannot be changed, or the index would lie.
  const Member* begin() const noexcept { return members_.data(); }
  const Member* end() const noexcept { return members_.data() + members_.size(); }
  /// The value of the member at that place, below size().
  Value& value_at(std::size_t place) noexcept { return members_[place].value; }

 private:
  friend class Value;
  struct Entry {
    std::uint32_t hash;
    std::uint32_t place;  // in members_
  };
  static constexpr std::size_t kSearched = 8;  // so many members need no index
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

  bool before(const Entry& entry, std::uint32_t hash, std::string_view key) const noexcept;
  std::size_t place_of(std::string_view key) const noexcept;
  void remove_repeated();
  void build_index();

  std::vector<Member> members_;
  std::vector<Entry> index_;  // empty up to kSearched members
};

}  // namespace simul::json
