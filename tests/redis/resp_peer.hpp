// A connection of a RawServer that speaks RESP: the client's commands, one after another.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/redis/resp.hpp"
#include "tests/support/raw_server.hpp"

namespace simul::redis {

class RespPeer {
 public:
  explicit RespPeer(testing::RawPeer& peer) : peer_(peer) {}

  /// The next command, as words between spaces; "" once the client has gone.
  std::string command() {
    while (!reader_.ready()) {
      if (unread_.empty()) unread_ = peer_.read_some();
      if (unread_.empty()) return "";
      unread_.erase(0, reader_.feed(unread_));
    }
    std::string line;
    for (const std::string& word : reader_.take().texts()) line += (line.empty() ? "" : " ") + word;
    return line;
  }

  /// Has more than the last command come already?
  bool has_more() const { return !unread_.empty(); }

  bool send(std::string_view bytes) { return peer_.send(bytes); }

  /// Answers every command by OK until the client goes.
  void say_ok() {
    while (!command().empty() && send("+OK\r\n")) {
    }
  }

  testing::RawPeer& raw() { return peer_; }

 private:
  testing::RawPeer& peer_;
  ReplyReader reader_{{}, ReadAs::requests};
  std::string unread_;
};

}  // namespace simul::redis
