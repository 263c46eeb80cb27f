#include "runtime/redis/mini_core.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/redis/mini_connection.hpp"

namespace simul::redis::mini {

namespace {

const CommandInfo& admit(const Connection& client, Words words) {
  const CommandInfo& info = find_command(words);
  if (client.subscribed() && !client.pending.running && (info.when & kSubscribed) == 0) {
    throw CommandFailed("ERR Can't execute '" + std::string(info.name) +
                        "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
                        "allowed in this context");
  }
  return info;
}

void line_up(Pending& pending, std::vector<std::string> words, std::size_t limit) {
  std::size_t bytes = sizeof words;
  for (const std::string& word : words) bytes += sizeof word + word.size();
  if (pending.bytes + bytes > limit) {
    pending.commands.clear();
    throw CommandFailed("ERR a transaction is larger than the limit of " + std::to_string(limit) +
                        " bytes");
  }
  pending.bytes += bytes;
  pending.commands.push_back(std::move(words));
}

}  // namespace

void write_failure(std::string& out, std::string text) {
  std::replace(text.begin(), text.end(), '\r', ' ');
  std::replace(text.begin(), text.end(), '\n', ' ');
  write_error(out, text);
}

bool Core::run(const CommandInfo& info, Call& call) {
  const std::size_t before = call.out.size();
  try {
    info.run(call);
    return true;
  } catch (const CommandFailed& error) {
    call.out.resize(before);
    write_failure(call.out, error.what());
    return false;
  }
}

void Core::perform(Connection& client, std::vector<std::string> words, std::string& out) {
  for (WithLines& each : databases_) each.data.expire_due(Clock::now());
  try {
    const CommandInfo& info = admit(client, words);
    if (client.pending.open && (info.when & kAtOnce) == 0) {
      line_up(client.pending, std::move(words), options.pending);
      return write_status(out, "QUEUED");
    }
    Call call{*this, client, words, out};
    run(info, call);
  } catch (const CommandFailed& error) {  // it was not even tried
    client.pending.refused = true;
    return write_failure(out, error.what());
  }
  for (WithLines& each : databases_) each.lines.serve();
}

}  // namespace simul::redis::mini
