// Stream sockets as plain functions: TCP and Unix, always non-blocking and close-on-exec.
//
// Nothing here waits. A call that cannot go on says `would_block`, and the caller waits in its own
// way: the blocking client by poll(2), a fiber or a task on a Descriptor. So the same few functions
// stand under all of them.
//
// What a driver must handle in the ordinary course of things (would block, end, connection reset)
// is a return value; what means that the call itself makes no sense here (no such address to listen
// on, connection refused) is an exception. EINTR is handled inside, and SIGPIPE never comes.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string_view>

#include "runtime/base/unique_fd.hpp"
#include "runtime/net/address.hpp"

namespace simul::net {

/// What became of one try.
enum class Outcome {
  done,         ///< it happened
  would_block,  ///< not now: wait until the descriptor is ready and try again
  end,          ///< receiving only: the peer has sent everything and closed its side
  failed,       ///< an error, in `error`
};

/// The result of `try_receive` and `try_send`.
struct Transfer {
  Outcome outcome = Outcome::done;
  std::size_t bytes = 0;  ///< with `done`: how many were moved; fewer than asked is normal
  int error = 0;          ///< with `failed`: errno, such as ECONNRESET or EPIPE
};

/// Receives what has arrived, at most `buffer.size()` bytes. An empty buffer receives 0 bytes.
Transfer try_receive(int fd, std::span<char> buffer) noexcept;

/// Sends as much as the socket's buffer takes. Nothing to send is `done` with 0 bytes.
Transfer try_send(int fd, std::string_view bytes) noexcept;

/// The same from several places in one call, such as a header block and a body, without copying
/// them together. Of more than 1,024 pieces the first 1,024 are sent.
Transfer try_send(int fd, std::span<const iovec> pieces) noexcept;

/// Has nothing arrived on this open connection, neither a byte nor its end? Takes nothing away.
/// A kept-alive connection that is not quiet is not to be used again.
bool is_quiet(int fd) noexcept;

/// A socket on the way to its peer.
struct Connecting {
  UniqueFd socket;
  bool connected = false;  ///< else wait until it is writable and call `finish_connect`
};

/// Starts to connect. Throws std::system_error, "connect 127.0.0.1:81: Connection refused", if the
/// failure is known at once. (A Unix socket whose listener's queue is full is such a failure:
/// EAGAIN.)
Connecting start_connect(const Address& address);

/// Tells how the attempt ended, once the socket is writable: returns, or throws std::system_error
/// as above. `address` is the one it was started with.
void finish_connect(int fd, const Address& address);

/// A listening socket. TCP: SO_REUSEADDR, so that a restarted server gets its port back while old
/// connections linger; an IPv6 address takes IPv6 only. Port 0 lets the system choose
/// (`local_address` tells). The file of a Unix socket must not exist, and stays when it is closed.
/// `share_port`: SO_REUSEPORT, so that several sockets of the same user, each with a loop of its
/// own, listen at one port, and the kernel deals the connections out among them.
/// Throws std::system_error: "listen 127.0.0.1:80: Address already in use".
UniqueFd listen_on(const Address& address, int backlog = SOMAXCONN, bool share_port = false);

/// One accepted connection, or why there is none.
struct Accepted {
  Outcome outcome = Outcome::failed;  ///< done, would_block or failed
  UniqueFd socket;
  Address peer;
  int error = 0;  ///< with `failed`: errno; EMFILE and ENFILE last until something is closed
};

/// Takes the next connection off the queue. One that broke while it queued is skipped silently:
/// accept(2) reports it, but it is no failure of the listener.
Accepted accept_from(int listener) noexcept;

/// Two connected Unix stream sockets. Throws std::system_error.
struct SocketPair {
  UniqueFd first;
  UniqueFd second;
};
SocketPair connected_pair();

/// The address of this end and of the other. Throws std::system_error.
Address local_address(int fd);
Address peer_address(int fd);

/// TCP_NODELAY: small writes leave at once instead of waiting for an acknowledgement. Does nothing
/// on a socket that is not TCP.
void set_no_delay(int fd) noexcept;

}  // namespace simul::net
