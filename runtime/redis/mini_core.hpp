// The embedded server without its sockets: databases, connections, channels, and the one place
// where a command is done.
//
// `perform` is the server. It forgets the keys whose time is over, finds the command in the table,
// checks what can be checked without knowing it (its name, its number of words, whether this
// connection may use it now), lines it up or runs it, and serves those who waited for what it has
// pushed. Nothing in there waits, so commands are done one after another, whole: that is all that
// makes MULTI a transaction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/redis/mini_blocking.hpp"
#include "runtime/redis/mini_call.hpp"
#include "runtime/redis/mini_commands.hpp"
#include "runtime/redis/mini_options.hpp"
#include "runtime/redis/mini_store.hpp"

namespace simul::redis::mini {

/// Channels, or patterns of them, and who has subscribed to each.
using Subscribers = std::map<std::string, std::set<Connection*>, std::less<>>;

/// Thread: the server's.
class Core {
 public:
  static constexpr int kDatabases = 16;

  explicit Core(const MiniOptions& its_options) : options(its_options) {}
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  /// Does a command of a client, of one word or more, and appends the answer, if there is one yet.
  void perform(Connection& client, std::vector<std::string> words, std::string& out);

  /// Runs one line of the table; a failure is the answer. False if it failed.
  bool run(const CommandInfo& info, Call& call);

  Database& database(int index) { return databases_[static_cast<std::size_t>(index)].data; }
  WaitingLines& lines(int index) { return databases_[static_cast<std::size_t>(index)].lines; }

  const MiniOptions options;
  std::map<std::uint64_t, Connection*> clients;  ///< by id, which is in the order of their coming
  std::uint64_t last_id = 0;
  Subscribers channels;
  Subscribers patterns;

 private:
  struct WithLines {
    Database data;
    WaitingLines lines{data};
  };

  std::array<WithLines, kDatabases> databases_;
};

/// An error for the wire: line ends in `text` become spaces.
void write_failure(std::string& out, std::string text);

}  // namespace simul::redis::mini
