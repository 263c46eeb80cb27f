// write, writev, send, sendto, sendmsg.
//
// On a blocking descriptor the originals return when all is sent, so these do too. A socket takes
// what it has room for (MSG_DONTWAIT), again and again. A pipe that poll calls writable has room
// for PIPE_BUF bytes, so it gets no more than that at a time. Files take everything at once.
#include <limits.h>
#include <sys/stat.h>

#include "runtime/fiber/patched.hpp"
#include "runtime/fiber/patched_io.hpp"

namespace simul::patched {
namespace {

// MSG_OOB is one byte that never waits.
bool is_plain(int flags) noexcept {
  return (flags & (MSG_DONTWAIT | MSG_OOB)) == 0;
}

// Nobody can tell when the queue of a Unix datagram socket that we are not connected to has room.
bool is_pollable(const void* to) noexcept {
  return to == nullptr || static_cast<const sockaddr*>(to)->sa_family != AF_UNIX;
}

// `first` sends the first pieces, and what goes with them; the rest follows piece by piece.
template <class First>
ssize_t send_all(PatchedCall& call, int fd, Progress progress, int flags, First first,
                 bool pollable = true) {
  const auto attempt = [&]() -> ssize_t {
    for (;;) {
      const ssize_t sent = progress.done() == 0 ? first()
                                                : libc().send(fd, progress.data(), progress.size(),
                                                              flags | MSG_DONTWAIT);
      if (sent < 0) return sent;
      progress.advance(static_cast<std::size_t>(sent));
      if (sent == 0 || progress.finished()) return static_cast<ssize_t>(progress.done());
    }
  };
  const ssize_t result = retry(call, fd, Interest::write, attempt, pollable);
  return progress.outcome(result);
}

enum class Kind {
  file,    // takes everything without waiting for anybody
  pieces,  // a pipe or a terminal
  whole,   // anything else: what a write means there may depend on its size
};

Kind kind_of(int fd) noexcept {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return Kind::file;  // libc's call will fail as it should
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode)) {
    return Kind::file;
  }
  if (S_ISFIFO(status.st_mode)) return Kind::pieces;
  return S_ISCHR(status.st_mode) && ::isatty(fd) ? Kind::pieces : Kind::whole;
}

// `at_once` writes everything in one call.
template <class AtOnce>
ssize_t write_other(PatchedCall& call, int fd, Progress progress, std::size_t size,
                    AtOnce at_once) {
  const Kind kind = kind_of(fd);
  if (kind == Kind::file) return call.killed() ? failed(ECANCELED) : at_once();
  const bool in_pieces = kind == Kind::pieces && size > PIPE_BUF;
  const ssize_t result = retry(call, fd, Interest::write, [&]() -> ssize_t {
    for (;;) {
      if (!has_answer(fd, POLLOUT)) return failed(EAGAIN);
      if (!in_pieces) return at_once();
      const ssize_t written =
          libc().write(fd, progress.data(), std::min<std::size_t>(progress.size(), PIPE_BUF));
      if (written < 0) return written;
      progress.advance(static_cast<std::size_t>(written));
      if (written == 0 || progress.finished()) return static_cast<ssize_t>(progress.done());
    }
  });
  return progress.outcome(result);
}

bool is_no_socket(ssize_t result) noexcept {
  return result < 0 && errno == ENOTSOCK;
}

}  // namespace

ssize_t write(int fd, const void* data, size_t size) {
  PatchedCall call;
  if (call.is_libcs(fd)) return libc().write(fd, data, size);
  const iovec piece{const_cast<void*>(data), size};
  const Progress progress(&piece, 1);
  const ssize_t sent =
      send_all(call, fd, progress, 0, [&] { return libc().send(fd, data, size, MSG_DONTWAIT); });
  if (!is_no_socket(sent)) return sent;
  return write_other(call, fd, progress, size, [&] { return libc().write(fd, data, size); });
}

ssize_t writev(int fd, const iovec* pieces, int count) {
  PatchedCall call;
  const std::size_t size = call.is_libcs() || count > IOV_MAX ? 0 : total_size(pieces, count);
  if (size == 0 || call.is_libcs(fd)) return libc().writev(fd, pieces, count);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces);
  message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
  const Progress progress(pieces, static_cast<std::size_t>(count));
  const ssize_t sent =
      send_all(call, fd, progress, 0, [&] { return libc().sendmsg(fd, &message, MSG_DONTWAIT); });
  if (!is_no_socket(sent)) return sent;
  return write_other(call, fd, progress, size, [&] { return libc().writev(fd, pieces, count); });
}

ssize_t send(int fd, const void* data, size_t size, int flags) {
  PatchedCall call;
  if (call.is_libcs(fd) || !is_plain(flags)) return libc().send(fd, data, size, flags);
  const iovec piece{const_cast<void*>(data), size};
  return send_all(call, fd, Progress(&piece, 1), flags,
                  [&] { return libc().send(fd, data, size, flags | MSG_DONTWAIT); });
}

ssize_t sendto(int fd, const void* data, size_t size, int flags, const sockaddr* to,
               socklen_t length) {
  PatchedCall call;
  if (call.is_libcs(fd) || !is_plain(flags)) {
    return libc().sendto(fd, data, size, flags, to, length);
  }
  const iovec piece{const_cast<void*>(data), size};
  return send_all(
      call, fd, Progress(&piece, 1), flags,
      [&] { return libc().sendto(fd, data, size, flags | MSG_DONTWAIT, to, length); },
      is_pollable(to));
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  PatchedCall call;
  if (call.is_libcs(fd) || !is_plain(flags) || message == nullptr || message->msg_iov == nullptr) {
    return libc().sendmsg(fd, message, flags);
  }
  return send_all(
      call, fd, Progress(message->msg_iov, message->msg_iovlen), flags,
      [&] { return libc().sendmsg(fd, message, flags | MSG_DONTWAIT); },
      is_pollable(message->msg_name));
}

}  // namespace simul::patched
