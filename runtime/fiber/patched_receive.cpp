// read, readv, recv, recvfrom, recvmsg.
//
// A socket is simply tried, with MSG_DONTWAIT: when something is there, a patched call costs one
// system call, as the original does. What is no socket is polled first.
#include <limits.h>

#include <utility>

#include "runtime/fiber/patched.hpp"
#include "runtime/fiber/patched_io.hpp"

namespace simul::patched {
namespace {

// These never wait in the first place; and what is only to be looked at cannot be collected.
bool is_plain(int flags) noexcept {
  return (flags & (MSG_DONTWAIT | MSG_OOB)) == 0 && (flags & MSG_ERRQUEUE) == 0 &&
         (flags & (MSG_PEEK | MSG_WAITALL)) != (MSG_PEEK | MSG_WAITALL);
}

// A datagram is whole, however short it is.
bool is_stream(int fd) noexcept {
  int type = 0;
  socklen_t length = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM;
}

// `first` receives into the first pieces; with MSG_WAITALL the rest follows piece by piece.
template <class First>
ssize_t receive(PatchedCall& call, int fd, Progress progress, int flags, First first) {
  const bool all = (flags & MSG_WAITALL) != 0 && is_stream(fd);
  const ssize_t result = retry(call, fd, Interest::read, [&]() -> ssize_t {
    for (;;) {
      const ssize_t got = progress.done() == 0 ? first()
                                               : libc().recv(fd, progress.data(), progress.size(),
                                                             flags | MSG_DONTWAIT);
      if (got < 0 || !all) return got;
      progress.advance(static_cast<std::size_t>(got));
      if (got == 0 || progress.finished()) return static_cast<ssize_t>(progress.done());
    }
  });
  return progress.outcome(result);
}

// `from_socket` is tried once and again until it says that this is no socket.
template <class FromSocket, class FromOther>
ssize_t read_either(PatchedCall& call, int fd, FromSocket from_socket, FromOther from_other) {
  bool is_socket = true;
  return retry(call, fd, Interest::read, [&]() -> ssize_t {
    if (is_socket) {
      const ssize_t got = from_socket();
      if (got >= 0 || errno != ENOTSOCK) return got;
      is_socket = false;
    }
    return has_answer(fd, POLLIN) ? from_other() : failed(EAGAIN);
  });
}

}  // namespace

ssize_t read(int fd, void* data, size_t size) {
  PatchedCall call;
  if (call.is_libcs(fd) || size == 0) return libc().read(fd, data, size);
  return read_either(
      call, fd, [&] { return libc().recv(fd, data, size, MSG_DONTWAIT); },
      [&] { return libc().read(fd, data, size); });
}

ssize_t readv(int fd, const iovec* pieces, int count) {
  PatchedCall call;
  if (call.is_libcs(fd) || count > IOV_MAX || total_size(pieces, count) == 0) {
    return libc().readv(fd, pieces, count);
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces);
  message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
  return read_either(
      call, fd, [&] { return libc().recvmsg(fd, &message, MSG_DONTWAIT); },
      [&] { return libc().readv(fd, pieces, count); });
}

ssize_t recv(int fd, void* data, size_t size, int flags) {
  PatchedCall call;
  if (call.is_libcs(fd) || !is_plain(flags)) return libc().recv(fd, data, size, flags);
  const iovec piece{data, size};
  return receive(call, fd, Progress(&piece, 1), flags,
                 [&] { return libc().recv(fd, data, size, flags | MSG_DONTWAIT); });
}

ssize_t recvfrom(int fd, void* data, size_t size, int flags, sockaddr* from, socklen_t* length) {
  PatchedCall call;
  if (call.is_libcs(fd) || !is_plain(flags)) {
    return libc().recvfrom(fd, data, size, flags, from, length);
  }
  const iovec piece{data, size};
  return receive(call, fd, Progress(&piece, 1), flags, [&] {
    return libc().recvfrom(fd, data, size, flags | MSG_DONTWAIT, from, length);
  });
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  PatchedCall call;
  if (call.is_libcs(fd) || !is_plain(flags) || message == nullptr || message->msg_iov == nullptr) {
    return libc().recvmsg(fd, message, flags);
  }
  // What came with descriptors attached is not put together with what comes after it.
  if (message->msg_control != nullptr) flags &= ~MSG_WAITALL;
  return receive(call, fd, Progress(message->msg_iov, message->msg_iovlen), flags,
                 [&] { return libc().recvmsg(fd, message, flags | MSG_DONTWAIT); });
}

}  // namespace simul::patched
