// One database of the embedded server: keys, what they hold, until when, and who is to be told.
//
//     if (Items* items = database.get<Items>(key)) ...      // null: no such key
//     Items& items = database.make<Items>(key);             // there from now on
//     items.push_back(word);
//     database.changed(key);                                // after every change of a value
//
// The invariants: a key whose time is over is gone before the next command sees anything
// (`expire_due` is the first thing that a command does), so nothing else here knows of time. And
// `changed` is where a change becomes known: to transactions that WATCH the key, to clients that
// wait for a list, and to the key itself, which goes with the last thing in it.
//
// What it does not do: write anything to disk, or count its memory.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/clock.hpp"
#include "runtime/redis/mini_values.hpp"

namespace simul::redis::mini {

/// Throws the error that Redis calls WRONGTYPE.
[[noreturn]] void throw_wrong_type();

/// Thread: the server's. A pointer to a value is good until its key is next changed or erased.
class Database {
 public:
  struct Entry {
    Value value;
    TimePoint expires = kNever;
  };
  using Keys = std::map<std::string, Entry, std::less<>>;

  const Keys& keys() const noexcept { return keys_; }
  std::size_t size() const noexcept { return keys_.size(); }

  /// Null if there is no such key.
  Entry* find(std::string_view key);

  /// What a key holds, or null if there is no such key. Throws if it holds something else.
  template <class T>
  T* get(std::string_view key) {
    Entry* const entry = find(key);
    if (entry == nullptr) return nullptr;
    if (!std::holds_alternative<T>(entry->value)) throw_wrong_type();
    return &std::get<T>(entry->value);
  }

  /// The same, and makes it, empty, if it is not there.
  template <class T>
  T& make(const std::string& key) {
    if (T* there = get<T>(key)) return *there;
    return std::get<T>(keys_.insert_or_assign(key, Entry{T(), kNever}).first->second.value);
  }

  /// A string takes the place of whatever the key held; it keeps for ever.
  void put(const std::string& key, std::string value);

  /// The value of `key` has been changed, or may have been.
  void changed(const std::string& key);

  /// False if there was no such key.
  bool erase(const std::string& key);
  void erase_all();

  /// From then on the key, which must be there, is gone. kNever: it stays.
  void set_expiry(const std::string& key, TimePoint when);

  /// Erases what is due.
  void expire_due(TimePoint now);

  // --- WATCH: from now on, and until `unwatch`, a change of the key sets `flag`. -----------------

  void watch(const std::string& key, bool& flag) { watched_[key].insert(&flag); }
  void unwatch(const std::string& key, bool& flag);

  // --- BLPOP and its like: which lists somebody waits for, and which of them have changed. -------

  /// From now on changes of that list are noted; as often `ignore_list`, and they are not.
  void note_list(const std::string& key) { noted_.insert(key); }
  void ignore_list(const std::string& key) { noted_.erase(noted_.find(key)); }

  /// The lists that have been changed since, the first one first. To be emptied by whoever asks.
  std::deque<std::string>& changed_lists() noexcept { return changed_lists_; }

 private:
  void tell_watchers(const std::string& key);
  void forget_expiry(const std::string& key, Entry& entry);

  Keys keys_;
  std::set<std::pair<TimePoint, std::string>> due_;  // the keys whose time will be over
  std::map<std::string, std::set<bool*>, std::less<>> watched_;
  std::multiset<std::string> noted_;
  std::deque<std::string> changed_lists_;
};

}  // namespace simul::redis::mini
