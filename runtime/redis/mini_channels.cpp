// The embedded server's channels: what one client publishes, all those hear that have subscribed to
// the channel, or to a pattern that describes it. Nothing is kept for those who come later.
#include <string>
#include <string_view>
#include <vector>

#include "runtime/redis/mini_commands.hpp"
#include "runtime/redis/mini_connection.hpp"
#include "runtime/redis/mini_core.hpp"

namespace simul::redis::mini {

namespace {

// What a client has of one sort, and what all have.
struct Sort {
  std::string_view name;  // "subscribe", "psubscribe"
  std::set<std::string>& own;
  Subscribers& all;
};

Sort channels_of(Call& call) {
  return {"subscribe", call.client.channels, call.core.channels};
}
Sort patterns_of(Call& call) {
  return {"psubscribe", call.client.patterns, call.core.patterns};
}

// "subscribe", the channel, and to how much the client now listens.
void confirm(Call& call, const std::string& what, const std::string* channel) {
  write_array(call.out, 3);
  call.reply(what);
  channel == nullptr ? call.reply_nil() : call.reply(*channel);
  call.reply_count(call.client.channels.size() + call.client.patterns.size());
}

void listen(Call& call, const Sort& sort) {
  for (const std::string& channel : call.words.subspan(1)) {
    sort.own.insert(channel);
    sort.all[channel].insert(&call.client);
    confirm(call, std::string(sort.name), &channel);
  }
}

void ignore(Call& call, const Sort& sort) {
  std::string what(sort.name);
  what.insert(what.find("sub"), "un");
  std::vector<std::string> channels(call.words.begin() + 1, call.words.end());
  if (channels.empty()) channels.assign(sort.own.begin(), sort.own.end());
  if (channels.empty()) return confirm(call, what, nullptr);
  for (const std::string& channel : channels) {
    if (sort.own.erase(channel) > 0) {
      const auto found = sort.all.find(channel);
      found->second.erase(&call.client);
      if (found->second.empty()) sort.all.erase(found);
    }
    confirm(call, what, &channel);
  }
}

// To the publisher itself behind its other answers.
void send(Call& call, Connection& to, const std::string& message) {
  &to == &call.client ? void(call.out += message) : to.push(message);
}

}  // namespace

void subscribe(Call& call) {
  listen(call, channels_of(call));
}
void unsubscribe(Call& call) {
  ignore(call, channels_of(call));
}
void psubscribe(Call& call) {
  listen(call, patterns_of(call));
}
void punsubscribe(Call& call) {
  ignore(call, patterns_of(call));
}

void publish(Call& call) {
  std::int64_t heard = 0;
  if (const auto found = call.core.channels.find(call[1]); found != call.core.channels.end()) {
    std::string message;
    write_command(message, {"message", call[1], call[2]});
    for (Connection* each : found->second) send(call, *each, message), ++heard;
  }
  for (const auto& [pattern, listeners] : call.core.patterns) {
    if (!matches(pattern, call[1])) continue;
    std::string message;
    write_command(message, {"pmessage", pattern, call[1], call[2]});
    for (Connection* each : listeners) send(call, *each, message), ++heard;
  }
  call.reply(heard);
}

// PUBSUB CHANNELS [pattern]
void pubsub_channels(Call& call) {
  if (call.size() > 3) throw_wrong_arity("pubsub|channels");
  std::vector<std::string_view> found;
  for (const auto& [channel, listeners] : call.core.channels) {
    if (call.size() == 2 || matches(call[2], channel)) found.push_back(channel);
  }
  write_command(call.out, found);
}

void pubsub_numsub(Call& call) {
  write_array(call.out, 2 * (call.size() - 2));
  for (const std::string& channel : call.words.subspan(2)) {
    const auto found = call.core.channels.find(channel);
    call.reply(channel);
    call.reply_count(found == call.core.channels.end() ? 0 : found->second.size());
  }
}

void pubsub_numpat(Call& call) {
  call.reply_count(call.core.patterns.size());
}

}  // namespace simul::redis::mini
