// What can be wrong with what a peer sent, or with what we were asked to send.
//
// Every error names the rule that was broken. Those that a peer can cause carry the status code
// with which a server should answer them; a client has no use for it. Nothing here is repaired: two
// programs that repair the same bad message differently are how requests are smuggled past a proxy.
#pragma once

#include <stdexcept>
#include <string>

#include "runtime/base/error.hpp"

namespace simul::http {

/// The peer broke the protocol: RFC 9112's grammar, or a rule about what frames a body.
class ProtocolError : public std::runtime_error {
 public:
  /// `status` is what a server should answer: 400, 501 (an unknown transfer coding) or 505 (another
  /// version of HTTP).
  explicit ProtocolError(const std::string& what, int status = 400)
      : std::runtime_error(what), status_(status) {}
  int status() const noexcept { return status_; }

 private:
  int status_;
};

/// The stream ended inside a message: never a short success.
class Truncated : public ProtocolError {
 public:
  using ProtocolError::ProtocolError;
};

/// The peer's message is larger than a limit of ours; the text names the limit and its value.
class TooLarge : public LimitExceeded {
 public:
  /// `status` is what a server should answer: 413 (body), 414 (target) or 431 (header fields).
  TooLarge(const std::string& what, int status) : LimitExceeded(what), status_(status) {}
  int status() const noexcept { return status_; }

 private:
  int status_;
};

/// We were asked to send what no message may contain: a line break in a header, a space in a
/// method. The fault is the caller's, and nothing has been sent.
class InvalidMessage : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// The text is no URL, or no http(s) URL. The message quotes it with unprintable bytes escaped.
class InvalidUrl : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// A URL that is well formed, but of a scheme that this runtime does not speak (https).
class UnsupportedScheme : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace simul::http
