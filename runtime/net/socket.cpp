// Sockets that never wait; see socket.hpp.
//
// What differs between systems is asked of the headers (is there a SOCK_NONBLOCK? an
// SO_NOSIGPIPE?), not of the system's name, and only in this file.
#include "runtime/net/socket.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>

#include "runtime/base/error.hpp"

namespace simul::net {
namespace {

// Where a system lacks the per-call flag it has SO_NOSIGPIPE, set in `prepare`.
#ifdef MSG_NOSIGNAL
constexpr int kNoSignal = MSG_NOSIGNAL;
#else
constexpr int kNoSignal = 0;
#endif

constexpr std::size_t kMaxPieces = 1024;  // IOV_MAX of Linux and of the BSDs

// The two flags by fcntl rather than by SOCK_NONBLOCK, for not every system has that; and what
// else a fresh socket needs.
void prepare(int fd) {
  check(::fcntl(fd, F_SETFD, FD_CLOEXEC), "fcntl F_SETFD");
  check(::fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl F_SETFL");
#ifdef SO_NOSIGPIPE
  const int on = 1;
  check(::setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on), "setsockopt SO_NOSIGPIPE");
#endif
}

UniqueFd open_socket(int family) {
#ifdef SOCK_NONBLOCK
  // In one call, so that a fork on another thread cannot inherit it half made.
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  check(fd.get(), "socket");
#else
  UniqueFd fd(::socket(family, SOCK_STREAM, 0));
  check(fd.get(), "socket");
  prepare(fd.get());
#endif
  return fd;
}

void set_option(int fd, int level, int option, const char* what) {
  const int on = 1;
  check(::setsockopt(fd, level, option, &on, sizeof on), what);
}

Transfer failure(int error) noexcept {
  const bool would_block = error == EAGAIN || error == EWOULDBLOCK;
  return {would_block ? Outcome::would_block : Outcome::failed, 0, would_block ? 0 : error};
}

// A connection that broke between its handshake and our accept (accept(2), "Error handling").
bool broke_while_queued(int error) noexcept {
  switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
      return true;
    default:
      return false;
  }
}

// The kernel may give a socket that connects to a closed port of this machine that very port as
// its own, and then TCP's simultaneous open connects it to itself.
bool connected_to_itself(int fd, const Address& address) {
  return address.is_ip() && local_address(fd) == address;
}

}  // namespace

Transfer try_receive(int fd, std::span<char> buffer) noexcept {
  if (buffer.empty()) return {};
  ssize_t count;
  do count = ::recv(fd, buffer.data(), buffer.size(), 0);
  while (count < 0 && errno == EINTR);
  if (count < 0) return failure(errno);
  if (count == 0) return {Outcome::end, 0, 0};
  return {Outcome::done, static_cast<std::size_t>(count), 0};
}

Transfer try_send(int fd, std::string_view bytes) noexcept {
  if (bytes.empty()) return {};
  ssize_t count;
  do count = ::send(fd, bytes.data(), bytes.size(), kNoSignal);
  while (count < 0 && errno == EINTR);
  if (count < 0) return failure(errno);
  return {Outcome::done, static_cast<std::size_t>(count), 0};
}

Transfer try_send(int fd, std::span<const iovec> pieces) noexcept {
  if (pieces.empty()) return {};
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());  // sendmsg only reads it
  // size_t on Linux with glibc, int elsewhere
  message.msg_iovlen =
      static_cast<decltype(message.msg_iovlen)>(std::min(pieces.size(), kMaxPieces));
  ssize_t count;
  do count = ::sendmsg(fd, &message, kNoSignal);
  while (count < 0 && errno == EINTR);
  if (count < 0) return failure(errno);
  return {Outcome::done, static_cast<std::size_t>(count), 0};
}

bool is_quiet(int fd) noexcept {
  char byte;
  ssize_t count;
  do count = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  while (count < 0 && errno == EINTR);
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

Connecting start_connect(const Address& address) {
  const std::string what = "connect " + address.to_string();
  Connecting result;
  try {
    result.socket = open_socket(address.family());
  } catch (const std::system_error& error) {
    throw_errno(what, error.code().value());
  }
  if (::connect(result.socket.get(), address.data(), address.size()) == 0) {
    result.connected = true;
    if (connected_to_itself(result.socket.get(), address)) throw_errno(what, ECONNREFUSED);
  } else if (errno != EINPROGRESS && errno != EINTR) {  // EINTR: it goes on all the same
    throw_errno(what);
  }
  return result;
}

void finish_connect(int fd, const Address& address) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) error = errno;
  if (error == 0 && connected_to_itself(fd, address)) error = ECONNREFUSED;
  if (error != 0) throw_errno("connect " + address.to_string(), error);
}

UniqueFd listen_on(const Address& address, int backlog, bool share_port) {
  try {
    UniqueFd fd = open_socket(address.family());
    if (address.is_ip()) set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, "setsockopt SO_REUSEADDR");
    if (share_port) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, "setsockopt SO_REUSEPORT");
    if (address.family() == AF_INET6) {
      set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, "setsockopt IPV6_V6ONLY");
    }
    check(::bind(fd.get(), address.data(), address.size()), "bind");
    check(::listen(fd.get(), backlog), "listen");
    return fd;
  } catch (const std::system_error& error) {
    throw_errno("listen " + address.to_string(), error.code().value());
  }
}

Accepted accept_from(int listener) noexcept {
  Accepted result;
  sockaddr_storage peer{};
  for (;;) {
    socklen_t size = sizeof peer;
    auto* const where = reinterpret_cast<sockaddr*>(&peer);
#ifdef SOCK_NONBLOCK
    result.socket.reset(::accept4(listener, where, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
#else
    result.socket.reset(::accept(listener, where, &size));
#endif
    if (!result.socket) {
      if (errno == EINTR || broke_while_queued(errno)) continue;
      const Transfer why = failure(errno);
      result.outcome = why.outcome;
      result.error = why.error;
      return result;
    }
    try {
#ifndef SOCK_NONBLOCK
      prepare(result.socket.get());
#endif
      result.peer = Address::from_sockaddr(where, size);
    } catch (const std::exception&) {  // it was reset already, and a socket of that kind is useless
      continue;
    }
    result.outcome = Outcome::done;
    return result;
  }
}

SocketPair connected_pair() {
  int fds[2];
  check(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), "socketpair");
  SocketPair pair{UniqueFd(fds[0]), UniqueFd(fds[1])};
  prepare(fds[0]);
  prepare(fds[1]);
  return pair;
}

Address local_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  check(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  return Address::from_sockaddr(reinterpret_cast<sockaddr*>(&address), size);
}

Address peer_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  check(::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size), "getpeername");
  return Address::from_sockaddr(reinterpret_cast<sockaddr*>(&address), size);
}

void set_no_delay(int fd) noexcept {
  const int on = 1;
  // The error is of no use to anybody: a Unix socket has nothing to switch off.
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace simul::net
