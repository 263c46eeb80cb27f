// One client of the embedded server: what it has said so far, and what is owed to it.
//
//     socket --> unread --> reader --> a request --> Core::perform --> answer --> socket
//                  ^                                     |
//                  +---- while it waits for a list ------+   (what it sends is kept for later)
//
// Requests are answered one at a time and in order; while more than a certain number of bytes of
// answers has not been taken, no further request is looked at. What others send it, by a channel or
// by pushing to the list that it waits for, is written at once; a client that lets too much of that
// pile up is cut off. So nobody ever waits for a client but its own task.
//
// The invariant: when the object goes, nothing of it is left in the server: no watched key, no
// place in a line, no channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/redis/mini_blocking.hpp"
#include "runtime/redis/mini_call.hpp"
#include "runtime/redis/resp.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/stream.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis::mini {

/// Commands that MULTI has lined up for EXEC, and what was watched for them.
struct Pending {
  bool open = false;     ///< after MULTI
  bool refused = false;  ///< a command was wrong: EXEC will do none
  bool running = false;  ///< EXEC is doing them: nothing may wait now
  std::vector<std::vector<std::string>> commands;
  std::size_t bytes = 0;
  bool changed = false;                              ///< somebody has changed a key that is watched
  std::vector<std::pair<int, std::string>> watched;  ///< databases and keys
};

/// Thread: the server's.
class Connection {
 public:
  Connection(Core& core, Stream& stream);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Answers requests until the client has gone, or does what ends a connection.
  Task<> serve();

  /// Sends something that it has not just asked for: a message, the item that it waited for.
  void push(std::string bytes);

  // --- For the commands --------------------------------------------------------------------------

  /// After the present command the client waits for lists; see mini_blocking.hpp.
  void wait_for_lists(Blocked::Take take, Words words, std::vector<std::string> keys,
                      Duration limit);
  Blocked& blocked() noexcept { return blocked_; }

  /// A list that it waits for has something: serves it from there. False if it could not be served.
  bool serve_from(const std::string& key);

  /// After the present answer the connection ends.
  void leave() noexcept { leaving_ = true; }

  void forget_watched();
  bool subscribed() const noexcept { return !channels.empty() || !patterns.empty(); }
  std::string address() const { return stream_.peer().to_string(); }

  const std::uint64_t id;
  int database = 0;
  std::string name;
  Pending pending;
  std::set<std::string> channels;
  std::set<std::string> patterns;

 private:
  Task<> answer(Reply request);
  Task<> until_served();
  Task<> listen();
  void stop_waiting() noexcept;

  Core& core_;
  Stream& stream_;
  ReplyReader reader_;
  std::string unread_;
  std::size_t used_ = 0;  // of `unread_`: what stands before it has been fed to the reader
  bool leaving_ = false;
  std::exception_ptr broken_;  // what has ended the connection while the client waited
  Blocked blocked_;
  Duration limit_{};
  Event served_;
};

}  // namespace simul::redis::mini
