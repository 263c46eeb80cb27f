// What the tests of the monkey patch share: descriptors, two fibers that need each other, and
// tables of all calls that receive, send or poll, so that a promise is asked of each of them.
//
// The calls go by libc's own names: a program that includes this is linked with monkey.o. Where two
// fibers need each other (one receives what the other sends later), a call that blocked the thread
// would never end, so no clock is needed to tell.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/fiber/monkey.hpp"

#if defined(__GLIBC__)
extern "C" {
ssize_t __read_chk(int fd, void* data, size_t size, size_t room);
ssize_t __recv_chk(int fd, void* data, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void* data, size_t size, size_t room, int flags, sockaddr* from,
                       socklen_t* length);
int __poll_chk(pollfd* fds, nfds_t count, int milliseconds, size_t room);
int __ppoll_chk(pollfd* fds, nfds_t count, const timespec* limit, const sigset_t* mask,
                size_t room);
}
#endif

namespace simul::testing {

/// Two connected descriptors, blocking as the system makes them.
struct Pair {
  UniqueFd near;
  UniqueFd far;
};

inline Pair sockets(int type = SOCK_STREAM) {
  int fds[2];
  check(::socketpair(AF_UNIX, type, 0, fds), "socketpair");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

inline Pair a_pipe() {
  int fds[2];
  check(::pipe(fds), "pipe");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

/// Patched, with a loop of its own.
class Monkey : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { monkey::patch_all(); }

  // Both at once, `first` first; gives up its test if they never end.
  static void together(std::function<void()> first, std::function<void()> second) {
    auto one = spawn(std::move(first));
    auto two = spawn(std::move(second));
    one.result();
    two.result();
  }

  Reactor loop_;
};

using Receive = std::function<ssize_t(int fd, char* data, size_t size)>;
/// A call that receives at most `size` bytes.
struct Receiver {
  const char* name;
  Receive receive;
  bool sockets_only;
};

inline ssize_t receive_message(int fd, char* data, size_t size) {
  iovec pieces[2] = {{data, size / 2}, {data + size / 2, size - size / 2}};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  return ::recvmsg(fd, &message, 0);
}

inline ssize_t read_pieces(int fd, char* data, size_t size) {
  const iovec pieces[2] = {{data, size / 2}, {data + size / 2, size - size / 2}};
  return ::readv(fd, pieces, 2);
}

inline const std::vector<Receiver>& receivers() {
  static const std::vector<Receiver> all = {
    {"read", [](int fd, char* data, size_t size) { return ::read(fd, data, size); }, false},
    {"readv", read_pieces, false},
    {"recv", [](int fd, char* data, size_t size) { return ::recv(fd, data, size, 0); }, true},
    {"recvfrom",
     [](int fd, char* data, size_t size) {
       return ::recvfrom(fd, data, size, 0, nullptr, nullptr);
     },
     true},
    {"recvmsg", receive_message, true},
#if defined(__GLIBC__)
    {"__read_chk", [](int fd, char* data, size_t size) { return __read_chk(fd, data, size, size); },
     false},
    {"__recv_chk",
     [](int fd, char* data, size_t size) { return __recv_chk(fd, data, size, size, 0); }, true},
    {"__recvfrom_chk",
     [](int fd, char* data, size_t size) {
       return __recvfrom_chk(fd, data, size, size, 0, nullptr, nullptr);
     },
     true},
#endif
  };
  return all;
}

using Send = std::function<ssize_t(int fd, const std::string& data)>;
/// A call that sends all of `data`.
struct Sender {
  const char* name;
  Send send;
  bool sockets_only;
};

inline std::vector<iovec> in_three(const std::string& data) {
  char* const start = const_cast<char*>(data.data());
  const size_t third = data.size() / 3;
  return {{start, third},
          {start, 0},
          {start + third, third},
          {start + 2 * third, data.size() - 2 * third}};
}

inline const std::vector<Sender>& senders() {
  static const std::vector<Sender> all = {
      {"write", [](int fd, const std::string& d) { return ::write(fd, d.data(), d.size()); },
       false},
      {"writev", [](int fd, const std::string& d) { return ::writev(fd, in_three(d).data(), 4); },
       false},
      {"send", [](int fd, const std::string& d) { return ::send(fd, d.data(), d.size(), 0); },
       true},
      {"sendto",
       [](int fd, const std::string& d) { return ::sendto(fd, d.data(), d.size(), 0, nullptr, 0); },
       true},
      {"sendmsg",
       [](int fd, const std::string& d) {
         std::vector<iovec> pieces = in_three(d);
         msghdr message{};
         message.msg_iov = pieces.data();
         message.msg_iovlen = pieces.size();
         return ::sendmsg(fd, &message, 0);
       },
       true},
  };
  return all;
}

using Poll = std::function<int(pollfd* fds, nfds_t count, int milliseconds)>;

inline int poll_by_ppoll(pollfd* fds, nfds_t count, int milliseconds) {
  const timespec limit{milliseconds / 1000, milliseconds % 1000 * 1'000'000L};
  return ::ppoll(fds, count, milliseconds < 0 ? nullptr : &limit, nullptr);
}

inline const std::vector<std::pair<const char*, Poll>>& pollers() {
  static const std::vector<std::pair<const char*, Poll>> all = {
    {"poll", [](pollfd* fds, nfds_t count, int ms) { return ::poll(fds, count, ms); }},
    {"ppoll", poll_by_ppoll},
    {"ppoll with a mask",
     [](pollfd* fds, nfds_t count, int ms) {
       sigset_t none;
       sigemptyset(&none);
       const timespec limit{ms / 1000, ms % 1000 * 1'000'000L};
       return ::ppoll(fds, count, ms < 0 ? nullptr : &limit, &none);
     }},
#if defined(__GLIBC__)
    {"__poll_chk", [](pollfd* fds, nfds_t count,
                      int ms) { return __poll_chk(fds, count, ms, count * sizeof *fds); }},
    {"__ppoll_chk",
     [](pollfd* fds, nfds_t count, int ms) {
       const timespec limit{ms / 1000, ms % 1000 * 1'000'000L};
       return __ppoll_chk(fds, count, ms < 0 ? nullptr : &limit, nullptr, count * sizeof *fds);
     }},
#endif
  };
  return all;
}

}  // namespace simul::testing
