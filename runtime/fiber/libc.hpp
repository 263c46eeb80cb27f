// The C library's own functions, whoever has taken their names.
//
// monkey.cpp defines `read`, `poll` and their like, so in a program that links it these names mean
// ours, and libc's are reached through this table. It is filled by dlsym(RTLD_NEXT), which gives
// the next definition after the program's own: libc's, or a sanitizer's, which then calls libc's.
//
// dlsym may allocate, and an allocator may read a file when it is first asked. So the table is
// filled once, when the program is loaded, and until then (constructors of shared libraries run
// earlier) its entries are bare system calls.
//
// The invariant: an entry is never null. What is not here: any decision. See parking.hpp.
#pragma once

#include <netdb.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

namespace simul {

/// One pointer for each function that monkey.cpp replaces; the same arguments, results and errno.
/// Any thread, and signal handlers, as far as the function itself allows it.
struct Libc {
  unsigned (*sleep)(unsigned);
  int (*usleep)(useconds_t);
  int (*nanosleep)(const timespec*, timespec*);
  int (*clock_nanosleep)(clockid_t, int, const timespec*, timespec*);

  ssize_t (*read)(int, void*, size_t);
  ssize_t (*readv)(int, const iovec*, int);
  ssize_t (*recv)(int, void*, size_t, int);
  ssize_t (*recvfrom)(int, void*, size_t, int, sockaddr*, socklen_t*);
  ssize_t (*recvmsg)(int, msghdr*, int);

  ssize_t (*write)(int, const void*, size_t);
  ssize_t (*writev)(int, const iovec*, int);
  ssize_t (*send)(int, const void*, size_t, int);
  ssize_t (*sendto)(int, const void*, size_t, int, const sockaddr*, socklen_t);
  ssize_t (*sendmsg)(int, const msghdr*, int);

  int (*connect)(int, const sockaddr*, socklen_t);
  int (*accept)(int, sockaddr*, socklen_t*);
  int (*accept4)(int, sockaddr*, socklen_t*, int);

  int (*poll)(pollfd*, nfds_t, int);
  int (*ppoll)(pollfd*, nfds_t, const timespec*, const sigset_t*);
  int (*select)(int, fd_set*, fd_set*, fd_set*, timeval*);
  int (*pselect)(int, fd_set*, fd_set*, fd_set*, const timespec*, const sigset_t*);

  int (*close)(int);
  int (*dup2)(int, int);
  int (*dup3)(int, int, int);
  int (*getaddrinfo)(const char*, const char*, const addrinfo*, addrinfo**);
};

/// The table.
const Libc& libc() noexcept;

}  // namespace simul
