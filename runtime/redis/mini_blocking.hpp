// BLPOP and its like: clients that wait for a list to have something.
//
// Who waited first is served first. A command that pushes has its own answer first; then each list
// that it changed is looked at, and as long as there is something in it, the first in its line is
// served: his command takes the item and the answer is written to him, there and then, so no third
// party can come between. BLMOVE pushes in turn, and so the next list is looked at.
//
// The invariant: between two commands no list that somebody waits for has anything in it.
#pragma once

#include <list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/redis/mini_call.hpp"

namespace simul::redis::mini {

/// What a connection waits for. Empty: for nothing.
struct Blocked {
  /// The command once more, for that one of its lists; false if there is nothing in it.
  using Take = bool (*)(Call&, const std::string& key);

  Take take = nullptr;
  int database = 0;
  std::vector<std::string> words;  ///< the command
  std::vector<std::string> keys;   ///< the lists, each once
};

/// The lines of one database. Thread: the server's.
class WaitingLines {
 public:
  explicit WaitingLines(Database& database) : database_(database) {}

  /// Stands at the end of the line of each of its lists.
  void join(Connection& client);
  /// Leaves them all.
  void leave(Connection& client);

  /// Serves whoever can be served, after a command.
  void serve();

  /// How many clients wait for that list.
  std::size_t waiting_for(const std::string& key) const;

 private:
  Database& database_;
  std::map<std::string, std::list<Connection*>> lines_;
};

}  // namespace simul::redis::mini
