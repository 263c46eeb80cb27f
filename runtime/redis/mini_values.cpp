#include "runtime/redis/mini_values.hpp"

namespace simul::redis::mini {

std::optional<double> SortedSet::score(std::string_view member) const {
  const auto found = scores_.find(member);
  if (found == scores_.end()) return std::nullopt;
  return found->second;
}

bool SortedSet::put(const std::string& member, double score) {
  const auto [place, is_new] = scores_.try_emplace(member, score);
  if (!is_new) {
    order_.erase({place->second, member});
    place->second = score;
  }
  order_.emplace(score, member);
  return is_new;
}

bool SortedSet::erase(std::string_view member) {
  const auto found = scores_.find(member);
  if (found == scores_.end()) return false;
  order_.erase({found->second, found->first});
  scores_.erase(found);
  return true;
}

std::string_view type_name(const Value& value) noexcept {
  static constexpr std::string_view kNames[] = {"string", "list", "hash", "set", "zset", "stream"};
  return kNames[value.index()];
}

bool is_empty(const Value& value) noexcept {
  if (const auto* items = std::get_if<Items>(&value)) return items->empty();
  if (const auto* hash = std::get_if<Hash>(&value)) return hash->empty();
  if (const auto* set = std::get_if<Set>(&value)) return set->empty();
  if (const auto* sorted = std::get_if<SortedSet>(&value)) return sorted->empty();
  return false;
}

}  // namespace simul::redis::mini
