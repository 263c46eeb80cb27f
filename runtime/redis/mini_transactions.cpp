// The embedded server's transactions: MULTI lines commands up, EXEC does them in one go, and WATCH
// makes it do none if somebody has meanwhile changed what was looked at.
//
// That nobody comes between them needs no lock: EXEC is one command, and commands are done one
// after another.
#include <utility>

#include "runtime/redis/mini_commands.hpp"
#include "runtime/redis/mini_connection.hpp"
#include "runtime/redis/mini_core.hpp"

namespace simul::redis::mini {

void multi(Call& call) {
  Pending& pending = call.client.pending;
  if (pending.open) throw CommandFailed("ERR MULTI calls can not be nested");
  pending.open = true;
  pending.refused = false;
  call.ok();
}

void exec(Call& call) {
  Pending& pending = call.client.pending;
  if (!pending.open) throw CommandFailed("ERR EXEC without MULTI");
  pending.open = false;
  pending.bytes = 0;
  const auto commands = std::exchange(pending.commands, {});
  const bool changed = pending.changed;
  call.client.forget_watched();
  if (std::exchange(pending.refused, false)) {
    throw CommandFailed("EXECABORT Transaction discarded because of previous errors.");
  }
  if (changed) return write_nil(call.out, true);
  write_array(call.out, commands.size());
  pending.running = true;
  for (const auto& words : commands) {
    Call each{call.core, call.client, words, call.out};
    call.core.run(find_command(words), each);
  }
  pending.running = false;
}

void discard(Call& call) {
  Pending& pending = call.client.pending;
  if (!pending.open) throw CommandFailed("ERR DISCARD without MULTI");
  pending.open = pending.refused = false;
  pending.bytes = 0;
  pending.commands.clear();
  call.client.forget_watched();
  call.ok();
}

void watch(Call& call) {
  Pending& pending = call.client.pending;
  if (pending.open) throw CommandFailed("ERR WATCH inside MULTI is not allowed");
  for (const std::string& key : call.words.subspan(1)) {
    pending.watched.emplace_back(call.client.database, key);
    call.data().watch(key, pending.changed);
  }
  call.ok();
}

void unwatch(Call& call) {
  call.client.forget_watched();
  call.ok();
}

}  // namespace simul::redis::mini
