// The embedded server's commands for sets.
#include <string>

#include "runtime/redis/mini_commands.hpp"

namespace simul::redis::mini {

void sadd(Call& call) {
  Set& set = call.data().make<Set>(call[1]);
  std::int64_t added = 0;
  for (const std::string& member : call.words.subspan(2))
    added += set.insert(member).second ? 1 : 0;
  if (added > 0) call.data().changed(call[1]);
  call.reply(added);
}

void srem(Call& call) {
  Set* const set = call.data().get<Set>(call[1]);
  std::size_t removed = 0;
  if (set != nullptr) {
    for (const std::string& member : call.words.subspan(2)) removed += set->erase(member);
    if (removed > 0) call.data().changed(call[1]);
  }
  call.reply_count(removed);
}

void smembers(Call& call) {
  const Set* const set = call.data().get<Set>(call[1]);
  write_array(call.out, set == nullptr ? 0 : set->size());
  if (set == nullptr) return;
  for (const std::string& member : *set) call.reply(member);
}

void sismember(Call& call) {
  const Set* const set = call.data().get<Set>(call[1]);
  call.reply(set != nullptr && set->contains(call[2]) ? 1 : 0);
}

void scard(Call& call) {
  const Set* const set = call.data().get<Set>(call[1]);
  call.reply_count(set == nullptr ? 0 : set->size());
}

}  // namespace simul::redis::mini
