// The names of libc's functions, taken. See monkey.hpp for why and patched.hpp for what they do.
//
// The list is all there is in here: a program links this object for its names, not for code.
// usleep and nanosleep both stand in it, although libc makes one from the other, because inside
// libc no call goes by name.

// A hardened build turns `read` into an inline function that calls __read_chk; not in here.
#undef _FORTIFY_SOURCE

#include "runtime/fiber/monkey.hpp"

#include "runtime/fiber/parking.hpp"
#include "runtime/fiber/patched.hpp"

namespace simul::monkey {

void patch_all() noexcept {
  PatchedCall::enable();
}

}  // namespace simul::monkey

namespace patched = simul::patched;

extern "C" {

// --- Sleeping

unsigned sleep(unsigned seconds) {
  return patched::sleep(seconds);
}
int usleep(useconds_t microseconds) {
  return patched::usleep(microseconds);
}
int nanosleep(const timespec* wanted, timespec* left) {
  return patched::nanosleep(wanted, left);
}
int clock_nanosleep(clockid_t clock, int flags, const timespec* wanted, timespec* left) {
  return patched::clock_nanosleep(clock, flags, wanted, left);
}

// --- Receiving

ssize_t read(int fd, void* data, size_t size) {
  return patched::read(fd, data, size);
}
ssize_t readv(int fd, const iovec* pieces, int count) {
  return patched::readv(fd, pieces, count);
}
ssize_t recv(int fd, void* data, size_t size, int flags) {
  return patched::recv(fd, data, size, flags);
}
ssize_t recvfrom(int fd, void* data, size_t size, int flags, sockaddr* from, socklen_t* length) {
  return patched::recvfrom(fd, data, size, flags, from, length);
}
ssize_t recvmsg(int fd, msghdr* message, int flags) {
  return patched::recvmsg(fd, message, flags);
}

// --- Sending

ssize_t write(int fd, const void* data, size_t size) {
  return patched::write(fd, data, size);
}
ssize_t writev(int fd, const iovec* pieces, int count) {
  return patched::writev(fd, pieces, count);
}
ssize_t send(int fd, const void* data, size_t size, int flags) {
  return patched::send(fd, data, size, flags);
}
ssize_t sendto(int fd, const void* data, size_t size, int flags, const sockaddr* to,
               socklen_t length) {
  return patched::sendto(fd, data, size, flags, to, length);
}
ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  return patched::sendmsg(fd, message, flags);
}

// --- Connecting

int connect(int fd, const sockaddr* to, socklen_t length) {
  return patched::connect(fd, to, length);
}
int accept(int fd, sockaddr* from, socklen_t* length) {
  return patched::accept(fd, from, length);
}
int accept4(int fd, sockaddr* from, socklen_t* length, int flags) {
  return patched::accept4(fd, from, length, flags);
}
int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  return patched::getaddrinfo(node, service, hints, result);
}

// --- Waiting for several

int poll(pollfd* fds, nfds_t count, int milliseconds) {
  return patched::poll(fds, count, milliseconds);
}
int ppoll(pollfd* fds, nfds_t count, const timespec* limit, const sigset_t* mask) {
  return patched::ppoll(fds, count, limit, mask);
}
int select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* limit) {
  return patched::select(count, readable, writable, exceptional, limit);
}
int pselect(int count, fd_set* readable, fd_set* writable, fd_set* exceptional,
            const timespec* limit, const sigset_t* mask) {
  return patched::pselect(count, readable, writable, exceptional, limit, mask);
}

// --- Closing

int close(int fd) {
  return patched::close(fd);
}
int dup2(int from, int to) noexcept {
  return patched::dup2(from, to);
}
int dup3(int from, int to, int flags) noexcept {
  return patched::dup3(from, to, flags);
}

#if defined(__GLIBC__)

// --- What a hardened build (_FORTIFY_SOURCE) calls instead, with the size of the buffer

[[noreturn]] void __chk_fail() noexcept;

ssize_t __read_chk(int fd, void* data, size_t size, size_t room) {
  return size > room ? (__chk_fail(), 0) : patched::read(fd, data, size);
}
ssize_t __recv_chk(int fd, void* data, size_t size, size_t room, int flags) {
  return size > room ? (__chk_fail(), 0) : patched::recv(fd, data, size, flags);
}
ssize_t __recvfrom_chk(int fd, void* data, size_t size, size_t room, int flags, sockaddr* from,
                       socklen_t* length) {
  return size > room ? (__chk_fail(), 0) : patched::recvfrom(fd, data, size, flags, from, length);
}
int __poll_chk(pollfd* fds, nfds_t count, int milliseconds, size_t room) {
  return count > room / sizeof *fds ? (__chk_fail(), 0) : patched::poll(fds, count, milliseconds);
}
int __ppoll_chk(pollfd* fds, nfds_t count, const timespec* limit, const sigset_t* mask,
                size_t room) {
  return count > room / sizeof *fds ? (__chk_fail(), 0) : patched::ppoll(fds, count, limit, mask);
}

#endif
}
