#include "runtime/redis/mini_blocking.hpp"

#include <algorithm>

#include "runtime/redis/mini_connection.hpp"

namespace simul::redis::mini {

void WaitingLines::join(Connection& client) {
  for (const std::string& key : client.blocked().keys) {
    lines_[key].push_back(&client);
    database_.note_list(key);
  }
}

void WaitingLines::leave(Connection& client) {
  for (const std::string& key : client.blocked().keys) {
    const auto line = lines_.find(key);
    line->second.remove(&client);
    if (line->second.empty()) lines_.erase(line);
    database_.ignore_list(key);
  }
}

void WaitingLines::serve() {
  std::deque<std::string>& changed = database_.changed_lists();
  while (!changed.empty()) {
    const std::string key = std::move(changed.front());
    changed.pop_front();
    for (auto line = lines_.find(key); line != lines_.end(); line = lines_.find(key)) {
      if (!line->second.front()->serve_from(key)) break;
    }
  }
}

std::size_t WaitingLines::waiting_for(const std::string& key) const {
  const auto line = lines_.find(key);
  return line == lines_.end() ? 0 : line->second.size();
}

}  // namespace simul::redis::mini
