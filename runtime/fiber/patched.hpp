// The patched calls: what libc's functions of these names do, except that in a fiber they park the
// fiber and not its thread. monkey.cpp puts them in the place of libc's.
//
// Arguments, results and errno are libc's, with these differences, all of them for fibers only:
//
//   killed     the call, and every later one that could wait, returns at once: -1 and ECANCELED
//              (clock_nanosleep: ECANCELED; sleep: the seconds left; getaddrinfo: EAI_SYSTEM). On
//              a descriptor that the program made non-blocking the calls go on working, and so does
//              close: the code that cleans up needs them.
//   closed     a call that waits for a descriptor which another fiber closes or replaces fails with
//              EBADF; poll says POLLNVAL.
//   signals    do not interrupt a parked call, as if each handler had SA_RESTART.
//
// No flag of any descriptor is ever changed for longer than one system call: a socket is tried with
// MSG_DONTWAIT, anything else is asked with poll first. So what fcntl, ioctl and getsockopt say is
// simply true, however the descriptor was made, duplicated, inherited or shared; O_NONBLOCK,
// SO_RCVTIMEO and SO_SNDTIMEO are read where a call would have to wait, and never before.
//
// What remains: between the poll and the call another thread or process may take what was there (a
// byte from a pipe, a connection from a listening socket), and then the thread does wait. Fibers
// cannot do that to each other. A terminal that is stopped in the middle of a write (Ctrl-S) stops
// the thread. Calls that are not in this list block as ever: files, locks, wait, and what libc does
// inside itself (stdio, closing included).
#pragma once

#include "runtime/fiber/libc.hpp"

namespace simul::patched {

// Sleeping: on the loop's timers, hence virtual when time is. Zero: the others have a turn. An
// absolute deadline on CLOCK_MONOTONIC is a time of `Clock`; one on another clock is turned into a
// delay once, so setting that clock does not move it.
unsigned sleep(unsigned seconds);
int usleep(useconds_t microseconds);
int nanosleep(const timespec* wanted, timespec* left);
int clock_nanosleep(clockid_t clock, int flags, const timespec* wanted, timespec* left);

// Receiving. MSG_WAITALL waits for all; together with MSG_PEEK it is libc's and blocks.
ssize_t read(int fd, void* data, size_t size);
ssize_t readv(int fd, const iovec* pieces, int count);
ssize_t recv(int fd, void* data, size_t size, int flags);
ssize_t recvfrom(int fd, void* data, size_t size, int flags, sockaddr* from, socklen_t* length);
ssize_t recvmsg(int fd, msghdr* message, int flags);

// Sending. On a blocking descriptor all of it, as the originals do; less only after an error or a
// timeout in the middle. To a pipe in pieces of PIPE_BUF, each of them whole.
ssize_t write(int fd, const void* data, size_t size);
ssize_t writev(int fd, const iovec* pieces, int count);
ssize_t send(int fd, const void* data, size_t size, int flags);
ssize_t sendto(int fd, const void* data, size_t size, int flags, const sockaddr* to,
               socklen_t length);
ssize_t sendmsg(int fd, const msghdr* message, int flags);

// Connecting. While connect starts, and no longer, its socket is non-blocking.
int connect(int fd, const sockaddr* to, socklen_t length);
int accept(int fd, sockaddr* from, socklen_t* length);
int accept4(int fd, sockaddr* from, socklen_t* length, int flags);

// Waiting for several. What no poller reports (POLLPRI alone, no event at all, a signal mask) is
// looked after every 10 ms.
int poll(pollfd* fds, nfds_t count, int milliseconds);
int ppoll(pollfd* fds, nfds_t count, const timespec* limit, const sigset_t* mask);
int select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* limit);
int pselect(int count, fd_set* readable, fd_set* writable, fd_set* exceptional,
            const timespec* limit, const sigset_t* mask);

// Closing: also wakes the fibers that wait for the number.
int close(int fd);
int dup2(int from, int to);
int dup3(int from, int to, int flags);

// Looking up a name: on a thread of ThreadPool::shared(), for libc can do it no other way. A
// killed fiber leaves the look-up behind.
int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result);

}  // namespace simul::patched
