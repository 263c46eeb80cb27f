#include "runtime/fiber/libc.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace simul {
namespace {

void fill() noexcept;

extern constinit Libc table;

// An entry that first fills the table.
template <auto Entry>
struct Late;
template <class Result, class... Args, Result (*Libc::*Entry)(Args...)>
struct Late<Entry> {
  static Result call(Args... args) {
    fill();
    if (table.*Entry == &call) {
      std::fputs("simul: a function of the C library is missing\n", stderr);
      std::abort();
    }
    return (table.*Entry)(args...);
  }
};

#if defined(__linux__)

// Calls that some architectures lack are made with those that all have.
constexpr std::size_t kSigsetSize = 8;  // the kernel's, in bytes: 64 signals

int early_clock_nanosleep(clockid_t clock, int flags, const timespec* wanted, timespec* left) {
  return ::syscall(SYS_clock_nanosleep, clock, flags, wanted, left) == 0 ? 0 : errno;
}
int early_nanosleep(const timespec* wanted, timespec* left) {
  return static_cast<int>(::syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, wanted, left));
}
unsigned early_sleep(unsigned seconds) {
  timespec left{static_cast<time_t>(seconds), 0};
  return early_nanosleep(&left, &left) == 0 ? 0 : static_cast<unsigned>(left.tv_sec);
}
int early_usleep(useconds_t microseconds) {
  const timespec wanted{static_cast<time_t>(microseconds / 1'000'000),
                        static_cast<long>(microseconds % 1'000'000 * 1000)};
  return early_nanosleep(&wanted, nullptr);
}
ssize_t early_read(int fd, void* data, size_t size) {
  return ::syscall(SYS_read, fd, data, size);
}
ssize_t early_readv(int fd, const iovec* pieces, int count) {
  return ::syscall(SYS_readv, fd, pieces, count);
}
ssize_t early_recvfrom(int fd, void* data, size_t size, int flags, sockaddr* from,
                       socklen_t* length) {
  return ::syscall(SYS_recvfrom, fd, data, size, flags, from, length);
}
ssize_t early_recv(int fd, void* data, size_t size, int flags) {
  return early_recvfrom(fd, data, size, flags, nullptr, nullptr);
}
ssize_t early_recvmsg(int fd, msghdr* message, int flags) {
  return ::syscall(SYS_recvmsg, fd, message, flags);
}
ssize_t early_write(int fd, const void* data, size_t size) {
  return ::syscall(SYS_write, fd, data, size);
}
ssize_t early_writev(int fd, const iovec* pieces, int count) {
  return ::syscall(SYS_writev, fd, pieces, count);
}
ssize_t early_sendto(int fd, const void* data, size_t size, int flags, const sockaddr* to,
                     socklen_t length) {
  return ::syscall(SYS_sendto, fd, data, size, flags, to, length);
}
ssize_t early_send(int fd, const void* data, size_t size, int flags) {
  return early_sendto(fd, data, size, flags, nullptr, 0);
}
ssize_t early_sendmsg(int fd, const msghdr* message, int flags) {
  return ::syscall(SYS_sendmsg, fd, message, flags);
}
int early_connect(int fd, const sockaddr* to, socklen_t length) {
  return static_cast<int>(::syscall(SYS_connect, fd, to, length));
}
int early_accept4(int fd, sockaddr* from, socklen_t* length, int flags) {
  return static_cast<int>(::syscall(SYS_accept4, fd, from, length, flags));
}
int early_accept(int fd, sockaddr* from, socklen_t* length) {
  return early_accept4(fd, from, length, 0);
}
int early_ppoll(pollfd* fds, nfds_t count, const timespec* limit, const sigset_t* mask) {
  timespec left{};  // the kernel writes what is left of it
  if (limit != nullptr) left = *limit;
  return static_cast<int>(
      ::syscall(SYS_ppoll, fds, count, limit == nullptr ? nullptr : &left, mask, kSigsetSize));
}
int early_poll(pollfd* fds, nfds_t count, int milliseconds) {
  const timespec limit{milliseconds / 1000, milliseconds % 1000 * 1'000'000L};
  return early_ppoll(fds, count, milliseconds < 0 ? nullptr : &limit, nullptr);
}
int early_pselect(int count, fd_set* readable, fd_set* writable, fd_set* exceptional,
                  const timespec* limit, const sigset_t* mask) {
  timespec left{};
  if (limit != nullptr) left = *limit;
  const struct {
    const sigset_t* mask;
    std::size_t size;
  } masking{mask, kSigsetSize};
  return static_cast<int>(::syscall(SYS_pselect6, count, readable, writable, exceptional,
                                    limit == nullptr ? nullptr : &left, &masking));
}
int early_select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional,
                 timeval* limit) {
  timespec left{};
  if (limit != nullptr) left = {limit->tv_sec, limit->tv_usec * 1000};
  return early_pselect(count, readable, writable, exceptional, limit == nullptr ? nullptr : &left,
                       nullptr);
}
int early_close(int fd) {
  return static_cast<int>(::syscall(SYS_close, fd));
}
int early_dup3(int from, int to, int flags) {
  return static_cast<int>(::syscall(SYS_dup3, from, to, flags));
}
int early_dup2(int from, int to) {
  if (from == to) return ::fcntl(from, F_GETFD) < 0 ? -1 : to;
  return early_dup3(from, to, 0);
}

