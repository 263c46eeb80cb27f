#include "runtime/redis/mini_store.hpp"

#include "runtime/redis/mini_call.hpp"

namespace simul::redis::mini {

void throw_wrong_type() {
  throw CommandFailed("WRONGTYPE Operation against a key holding the wrong kind of value");
}

Database::Entry* Database::find(std::string_view key) {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : &found->second;
}

void Database::put(const std::string& key, std::string value) {
  Entry& entry = keys_[key];
  forget_expiry(key, entry);
  entry.value = std::move(value);
  changed(key);
}

void Database::changed(const std::string& key) {
  tell_watchers(key);
  const auto found = keys_.find(key);
  if (found == keys_.end()) return;
  if (is_empty(found->second.value)) {
    forget_expiry(key, found->second);
    keys_.erase(found);
  } else if (std::holds_alternative<Items>(found->second.value) && noted_.contains(key)) {
    changed_lists_.push_back(key);
  }
}

bool Database::erase(const std::string& key) {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return false;
  forget_expiry(key, found->second);
  keys_.erase(found);
  tell_watchers(key);
  return true;
}

void Database::erase_all() {
  for (const auto& [key, entry] : keys_) tell_watchers(key);
  keys_.clear();
  due_.clear();
}

void Database::set_expiry(const std::string& key, TimePoint when) {
  Entry& entry = keys_.find(key)->second;
  forget_expiry(key, entry);
  entry.expires = when;
  if (when != kNever) due_.emplace(when, key);
  tell_watchers(key);
}

void Database::expire_due(TimePoint now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    erase(std::string(due_.begin()->second));  // a copy: what it names goes with it
  }
}

void Database::unwatch(const std::string& key, bool& flag) {
  const auto found = watched_.find(key);
  if (found == watched_.end()) return;
  found->second.erase(&flag);
  if (found->second.empty()) watched_.erase(found);
}

void Database::tell_watchers(const std::string& key) {
  const auto found = watched_.find(key);
  if (found == watched_.end()) return;
  for (bool* flag : found->second) *flag = true;
}

void Database::forget_expiry(const std::string& key, Entry& entry) {
  if (entry.expires == kNever) return;
  due_.erase({entry.expires, key});
  entry.expires = kNever;
}

}  // namespace simul::redis::mini
