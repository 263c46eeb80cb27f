#include "runtime/redis/traces.hpp"

#include <algorithm>
#include <initializer_list>

namespace simul::redis::detail {

namespace {

char upper(char c) noexcept {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool is_one_of(std::string_view command, std::initializer_list<std::string_view> names) noexcept {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return same_command(name, command); });
}

}  // namespace

bool same_command(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && upper(a[0]) == upper(b[0]) &&
         std::equal(a.begin(), a.end(), b.begin(),
                    [](char x, char y) { return upper(x) == upper(y); });
}

bool leaves_traces(std::string_view command) noexcept {
  if (command.empty()) return false;
  return is_one_of(command, {"WATCH", "UNWATCH", "MULTI", "EXEC", "DISCARD", "SELECT", "AUTH",
                             "HELLO", "RESET", "QUIT", "ASKING", "READONLY", "READWRITE"}) ||
         subscribes(command);
}

bool blocks(std::string_view command) noexcept {
  if (command.empty() || (upper(command[0]) != 'B' && upper(command[0]) != 'W')) return false;
  return is_one_of(command, {"BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", "BLMPOP", "BZPOPMIN",
                             "BZPOPMAX", "BZMPOP", "WAIT", "WAITAOF"});
}

bool subscribes(std::string_view command) noexcept {
  return is_one_of(command, {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE",
                             "SUNSUBSCRIBE", "MONITOR", "SYNC", "PSYNC"});
}

}  // namespace simul::redis::detail
