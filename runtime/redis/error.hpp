// What can go wrong between us and a Redis server, and who is to blame.
//
//     ProtocolError      the server (or what we took for one) does not speak RESP
//     ServerError        it understood, and refused: "WRONGTYPE Operation against a key ..."
//     UnexpectedReply    it answered, but the caller had expected another kind of answer
//     FateUnknown        it was asked, and we shall never hear whether it did it
//     ConnectionLost     a connection of one's own has ended; this command was not sent
//     ClientClosed       we are no longer on speaking terms: the client was closed
//     InvalidUrl         the text is no address of a Redis server
//
// FateUnknown is the one to think about. A command that was sent and not answered may have been
// done, or not: to send it again may do it twice. Nobody here decides that: whoever asked is told,
// and knows whether a second time would hurt. What was never sent is no such case, and its error
// (TimedOut, a failed connection) says so by being another one.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "runtime/base/error.hpp"

namespace simul::redis {

/// The peer broke the protocol. The connection is of no use any more.
class ProtocolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The server answered with an error: "SET k: OOM command not allowed ...".
class ServerError : public std::runtime_error {
 public:
  /// `command` is what was asked, for the message (may be empty); `text` is what the server said.
  ServerError(std::string_view command, std::string text)
      : std::runtime_error((command.empty() ? "" : std::string(command) + ": ") + text),
        text_(std::move(text)) {}

  /// The first word of the server's text, by which programs tell errors apart: WRONGTYPE, NOSCRIPT,
  /// OOM, or just ERR.
  std::string_view code() const noexcept {
    return std::string_view(text_).substr(0, text_.find(' '));
  }

  /// The server's own words, whole.
  const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

/// The reply is of another kind than whoever reads it expected: "expected an integer, got the text
/// \"abc\"".
class UnexpectedReply : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The command was sent, wholly or in part, and the connection ended, or time ran out, before its
/// reply: it may have been done or not. It was not sent again. The message names the command and
/// what happened.
class FateUnknown : public std::runtime_error {
 public:
  explicit FateUnknown(const std::string& what, bool timed_out = false)
      : std::runtime_error(what), timed_out_(timed_out) {}

  /// Did time run out, rather than the connection end?
  bool timed_out() const noexcept { return timed_out_; }

 private:
  bool timed_out_;
};

/// The connection has ended, and the command was not sent: a session's connection is not replaced
/// by another one, for what was said on it (WATCH, SELECT) is gone with it.
class ConnectionLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The client, session or subscription was closed before the command was sent.
class ClientClosed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The text is no URL of a Redis server; the message says what is wrong with it. A password in it
/// is not repeated.
class InvalidUrl : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

}  // namespace simul::redis
