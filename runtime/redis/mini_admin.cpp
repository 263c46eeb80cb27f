// The embedded server's commands for the connection and the server: who are you, which database,
// are you there.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "runtime/redis/mini_commands.hpp"
#include "runtime/redis/mini_connection.hpp"
#include "runtime/redis/mini_core.hpp"
#include "runtime/redis/wall_time.hpp"

namespace simul::redis::mini {

namespace {

// One line of CLIENT LIST; what is not known here is not there.
std::string describe(const Connection& client) {
  return "id=" + std::to_string(client.id) + " addr=" + client.address() + " name=" + client.name +
         " db=" + std::to_string(client.database) +
         " sub=" + std::to_string(client.channels.size()) +
         " psub=" + std::to_string(client.patterns.size()) + "\n";
}

void check_flush(const Call& call) {
  const bool plain = call.size() == 1;
  const bool known = call.size() == 2 && (call.is(1, "sync") || call.is(1, "async"));
  if (!plain && !known) throw_syntax_error();
}

}  // namespace

void ping(Call& call) {
  if (call.size() > 2) throw_wrong_arity(call[0]);
  const std::string_view text = call.size() == 2 ? std::string_view(call[1]) : "";
  if (call.client.subscribed()) return write_command(call.out, {"pong", text});
  call.size() == 2 ? call.reply(text) : write_status(call.out, "PONG");
}

void echo(Call& call) {
  call.reply(call[1]);
}

void select(Call& call) {
  const std::int64_t index = to_integer(call[1]);
  if (index != static_cast<std::int32_t>(index)) {
    throw CommandFailed("ERR value is out of range, value must between -2147483648 and 2147483647");
  }
  if (index < 0 || index >= Core::kDatabases) throw CommandFailed("ERR DB index is out of range");
  call.client.database = static_cast<int>(index);
  call.ok();
}

void auth(Call& call) {
  if (call.size() > 3) throw_syntax_error();
  if (call.size() == 3) {
    throw CommandFailed("WRONGPASS invalid username-password pair or user is disabled.");
  }
  throw CommandFailed(
      "ERR AUTH <password> called without any password configured for the default user. Are you "
      "sure your configuration is correct?");
}

void quit(Call& call) {
  call.client.leave();
  call.ok();
}

void reset(Call& call) {
  call.client.forget_watched();
  call.client.pending = {};
  const std::string none;
  std::string dropped;
  Call each{call.core, call.client, call.words.first(1), dropped};
  unsubscribe(each), punsubscribe(each);
  call.client.database = 0;
  call.client.name.clear();
  write_status(call.out, "RESET");
}

void client_setname(Call& call) {
  const auto is_printable = [](char letter) { return letter >= '!' && letter <= '~'; };
  if (!std::all_of(call[2].begin(), call[2].end(), is_printable)) {
    throw CommandFailed("ERR Client names cannot contain spaces, newlines or special characters.");
  }
  call.client.name = call[2];
  call.ok();
}

void client_getname(Call& call) {
  call.client.name.empty() ? call.reply_nil() : call.reply(call.client.name);
}

void client_id(Call& call) {
  call.reply(static_cast<std::int64_t>(call.client.id));
}

void client_list(Call& call) {
  std::string lines;
  for (const auto& [id, each] : call.core.clients) lines += describe(*each);
  call.reply(lines);
}

// The version is that of the Redis whose answers these are: programs ask for it to learn what they
// may use.
void info(Call& call) {
  std::string text =
      "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nsimul_mini_server:1\r\n"
      "process_id:" +
      std::to_string(::getpid()) +
      "\r\n\r\n# Clients\r\nconnected_clients:" + std::to_string(call.core.clients.size()) +
      "\r\n\r\n# Keyspace\r\n";
  for (int i = 0; i < Core::kDatabases; ++i) {
    const Database& data = call.core.database(i);
    if (data.size() == 0) continue;
    const auto expires = std::count_if(data.keys().begin(), data.keys().end(), [](const auto& key) {
      return key.second.expires != kNever;
    });
    text += "db" + std::to_string(i) + ":keys=" + std::to_string(data.size()) +
            ",expires=" + std::to_string(expires) + ",avg_ttl=0\r\n";
  }
  call.reply(text);
}

void time_of_day(Call& call) {
  const auto now = wall_now().time_since_epoch().count();
  write_array(call.out, 2);
  call.reply(std::to_string(now / 1'000'000));
  call.reply(std::to_string(now % 1'000'000));
}

// Interactive programs ask for the documentation of everything; they get by without.
void command(Call& call) {
  write_array(call.out, 0);
}

// FLUSHDB [SYNC | ASYNC], which is the same here
void flushdb(Call& call) {
  check_flush(call);
  call.data().erase_all();
  call.ok();
}

void flushall(Call& call) {
  check_flush(call);
  for (int i = 0; i < Core::kDatabases; ++i) call.core.database(i).erase_all();
  call.ok();
}

void no_scripts(Call& call) {
  throw CommandFailed("ERR '" + lower(call[0]) + "': this embedded server runs no scripts");
}

}  // namespace simul::redis::mini
