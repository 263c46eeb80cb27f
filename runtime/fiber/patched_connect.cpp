// connect, accept, accept4; close, dup2, dup3; and what all calls on one descriptor share.
#include <fcntl.h>

#include "runtime/fiber/patched.hpp"
#include "runtime/fiber/patched_io.hpp"

namespace simul::patched {
namespace {

int error_of(int fd) noexcept {
  int error = 0;
  socklen_t length = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

// A connection can be begun without waiting in one way only: on a non-blocking socket.
int begin_connect(int fd, const sockaddr* to, socklen_t length) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return -1;
  const int result = libc().connect(fd, to, length);
  const int error = errno;
  ::fcntl(fd, F_SETFL, flags);
  errno = error;
  return result;
}

template <class Accept>
int accept_with(PatchedCall& call, int fd, Accept accept) {
  return static_cast<int>(retry(call, fd, Interest::read, [&]() -> ssize_t {
    return has_answer(fd, POLLIN) ? accept() : failed(EAGAIN);
  }));
}

}  // namespace

TimePoint give_up_at(int fd, Interest direction) noexcept {
  timeval limit{};
  socklen_t length = sizeof limit;
  const int option = direction == Interest::read ? SO_RCVTIMEO : SO_SNDTIMEO;
  if (::getsockopt(fd, SOL_SOCKET, option, &limit, &length) != 0) return kNever;
  if (limit.tv_sec == 0 && limit.tv_usec == 0) return kNever;
  return after(Clock::now(),
               saturate(std::chrono::duration<double>(static_cast<double>(limit.tv_sec) +
                                                      static_cast<double>(limit.tv_usec) * 1e-6)));
}

int connect(int fd, const sockaddr* to, socklen_t length) {
  PatchedCall call;
  if (call.is_libcs() || is_nonblocking(fd)) return libc().connect(fd, to, length);
  bool begun = false;
  // EINPROGRESS: the answer comes when the socket is writable. A Unix socket says EAGAIN instead
  // when its peer's queue is full, and nobody says when it no longer is.
  const bool is_unix = to != nullptr && to->sa_family == AF_UNIX;
  const ssize_t result = retry(
      call, fd, Interest::write,
      [&]() -> ssize_t {
        if (begun) {
          if (!has_answer(fd, POLLOUT)) return failed(EAGAIN);
          const int error = error_of(fd);
          return error == 0 ? 0 : failed(error);
        }
        const int started = begin_connect(fd, to, length);
        begun = started < 0 && (errno == EINPROGRESS || errno == EALREADY);
        return begun ? failed(EAGAIN) : started;
      },
      !is_unix);
  // libc's way to say that SO_SNDTIMEO is over.
  if (result < 0 && begun && would_block(errno)) return failed(EINPROGRESS);
  return static_cast<int>(result);
}

int accept(int fd, sockaddr* from, socklen_t* length) {
  PatchedCall call;
  if (call.is_libcs(fd)) return libc().accept(fd, from, length);
  return accept_with(call, fd, [&] { return libc().accept(fd, from, length); });
}

int accept4(int fd, sockaddr* from, socklen_t* length, int flags) {
  PatchedCall call;
  if (call.is_libcs(fd)) return libc().accept4(fd, from, length, flags);
  return accept_with(call, fd, [&] { return libc().accept4(fd, from, length, flags); });
}

int close(int fd) {
  PatchedCall call;
  if (!call.is_libcs()) call.forget(fd);
  return libc().close(fd);
}

// The number `to` is closed on the way, unless libc refuses.
int dup2(int from, int to) {
  PatchedCall call;
  if (!call.is_libcs() && from != to && ::fcntl(from, F_GETFD) >= 0) call.forget(to);
  return libc().dup2(from, to);
}

int dup3(int from, int to, int flags) {
  PatchedCall call;
  if (!call.is_libcs() && from != to && ::fcntl(from, F_GETFD) >= 0) call.forget(to);
  return libc().dup3(from, to, flags);
}

}  // namespace simul::patched
