#include "runtime/json/object.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace simul::json {
namespace {

// Length, beginning and end: enough to tell the keys of real objects apart, and for others the keys
// themselves decide.
std::uint32_t hash_of(std::string_view key) noexcept {
  std::uint64_t head = 0;
  std::uint64_t tail = 0;
  if (key.size() >= 8) {
    std::memcpy(&head, key.data(), 8);
    std::memcpy(&tail, key.data() + key.size() - 8, 8);
  } else {
    for (const char c : key) head = head << 8 | static_cast<unsigned char>(c);
  }
  head = (head ^ key.size()) * 0x9E3779B97F4A7C15;
  tail = (tail ^ head >> 29) * 0xBF58476D1CE4E5B9;
  return static_cast<std::uint32_t>((head ^ tail) >> 32);
}

}  // namespace

Object::Object(std::vector<Member> members) : members_(std::move(members)) {
  if (members_.size() > kSearched) build_index();
  remove_repeated();
}

bool Object::before(const Entry& entry, std::uint32_t hash, std::string_view key) const noexcept {
  return entry.hash != hash ? entry.hash < hash : members_[entry.place].key < key;
}

void Object::build_index() {
  std::vector<Entry> index;
  index.reserve(members_.size());
  for (std::size_t i = 0; i < members_.size(); ++i)
    index.push_back({hash_of(members_[i].key), static_cast<std::uint32_t>(i)});
  std::sort(index.begin(), index.end(), [this](const Entry& a, const Entry& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    const int order = members_[a.place].key.compare(members_[b.place].key);
    return order != 0 ? order < 0 : a.place < b.place;
  });
  index_ = std::move(index);
}

// Keeps the first place of each key and the last value.
void Object::remove_repeated() {
  std::vector<bool> repeated;
  const auto merge = [&](std::size_t first, std::size_t later) {
    if (repeated.empty()) repeated.resize(members_.size());
    members_[first].value = std::move(members_[later].value);
    repeated[later] = true;
  };
  if (!index_.empty()) {
    // Equal keys are neighbours there, in the order of the document.
    for (std::size_t i = 1, first = 0; i < index_.size(); ++i) {
      const Entry a = index_[first];
      const Entry b = index_[i];
      if (a.hash == b.hash && members_[a.place].key == members_[b.place].key)
        merge(a.place, b.place);
      else
        first = i;
    }
  } else {
    for (std::size_t later = 1; later < members_.size(); ++later) {
      for (std::size_t first = 0; first < later; ++first) {
        if (members_[first].key != members_[later].key) continue;
        merge(first, later);
        break;
      }
    }
  }
  if (repeated.empty()) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (repeated[i]) continue;
    if (kept != i) members_[kept] = std::move(members_[i]);
    ++kept;
  }
  members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(kept), members_.end());
  index_.clear();
  if (kept > kSearched) build_index();
}

std::size_t Object::place_of(std::string_view key) const noexcept {
  if (index_.empty()) {
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (members_[i].key == key) return i;
    return kNowhere;
  }
  const std::uint32_t hash = hash_of(key);
  const auto found =
      std::lower_bound(index_.begin(), index_.end(), key,
                       [&](const Entry& entry, auto) { return before(entry, hash, key); });
  const bool there = found != index_.end() && found->hash == hash;
  return there && members_[found->place].key == key ? found->place : kNowhere;
}

const Value* Object::find(std::string_view key) const noexcept {
  const std::size_t place = place_of(key);
  return place == kNowhere ? nullptr : &members_[place].value;
}

void Object::set(std::string_view key, Value value) {
  if (Value* there = find(key)) {
    *there = std::move(value);
    return;
  }
  if (!index_.empty()) {
    const std::uint32_t hash = hash_of(key);
    const auto place =
        std::lower_bound(index_.begin(), index_.end(), key,
                         [&](const Entry& entry, auto) { return before(entry, hash, key); });
    const auto entry = index_.insert(place, {hash, static_cast<std::uint32_t>(members_.size())});
    try {
      members_.push_back({std::string(key), std::move(value)});
    } catch (...) {
      index_.erase(entry);
      throw;
    }
    return;
  }
  members_.push_back({std::string(key), std::move(value)});
  if (members_.size() > kSearched) build_index();
}

bool Object::remove(std::string_view key) {
  const std::size_t place = place_of(key);
  if (place == kNowhere) return false;
  members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(place));
  index_.clear();
  if (members_.size() > kSearched) build_index();
  return true;
}

}  // namespace simul::json