#define SIMUL_EARLY(name) early_##name
#else
#define SIMUL_EARLY(name) Late<&Libc::name>::call
#endif

constinit Libc table = {
    .sleep = SIMUL_EARLY(sleep),
    .usleep = SIMUL_EARLY(usleep),
    .nanosleep = SIMUL_EARLY(nanosleep),
    .clock_nanosleep = SIMUL_EARLY(clock_nanosleep),
    .read = SIMUL_EARLY(read),
    .readv = SIMUL_EARLY(readv),
    .recv = SIMUL_EARLY(recv),
    .recvfrom = SIMUL_EARLY(recvfrom),
    .recvmsg = SIMUL_EARLY(recvmsg),
    .write = SIMUL_EARLY(write),
    .writev = SIMUL_EARLY(writev),
    .send = SIMUL_EARLY(send),
    .sendto = SIMUL_EARLY(sendto),
    .sendmsg = SIMUL_EARLY(sendmsg),
    .connect = SIMUL_EARLY(connect),
    .accept = SIMUL_EARLY(accept),
    .accept4 = SIMUL_EARLY(accept4),
    .poll = SIMUL_EARLY(poll),
    .ppoll = SIMUL_EARLY(ppoll),
    .select = SIMUL_EARLY(select),
    .pselect = SIMUL_EARLY(pselect),
    .close = SIMUL_EARLY(close),
    .dup2 = SIMUL_EARLY(dup2),
    .dup3 = SIMUL_EARLY(dup3),
    .getaddrinfo = Late<&Libc::getaddrinfo>::call,
};

// Keeps the early version of a call that the system does not have.
template <class Function>
void find(Function*& entry, const char* name) noexcept {
  if (void* symbol = ::dlsym(RTLD_NEXT, name)) entry = reinterpret_cast<Function*>(symbol);
}

void fill() noexcept {
  Libc found = table;
  find(found.sleep, "sleep");
  find(found.usleep, "usleep");
  find(found.nanosleep, "nanosleep");
  find(found.clock_nanosleep, "clock_nanosleep");
  find(found.read, "read");
  find(found.readv, "readv");
  find(found.recv, "recv");
  find(found.recvfrom, "recvfrom");
  find(found.recvmsg, "recvmsg");
  find(found.write, "write");
  find(found.writev, "writev");
  find(found.send, "send");
  find(found.sendto, "sendto");
  find(found.sendmsg, "sendmsg");
  find(found.connect, "connect");
  find(found.accept, "accept");
  find(found.accept4, "accept4");
  find(found.poll, "poll");
  find(found.ppoll, "ppoll");
  find(found.select, "select");
  find(found.pselect, "pselect");
  find(found.close, "close");
  find(found.dup2, "dup2");
  find(found.dup3, "dup3");
  find(found.getaddrinfo, "getaddrinfo");
  table = found;
}

// The program's own constructors come later, and so do its threads.
[[gnu::constructor(101)]] void fill_when_loaded() {
  fill();
}

}  // namespace

const Libc& libc() noexcept {
  return table;
}

}  // namespace simul
